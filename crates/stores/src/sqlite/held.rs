//! A connection in the process that opened it.

use super::file::{Identity, identity};
use super::schema;
use core::time::Duration;
use phiseal_keys::{Error, ErrorKind, fork_generation};
use rusqlite::Connection;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A connection for one thread at a time, which a forked child neither uses nor closes: either would take the parent's
/// locks for its own (sqlite.org/howtocorrupt.html, 2.6).
pub(super) struct Held {
    /// None only while it is dropped.
    connection: Mutex<Option<Connection>>,
    // Given back after the connection is closed.
    claim: Claim,
}

impl Held {
    /// Opens the store in the file `path`, which is there.
    pub(super) fn open(path: &Path, busy_timeout: Duration) -> Result<Self, Error> {
        let claim = Claim::new(path)?;
        let connection = schema::connect(path, busy_timeout)?;
        Ok(Self { connection: Mutex::new(Some(connection)), claim })
    }

    /// Runs one piece of work on the connection. The lock is held for its statements only, and never across an await.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.claim.is_inherited() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the store was opened before this process was forked",
            ));
        }
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = connection.as_ref();
        work(connection.ok_or_else(|| Error::new(ErrorKind::Faulty, "the store is closed"))?)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let connection = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if self.claim.is_inherited() {
            core::mem::forget(connection);
        }
    }
}

/// That this process has a connection to a file.
///
/// SQLite counts the locks that a process has on a file in memory, which a child inherits. A connection that the child
/// opens then takes no lock of its own, and what it writes is lost when the parent closes its connection.
struct Claim {
    file: Identity,
    born_in: u64,
}

/// All claims of this process, and those that it inherited, which nobody gives back.
static CLAIMS: Mutex<Vec<(Identity, u64)>> = Mutex::new(Vec::new());

impl Claim {
    fn new(path: &Path) -> Result<Self, Error> {
        let claim = Self { file: identity(path)?, born_in: fork_generation() };
        let mut claims = claims();
        if claims.iter().any(|(file, born_in)| *file == claim.file && *born_in != claim.born_in) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the store was open when this process was forked: fork first and open it then",
            ));
        }
        claims.push((claim.file, claim.born_in));
        Ok(claim)
    }

    fn is_inherited(&self) -> bool {
        fork_generation() != self.born_in
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.is_inherited() {
            return;
        }
        let mut claims = claims();
        if let Some(at) = claims.iter().position(|claim| *claim == (self.file, self.born_in)) {
            claims.swap_remove(at);
        }
    }
}

fn claims() -> MutexGuard<'static, Vec<(Identity, u64)>> {
    CLAIMS.lock().unwrap_or_else(PoisonError::into_inner)
}
