//! A thousand faults of five classes, each found and none invented.

use crate::clinic::{Clinic, DOMAIN, Found, context_of, counts};
use phiseal::Sealed;
use phiseal::blocking::Phiseal;
use phiseal::rotation::Class;
use phiseal_tests::clinic::Where;
use phiseal_tests::in_each_place;
use phiseal_tests::numbers::Dice;
use pollster::block_on;
use std::collections::BTreeSet;

const ROWS: i64 = 1_000;
const OF_EACH: usize = 200;

in_each_place!(every_seeded_fault_is_found_and_none_is_invented);

fn every_seeded_fault_is_found_and_none_is_invented(place: Where) {
    let clinic = Clinic::new();
    let other = Clinic::new();
    clinic.phi().domain(DOMAIN).unwrap();
    clinic.add_primary();
    clinic.add_primary();
    let (first, third) = (seal_under(&clinic, 1), seal_under(&clinic, 3));
    make_primary(&clinic, 2);
    let phi = clinic.phi_of(2);
    (1..=ROWS).for_each(|id| clinic.put(&phi, id));

    let mut dice = Dice::new(0x5eed);
    let (mut expected, mut taken) = (Found::new(), BTreeSet::new());
    let foreign = other.phi().domain(DOMAIN).unwrap();
    for (class, number) in
        [Class::Older(1), Class::Newer(3), Class::Foreign, Class::Plaintext, Class::Damaged]
            .into_iter()
            .flat_map(|class| (0..OF_EACH).map(move |number| (class, number)))
    {
        let cell = loop {
            let cell = (1 + i64::try_from(dice.below(1_000)).unwrap(), dice.below(2));
            if taken.insert(cell) {
                break cell;
            }
        };
        let (id, column) = cell;
        match class {
            Class::Older(_) => clinic.write(id, column, &first(id, column)),
            Class::Newer(_) => clinic.write(id, column, &third(id, column)),
            Class::Foreign => {
                let sealed = foreign.seal("foreign", &context_of(id, column)).unwrap();
                clinic.write(id, column, &sealed);
            }
            Class::Plaintext => plaintext(&clinic, &mut dice, cell, number),
            _ => damage(&clinic, &mut dice, cell, number),
        }
        expected.insert(cell, class);
    }
    let Some(source) = clinic.source_in(place) else { return };
    let (census, found) = clinic.count(&*source).unwrap();
    let wrong: Vec<_> =
        expected.iter().filter(|(cell, class)| found.get(cell) != Some(class)).collect();
    assert_eq!(wrong, [], "each is found as what it is");
    assert_eq!(found.len(), expected.len(), "and no other");
    for column in 0..2 {
        let of_column = |class| {
            let of = expected.iter().filter(|((_, of), is)| *of == column && **is == class);
            u64::try_from(of.count()).unwrap()
        };
        let mut faults: Vec<_> =
            [Class::Older(1), Class::Newer(3), Class::Foreign, Class::Plaintext, Class::Damaged]
                .map(|class| (class, of_column(class)))
                .to_vec();
        let all = faults.iter().map(|(_, count)| count).sum::<u64>();
        faults.insert(0, (Class::Current, 1_000 - all));
        assert_eq!(counts(&census, column), faults);
        assert_eq!(census.columns[column].primary, 2);
    }
    assert_eq!(counts(&census, 2), [(Class::Person, 1_000)]);
    assert_eq!((census.rows, census.is_clean()), (1_000, false));
    let domain = census.columns[0].domain_id;
    assert_eq!(census.under(&domain, 1), 400, "those of version 1, and what is damaged");
    assert_eq!(census.under(&domain, 3), 400);
    assert_eq!(census.under(&domain, 2), 2_000 - 1_000 + 200);
}

