//! The KEK of a store is gone for ever: three papers of five open it, and it is put under a new KEK.

use crate::{DOMAIN, OTHER, PERSON, World, kind, memory_kek, opened, opened_of_person, what};
use phiseal::backends::recovery::RecoveryKey;
use phiseal::blocking::Phiseal;
use phiseal::{Builder, ErrorKind, Kek, default_engine};
use pollster::block_on;
use std::sync::Arc;

#[test]
fn a_store_whose_kek_is_gone_is_recovered_and_put_under_a_new_one() {
    let world = World::new();
    let phi = world.process();
    let domain = phi.domain(DOMAIN).unwrap();
    let old = domain.seal("first", &what()).unwrap();
    domain.rotate().unwrap();
    let new = domain.seal("second", &what()).unwrap();
    let person = domain.subject_or_create(PERSON).unwrap().seal("third", &what()).unwrap();
    phi.domain(OTHER).unwrap();
    let pin = phi.key_store().store_key();
    drop((phi, domain));
    world.kek.set_unavailable(true);
    assert_eq!(kind(world.open(world.builder())), Some(ErrorKind::Unavailable));
    let reads = |phi: &Phiseal| {
        assert_eq!(opened(phi, &old).unwrap(), "first");
        assert_eq!(opened(phi, &new).unwrap(), "second");
        assert_eq!(opened_of_person(phi, &person).unwrap(), "third");
    };

    // The papers alone read, and write nothing.
    let before = world.store.rows();
    let builder = Builder::new().store_key(pin).read_only();
    reads(&Phiseal::open_with(builder, world.store.clone(), world.recovered()).unwrap());
    assert!(world.store.rows() == before);

    // A new KEK, and a new recovery key, as those who met have seen this one.
    let (kek, next) = (memory_kek(), RecoveryKey::generate(default_engine()).unwrap());
    let escrow = || {
        let line = next.public().to_string();
        phiseal::backends::recovery::RecoveryKek::parse(&line, default_engine()).unwrap()
    };
    let builder = Builder::new()
        .store_key(pin)
        .existing()
        .also_unwrap_with(world.recovered())
        .also_escrow_to(escrow());
    let phi = Phiseal::open_with(builder, world.store.clone(), kek.clone()).unwrap();
    let mut rewrapped = 0;
    for name in phi.domains().unwrap() {
        rewrapped += phi.domain(&name).unwrap().rewrap().unwrap().rewrapped;
    }
    assert_eq!(rewrapped, 3);
    assert!(block_on(phi.key_store().rewrap_store_key()).unwrap());
    drop(phi);

    let builder = Builder::new().also_escrow_to(escrow());
    let phi = Phiseal::open_with(builder, world.store.clone(), kek).unwrap();
    reads(&phi);
    assert_eq!(phi.domain(DOMAIN).unwrap().rotate().unwrap().primary(), 3);

    // The old papers open nothing any more, the new key opens all.
    let builder = Builder::new().store_key(pin);
    let outcome = Phiseal::open_with(builder, world.store.clone(), world.recovered());
    assert_eq!(kind(outcome), Some(ErrorKind::Foreign));
    let next = block_on(Kek::connect(Arc::new(next), default_engine())).unwrap();
    assert!(block_on(phi.key_store().drill(&next)).unwrap().is_complete());
}
