//! Thirty-two secret bytes, in locked pages that no core dump contains.

use crate::os::{Leaked, Pages, Protection, fork_generation};
use crate::{Error, ErrorKind};
use core::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use zeroize::Zeroize;

/// A 256-bit secret: in locked memory that is left out of core dumps, zeroed on drop, never printed.
///
/// It cannot be cloned, compared, printed or serialised; [`Secret::expose_secret`] is its one door.
///
/// ```compile_fail
/// # let secret = phiseal_keys::Secret::zeroed().unwrap();
/// let copy = secret.clone();
/// ```
///
/// ```compile_fail
/// # let secret = phiseal_keys::Secret::zeroed().unwrap();
/// println!("{secret}");
/// ```
pub struct Secret(Slot);

impl Secret {
    /// Thirty-two zeros, to be filled in place.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Memory`] when the system gives no memory or, after [`require_locked_memory`], none that it locks.
    pub fn zeroed() -> Result<Self, Error> {
        Slot::take().map(Self)
    }

    /// A secret that `fill` writes where it will stay.
    ///
    /// # Errors
    ///
    /// As [`Secret::zeroed`], and what `fill` returns.
    pub fn filled<E: Into<Error>>(
        fill: impl FnOnce(&mut [u8; LEN]) -> Result<(), E>,
    ) -> Result<Self, Error> {
        let mut secret = Self::zeroed()?;
        if let Some(bytes) = &mut secret.0.bytes {
            fill(bytes).map_err(Into::into)?;
        }
        Ok(secret)
    }

    /// The bytes.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8; LEN] {
        self.0.bytes.as_deref().unwrap_or(&[0; LEN])
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Refuses, from now on and for the whole process, to hold a secret in memory that is not locked and kept out of core
/// dumps. Without this call a system that cannot lock memory is met with one warning in the log.
///
/// A forked child has no locks: it locks the pages again when it first makes or drops a secret or asks about them.
///
/// # Errors
///
/// [`ErrorKind::Memory`] when memory cannot be locked (on Linux: raise `RLIMIT_MEMLOCK`; 4 KiB hold 128 secrets), or
/// when secrets already lie in memory that is not. The requirement then does not stand.
pub fn require_locked_memory() -> Result<(), Error> {
    let mut pool = pool();
    if !pool.is_protected() || (pool.free.is_empty() && pool.grow(true).is_none()) {
        return Err(Error::new(
            ErrorKind::Memory,
            "secrets cannot be kept in locked memory: raise RLIMIT_MEMLOCK",
        ));
    }
    pool.required = true;
    Ok(())
}

/// Whether every secret so far lies in locked memory that core dumps leave out.
#[must_use]
pub fn memory_is_locked() -> bool {
    pool().is_protected()
}

const LEN: usize = 32;
/// A page at a time, 128 secrets: a limit of 64 KiB is used to its end.
const CHUNK: usize = 4096;

static POOL: Mutex<Pool> =
    Mutex::new(Pool { free: Vec::new(), chunks: Vec::new(), required: false, born_in: 0 });

fn pool() -> MutexGuard<'static, Pool> {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let now = fork_generation();
    if pool.born_in != now {
        pool.born_in = now;
        pool.chunks.iter_mut().for_each(Leaked::lock_again);
    }
    pool
}

/// One slot of the pool, `None` only while it is being dropped.
struct Slot {
    bytes: Option<&'static mut [u8; LEN]>,
}

impl Slot {
    fn take() -> Result<Self, Error> {
        let mut pool = pool();
        let mut first_unprotected = None;
        if pool.required && !pool.is_protected() {
            return Err(no_memory());
        }
        if pool.free.is_empty() {
            let required = pool.required;
            let grown = pool.grow(required).ok_or_else(no_memory)?;
            first_unprotected = (pool.unprotected() == 1 && !grown.is_full()).then_some(grown);
        }
        let bytes = pool.free.pop().ok_or_else(no_memory)?;
        drop(pool);
        if let Some(protection) = first_unprotected {
            log::warn!(
                "phiseal: secrets are in memory that is not locked (locked: {}, kept out of core dumps: {}); \
                 raise RLIMIT_MEMLOCK",
                protection.locked,
                protection.undumped
            );
        }
        Ok(Self { bytes: Some(bytes) })
    }
}

fn no_memory() -> Error {
    Error::new(ErrorKind::Memory, "no locked memory left for a secret")
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(bytes) = self.bytes.take() {
            bytes.zeroize();
            pool().free.push(bytes);
        }
    }
}

struct Pool {
    free: Vec<&'static mut [u8; LEN]>,
    /// Whether unprotected memory is refused.
    required: bool,
    /// Every chunk there is.
    chunks: Vec<Leaked>,
    /// The process that locked them.
    born_in: u64,
}

impl Pool {
    fn is_protected(&self) -> bool {
        self.unprotected() == 0
    }

    fn unprotected(&self) -> usize {
        self.chunks.iter().filter(|chunk| !chunk.protection.is_full()).count()
    }

    /// One chunk more, unless there is none, or none that is protected where that is `required`.
    fn grow(&mut self, required: bool) -> Option<Protection> {
        let pages = Pages::map(CHUNK)?;
        let protection = pages.protection;
        if required && !protection.is_full() {
            return None;
        }
        let (bytes, chunk) = pages.leak();
        self.chunks.push(chunk);
        let (slots, _) = bytes.as_chunks_mut::<LEN>();
        self.free.extend(slots);
        Some(protection)
    }
}
