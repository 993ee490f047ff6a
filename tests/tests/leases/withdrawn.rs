//! PERM: a KEK that was disabled, denied or destroyed.

use crate::{KEY_TIME, LEASE, SECOND, kind, open, seal};
use phiseal::{ErrorKind, KekVersion, KeyState};
use phiseal_keys::KekAdminBackend;
use phiseal_tests::world::{DOMAIN, World, what};
use pollster::block_on;
use std::time::Duration;

/// What is done to the KEK's only version, and what a caller is told.
type Withdrawal = (&'static str, fn(&World), ErrorKind);

const VERSION: KekVersion = KekVersion(1);

fn set_state(world: &World, state: KeyState) {
    block_on(world.kek.set_state(VERSION, state)).unwrap();
}

const WITHDRAWALS: [Withdrawal; 5] = [
    ("disabled", |world| set_state(world, KeyState::Suspended), ErrorKind::State),
    ("denied", |world| world.kek.fail_next(1000, ErrorKind::Denied), ErrorKind::Denied),
    ("gone", |world| world.kek.fail_next(1000, ErrorKind::NotFound), ErrorKind::NotFound),
    ("pending deletion", |world| world.kek.fail_next(1000, ErrorKind::State), ErrorKind::State),
    (
        "destroyed",
        |world| {
            set_state(world, KeyState::Deactivated);
            block_on(world.kek.destroy(VERSION)).unwrap();
        },
        ErrorKind::State,
    ),
];

#[test]
fn a_withdrawn_kek_ends_every_key_at_the_next_refresh() {
    for engine in phiseal::engines() {
        for (how, withdraw, told) in WITHDRAWALS {
            let world = World::new(*engine);
            // A generous window, into which nothing of this may fall.
            let process = world.process_with(|options| options.outage_window = KEY_TIME);
            let domain = process.domain(DOMAIN).unwrap();
            let cipher = domain.ready().unwrap();
            let sealed = domain.seal("plain", &what()).unwrap();
            let ada = domain.subject_or_create("ada").unwrap();
            let (person, of_ada) = (ada.ready().unwrap(), ada.seal("plain", &what()).unwrap());
            // The person's lease is renewed just before, so that what ends it is the withdrawal.
            world.clock.advance(KEY_TIME * 3 / 4 - SECOND);
            assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "the control");
            assert_eq!(kind(ada.open::<String>(&of_ada, &what())), None, "the control");

            withdraw(&world);
            world.clock.advance(KEY_TIME / 8 + SECOND);
            assert_eq!(open(&domain, &sealed), Some(told), "{how}");
            assert_eq!(seal(&domain), Some(told), "{how}");
            assert_eq!(kind(cipher.seal("plain", &what())), Some(ErrorKind::Stale), "{how}");
            let handed_out = cipher.open::<String>(&sealed, &what());
            assert_eq!(kind(handed_out), Some(ErrorKind::Stale), "{how}: handed out earlier");
            let handed_out = person.open::<String>(&of_ada, &what());
            assert_eq!(kind(handed_out), Some(ErrorKind::Stale), "{how}: handed out for a person");
            assert_eq!(kind(ada.open::<String>(&of_ada, &what())), Some(told), "{how}");
            assert_eq!(kind(world.open(world.builder())), Some(told), "{how}: a new process");
        }
    }
}

/// Whoever does not ask notices no later than at the end of the key's time.
#[test]
fn a_withdrawn_kek_is_noticed_within_the_key_s_time_also_by_who_does_not_ask() {
    let world = World::of_default_engine();
    let process = world.process_with(|options| options.outage_window = KEY_TIME);
    let domain = process.domain(DOMAIN).unwrap();
    let cipher = domain.ready().unwrap();
    let sealed = domain.seal("plain", &what()).unwrap();
    set_state(&world, KeyState::Suspended);
    world.clock.advance(KEY_TIME);
    assert_eq!(kind(cipher.open::<String>(&sealed, &what())), Some(ErrorKind::Stale));
    assert_eq!(kind(cipher.seal("plain", &what())), Some(ErrorKind::Stale));
}

#[test]
fn a_kek_that_is_given_back_is_used_again() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let sealed = domain.seal("plain", &what()).unwrap();
    set_state(&world, KeyState::Suspended);
    world.clock.advance(KEY_TIME);
    assert_eq!(open(&domain, &sealed), Some(ErrorKind::State));
    set_state(&world, KeyState::Active);
    world.clock.advance(SECOND);
    assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None));
}

/// The primary's KEK version is disabled, an older version's is not: the older one must not keep the primary alive.
#[test]
fn a_withdrawn_kek_version_ends_sealing_under_what_it_wraps() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let old = domain.seal("plain", &what()).unwrap();
    let second = block_on(world.kek.create_version()).unwrap();
    domain.rotate().unwrap();
    let (cipher, new) = (domain.ready().unwrap(), domain.seal("plain", &what()).unwrap());
    block_on(world.kek.set_state(second, KeyState::Suspended)).unwrap();
    world.clock.advance(KEY_TIME * 7 / 8 + SECOND);
    assert_eq!(open(&domain, &old), None, "the control: the older version's KEK is as it was");
    for _ in 0..4 {
        assert_eq!(open(&domain, &new), Some(ErrorKind::State));
        assert_eq!(seal(&domain), Some(ErrorKind::State));
        assert_eq!(kind(cipher.seal("plain", &what())), Some(ErrorKind::Stale));
        assert_eq!(kind(cipher.open::<String>(&new, &what())), Some(ErrorKind::Stale));
        world.clock.advance(LEASE);
    }
}

/// One failure of the network does what the others do not: it drops nothing.
#[test]
fn a_withdrawn_kek_control() {
    for passing in [ErrorKind::Unavailable, ErrorKind::Throttled] {
        let world = World::of_default_engine();
        let domain = world.process().domain(DOMAIN).unwrap();
        let (cipher, sealed) = (domain.ready().unwrap(), domain.seal("plain", &what()).unwrap());
        world.kek.fail_next(1, passing);
        let asked = world.kek.calls();
        world.clock.advance(KEY_TIME * 7 / 8);
        assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None));
        assert_eq!(kind(cipher.seal("plain", &what())), None);
        assert_eq!(world.kek.calls(), asked + 1, "the failure was met");
        world.clock.advance(Duration::from_secs(5));
        assert_eq!(open(&domain, &sealed), None);
        assert_eq!(world.kek.calls(), asked + 2, "and asked again");
    }
}
