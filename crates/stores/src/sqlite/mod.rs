//! A store in one SQLite file, for any number of processes on one machine.

mod error;
mod file;
mod held;
mod schema;

use crate::limits::{check_all, check_bytes, check_id, conflict};
use core::fmt;
use core::time::Duration;
use error::{failed, malformed};
use held::Held;
use phiseal_keys::{BoxFuture, Erasure, Error, ErrorKind, Record, RecordKind, RecordWrite, Store};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A store in one SQLite file (WAL, `synchronous=FULL`): for any number of threads and processes on one machine.
///
/// The stock `sqlite3` program reads it: `select kind, hex(id), revision, hex(bytes) from records`. Beside the file lie
/// its `-wal` and `-shm` files while it is open. All three are made with mode 0600. The file must be on a local disk: a
/// network file system has no shared memory for the write-ahead log.
///
/// A file that its group or others can write is refused. One that they can read opens, as a backup may run under another
/// user and what is in it is wrapped; but whoever has a copy of the wrapped keys needs only the KEK, today or later, so
/// each opening then warns once through the crate `log`.
///
/// Futures are ready at once: a call blocks its thread while it waits for the disk (a few milliseconds for a write) and
/// for other writers, at most the busy timeout (five seconds, [`SqliteStore::with_busy_timeout`]).
///
/// # Erasure
///
/// SQLite zeroes what is deleted (`secure_delete`), but leaves older pages in its log and, when it splits a page, copies
/// of rows in the part of the page that is no longer used. So [`erase`](Store::erase) rewrites the file without them
/// (`VACUUM`, in memory), copies the log into it and truncates the log. That takes time and memory in proportion to the
/// file: erase once after many replacements rather than after each.
///
/// [`Erasure::Done`] means gone from the files: no byte of the database, its log or its shared memory holds what was
/// replaced. It is not a promise about the device. The truncated log and the pages that a shorter file gave back are not
/// overwritten, so that a raw device may keep their blocks until they are reused, and so may a copy-on-write file system,
/// a solid-state drive, a snapshot or a backup. There, what was replaced is as secret as the keys that wrap it.
///
/// [`Erasure::Pending`] means that another process read or wrote for longer than the busy timeout; the next call does the
/// rest.
///
/// # Fork
///
/// A store is opened after `fork()`, in the process that uses it. In a child, a handle from before refuses every call
/// and, when it is dropped, leaves SQLite's connection as it is; nor does the child open the same file, as SQLite would
/// believe it to hold its parent's locks (sqlite.org/howtocorrupt.html, 2.6). A process that was started anew (`exec`)
/// is free to.
///
/// ```
/// use phiseal_stores::SqliteStore;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("keys.db");
/// let store = SqliteStore::open(&path)?;
/// # drop(store);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SqliteStore {
    connection: Held,
    path: PathBuf,
    busy_timeout: Duration,
}

/// How long a call waits for other writers, unless told otherwise.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

const READ: &str = "SELECT revision, bytes FROM records WHERE kind = ?1 AND id = ?2";
const CREATE: &str =
    "INSERT INTO records (kind, id, revision, bytes) VALUES (?1, ?2, 1, ?3) ON CONFLICT DO NOTHING";
const REPLACE: &str = "UPDATE records SET revision = revision + 1, bytes = ?4 WHERE kind = ?1 AND id = ?2 AND revision = ?3";
const SCAN: &str =
    "SELECT revision, bytes, id FROM records WHERE kind = ?1 AND id > ?2 ORDER BY id LIMIT ?3";

impl SqliteStore {
    /// Opens the store in the file `path`, or makes it, with mode 0600, when there is no such file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] when the file is another application's database or has a newer schema, the file system
    /// cannot carry a write-ahead log, or the file was open when this process was forked; the file is then as it was. [`ErrorKind::Malformed`] when it is no
    /// database, or its tables are not the ones that this store makes. [`ErrorKind::NotFound`] when the folder does not
    /// exist, [`ErrorKind::Denied`] when the file cannot be opened for writing, or it or a file beside it can be written by
    /// others than its owner, [`ErrorKind::Unavailable`] when another process holds it or the disk is full.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        file::create_if_absent(path)?;
        file::check_modes(path)?;
        let connection = Held::open(path, BUSY_TIMEOUT)?;
        Ok(Self { connection, path: path.to_path_buf(), busy_timeout: BUSY_TIMEOUT })
    }

    /// The same handle, which from now on waits for others for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] over 24 days, [`ErrorKind::Unsupported`] in a child that was forked since it was opened.
    pub fn with_busy_timeout(mut self, timeout: Duration) -> Result<Self, Error> {
        if i32::try_from(timeout.as_millis()).is_err() {
            return Err(Error::new(ErrorKind::Invalid, "the busy timeout is too long"));
        }
        self.connection.with(|connection| connection.busy_timeout(timeout).map_err(failed))?;
        self.busy_timeout = timeout;
        Ok(self)
    }
}

