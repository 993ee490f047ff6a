//! What is sealed under the keys of persons.

use crate::clinic::{Clinic, DOMAIN, context_of, counts, mrn};
use phiseal::rotation::{self, Binding, Class, Column, Pace, Resealed, reseal};
use phiseal::{
    BoxFuture, Erasure, Error, KeyState, ManualClock, Phi, Record, RecordKind, RecordWrite,
    Renewal, Sealed, Store,
};
use phiseal_keys::Page;
use phiseal_tests::numbers::figure;
use pollster::block_on;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[test]
fn persons_are_told_by_their_own_keys() {
    let clinic = Clinic::new();
    let phi = clinic.phi();
    (1..=6).for_each(|id| clinic.put(&phi, id));
    let domain = phi.domain(DOMAIN).unwrap();
    let under = |person: i64, row: i64| {
        domain.subject(&mrn(person)).unwrap().seal("x", &context_of(row, 2)).unwrap()
    };
    // 2: under the key of somebody else. 3: of another row, under the right key. 4: shredded. 5: under the domain's key.
    clinic.write(2, 2, &under(1, 2));
    clinic.write(3, 2, &under(3, 1));
    domain.shred_subject(&mrn(4)).unwrap();
    clinic.write(5, 2, &domain.seal("x", &context_of(5, 2)).unwrap());
    let (census, found) = clinic.count(&clinic.source()).unwrap();
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        [((2, 2), Class::Foreign), ((3, 2), Class::Damaged)]
    );
    let counted = [
        (Class::Current, 1),
        (Class::Person, 2),
        (Class::Shredded, 1),
        (Class::Foreign, 1),
        (Class::Damaged, 1),
    ];
    assert_eq!(counts(&census, 2), counted);

    // A row that does not say whose it is, or says it is somebody's who is not there.
    clinic.database.execute("UPDATE patients SET mrn = NULL WHERE id = 1", []).unwrap();
    clinic.database.execute("UPDATE patients SET mrn = 'nobody' WHERE id = 6", []).unwrap();
    let (_, found) = clinic.count(&clinic.source()).unwrap();
    for (cell, class) in [
        ((1, 0), Class::Damaged),
        ((1, 2), Class::Foreign),
        ((6, 1), Class::Damaged),
        ((6, 2), Class::Foreign),
    ] {
        assert_eq!(found.get(&cell), Some(&class), "{cell:?}");
    }
}

/// Every note, by the number of its row.
fn notes(clinic: &Clinic) -> Vec<Sealed> {
    let mut statement = clinic.database.prepare("SELECT note FROM patients ORDER BY id").unwrap();
    let texts = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    texts.map(|text| text.unwrap().parse().unwrap()).collect()
}

fn resealed(clinic: &Clinic) -> Resealed {
    let mut pace = Pace::default();
    pace.rows = 7;
    let done = reseal(&clinic.source(), &clinic.columns(), pace, |finding| {
        unreachable!("{finding:?}");
    });
    done.unwrap()
}

#[test]
fn what_is_under_older_keys_of_persons_is_counted_and_resealed_under_the_current_ones() {
    let clinic = Clinic::new();
    let phi = clinic.phi();
    (1..=40).for_each(|id| clinic.put(&phi, id));
    let domain = phi.domain(DOMAIN).unwrap();
    // Of those who are renewed, the first have one older key in use, 10 has two, and 11 none.
    let renewed = 1..=11;
    let old = notes(&clinic);
    renewed.clone().for_each(|id| domain.renew_subject(&mrn(id), Renewal::Compromised).unwrap());
    let under = |id: i64, value: &str| {
        domain.subject(&mrn(id)).unwrap().seal(value, &context_of(id, 2)).unwrap()
    };
    let under_the_second = under(10, "value 10 2");
    domain.renew_subject(&mrn(10), Renewal::Routine).unwrap();
    clinic.write(10, 2, &under_the_second);
    clinic.write(11, 2, &under(11, "value 11 2"));
    let (census, found) = clinic.count(&clinic.source()).unwrap();
    let older: Vec<_> = (1..=10).map(|id| ((id, 2), Class::PersonOlder)).collect();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), older);
    assert_eq!(counts(&census, 2), [(Class::Person, 30), (Class::PersonOlder, 10)]);
    assert!(!census.is_clean());

    let done = resealed(&clinic);
    assert_eq!((done.rows, done.written, done.values), (40, 10, 10));
    let (census, found) = clinic.count(&clinic.source()).unwrap();
    assert_eq!((counts(&census, 2), found.len()), (vec![(Class::Person, 40)], 0));
    assert!(census.is_clean());
    let fresh = clinic.phi().domain(DOMAIN).unwrap();
    for ((note, old), id) in notes(&clinic).iter().zip(&old).zip(1..) {
        let current = fresh.subject_record(&mrn(id)).unwrap().unwrap();
        assert_eq!(current.current().unwrap().key_id().short(), note.key_id());
        let opened: Phi<String> =
            fresh.subject(&mrn(id)).unwrap().open(note, &context_of(id, 2)).unwrap();
        assert_eq!(opened.expose_secret(), &format!("value {id} 2"));
        assert_eq!(note == old, !renewed.contains(&id), "others are as they were: {id}");
    }
    assert_eq!(resealed(&clinic).written, 0, "again");
}