#[test]
fn a_table_in_order_is_clean() {
    let clinic = Clinic::new();
    let (census, found) = clinic.count(&clinic.source()).unwrap_or_else(|_| {
        // The domain is made by whoever seals first.
        clinic.phi().domain(DOMAIN).unwrap();
        clinic.count(&clinic.source()).unwrap()
    });
    assert_eq!((census.rows, census.is_clean(), found.len()), (0, true, 0));
    let phi = clinic.phi();
    (1..=2_001).for_each(|id| clinic.put(&phi, id));
    clinic.write_raw(7, 0, rusqlite::types::Null);
    let (census, found) = clinic.count(&clinic.source()).unwrap();
    assert_eq!((census.rows, census.is_clean(), found.len()), (2_001, true, 0));
    assert_eq!(counts(&census, 0), [(Class::Nothing, 1), (Class::Current, 2_000)]);
    assert!(census.began <= census.ended);
}

impl Clinic {
    /// A handle under which version `number`, the primary, seals.
    fn phi_of(&self, number: u32) -> Phiseal {
        let phi = self.phi();
        assert_eq!(phi.domain(DOMAIN).unwrap().keyset().unwrap().primary(), number);
        phi
    }
}

/// Seals as any cell under version `number`.
fn seal_under(clinic: &Clinic, number: u32) -> impl Fn(i64, usize) -> Sealed + use<> {
    let before = clinic.phi().domain(DOMAIN).unwrap().keyset().unwrap().primary();
    make_primary(clinic, number);
    let domain = clinic.phi_of(number).domain(DOMAIN).unwrap();
    domain.ready().unwrap();
    make_primary(clinic, before);
    // Within its lease, the handle seals under the version that it knows.
    move |id, column| domain.seal("sealed under another version", &context_of(id, column)).unwrap()
}

fn make_primary(clinic: &Clinic, number: u32) {
    let phi = clinic.phi();
    let keyset = block_on(phi.key_store().keyset(DOMAIN)).unwrap();
    if keyset.primary() != number {
        block_on(phi.key_store().set_primary(&keyset, number)).unwrap();
    }
}

fn plaintext(clinic: &Clinic, dice: &mut Dice, (id, column): (i64, usize), number: usize) {
    match number % 6 {
        0 => clinic.write_raw(id, column, "123-45-6789"),
        1 => clinic.write_raw(id, column, 123_456_789),
        2 => clinic.write_raw(id, column, ""),
        3 => {
            clinic.write_raw(id, column, "a note that is long enough to be an envelope ".repeat(4))
        }
        4 => clinic.write_raw(id, column, {
            // As long as an envelope, and of a suite that there is not.
            let mut bytes = dice.bytes(57 + number);
            bytes[0] = 0x7f;
            bytes
        }),
        _ => clinic.write_raw(id, column, dice.bytes(number % 57)),
    }
}

fn damage(clinic: &Clinic, dice: &mut Dice, (id, column): (i64, usize), number: usize) {
    let sql = format!("SELECT {} FROM patients WHERE id = ?1", crate::clinic::COLUMNS[column]);
    if column == 0 {
        let mut bytes: Vec<u8> = clinic.database.query_row(&sql, [id], |row| row.get(0)).unwrap();
        match number % 4 {
            0 => bytes.truncate(17 + dice.below(bytes.len() - 17)),
            1 => bytes.push(0),
            2 => {
                let domain = clinic.phi_of(2).domain(DOMAIN).unwrap();
                let moved = domain.seal("of another row", &context_of(id + 1, column)).unwrap();
                bytes = moved.into_bytes();
            }
            _ => {
                let bit = dice.below(bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
        clinic.write_raw(id, column, bytes);
    } else {
        let text: String = clinic.database.query_row(&sql, [id], |row| row.get(0)).unwrap();
        let mut text = text.into_bytes();
        match number % 4 {
            0 => text.truncate(5 + dice.below(text.len() - 5)),
            1 => text.push(b'A'),
            2 => {
                let domain = clinic.phi_of(2).domain(DOMAIN).unwrap();
                let moved = domain.seal("of another column", &context_of(id, 0)).unwrap();
                text = moved.to_string().into_bytes();
            }
            _ => {
                let at = dice.below(text.len());
                text[at] = if text[at] == b'Q' { b'%' } else { b'Q' };
            }
        }
        clinic.write_raw(id, column, String::from_utf8(text).unwrap());
    }
}