impl Store for SqliteStore {
    fn read<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Record>, Error>> {
        Box::pin(async move {
            check_id(id)?;
            self.connection.with(|connection| {
                let mut statement = connection.prepare_cached(READ).map_err(failed)?;
                statement.query_row(params![kind.to_byte(), id], record).optional().map_err(failed)
            })
        })
    }

    fn write<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
        expected: u64,
        bytes: &'a [u8],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            check_id(id)?;
            check_bytes(bytes)?;
            let write = RecordWrite { kind, id, expected, bytes };
            self.connection.with(|connection| swap(connection, &[write]))
        })
    }

    fn write_all<'a>(&'a self, writes: &'a [RecordWrite<'a>]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            check_all(writes)?;
            self.connection.with(|connection| {
                // Rolled back when it is dropped before it is committed.
                let behavior = TransactionBehavior::Immediate;
                let transaction =
                    Transaction::new_unchecked(connection, behavior).map_err(failed)?;
                swap(&transaction, writes)?;
                transaction.commit().map_err(failed)
            })
        })
    }

    fn scan<'a>(
        &'a self,
        kind: RecordKind,
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Vec<u8>, Record)>, Error>> {
        Box::pin(async move {
            // No id is empty, so all are greater than the empty one.
            let after = after.unwrap_or_default();
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            self.connection.with(|connection| {
                let mut statement = connection.prepare_cached(SCAN).map_err(failed)?;
                let rows = statement
                    .query_map(params![kind.to_byte(), after, limit], |row| {
                        Ok((row.get(2)?, record(row)?))
                    })
                    .map_err(failed)?;
                rows.collect::<Result<_, _>>().map_err(failed)
            })
        })
    }

    fn erase(&self) -> BoxFuture<'_, Result<Erasure, Error>> {
        Box::pin(async move {
            self.connection.with(|connection| {
                let start = Instant::now();
                if let Err(error) = connection.execute_batch("VACUUM") {
                    return if error::is_busy(&error) {
                        Ok(Erasure::Pending)
                    } else {
                        Err(failed(error))
                    };
                }
                loop {
                    let busy: bool = connection
                        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
                        .or_else(|error| {
                            if error::is_busy(&error) { Ok(true) } else { Err(failed(error)) }
                        })?;
                    if !busy {
                        return Ok(Erasure::Done);
                    }
                    if start.elapsed() >= self.busy_timeout {
                        return Ok(Erasure::Pending);
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
            })
        })
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

/// These writes one by one, alone or as a transaction.
fn swap(connection: &Connection, writes: &[RecordWrite<'_>]) -> Result<(), Error> {
    let prepared = |sql, is_needed: fn(u64) -> bool| {
        let mut expected = writes.iter().map(|write| write.expected);
        expected.any(is_needed).then(|| connection.prepare_cached(sql)).transpose().map_err(failed)
    };
    let mut create = prepared(CREATE, |expected| expected == 0)?;
    let mut replace = prepared(REPLACE, |expected| expected > 0)?;
    for RecordWrite { kind, id, expected, bytes } in writes {
        let (kind, expected) = (kind.to_byte(), i64::try_from(*expected).map_err(|_| conflict())?);
        let changed = match (&mut create, &mut replace) {
            (Some(create), _) if expected == 0 => create.execute(params![kind, id, bytes]),
            (_, Some(replace)) => replace.execute(params![kind, id, expected, bytes]),
            _ => return Err(conflict()),
        };
        match changed.map_err(failed)? {
            1 => {}
            0 => return Err(conflict()),
            _ => return Err(malformed("the store changed more than one record")),
        }
    }
    Ok(())
}

/// The record in the first two columns.
fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let revision: i64 = row.get(0)?;
    let revision = u64::try_from(revision)
        .map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, revision))?;
    Ok(Record { revision, bytes: row.get(1)? })
}
