//! OUT: a KEK that does not answer.

use crate::{KEY_TIME, LEASE, NANO, SECOND, kind, open, seal};
use phiseal::ErrorKind;
use phiseal::KekOperation;
use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::Phiseal;
use phiseal_keys::RecordKind;
use phiseal_tests::world::{DOMAIN, World, what};
use std::sync::Arc;
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(900);

#[test]
fn opening_goes_on_until_the_key_s_time_and_no_new_key_is_made() {
    for engine in phiseal::engines() {
        let world = World::new(*engine);
        let domain = world.process().domain(DOMAIN).unwrap();
        let cipher = domain.ready().unwrap();
        let sealed = domain.seal("plain", &what()).unwrap();
        let (made, stored) = (
            world.kek.calls_of(KekOperation::Generate),
            world.store.row(RecordKind::Keyset, DOMAIN.as_bytes()),
        );
        world.kek.set_unavailable(true);
        for minute in 0..60 {
            assert_eq!(open(&domain, &sealed), None, "minute {minute}");
            assert_eq!(
                seal(&domain),
                None,
                "minute {minute}: the store still says that the key may seal"
            );
            world.clock.advance(SECOND * 60 - if minute == 59 { NANO } else { Duration::ZERO });
        }
        assert_eq!(open(&domain, &sealed), None, "the last moment");
        assert_eq!(kind(cipher.open::<String>(&sealed, &what())), None, "the last moment");
        world.clock.advance(NANO);
        assert_eq!(kind(cipher.open::<String>(&sealed, &what())), Some(ErrorKind::Stale));
        assert_eq!(kind(cipher.seal("plain", &what())), Some(ErrorKind::Stale));
        for _ in 0..30 {
            assert_eq!(open(&domain, &sealed), Some(ErrorKind::Unavailable));
            assert_eq!(seal(&domain), Some(ErrorKind::Unavailable));
            assert_eq!(kind(cipher.open::<String>(&sealed, &what())), Some(ErrorKind::Stale));
            world.clock.advance(SECOND * 60);
        }
        let error = domain.open::<String>(&sealed, &what()).unwrap_err();
        assert!(error.is_retryable());
        let keyset = world.store.row(RecordKind::Keyset, DOMAIN.as_bytes());
        assert!(keyset == stored, "the keyset is as it was");
        assert_eq!(world.kek.calls_of(KekOperation::Generate), made, "no key was made");
        world.kek.set_unavailable(false);
        world.clock.advance(SECOND);
        assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "it is back");
    }
}

/// An outage is met with one question every few seconds, not with one for each field.
#[test]
fn an_outage_is_not_met_with_a_storm() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let sealed = domain.seal("plain", &what()).unwrap();
    world.kek.set_unavailable(true);
    let before = world.kek.calls();
    for _ in 0..(30 * 60 * 10) {
        world.clock.advance(SECOND / 10);
        assert_eq!(open(&domain, &sealed), None);
    }
    assert_eq!(world.kek.calls(), before, "no refresh is due in the first half hour");
    for _ in 0..(29 * 60 * 10) {
        world.clock.advance(SECOND / 10);
        assert_eq!(open(&domain, &sealed), None);
    }
    let asked = world.kek.calls() - before;
    assert!((76..=180).contains(&asked), "{asked} questions in the second half hour");
}

#[test]
fn the_outage_window_is_honoured_to_the_nanosecond_for_opening_only() {
    let world = World::of_default_engine();
    let process = world.process_with(|options| options.outage_window = WINDOW);
    let domain = process.domain(DOMAIN).unwrap();
    let cipher = domain.ready().unwrap();
    let sealed = domain.seal("plain", &what()).unwrap();
    world.kek.set_unavailable(true);
    world.clock.advance(KEY_TIME - NANO);
    assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "in the key's time");
    world.clock.advance(NANO);
    assert_eq!(seal(&domain), Some(ErrorKind::Unavailable), "the window is for opening");
    assert_eq!(kind(cipher.seal("plain", &what())), Some(ErrorKind::Stale));
    assert_eq!(open(&domain, &sealed), None, "in the window");
    assert_eq!(kind(cipher.open::<String>(&sealed, &what())), None, "handed out earlier");
    world.clock.advance(WINDOW - NANO);
    assert_eq!(open(&domain, &sealed), None, "the last moment of the window");
    assert_eq!(seal(&domain), Some(ErrorKind::Unavailable));
    world.clock.advance(NANO);
    assert_eq!(open(&domain, &sealed), Some(ErrorKind::Unavailable));
    assert_eq!(kind(cipher.open::<String>(&sealed, &what())), Some(ErrorKind::Stale));
    world.kek.set_unavailable(false);
    world.clock.advance(SECOND);
    assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "it is back");
}

