//! Clauses 2 to 5: compare-and-swap, and who sees what.

use super::{Fixture, Handle};
use crate::report::{Stop, ensure};
use crate::run::joined;
use phiseal_keys::RecordKind;
use std::sync::Barrier;
use std::thread;

const KIND: RecordKind = RecordKind::Keyset;
pub(super) const WRITERS: u8 = 8;
pub(super) const ROUNDS: u64 = 32;

pub(super) fn creating_needs_absence(fixture: &Fixture) -> Result<(), Stop> {
    let store = fixture.open();
    store.write(KIND, b"new", 0, b"first")?;
    store.holds(KIND, b"new", 1, b"first")?;
    store.conflict(KIND, b"new", 0)?;
    store.holds(KIND, b"new", 1, b"first")?;
    store.write(KIND, b"new", 1, b"second")?;
    store.conflict(KIND, b"new", 0)?;
    store.holds(KIND, b"new", 2, b"second")
}

pub(super) fn replacing_needs_the_revision(fixture: &Fixture) -> Result<(), Stop> {
    let store = fixture.open();
    for expected in [1, 2, u64::MAX] {
        store.conflict(KIND, b"absent", expected)?;
        ensure!(store.read(KIND, b"absent")?.is_none(), "a refused write made a record");
    }
    store.write(KIND, b"id", 0, b"revision 1")?;
    for revision in 1..=20_u64 {
        let bytes = format!("revision {revision}");
        let wrong = [
            revision.saturating_add(1),
            revision.saturating_add(2),
            revision | 1 << 32,
            revision | 1 << 63,
            u64::MAX,
        ];
        for expected in (1..revision).chain(wrong) {
            store.conflict(KIND, b"id", expected)?;
        }
        store.holds(KIND, b"id", revision, bytes.as_bytes())?;
        store.write(
            KIND,
            b"id",
            revision,
            format!("revision {}", revision.saturating_add(1)).as_bytes(),
        )?;
    }
    store.holds(KIND, b"id", 21, b"revision 21")
}

pub(super) fn one_of_many_writers_wins(fixture: &Fixture) -> Result<(), Stop> {
    let store = fixture.open();
    let handles: Vec<_> = (0..WRITERS).map(|_| fixture.open()).collect();
    for expected in 0..ROUNDS {
        let winner = winner(&handles, expected, |handle, writer| {
            handle.try_write(KIND, b"contended", expected, &[writer])
        })?;
        store.holds(KIND, b"contended", expected.saturating_add(1), &[winner])?;
    }
    Ok(())
}

/// The one of many writers at the same moment, each with a handle of its own, whose `attempt` is done.
pub(super) fn winner(
    handles: &[Handle<'_>],
    expected: u64,
    attempt: impl Fn(&Handle<'_>, u8) -> Result<bool, Stop> + Sync,
) -> Result<u8, Stop> {
    let barrier = Barrier::new(handles.len());
    let winners = thread::scope(|scope| {
        let threads = handles.iter().zip(0..WRITERS).map(|(handle, writer)| {
            let (barrier, attempt) = (&barrier, &attempt);
            scope.spawn(move || {
                barrier.wait();
                Ok(attempt(handle, writer)?.then_some(writer))
            })
        });
        threads.collect::<Vec<_>>().into_iter().map(joined).collect::<Result<Vec<_>, _>>()
    })?;
    let winners: Vec<_> = winners.into_iter().flatten().collect();
    let [winner] = winners.as_slice() else {
        return Err(Stop::Failed(format!(
            "{} of {WRITERS} writers that expected revision {expected} won",
            winners.len()
        )));
    };
    Ok(*winner)
}

pub(super) fn a_write_is_seen_everywhere(fixture: &Fixture) -> Result<(), Stop> {
    let (writer, reader) = (fixture.open(), fixture.open());
    for revision in 1..=10_u64 {
        let bytes = revision.to_be_bytes();
        // A handle that has looked before must not answer from what it saw.
        reader.read(KIND, b"seen")?;
        reader.scan(KIND, None, 10)?;
        writer.write(KIND, b"seen", revision.saturating_sub(1), &bytes)?;
        for handle in [&writer, &reader, &fixture.open()] {
            handle.holds(KIND, b"seen", revision, &bytes)?;
            scanned(handle, revision, &bytes)?;
        }
        thread::scope(|scope| {
            joined(scope.spawn(|| reader.holds(KIND, b"seen", revision, &bytes)))
        })?;
    }
    // Nobody holds the storage for a moment.
    drop((writer, reader));
    fixture.open().holds(KIND, b"seen", 10, &10_u64.to_be_bytes())
}

fn scanned(handle: &Handle<'_>, revision: u64, bytes: &[u8]) -> Result<(), Stop> {
    let found = handle.scan(KIND, None, 10)?;
    let [(_, record)] = found.as_slice() else {
        return Err(Stop::Failed(format!("a scan finds {} records instead of 1", found.len())));
    };
    ensure!(
        record.revision == revision && record.bytes == bytes,
        "a scan shows an older record than was written"
    );
    Ok(())
}
