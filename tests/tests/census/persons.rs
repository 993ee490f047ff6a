//! What is sealed under the keys of persons.

use crate::clinic::{Clinic, DOMAIN, context_of, counts, mrn};
use phiseal::rotation::Class;

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
