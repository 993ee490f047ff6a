//! What a process has seen binds it also where it writes, scans, and meets another record of the same revision.

use crate::assert_kind;
use phiseal::blocking::Phiseal;
use phiseal::{Erasure, Error, ErrorKind, KeyState, Phi};
use phiseal_keys::{BoxFuture, Record, RecordKind, RecordWrite, Store};
use phiseal_tests::editable::EditableStore;
use phiseal_tests::world::{DOMAIN, World, what};
use pollster::block_on;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const SUBJECT: RecordKind = RecordKind::Subject;
const KEYSET: RecordKind = RecordKind::Keyset;

/// A shredded person's older row, put back, is not made new by moving all persons to another version.
#[test]
fn a_rewrap_does_not_revive_a_shredded_person() {
    let world = World::of_default_engine();
    let process = world.process();
    let domain = process.domain(DOMAIN).unwrap();
    let ada = domain.subject_or_create("ada").unwrap();
    let sealed = ada.seal("ada's", &what()).unwrap();
    let (id, active) = world.store.only(SUBJECT);
    domain.shred_subject("ada").unwrap();
    domain.rotate().unwrap();
    world.store.put(SUBJECT, &id, active);
    let outcome = domain.rewrap_subjects();
    let row = world.store.row(SUBJECT, &id);
    if let Ok(ada) = domain.subject("ada") {
        let opened: Result<Phi<String>, _> = ada.open(&sealed, &what());
        assert!(opened.is_err(), "revived: {outcome:?}, {row:?}");
    }
    assert_kind(outcome, ErrorKind::Tampered, "an older row");
}

/// An older keyset, put back, is not continued by somebody who still holds it.
#[test]
fn a_snapshot_of_before_does_not_continue_an_older_row() {
    let world = World::of_default_engine();
    let process = world.process();
    process.domain(DOMAIN).unwrap();
    let store = process.key_store();
    let first = block_on(store.keyset(DOMAIN)).unwrap();
    let row = world.store.row(KEYSET, DOMAIN.as_bytes());
    let compromised = block_on(store.set_state(&first, 1, KeyState::Compromised)).unwrap();
    world.store.put(KEYSET, DOMAIN.as_bytes(), row);
    assert_kind(block_on(store.add_version(&first)), ErrorKind::Conflict, "written over");
    drop(compromised);
    assert_kind(block_on(store.keyset(DOMAIN)), ErrorKind::Tampered, "active again");
}

/// Two rows of one revision, both authentic: of a write that the store said it had refused, and of the one after.
#[test]
fn another_row_of_the_revision_that_was_seen_is_refused() {
    let world = World::of_default_engine();
    let (here, there) = (world.process(), world.process());
    let domain = here.domain(DOMAIN).unwrap();
    let ada = domain.subject_or_create("ada").unwrap();
    let sealed = ada.seal("ada's", &what()).unwrap();
    let (id, active) = world.store.only(SUBJECT);
    domain.rotate().unwrap();
    // The store keeps what another process wrote and answers that it has not.
    there.domain(DOMAIN).unwrap().rewrap_subjects().unwrap();
    let moved = world.store.row(SUBJECT, &id);
    world.store.put(SUBJECT, &id, active);
    domain.shred_subject("ada").unwrap();
    assert_eq!(moved.revision, world.store.row(SUBJECT, &id).revision);
    world.store.put(SUBJECT, &id, moved);
    let outcome = domain.subject("ada").and_then(|ada| ada.open::<String>(&sealed, &what()));
    assert_kind(outcome, ErrorKind::Tampered, "a shredded person is back");
}

#[test]
fn another_keyset_of_the_revision_that_was_seen_is_refused() {
    let world = World::of_default_engine();
    let (here, there) = (world.process(), world.process());
    here.domain(DOMAIN).unwrap();
    let keyset = block_on(here.key_store().keyset(DOMAIN)).unwrap();
    let before = world.store.row(KEYSET, DOMAIN.as_bytes());
    block_on(there.key_store().add_version(&keyset)).unwrap();
    let other = world.store.row(KEYSET, DOMAIN.as_bytes());
    world.store.put(KEYSET, DOMAIN.as_bytes(), before);
    block_on(here.key_store().set_state(&keyset, 1, KeyState::Compromised)).unwrap();
    world.store.put(KEYSET, DOMAIN.as_bytes(), other);
    assert_kind(block_on(here.key_store().keyset(DOMAIN)), ErrorKind::Tampered, "active again");
}