/// The window is for a KEK that was asked and did not answer, not for one that nobody asked.
#[test]
fn the_outage_window_does_not_begin_without_an_outage() {
    let world = World::of_default_engine();
    let process = world.process_with(|options| options.outage_window = WINDOW);
    let domain = process.domain(DOMAIN).unwrap();
    let cipher = domain.ready().unwrap();
    let sealed = domain.seal("plain", &what()).unwrap();
    world.clock.advance(KEY_TIME);
    assert_eq!(kind(cipher.open::<String>(&sealed, &what())), Some(ErrorKind::Stale));
    assert_eq!(open(&domain, &sealed), None, "the control: the domain asks");
    assert_eq!(kind(cipher.open::<String>(&sealed, &what())), None);
}

/// The primary is under a KEK that is down, an older version under one that answers: the older one keeps nothing alive.
#[test]
fn a_key_does_not_outlive_its_time_because_another_is_renewed() {
    for (window, opens_until) in [(Duration::ZERO, KEY_TIME), (WINDOW, KEY_TIME + WINDOW)] {
        let world = World::of_default_engine();
        let old = world.process().domain(DOMAIN).unwrap().seal("plain", &what()).unwrap();
        let kek = Arc::new(MemoryKek::new(world.engine).unwrap());
        let builder = world
            .builder()
            .options(move |options| options.outage_window = window)
            .also_unwrap_with(world.kek.clone());
        let process = Phiseal::open_with(builder, world.store.clone(), kek.clone()).unwrap();
        let domain = process.domain(DOMAIN).unwrap();
        domain.rotate().unwrap();
        let (cipher, new) = (domain.ready().unwrap(), domain.seal("plain", &what()).unwrap());
        assert_ne!(new.key_id(), old.key_id());

        kek.set_unavailable(true);
        let mut passed = Duration::ZERO;
        while passed < KEY_TIME + WINDOW + LEASE * 2 {
            let (seals, opens) = (passed < KEY_TIME, passed < opens_until);
            let at = format!("after {passed:?} with a window of {window:?}");
            assert_eq!(open(&domain, &old), None, "{at}");
            assert_eq!(open(&domain, &new), (!opens).then_some(ErrorKind::Unavailable), "{at}");
            assert_eq!(seal(&domain), (!seals).then_some(ErrorKind::Unavailable), "{at}");
            assert_eq!(kind(cipher.seal("plain", &what())).is_none(), seals, "{at}");
            assert_eq!(kind(cipher.open::<String>(&new, &what())).is_none(), opens, "{at}");
            passed += SECOND * 30;
            world.clock.advance(SECOND * 30);
        }
    }
}

/// Persons' keys are wrapped by the domain's, so they end with it.
#[test]
fn a_person_s_key_ends_with_the_domain_s() {
    let world = World::of_default_engine();
    let process = world.process_with(|options| options.outage_window = WINDOW);
    let domain = process.domain(DOMAIN).unwrap();
    let ada = domain.subject_or_create("ada").unwrap();
    let cipher = ada.ready().unwrap();
    let sealed = ada.seal("plain", &what()).unwrap();
    world.kek.set_unavailable(true);
    let mut passed = Duration::ZERO;
    while passed < KEY_TIME + WINDOW + LEASE {
        let (seals, opens) = (passed < KEY_TIME, passed < KEY_TIME + WINDOW);
        let outcome = kind(ada.open::<String>(&sealed, &what()));
        assert_eq!(outcome, (!opens).then_some(ErrorKind::Unavailable), "{passed:?}");
        let outcome = kind(ada.seal("plain", &what()));
        assert_eq!(outcome, (!seals).then_some(ErrorKind::Unavailable), "{passed:?}");
        passed += SECOND * 30;
        world.clock.advance(SECOND * 30);
    }
    assert_eq!(kind(cipher.open::<String>(&sealed, &what())), Some(ErrorKind::Stale));
}

/// A look at a person's record that fails for a moment stops nobody whose key is at hand.
#[test]
fn a_store_that_does_not_answer_leaves_a_person_the_lease() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let ada = domain.subject_or_create("ada").unwrap();
    let sealed = ada.seal("plain", &what()).unwrap();
    world.store.set_unavailable(true);
    world.clock.advance(LEASE - NANO);
    assert_eq!(kind(ada.open::<String>(&sealed, &what())), None);
    assert_eq!(kind(ada.seal("plain", &what())), None);
    world.clock.advance(NANO);
    assert_eq!(kind(ada.open::<String>(&sealed, &what())), Some(ErrorKind::Unavailable));
    assert_eq!(kind(ada.seal("plain", &what())), Some(ErrorKind::Unavailable));
}
