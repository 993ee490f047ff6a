//! CLK: clocks that jump.

use crate::{KEY_TIME, LEASE, NANO, kind, open, seal};
use phiseal::{Clock, ErrorKind, KeyState, Keyset, Moment, SystemClock};
use phiseal_tests::world::{DOMAIN, World, what};
use pollster::block_on;
use std::time::Duration;

const TEN_YEARS: u64 = 10 * 365 * 86_400;
const NOW: u64 = 1_800_000_000;

/// Ten years forth and back, before and at 1970, about 2038, and the last second there is.
const WALLS: [u64; 11] = [
    NOW,
    NOW + TEN_YEARS,
    NOW - TEN_YEARS,
    0,
    1,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
    u64::MAX - 1,
    u64::MAX,
];

#[test]
fn nothing_outlives_its_time_whatever_the_wall_clock_says() {
    let mut checked = 0;
    for before in WALLS {
        for after in WALLS {
            let world = World::of_default_engine();
            world.clock.set_wall(before);
            let domain = world.process().domain(DOMAIN).unwrap();
            let cipher = domain.ready().unwrap();
            let sealed = domain.seal("plain", &what()).unwrap();
            let until = |passed: Duration| {
                world.clock.advance(passed);
                world.clock.set_wall(after);
            };
            world.clock.set_wall(after);
            assert_eq!(kind(cipher.seal("plain", &what())), None, "a jump ends nothing early");
            until(LEASE - NANO);
            assert_eq!(kind(cipher.seal("plain", &what())), None);
            until(NANO);
            assert_eq!(kind(cipher.seal("plain", &what())), Some(ErrorKind::Stale));
            until(KEY_TIME - LEASE - NANO);
            assert_eq!(kind(cipher.open::<String>(&sealed, &what())), None);
            until(NANO);
            assert_eq!(kind(cipher.open::<String>(&sealed, &what())), Some(ErrorKind::Stale));
            assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None));
            checked += 1;
        }
    }
    assert_eq!(checked, 121);
}

#[test]
fn records_are_made_changed_and_read_at_any_wall_time() {
    for wall in WALLS {
        let world = World::of_default_engine();
        world.clock.set_wall(wall);
        let process = world.process();
        let domain = process.domain(DOMAIN).unwrap();
        domain.subject_or_create("ada").unwrap().seal("plain", &what()).unwrap();
        domain.subject_or_create("bob").unwrap();
        domain.shred_subject("bob").unwrap();
        let keyset = domain.rotate().unwrap();
        assert!(keyset.versions().iter().all(|version| version.created() == wall));
        world.clock.set_wall(NOW);
        let keyset =
            block_on(process.key_store().set_state(&keyset, 1, KeyState::Compromised)).unwrap();
        assert_eq!(keyset.version(1).unwrap().state(), KeyState::Compromised);
        let fresh = world.process().domain(DOMAIN).unwrap();
        assert_eq!(kind(fresh.subject("bob")), Some(ErrorKind::State));
        assert_eq!(kind(fresh.subject("ada")), None);
    }
}

/// The end of the rising clock, some 584 years on, is an end, not a wrap to the beginning.
#[test]
fn the_rising_clock_saturates() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let cipher = domain.ready().unwrap();
    let passed = u64::MAX - world.clock.now().as_nanos();
    world.clock.advance(Duration::from_nanos(passed));
    assert_eq!(world.clock.now(), Moment::from_nanos(u64::MAX));
    assert_eq!(kind(cipher.seal("plain", &what())), Some(ErrorKind::Stale));
    assert_eq!(Moment::from_nanos(u64::MAX).saturating_add(KEY_TIME).as_nanos(), u64::MAX);
    assert_eq!(Moment::from_nanos(5).since(Moment::from_nanos(9)), Duration::ZERO);
}

/// Options of any length: no sum of them wraps.
#[test]
fn the_longest_times_there_are_do_not_wrap() {
    let world = World::of_default_engine();
    let process = world.process_with(|options| {
        options.lease = Keyset::LONGEST_LEASE;
        options.key_time = Duration::MAX;
        options.outage_window = Duration::MAX;
    });
    let domain = process.domain(DOMAIN).unwrap();
    let sealed = domain.seal("plain", &what()).unwrap();
    world.clock.advance(Duration::from_secs(100 * 365 * 86_400));
    assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None));
}

/// Whoever destroys a key has to know when the last one has noticed that it may not be used.
#[test]
fn a_lease_longer_than_everybody_expects_is_refused() {
    let world = World::of_default_engine();
    for (more, expected) in [(0, None), (1, Some(ErrorKind::Invalid))] {
        let process = world.process_with(move |options| {
            options.lease = Keyset::LONGEST_LEASE + Duration::from_nanos(more);
        });
        assert_eq!(kind(process.domain(DOMAIN)), expected);
    }
}

/// The machine's clock rises on every thread, and its cheap form is never ahead and never far behind.
#[test]
fn the_machine_s_clocks_agree() {
    let clock = SystemClock::new();
    let mut last = clock.coarse();
    for _ in 0..10_000 {
        let (coarse, now) = (clock.coarse(), clock.now());
        assert!(coarse >= last, "it fell");
        assert!(now.since(coarse) <= Duration::from_millis(300), "{:?} behind", now.since(coarse));
        last = coarse;
    }
    assert!(clock.wall() > NOW - TEN_YEARS, "the control: the wall clock is set");
}