/// A row that nobody authenticated does not end the list of persons.
#[test]
fn a_planted_row_does_not_hide_the_persons_after_it() {
    let world = World::of_default_engine();
    let process = world.process();
    let domain = process.domain(DOMAIN).unwrap();
    let sealed = domain.subject_or_create("ada").unwrap().seal("ada's", &what()).unwrap();
    let keyset = domain.rotate().unwrap();
    let planted = [&keyset.domain().as_bytes()[..], &[0]].concat();
    world.store.put(SUBJECT, &planted, Record { revision: 1, bytes: vec![] });
    let destroyed = block_on(process.key_store().set_state(&keyset, 1, KeyState::Destroyed));
    let fresh = world.process().domain(DOMAIN).unwrap();
    let opened = fresh.subject("ada").and_then(|ada| ada.open::<String>(&sealed, &what()));
    assert!(opened.is_ok(), "lost: {:?}", opened.err());
    assert_kind(destroyed, ErrorKind::Tampered, "destroyed, though it wraps a person's key");
}

/// A history that parted from the one that was seen, and is longer.
#[test]
fn a_keyset_that_cannot_have_come_after_the_one_that_was_seen_is_refused() {
    let world = World::of_default_engine();
    let here = world.process();
    here.domain(DOMAIN).unwrap();
    let keyset = block_on(here.key_store().keyset(DOMAIN)).unwrap();
    let before = world.store.row(KEYSET, DOMAIN.as_bytes());
    let keyset = block_on(here.key_store().set_state(&keyset, 1, KeyState::Suspended)).unwrap();
    let keyset = block_on(here.key_store().set_state(&keyset, 1, KeyState::Compromised)).unwrap();
    assert_eq!(keyset.revision(), 3);
    world.store.put(KEYSET, DOMAIN.as_bytes(), before);
    let there = world.process();
    for _ in 0..3 {
        let keyset = block_on(there.key_store().keyset(DOMAIN)).unwrap();
        block_on(there.key_store().add_version(&keyset)).unwrap();
    }
    let outcome = block_on(here.key_store().keyset(DOMAIN));
    assert_kind(outcome, ErrorKind::Tampered, "active again");
}

/// A process that has not looked since makes no person under a version that is destroyed.
#[test]
fn no_person_is_made_under_a_version_that_is_destroyed() {
    let world = World::of_default_engine();
    let (custodian, sleeper) = (world.process(), world.process());
    let asleep = sleeper.domain(DOMAIN).unwrap();
    asleep.seal("plain", &what()).unwrap();
    let keyset = custodian.domain(DOMAIN).unwrap().rotate().unwrap();
    block_on(custodian.key_store().set_state(&keyset, 1, KeyState::Destroyed)).unwrap();
    let made = asleep.subject_or_create("ada").and_then(|ada| ada.seal("ada's", &what()));
    let fresh = world.process().domain(DOMAIN).unwrap();
    if let Ok(sealed) = made {
        let opened = fresh.subject("ada").and_then(|ada| ada.open::<String>(&sealed, &what()));
        assert!(opened.is_ok(), "lost: {:?}", opened.err());
    }
    assert!(fresh.subject_or_create("ada").is_ok());
}

