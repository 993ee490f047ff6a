//! Columns across leases, rotations and epochs.

use crate::{records, rows, ssn};
use phiseal::{ErrorKind, Sealed, Values};
use phiseal_tests::world::{DOMAIN, World};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn a_column_with_values_of_several_keys_and_epochs_opens() {
    let world = World::of_default_engine();
    let mut cells: Vec<Vec<u8>> = Vec::new();
    let records = records(400);
    for version in 0..4 {
        // A process has an epoch of its own.
        let domain = world.process().domain(DOMAIN).unwrap();
        if version % 2 == 1 {
            domain.rotate().unwrap();
        }
        let first = cells.len();
        for (row, record) in records.iter().enumerate().skip(first).take(100) {
            let what = ssn().record(record);
            cells.push(domain.seal(row.to_string(), &what).unwrap().into_bytes());
        }
    }
    let domain = world.process().domain(DOMAIN).unwrap();
    for _ in 0..2 {
        let opened = domain.open_column(&cells, &ssn(), &rows(&records)).unwrap();
        for row in 0..400 {
            assert_eq!(opened.expose_secret().value(row), Some(row.to_string().as_bytes()));
        }
    }
    // In any order: each row of another run than the one before.
    let order: Vec<usize> = (0..400).map(|row| row % 4 * 100 + row / 4).collect();
    let mixed: Vec<_> = order.iter().map(|row| cells[*row].clone()).collect();
    let contexts: Vec<_> = order.iter().map(|row| records[*row].clone()).collect();
    let opened = domain.open_column(&mixed, &ssn(), &rows(&contexts)).unwrap();
    for (place, row) in order.iter().enumerate() {
        assert_eq!(opened.expose_secret().value(place), Some(row.to_string().as_bytes()));
    }
}

#[test]
fn a_key_that_somebody_else_has_just_begun_to_use_is_looked_up() {
    let world = World::of_default_engine();
    let reader = world.process().domain(DOMAIN).unwrap();
    reader.ready().unwrap();
    let writer = world.process().domain(DOMAIN).unwrap();
    writer.rotate().unwrap();
    let records = records(10);
    let sealed = writer.seal_column(&["plain"; 10], &ssn(), &rows(&records)).unwrap();
    let opened = reader.open_column(&sealed, &ssn(), &rows(&records)).unwrap();
    assert_eq!(opened.expose_secret().rows(), 10);
}

#[test]
fn a_cipher_whose_lease_is_over_seals_no_column_and_its_domain_does() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let cipher = domain.ready().unwrap();
    let records = records(10);
    world.clock.advance(Duration::from_secs(600));
    let stale = cipher.seal_column(&["plain"; 10], &ssn(), &rows(&records)).unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::Stale);
    assert_eq!(domain.seal_column(&["plain"; 10], &ssn(), &rows(&records)).unwrap().rows(), 10);
}

/// Values during which the lease ends, and a rotation goes on elsewhere, when a row is first asked for.
struct Slow<'a> {
    world: &'a World,
    rows: usize,
    ends: usize,
    over: AtomicBool,
}

impl Values for Slow<'_> {
    fn rows(&self) -> usize {
        self.rows
    }

    fn value(&self, row: usize) -> Option<&[u8]> {
        if row == self.ends && !self.over.swap(true, Ordering::Relaxed) {
            self.world.process().domain(DOMAIN).unwrap().rotate().unwrap();
            self.world.clock.advance(Duration::from_secs(600));
        }
        Some(b"123-45-6789")
    }
}

#[test]
fn a_column_whose_lease_ends_on_the_way_is_sealed_by_the_domain_under_what_there_is_then() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let cipher = domain.ready().unwrap();
    let records = records(2_000);
    // The length is asked for once beforehand: the end comes while the rows are sealed.
    let slow = |ends| Slow { world: &world, rows: 2_000, ends, over: AtomicBool::new(false) };
    let stale = cipher.seal_column(&slow(0), &ssn(), &rows(&records)).unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::Stale);
    let slow = Slow { over: AtomicBool::new(true), ..slow(1_000) };
    let late = Late { slow, asked: AtomicUsize::new(0) };
    let sealed = domain.seal_column(&late, &ssn(), &rows(&records)).unwrap();
    let key_of = |row| Sealed::try_from(sealed.value(row).unwrap()).unwrap().key_id();
    let keys: Vec<_> = (0..2_000).map(key_of).collect();
    let switched = keys.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert_eq!(switched, 1, "the rows before and after are under one key each");
    assert!(keys[..896].iter().all(|key| *key == keys[0]) && keys[1_024] != keys[0]);
    let opened = domain.open_column(&sealed, &ssn(), &rows(&records)).unwrap();
    assert_eq!(opened.expose_secret().rows(), 2_000);
}

/// As [`Slow`], when the row is asked for a second time.
struct Late<'a> {
    slow: Slow<'a>,
    asked: AtomicUsize,
}

impl Values for Late<'_> {
    fn rows(&self) -> usize {
        self.slow.rows
    }

    fn value(&self, row: usize) -> Option<&[u8]> {
        if row == self.slow.ends && self.asked.fetch_add(1, Ordering::Relaxed) == 1 {
            self.slow.over.store(false, Ordering::Relaxed);
        }
        self.slow.value(row)
    }
}
