//! ROT: a person whose key is made while the keys are switched is not left behind.

use crate::{ROTATE, pace};
use phiseal::rotation::custody::{Operation, Request};
use phiseal::rotation::run::{Event, Journal, Phase, Step};
use phiseal::{ErrorKind, Renewal, SubjectRecord};
use phiseal_keys::WrappingKey;
use phiseal_tests::clinic::{Clinic, DOMAIN, Where, plaintext};
use pollster::block_on;

/// Runs `operation`; when everything is counted again, somebody who has looked at the keys before they were switched makes a
/// person's key, by the version that was the primary then, and is gone.
fn with_a_late_person(operation: Operation) {
    let folder = tempfile::tempdir().unwrap();
    let clinic = Clinic::create(folder.path(), Where::Sqlite, 20).unwrap();
    let phi = clinic.open();
    let store = phi.key_store();
    let before = clinic.keyset();
    let key = block_on(store.unwrap(&before, before.version(1).unwrap())).unwrap();
    let wrapping = WrappingKey::of_subjects(phiseal::default_engine(), &key).unwrap();
    let tag = store.subject_tag(&before, "late").unwrap();
    let _ = clinic.approve(operation);
    let mut counts = 0;
    let journal = clinic.rotate(pace(50), &mut |event| {
        if matches!(event, Event::Step(Step::CountAgain)) {
            counts += 1;
            if counts == 1 {
                block_on(store.create_subject(&before, tag, 1, &wrapping)).unwrap();
            }
        }
    });
    let journal = journal.unwrap();
    assert_eq!((journal.phase, journal.persons_left, counts), (Phase::Done, 0, 2), "{operation}");
    let record = block_on(store.find_subject(&before, tag)).unwrap().unwrap();
    assert!(record.keys().iter().all(|key| key.domain_version() == 2), "{operation}");
    let renewed = operation == Operation::Rotate { compromised: true };
    assert_eq!(record.current().unwrap().wrapped_by().contains(1), !renewed, "{operation}");
}

#[test]
fn who_is_made_meanwhile_is_wrapped_anew() {
    with_a_late_person(ROTATE);
}

#[test]
fn who_is_made_meanwhile_under_keys_in_wrong_hands_is_renewed() {
    with_a_late_person(Operation::Rotate { compromised: true });
}

/// One who has as many keys as there may be cannot be renewed, and keeps nobody else's values under keys in wrong hands.
#[test]
fn one_who_cannot_be_renewed_is_left_and_told_and_all_else_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = Clinic::create(folder.path(), Where::Sqlite, 20).unwrap();
    let phi = clinic.open();
    let domain = block_on(phi.domain(DOMAIN)).unwrap();
    for person in ["full", "another"] {
        block_on(domain.subject_or_create(person)).unwrap();
    }
    while block_on(domain.renew_subject("full", Renewal::Routine)).is_ok() {}
    let record = |person| block_on(domain.subject_record(person)).unwrap().unwrap();
    assert_eq!(record("full").keys().len(), SubjectRecord::MAX_KEYS);

    let note = clinic.approve(Operation::Rotate { compromised: true });
    let error = clinic.rotate(pace(50), &mut |_| {}).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exhausted, "{error:?}");
    assert_eq!(clinic.assert_rotated(plaintext), 20);
    assert_eq!(record("another").current().unwrap().number(), 2);
    let engine = phiseal::default_engine();
    let id = Request::parse(note.text()).unwrap().digest(engine);
    let journal = block_on(Journal::load(phi.key_store(), id)).unwrap().unwrap().0;
    assert_eq!((journal.phase, journal.persons_left), (Phase::Switched, 1));

    // Nothing is under the older ones: they are dropped when nobody can seal under them any more, and it goes on.
    let later = clinic.open_at(phi.key_store().clock().wall() + 3_600);
    let older: Vec<_> = record("full").keys()[..7].iter().map(|key| *key.key_id()).collect();
    let there = block_on(later.domain(DOMAIN)).unwrap();
    block_on(there.drop_subject_keys("full", &older)).unwrap();
    let journal = clinic.rotate(pace(50), &mut |_| {}).unwrap();
    assert_eq!((journal.phase, journal.persons_left), (Phase::Done, 0));
    assert!(!record("full").current().unwrap().wrapped_by().contains(1));
}
