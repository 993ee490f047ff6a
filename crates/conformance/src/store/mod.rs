//! The cases of the [`Store`] contract.

mod all;
mod erase;
mod order;
mod values;
mod writes;

use crate::forms::said;
use crate::guard::Made;
use crate::report::{CaseReport, Report, Stop, ensure};
use crate::run::{Case, PATIENCE, finish};
use core::fmt;
use core::future::Future;
use core::time::Duration;
use phiseal_keys::{Error, ErrorKind, Record, RecordKind, RecordWrite, Store};
use std::sync::Arc;

/// One storage, handles on it, and what is on its medium.
pub struct Fixture {
    open: Box<dyn Fn() -> Arc<dyn Store> + Send + Sync>,
    medium: Option<Box<dyn Fn() -> Vec<u8> + Send + Sync>>,
    patience: Duration,
}

impl Fixture {
    /// Storage that is empty, on which each call of `open` makes one more handle, or hands out the one there is when the
    /// store lives in memory.
    #[must_use]
    pub fn new(open: impl Fn() -> Arc<dyn Store> + Send + Sync + 'static) -> Self {
        Self { open: Box::new(open), medium: None, patience: PATIENCE }
    }

    /// How to read all bytes of the medium that the store controls, past the store: logs and journals included.
    ///
    /// With it clause 9 looks for what was erased; without, only for what must not have been.
    #[must_use]
    pub fn with_medium(mut self, read: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Self {
        self.medium = Some(Box::new(read));
        self
    }

    /// Waits this long for one answer instead of 30 seconds.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    fn open(&self) -> Handle<'_> {
        Handle { store: (self.open)(), fixture: self }
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").field("medium", &self.medium.is_some()).finish_non_exhaustive()
    }
}

const CASES: [Case<Fixture>; 11] = [
    Case {
        clause: 1,
        name: "clause_01_what_was_never_written_is_none",
        run: values::what_was_never_written_is_none,
    },
    Case {
        clause: 2,
        name: "clause_02_creating_needs_absence",
        run: writes::creating_needs_absence,
    },
    Case {
        clause: 3,
        name: "clause_03_replacing_needs_the_revision",
        run: writes::replacing_needs_the_revision,
    },
    Case {
        clause: 4,
        name: "clause_04_one_of_many_writers_wins",
        run: writes::one_of_many_writers_wins,
    },
    Case {
        clause: 5,
        name: "clause_05_a_write_is_seen_everywhere",
        run: writes::a_write_is_seen_everywhere,
    },
    Case {
        clause: 6,
        name: "clause_06_ids_are_bytes_and_kinds_do_not_mix",
        run: values::ids_are_bytes_and_kinds_do_not_mix,
    },
    Case {
        clause: 7,
        name: "clause_07_scan_is_in_order_and_complete",
        run: order::scan_is_in_order_and_complete,
    },
    Case {
        clause: 8,
        name: "clause_08_every_length_comes_back",
        run: values::every_length_comes_back,
    },
    Case { clause: 9, name: "clause_09_erase_keeps_its_word", run: erase::erase_keeps_its_word },
    Case { clause: 10, name: "clause_10_errors_hold_no_record", run: erase::errors_hold_no_record },
    Case {
        clause: 11,
        name: "clause_11_all_writes_are_done_or_none",
        run: all::all_writes_are_done_or_none,
    },
];

/// Runs every case, each on storage of its own.
pub fn suite<M: Made<Fixture>>(fixture: impl Fn() -> M) -> Report {
    Report::new(CASES.iter().map(|case| case.report(&fixture)).collect())
}

/// Runs the case of this name; there is none of another name, and that is a failure.
#[must_use]
pub fn check<M: Made<Fixture>>(name: &'static str, fixture: impl FnOnce() -> M) -> CaseReport {
    match CASES.iter().find(|case| case.name == name) {
        Some(case) => case.report(fixture),
        None => CaseReport::missing(name),
    }
}

/// The names of all cases, in order.
pub fn clauses() -> impl Iterator<Item = &'static str> {
    CASES.iter().map(|case| case.name)
}

/// A handle whose every answer is waited for.
#[derive(Clone)]
struct Handle<'a> {
    store: Arc<dyn Store>,
    fixture: &'a Fixture,
}

impl Handle<'_> {
    fn done<T>(&self, what: &str, call: impl Future<Output = Result<T, Error>>) -> Result<T, Stop> {
        finish(call, self.fixture.patience)?
            .map_err(|error| Stop::Failed(format!("{what} failed: {}", said(&error))))
    }

    fn read(&self, kind: RecordKind, id: &[u8]) -> Result<Option<Record>, Stop> {
        self.done("read", self.store.read(kind, id))
    }

    fn write(&self, kind: RecordKind, id: &[u8], expected: u64, bytes: &[u8]) -> Result<(), Stop> {
        self.done(
            &format!("write over revision {expected}"),
            self.store.write(kind, id, expected, bytes),
        )
    }

    /// Whether the write was done; `false` is a conflict.
    fn try_write(
        &self,
        kind: RecordKind,
        id: &[u8],
        expected: u64,
        bytes: &[u8],
    ) -> Result<bool, Stop> {
        match finish(self.store.write(kind, id, expected, bytes), self.fixture.patience)? {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => {
                Err(Stop::Failed(format!("a write was refused as {:?}: {error}", error.kind())))
            }
        }
    }

    /// Whether all of these were done; `false` is a refusal.
    fn try_write_all(&self, writes: &[RecordWrite<'_>]) -> Result<bool, Stop> {
        match finish(self.store.write_all(writes), self.fixture.patience)? {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Invalid) => {
                Ok(false)
            }
            Err(error) => {
                Err(Stop::Failed(format!("writes were refused as {:?}: {error}", error.kind())))
            }
        }
    }

    fn conflict(&self, kind: RecordKind, id: &[u8], expected: u64) -> Result<(), Stop> {
        let written = self.try_write(kind, id, expected, b"what a refused write brought")?;
        ensure!(
            !written,
            "a write that expected revision {expected} was done, and should have been a conflict"
        );
        Ok(())
    }

    fn scan(
        &self,
        kind: RecordKind,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Record)>, Stop> {
        self.done("scan", self.store.scan(kind, after, limit))
    }

    /// The record is there, at this revision and with these bytes.
    fn holds(&self, kind: RecordKind, id: &[u8], revision: u64, bytes: &[u8]) -> Result<(), Stop> {
        let Some(record) = self.read(kind, id)? else {
            return Err(Stop::Failed(format!(
                "{kind:?} {id:02x?} is not there, at revision {revision}"
            )));
        };
        let found = record.revision;
        ensure!(
            found == revision,
            "{kind:?} {id:02x?} is at revision {found} instead of {revision}"
        );
        ensure!(record.bytes == bytes, "{kind:?} {id:02x?} has other bytes than were written");
        Ok(())
    }
}
