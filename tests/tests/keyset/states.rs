//! What a domain does in each state of its keys.

use crate::path_to;
use phiseal::blocking::Domain;
use phiseal::{Error, ErrorKind, KeyState, Keyset, Phi, Sealed};
use phiseal_tests::warm::matrix;
use phiseal_tests::world::{DOMAIN, World, what};
use pollster::block_on;
use std::time::Duration;

fn open(domain: &Domain, sealed: &Sealed) -> Result<(), Error> {
    let opened: Phi<String> = domain.open(sealed, &what())?;
    assert_eq!(opened.expose_secret(), "first");
    Ok(())
}

fn kind<T>(outcome: Result<T, Error>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}

/// A second version as the primary, and the first one led to `state`.
fn retire_first(world: &World, state: KeyState) -> Keyset {
    let process = world.process();
    let store = process.key_store();
    let keyset = block_on(store.keyset(DOMAIN)).unwrap();
    let keyset = block_on(store.add_version(&keyset)).unwrap();
    let keyset = block_on(store.set_primary(&keyset, 2)).unwrap();
    let steps = path_to(state).iter().filter(|step| **step != KeyState::Active);
    steps.fold(keyset, |keyset, step| block_on(store.set_state(&keyset, 1, *step)).unwrap())
}

#[test]
fn a_retired_version_opens_as_its_state_says_and_never_seals() {
    let mut checked = 0;
    for (engine, suite) in matrix() {
        let allowed = [
            (KeyState::Active, true),
            (KeyState::Suspended, false),
            (KeyState::Deactivated, true),
            (KeyState::Compromised, true),
            (KeyState::Destroyed, false),
        ];
        for (state, opens) in allowed {
            let world = World::new(engine);
            let warm =
                world.process_with(move |options| options.suite = suite).domain(DOMAIN).unwrap();
            let sealed = warm.seal("first", &what()).unwrap();
            assert_eq!(kind(open(&warm, &sealed)), None, "the control");
            let keyset = retire_first(&world, state);
            assert_eq!(keyset.version(1).unwrap().state(), state);

            let fresh =
                world.process_with(move |options| options.suite = suite).domain(DOMAIN).unwrap();
            world.clock.advance(Duration::from_secs(599));
            for (domain, which) in [(&warm, "warm"), (&fresh, "fresh")] {
                let next = domain.seal("first", &what()).unwrap();
                assert_ne!(next.key_id(), sealed.key_id(), "{which}: sealed under {state}");
                assert_eq!(kind(open(domain, &next)), None);
                let expected = (!opens).then_some(ErrorKind::State);
                assert_eq!(kind(open(domain, &sealed)), expected, "{which}: {state}");
                let cipher = domain.ready().unwrap();
                let has_key = cipher.opening_key_ids().any(|id| id == sealed.key_id());
                assert_eq!(has_key, opens, "{which}: {state}");
            }
            checked += 1;
        }
    }
    assert_eq!(checked, phiseal::engines().len() * 2 * 5);
    assert!(phiseal::engines().len() >= 3);
}

#[test]
fn a_version_that_is_not_in_use_yet_neither_seals_nor_opens() {
    let world = World::of_default_engine();
    let process = world.process();
    let domain = process.domain(DOMAIN).unwrap();
    let keyset = block_on(process.key_store().keyset(DOMAIN)).unwrap();
    let keyset = block_on(process.key_store().add_version(&keyset)).unwrap();
    world.clock.advance(Duration::from_secs(599));
    let mut bytes = domain.seal("first", &what()).unwrap().into_bytes();
    let coming = keyset.version(2).unwrap().key_id().short();
    bytes[1..17].copy_from_slice(coming.as_bytes());
    let relabelled = Sealed::try_from(bytes).unwrap();
    assert_eq!(relabelled.key_id(), coming);
    assert_eq!(kind(open(&domain, &relabelled)), Some(ErrorKind::State));
    let cipher = domain.ready().unwrap();
    assert!(cipher.opening_key_ids().all(|id| id != coming));
    assert_ne!(cipher.sealing_key_id(), Some(coming));
}

#[test]
fn a_primary_seals_and_opens_as_its_state_says() {
    let cases = [
        (KeyState::Active, None, None),
        (KeyState::Suspended, Some(ErrorKind::State), Some(ErrorKind::State)),
        (KeyState::Compromised, Some(ErrorKind::State), None),
    ];
    for (state, seals, opens) in cases {
        let world = World::of_default_engine();
        let warm = world.process().domain(DOMAIN).unwrap();
        let cipher = warm.ready().unwrap();
        let sealed = warm.seal("first", &what()).unwrap();
        if state != KeyState::Active {
            let custodian = world.process();
            let keyset = block_on(custodian.key_store().keyset(DOMAIN)).unwrap();
            block_on(custodian.key_store().set_state(&keyset, 1, state)).unwrap();
        }
        world.clock.advance(Duration::from_secs(599));
        let fresh = || world.process().domain(DOMAIN);
        assert_eq!(kind(warm.seal("second", &what())), seals, "warm: {state}");
        assert_eq!(kind(open(&warm, &sealed)), opens, "warm: {state}");
        let outcome = fresh().and_then(|domain| domain.seal("second", &what()));
        assert_eq!(kind(outcome), seals, "fresh: {state}");
        assert_eq!(
            kind(fresh().and_then(|domain| open(&domain, &sealed))),
            opens,
            "fresh: {state}"
        );
        let expected = seals.map(|_| ErrorKind::Stale);
        assert_eq!(kind(cipher.seal("second", &what())), expected, "handed out before: {state}");
        let expected = opens.map(|_| ErrorKind::Stale);
        let opened = cipher.open::<String>(&sealed, &what());
        assert_eq!(kind(opened), expected, "handed out before: {state}");
    }
}

/// Held back and put to use again: nothing is lost, and a process notices within a second of being asked.
#[test]
fn a_suspended_version_comes_back() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let sealed = domain.seal("first", &what()).unwrap();
    let keyset = retire_first(&world, KeyState::Suspended);
    world.clock.advance(Duration::from_secs(599));
    assert_eq!(kind(open(&domain, &sealed)), Some(ErrorKind::State));
    let custodian = world.process();
    block_on(custodian.key_store().set_state(&keyset, 1, KeyState::Active)).unwrap();
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(kind(open(&domain, &sealed)), None);
}