/// Nor does one move persons to it.
#[test]
fn no_person_is_moved_to_a_version_that_is_destroyed() {
    let world = World::of_default_engine();
    let (custodian, mover) = (world.process(), world.process());
    let domain = mover.domain(DOMAIN).unwrap();
    let sealed = domain.subject_or_create("ada").unwrap().seal("ada's", &what()).unwrap();
    domain.rotate().unwrap();
    world.store.after_next_read(move || {
        let keyset = custodian.domain(DOMAIN).unwrap().rotate().unwrap();
        assert_eq!(keyset.primary(), 3);
        let destroyed = block_on(custodian.key_store().set_state(&keyset, 2, KeyState::Destroyed));
        assert_kind(destroyed, ErrorKind::State, "somebody is under the first version");
    });
    let moved = domain.rewrap_subjects();
    let fresh = world.process().domain(DOMAIN).unwrap();
    let opened = fresh.subject("ada").and_then(|ada| ada.open::<String>(&sealed, &what()));
    assert!(opened.is_ok(), "lost after {moved:?}: {:?}", opened.err());
}

/// A person who was seen is not left out of the list either.
#[test]
fn a_person_who_was_seen_cannot_be_left_out() {
    let world = World::of_default_engine();
    let process = world.process();
    let domain = process.domain(DOMAIN).unwrap();
    domain.subject_or_create("ada").unwrap();
    let keyset = domain.rotate().unwrap();
    let (id, row) = world.store.only(SUBJECT);
    world.store.remove(SUBJECT, &id);
    let destroyed = block_on(process.key_store().set_state(&keyset, 1, KeyState::Destroyed));
    world.store.put(SUBJECT, &id, row);
    assert_kind(destroyed, ErrorKind::Tampered, "destroyed, though it wraps a person's key");
}

/// Nor is one lost who is written under a version that was destroyed between the look and the write.
#[test]
fn a_person_who_is_written_too_late_is_moved_to_the_version_that_is_the_primary() {
    let world = World::of_default_engine();
    let (custodian, slow) = (world.process(), world.process());
    let domain = slow.domain(DOMAIN).unwrap();
    world.store.before_next_write(SUBJECT, move || {
        let keyset = custodian.domain(DOMAIN).unwrap().rotate().unwrap();
        block_on(custodian.key_store().set_state(&keyset, 1, KeyState::Destroyed)).unwrap();
    });
    let sealed = domain.subject_or_create("ada").unwrap().seal("ada's", &what()).unwrap();
    let keyset = domain.keyset().unwrap();
    assert_eq!(keyset.version(1).unwrap().state(), KeyState::Destroyed, "the control");
    let fresh = world.process().domain(DOMAIN).unwrap();
    let opened = fresh.subject("ada").unwrap().open::<String>(&sealed, &what());
    assert_eq!(opened.unwrap().expose_secret(), "ada's");
}

/// The same while persons are moved: those who were written under a version that went meanwhile are moved once more.
#[test]
fn persons_who_are_moved_too_late_are_moved_again() {
    let world = World::of_default_engine();
    let (custodian, slow) = (world.process(), world.process());
    let domain = slow.domain(DOMAIN).unwrap();
    let sealed = domain.subject_or_create("ada").unwrap().seal("ada's", &what()).unwrap();
    let keyset = block_on(slow.key_store().add_version(&domain.keyset().unwrap())).unwrap();
    block_on(slow.key_store().set_primary(&keyset, 2)).unwrap();
    world.store.before_next_write(SUBJECT, move || {
        let store = custodian.key_store();
        let keyset = block_on(store.keyset(DOMAIN)).unwrap();
        let keyset = block_on(store.set_primary(&keyset, 1)).unwrap();
        let keyset = block_on(store.set_state(&keyset, 2, KeyState::Deactivated)).unwrap();
        block_on(store.set_state(&keyset, 2, KeyState::Destroyed)).unwrap();
    });
    assert_eq!(domain.rewrap_subjects().unwrap().rewrapped, 1);
    let keyset = domain.keyset().unwrap();
    assert_eq!(keyset.version(2).unwrap().state(), KeyState::Destroyed, "the control");
    let fresh = world.process().domain(DOMAIN).unwrap();
    let opened = fresh.subject("ada").unwrap().open::<String>(&sealed, &what());
    assert_eq!(opened.unwrap().expose_secret(), "ada's");
}

/// A store that answers no read once the next person's record was written, until it is told to.
#[derive(Clone, Debug)]
struct CutOff(EditableStore, Arc<AtomicU64>);

impl CutOff {
    const NEXT_WRITE: u64 = 1;
    const DOWN: u64 = 2;
}

