//! No false alarms: what an honest store answers while others write it is never called tampering.

use phiseal_tests::world::{DOMAIN, World, what};
use pollster::block_on;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// A read that has its row, then a write by another thread of the same process, then the rest of the read.
#[test]
fn a_read_that_a_write_overtakes_is_no_alarm() {
    let world = World::of_default_engine();
    let process = world.process();
    process.domain(DOMAIN).unwrap();
    let before = block_on(process.key_store().keyset(DOMAIN)).unwrap();
    let writer = process.clone();
    world.store.after_next_read(move || {
        let keyset = block_on(writer.key_store().keyset(DOMAIN)).unwrap();
        block_on(writer.key_store().add_version(&keyset)).unwrap();
    });
    let overtaken = block_on(process.key_store().keyset(DOMAIN)).unwrap();
    assert_eq!(overtaken, before, "the control: the read had its row before the write");
    let after = block_on(process.key_store().keyset(DOMAIN)).unwrap();
    assert_eq!(after.revision(), before.revision() + 1);
}

#[test]
fn a_domain_that_appears_while_it_is_looked_for_is_no_alarm() {
    let world = World::of_default_engine();
    let process = world.process();
    let maker = process.clone();
    world.store.after_next_read(move || {
        block_on(maker.key_store().create_keyset(DOMAIN)).unwrap();
    });
    assert_eq!(block_on(process.key_store().find_keyset(DOMAIN)).unwrap(), None);
    assert!(block_on(process.key_store().find_keyset(DOMAIN)).unwrap().is_some());
}

/// The same with real threads: looks, rotations, persons and reservations at once.
#[test]
fn nothing_that_one_process_does_at_once_is_an_alarm() {
    let world = World::of_default_engine();
    let process = world.process_with(|options| options.max_uses = 1 << 40);
    let domain = process.domain(DOMAIN).unwrap();
    let (looks, over) = (AtomicU32::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        let keyset = block_on(process.key_store().keyset(DOMAIN)).unwrap();
                        let key = *keyset.versions()[0].key_id();
                        block_on(process.key_store().reserve_uses(&key, 1, 1 << 40)).unwrap();
                        let look = looks.fetch_add(1, Ordering::Relaxed);
                        domain.subject_or_create(&format!("person {}", look % 7)).unwrap();
                        domain.seal("plain", &what()).unwrap();
                    }
                })
            })
            .collect();
        (0..50).for_each(|_| drop(domain.rotate().unwrap()));
        while looks.load(Ordering::Relaxed) < 50
            && !readers.iter().any(|reader| reader.is_finished())
        {
            std::thread::yield_now();
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(looks.into_inner() >= 50, "the control");
    assert_eq!(domain.keyset().unwrap().versions().len(), 51);
}
