//! ROT: a person whose key is made while the keys are switched is not left behind.

use crate::{ROTATE, pace};
use phiseal::rotation::custody::Operation;
use phiseal::rotation::run::{Event, Phase, Step};
use phiseal_keys::WrappingKey;
use phiseal_tests::clinic::{Clinic, Where};
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