/// Keys of persons follow the domain's; what is under an older one of them is told by it.
#[test]
fn older_keys_of_persons_are_closed_dropped_and_shredded_as_they_are() {
    let clinic = Clinic::new();
    let clock = ManualClock::at(1_800_000_000);
    let builder = phiseal::Phiseal::builder().clock(clock.clone());
    let phi = clinic.phi_with(builder);
    (1..=4).for_each(|id| clinic.put(&phi, id));
    clinic.add_primary();
    // What this process knows is as old as it was.
    let phi = clinic.phi_with(phiseal::Phiseal::builder().clock(clock.clone()));
    let domain = phi.domain(DOMAIN).unwrap();
    (1..=3).for_each(|id| domain.renew_subject(&mrn(id), Renewal::Routine).unwrap());
    // 1: the older key. 2: the current one. 3: dropped. 4: the only one. The domain's first version wraps 1, 3 and 4.
    let of_2 = domain.subject(&mrn(2)).unwrap().seal("x", &context_of(2, 2)).unwrap();
    clinic.write(2, 2, &of_2);
    let count = || counts(&clinic.count(&clinic.source()).unwrap().0, 2);
    assert_eq!(count(), [(Class::Person, 2), (Class::PersonOlder, 2)], "the control");
    clock.advance(Duration::from_secs(600));
    let ids: Vec<_> = domain.subject_record(&mrn(3)).unwrap().unwrap().keys()[..1]
        .iter()
        .map(|key| *key.key_id())
        .collect();
    domain.drop_subject_keys(&mrn(3), &ids).unwrap();
    assert_eq!(count(), [(Class::Person, 2), (Class::PersonOlder, 1), (Class::PersonDropped, 1)]);
    let set_state = |state| {
        let keyset = block_on(phi.key_store().keyset(DOMAIN)).unwrap();
        block_on(phi.key_store().set_state(&keyset, 1, state)).unwrap();
    };
    set_state(KeyState::Suspended);
    let closed = [(Class::Person, 1), (Class::Closed(1), 2), (Class::PersonDropped, 1)];
    assert_eq!(count(), closed);
    set_state(KeyState::Active);
    for id in 1..=4 {
        domain.shred_subject(&mrn(id)).unwrap();
    }
    assert_eq!(count(), [(Class::Shredded, 4)], "under whichever key it was");
}

/// A store that counts how often persons are read.
#[derive(Debug)]
struct Counting<S>(S, Arc<AtomicU64>);

impl<S: Store> Store for Counting<S> {
    fn read<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Record>, Error>> {
        if kind == RecordKind::Subject {
            self.1.fetch_add(1, Ordering::SeqCst);
        }
        self.0.read(kind, id)
    }

    fn write<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
        expected: u64,
        bytes: &'a [u8],
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.0.write(kind, id, expected, bytes)
    }

    fn write_all<'a>(&'a self, writes: &'a [RecordWrite<'a>]) -> BoxFuture<'a, Result<(), Error>> {
        self.0.write_all(writes)
    }

    fn scan<'a>(
        &'a self,
        kind: RecordKind,
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        self.0.scan(kind, after, limit)
    }

    fn erase(&self) -> BoxFuture<'_, Result<Erasure, Error>> {
        self.0.erase()
    }
}

/// One read for a row whose values are a person's, however many columns they are in; none where they are the domain's.
#[test]
fn a_census_reads_each_person_at_most_once_for_each_row() {
    let rows = figure(1_000, 100_000);
    let clinic = Clinic::new();
    let phi = clinic.phi();
    clinic.database.execute_batch("BEGIN").unwrap();
    (1..=rows).for_each(|id| clinic.put(&phi, id));
    clinic.database.execute_batch("COMMIT").unwrap();
    let reads = Arc::new(AtomicU64::new(0));
    let domain = clinic.domain_of(Counting(clinic.store.clone(), reads.clone()));
    let count = |persons: [bool; 3]| {
        let columns: Vec<Column> = crate::clinic::COLUMNS
            .iter()
            .zip(persons)
            .map(|(field, of_person)| {
                let bound = Binding::new().record("{mrn}").unwrap().field(field).unwrap();
                let binding = if of_person { bound.subject("{mrn}").unwrap() } else { bound };
                Column::sealed(&domain, binding)
            })
            .collect();
        let before = reads.load(Ordering::SeqCst);
        let census = block_on(rotation::census(&clinic.source(), &columns, |_| ())).unwrap();
        (census, reads.load(Ordering::SeqCst) - before)
    };
    let rows = u64::try_from(rows).unwrap();
    // What could be persons' and is the domain's.
    let (census, read) = count([true, true, false]);
    assert_eq!((counts(&census, 0), read), (vec![(Class::Current, rows)], 0));
    let (census, read) = count([true, true, true]);
    assert_eq!((counts(&census, 2), read), (vec![(Class::Person, rows)], rows));
    assert!(census.is_clean());
    // Two columns of each row under the person's key.
    for id in 1..=i64::try_from(rows).unwrap() {
        let person = phi.domain(DOMAIN).unwrap().subject(&mrn(id)).unwrap();
        if id % 10 == 0 {
            clinic.write(id, 0, &person.seal("x", &context_of(id, 0)).unwrap());
        }
    }
    let (census, read) = count([true, true, true]);
    assert_eq!(
        counts(&census, 0),
        [(Class::Current, rows - rows / 10), (Class::Person, rows / 10)]
    );
    assert_eq!(read, rows);
}
