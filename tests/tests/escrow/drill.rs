//! The drill: what a recovered key opens, and what it does not. SWAP: a wrap that was moved opens nothing.

use crate::{DOMAIN, OTHER, World, kind, what};
use phiseal::blocking::Phiseal;
use phiseal::{
    Builder, DataKey, Drilled, EncryptionContext, ErrorKind, Kek, KekBackend, KeyState, Keyset,
    RecordKind, default_engine,
};
use phiseal_tests::world::authenticated;
use pollster::block_on;

/// A store with two domains of three versions each.
fn of_six_versions() -> World {
    let world = World::new();
    let phi = world.process();
    for name in [DOMAIN, OTHER] {
        phi.domain(name).unwrap().rotate().unwrap();
        phi.domain(name).unwrap().rotate().unwrap();
    }
    world
}

#[test]
fn a_recovered_key_opens_every_version_and_changes_nothing() {
    let world = of_six_versions();
    let phi = world.process();
    let before = world.store.rows();
    let drill = block_on(phi.key_store().drill(&world.recovered_kek())).unwrap();
    assert!(drill.is_complete());
    assert_eq!((drill.versions.len(), drill.lacking().count()), (6, 0));
    assert_eq!(drill.environment, phi.key_store().environment());
    assert!(world.store.rows() == before);
    assert!(drill.to_string().contains("6 of 6 key versions open"), "{drill}");
}

#[test]
fn versions_without_a_wrap_are_named_and_destroyed_ones_left_out() {
    let world = World::new();
    world.open(Builder::new()).unwrap().domain(DOMAIN).unwrap().rotate().unwrap();
    let phi = world.process();
    let keyset = phi.domain(DOMAIN).unwrap().rotate().unwrap();
    let drill = || block_on(phi.key_store().drill(&world.recovered_kek())).unwrap();
    let first = drill();
    assert!(!first.is_complete() && !first.store_key.opens());
    let lacking: Vec<_> =
        first.lacking().map(|version| (version.domain.as_str(), version.number)).collect();
    assert_eq!(lacking, [(DOMAIN, 1), (DOMAIN, 2)]);
    assert!(first.lacking().all(|version| matches!(version.outcome, Drilled::NoWrap)));
    let line = "clinic/patients, version 1 (deactivated): has no wrap by this key";
    assert!(first.to_string().contains(line), "{first}");

    block_on(phi.key_store().set_state(&keyset, 1, KeyState::Destroyed)).unwrap();
    assert_eq!(drill().versions.iter().map(|version| version.number).collect::<Vec<_>>(), [2, 3]);
    phi.domain(DOMAIN).unwrap().rewrap().unwrap();
    block_on(phi.key_store().rewrap_store_key()).unwrap();
    assert!(drill().is_complete());
}

#[test]
fn a_recovery_key_of_another_store_opens_nothing() {
    let (world, other) = (of_six_versions(), World::new());
    let drill = block_on(world.process().key_store().drill(&other.recovered_kek())).unwrap();
    assert!(!drill.store_key.opens());
    assert_eq!(drill.lacking().count(), 6);
}

/// The store's own key, which whoever only writes the store does not have.
fn store_key(world: &World, phi: &Phiseal) -> DataKey {
    let record = world.store.only(RecordKind::StoreKey).1.bytes;
    let length = usize::from(u16::from_be_bytes([record[49], record[50]]));
    let wrap = phiseal::WrappedKey::parse(&record[51..51 + length]).unwrap();
    let context = EncryptionContext::store_key(&phi.key_store().environment());
    block_on(world.kek.unwrap_key(&wrap, &context)).unwrap().key
}

/// Puts the keyset there as the store itself would have written it.
fn put(world: &World, key: &DataKey, keyset: &Keyset) {
    let (name, revision) = (keyset.name().as_bytes(), keyset.revision());
    let body = keyset.to_bytes().unwrap();
    let kind = RecordKind::Keyset;
    let bytes = authenticated(default_engine(), key, kind, name, revision, &body);
    world.store.put(kind, name, phiseal::Record { revision, bytes });
}

/// Even by somebody who has the store's own key: each escrow wrap in the place of each other.
#[test]
fn a_wrap_that_was_moved_is_refused_wherever_it_is() {
    let world = of_six_versions();
    let phi = world.process();
    let (key, pin) = (store_key(&world, &phi), phi.key_store().store_key());
    let keysets = [DOMAIN, OTHER].map(|name| block_on(phi.key_store().keyset(name)).unwrap());
    let places: Vec<(usize, u32)> = (0..2).flat_map(|at| (1..=3).map(move |v| (at, v))).collect();
    let wraps_of =
        |(at, number): (usize, u32)| keysets[at].version(number).unwrap().wraps().to_vec();
    let recovered: Kek = world.recovered_kek();
    let (mut refused, mut opened) = (0, 0);
    for from in &places {
        for to in &places {
            let mut wraps = wraps_of(*to);
            wraps[1] = wraps_of(*from)[1].clone();
            put(&world, &key, &keysets[to.0].with_wraps(vec![(to.1, wraps)]).unwrap());
            // A process that has seen nothing else.
            let fresh = world.process();
            let drill = block_on(fresh.key_store().drill(&recovered)).unwrap();
            let failed: Vec<_> = drill.lacking().collect();
            if from == to {
                assert!(drill.is_complete(), "the control");
                opened += 1;
            } else {
                let [failed] = failed[..] else { panic!("one version fails") };
                assert_eq!((failed.domain.as_str(), failed.number), ([DOMAIN, OTHER][to.0], to.1));
                let Drilled::Fails(error) = &failed.outcome else { panic!("it has a wrap") };
                assert_eq!(error.kind(), ErrorKind::Unauthenticated);
                refused += 1;
            }
            put(&world, &key, &keysets[to.0]);
        }
    }
    assert_eq!((opened, refused), (6, 30));

    // Whoever makes wraps with the public half cannot put a key of their own there either.
    let known = DataKey::generate(default_engine()).unwrap();
    let context = keysets[0].wrap_context(3);
    let planted = block_on(world.escrow().wrap_key(&known, &context)).unwrap();
    put(&world, &key, &keysets[0].with_wraps(vec![(3, vec![planted])]).unwrap());
    let recover = || {
        let builder = Builder::new().store_key(pin);
        Phiseal::open_with(builder, world.store.clone(), world.recovered()).unwrap()
    };
    let sealed = |phi: &Phiseal| phi.domain(DOMAIN)?.seal("x", &what());
    assert_eq!(kind(sealed(&recover())), Some(ErrorKind::Unauthenticated));
    put(&world, &key, &keysets[0]);
    assert!(sealed(&recover()).is_ok(), "the control");
}