impl Store for CutOff {
    fn read<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Record>, Error>> {
        if self.1.load(Ordering::SeqCst) == Self::DOWN {
            return Box::pin(async { Err(Error::new(ErrorKind::Unavailable, "cut off")) });
        }
        self.0.read(kind, id)
    }

    fn write<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
        expected: u64,
        bytes: &'a [u8],
    ) -> BoxFuture<'a, Result<(), Error>> {
        if kind == SUBJECT {
            let _ = self.1.compare_exchange(
                Self::NEXT_WRITE,
                Self::DOWN,
                Ordering::SeqCst,
                Ordering::SeqCst,
            );
        }
        self.0.write(kind, id, expected, bytes)
    }

    fn write_all<'a>(&'a self, writes: &'a [RecordWrite<'a>]) -> BoxFuture<'a, Result<(), Error>> {
        self.0.write_all(writes)
    }

    fn scan<'a>(
        &'a self,
        kind: RecordKind,
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Vec<u8>, Record)>, Error>> {
        self.0.scan(kind, after, limit)
    }

    fn erase(&self) -> BoxFuture<'_, Result<Erasure, Error>> {
        self.0.erase()
    }
}

/// Nor is one lost whose mover is cut off, or killed, before it could look whether it came too late.
#[test]
fn nobody_is_lost_by_a_mover_who_is_cut_off() {
    let world = World::of_default_engine();
    let cut = CutOff(world.store.clone(), Arc::default());
    let builder = world.builder();
    let mover = Phiseal::open_with(builder, cut.clone(), world.kek.clone()).unwrap();
    let domain = mover.domain(DOMAIN).unwrap();
    let sealed = domain.subject_or_create("ada").unwrap().seal("ada's", &what()).unwrap();
    domain.rotate().unwrap();
    let custodian = world.process();
    world.store.before_next_write(SUBJECT, move || {
        let keyset = custodian.domain(DOMAIN).unwrap().rotate().unwrap();
        let _ = block_on(custodian.key_store().set_state(&keyset, 2, KeyState::Destroyed));
    });
    cut.1.store(CutOff::NEXT_WRITE, Ordering::SeqCst);
    assert_kind(domain.rewrap_subjects(), ErrorKind::Unavailable, "the control");
    cut.1.store(0, Ordering::SeqCst);
    let moved = domain.rewrap_subjects();
    let fresh = world.process().domain(DOMAIN).unwrap();
    let opened = fresh.subject("ada").and_then(|ada| ada.open::<String>(&sealed, &what()));
    assert!(opened.is_ok(), "lost after {moved:?}: {:?}", opened.err());
}

/// A person whose version cannot be had is reported when all others have been moved.
#[test]
fn one_who_cannot_be_moved_does_not_keep_the_others_where_they_are() {
    let world = World::of_default_engine();
    let process = world.process();
    let (domain, store) = (process.domain(DOMAIN).unwrap(), process.key_store());
    domain.subject_or_create("ada").unwrap();
    let keyset = block_on(store.add_version(&domain.keyset().unwrap())).unwrap();
    let keyset = block_on(store.set_primary(&keyset, 2)).unwrap();
    domain.rewrap().unwrap();
    for person in 0..20 {
        domain.subject_or_create(&person.to_string()).unwrap();
    }
    let keyset = block_on(store.set_state(&keyset, 1, KeyState::Suspended)).unwrap();
    let keyset = block_on(store.add_version(&keyset)).unwrap();
    let keyset = block_on(store.set_primary(&keyset, 3)).unwrap();
    let under = |version| block_on(store.subjects_under(&keyset, version)).unwrap();
    assert_eq!((under(1), under(2), under(3)), (1, 20, 0), "the control");
    assert_kind(domain.rewrap_subjects(), ErrorKind::State, "ada's version is suspended");
    assert_eq!((under(1), under(2), under(3)), (1, 0, 20));
    block_on(store.set_state(&keyset, 1, KeyState::Active)).unwrap();
    assert_eq!(domain.rewrap_subjects().unwrap().rewrapped, 1);
}
