//! Everybody of a domain gets a new key, after a version of the domain's was compromised.

use crate::{domain, kind, open, record, set_state, states};
use phiseal::{ErrorKind, KeyState, Renewal, SubjectKeyState, SubjectRecord};
use phiseal_tests::numbers::figure;
use phiseal_tests::world::{DOMAIN, World, what};
use pollster::block_on;

/// A rewrap hides who is exposed from a look at what wraps their keys now; it does not from the record.
#[test]
fn those_are_renewed_whose_current_key_such_a_version_has_ever_wrapped() {
    let world = World::of_default_engine();
    let here = domain(&world);
    let old = here.subject_or_create("ada").unwrap().seal("old", &what()).unwrap();
    here.rotate().unwrap();
    here.subject_or_create("bob").unwrap();
    here.rewrap_subjects().unwrap();
    here.subject_or_create("cy").unwrap();
    here.shred_subject("cy").unwrap();
    assert_eq!(record(&world, "ada").current().unwrap().domain_version(), 2, "the control");
    for routine in [Renewal::Routine, Renewal::Compromised] {
        let same = here.renew_subjects(&[3, 4], routine).unwrap();
        assert_eq!((same.renewed, same.unaffected, same.shredded), (0, 2, 1));
    }
    let refused = here.renew_subjects(&[1, 2], Renewal::Compromised);
    assert_eq!(kind(refused), Some(ErrorKind::Invalid), "2 is the primary: rotate first");
    let done = here.renew_subjects(&[1], Renewal::Compromised).unwrap();
    assert_eq!((done.renewed, done.unaffected, done.shredded), (1, 1, 1));
    let again = here.renew_subjects(&[1], Renewal::Compromised).unwrap();
    assert_eq!((again.renewed, again.unaffected), (0, 2), "who was renewed is not renewed again");
    let (ada, bob) = (record(&world, "ada"), record(&world, "bob"));
    assert_eq!(states(&ada), [SubjectKeyState::Compromised, SubjectKeyState::Active]);
    assert_eq!(states(&bob), [SubjectKeyState::Active]);
    let ranges: Vec<_> = ada.keys().iter().map(|key| key.wrapped_by().ranges()).collect();
    assert_eq!(ranges, [&[(1, 2)][..], &[(2, 2)]]);
    let ada = here.subject("ada").unwrap();
    assert_eq!(open(&ada, &old).unwrap(), "old");
    assert_ne!(ada.seal("new", &what()).unwrap().key_id(), old.key_id());
}

/// Whatever the caller says of it: the keyset says that the version is compromised.
#[test]
fn keys_that_a_compromised_version_wrapped_are_compromised_and_others_are_retired() {
    for (state, before) in [
        (KeyState::Deactivated, SubjectKeyState::Retired),
        (KeyState::Compromised, SubjectKeyState::Compromised),
    ] {
        let world = World::of_default_engine();
        let here = domain(&world);
        here.subject_or_create("ada").unwrap();
        here.rotate().unwrap();
        if state == KeyState::Compromised {
            set_state(&world, 1, state).unwrap();
        }
        let here = domain(&world);
        here.renew_subjects(&[1], Renewal::Routine).unwrap();
        assert_eq!(states(&record(&world, "ada")), [before, SubjectKeyState::Active]);
        here.renew_subject("ada", Renewal::Routine).unwrap();
        let expected = [before, SubjectKeyState::Retired, SubjectKeyState::Active];
        assert_eq!(states(&record(&world, "ada")), expected, "{state:?}");
    }
}

/// One with too many keys does not keep the others from theirs.
#[test]
fn somebody_with_eight_keys_is_reported_when_all_others_have_been_renewed() {
    let world = World::of_default_engine();
    let here = domain(&world);
    for number in 0..20 {
        here.subject_or_create(&number.to_string()).unwrap();
    }
    for _ in 1..SubjectRecord::MAX_KEYS {
        here.renew_subject("7", Renewal::Routine).unwrap();
    }
    here.rotate().unwrap();
    let outcome = here.renew_subjects(&[1], Renewal::Routine);
    assert_eq!(kind(outcome), Some(ErrorKind::Exhausted));
    let renewed = |number: usize| {
        let record = record(&world, &number.to_string());
        record.current().unwrap().domain_version() == 2
    };
    assert_eq!((0..20).filter(|number| renewed(*number)).count(), 19);
    assert!(!renewed(7));
    world.clock.advance(crate::LEASE);
    let oldest = *record(&world, "7").keys()[0].key_id();
    here.drop_subject_keys("7", &[oldest]).unwrap();
    assert_eq!(here.renew_subjects(&[1], Renewal::Routine).unwrap().renewed, 1, "the control");
}

/// Who was renewed under what is the primary no more, and is destroyed, is not lost.
#[test]
fn persons_who_are_renewed_too_late_follow_the_primary() {
    let world = World::of_default_engine();
    let (custodian, slow) = (world.process(), domain(&world));
    for number in 0..5 {
        slow.subject_or_create(&number.to_string()).unwrap();
    }
    slow.rotate().unwrap();
    world.store.after_next_read(move || {
        let domain = custodian.domain(DOMAIN).unwrap();
        let keyset = domain.rotate().unwrap();
        assert_eq!((keyset.primary(), domain.rewrap_subjects().unwrap().rewrapped), (3, 5));
        let destroyed = custodian.key_store().set_state(&keyset, 2, KeyState::Destroyed);
        block_on(destroyed).unwrap();
    });
    slow.renew_subjects(&[1], Renewal::Routine).unwrap();
    for number in 0..5 {
        let record = record(&world, &number.to_string());
        assert_eq!(record.keys().len(), 2, "once");
        assert!(record.keys().iter().all(|key| key.domain_version() == 3));
        let ranges = record.current().unwrap().wrapped_by().ranges();
        assert_eq!(ranges, [(2, 3)], "the control: it was under what is destroyed");
    }
    set_state(&world, 1, KeyState::Destroyed).unwrap();
    for number in 0..5 {
        let person = domain(&world).subject(&number.to_string()).unwrap();
        assert_eq!(kind(person.seal("x", &what())), None);
    }
}

/// All keys of everybody are renewed and rewrapped with one call of the backend for each key of the domain.
#[test]
fn everybody_is_renewed_and_rewrapped_with_one_call_for_each_key_of_the_domain() {
    let persons = figure(2_000, 100_000);
    let world = World::of_default_engine();
    let here = domain(&world);
    let name = |number: usize| format!("person {number}");
    (0..persons).for_each(|number| drop(here.subject_or_create(&name(number)).unwrap()));
    let first = here.subject("person 0").unwrap().seal("old", &what()).unwrap();
    here.rotate().unwrap();
    let count = u64::try_from(persons).unwrap();

    let process = world.process();
    let before = world.kek.calls();
    let domain = process.domain(DOMAIN).unwrap();
    assert_eq!(domain.renew_subjects(&[1], Renewal::Compromised).unwrap().renewed, count);
    assert_eq!(domain.rewrap_subjects().unwrap().rewrapped, count, "the old keys");
    assert_eq!(domain.renew_subjects(&[1], Renewal::Compromised).unwrap().unaffected, count);
    assert_eq!(domain.rewrap_subjects().unwrap().current, count);
    assert_eq!(world.kek.calls() - before, 2, "two versions of the domain's key");

    let keyset = domain.keyset().unwrap();
    let under = |version| block_on(process.key_store().subjects_under(&keyset, version)).unwrap();
    assert_eq!((under(1), under(2)), (0, 2 * count), "each key counts");
    for number in (0..persons).step_by(persons / 100) {
        let record = domain.subject_record(&name(number)).unwrap().unwrap();
        assert_eq!(states(&record), [SubjectKeyState::Compromised, SubjectKeyState::Active]);
        assert_eq!(record.current().unwrap().wrapped_by().ranges(), [(2, 2)]);
    }
    block_on(process.key_store().set_state(&keyset, 1, KeyState::Destroyed)).unwrap();
    let ada = crate::domain(&world).subject("person 0").unwrap();
    assert_eq!(open(&ada, &first).unwrap(), "old");
}
