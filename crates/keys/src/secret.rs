//! Thirty-two secret bytes, in locked pages that no core dump contains.

use crate::os::Pages;
use crate::{Error, ErrorKind};
use core::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
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
/// # Errors
///
/// [`ErrorKind::Memory`] when memory cannot be locked (on Linux: raise `RLIMIT_MEMLOCK`; 64 KiB hold 2,048 secrets), or
/// when secrets already lie in memory that is not. The requirement then does not stand.
pub fn require_locked_memory() -> Result<(), Error> {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if !pool.protected() || (pool.free.is_empty() && !pool.grow()) || !pool.protected() {
        return Err(Error::new(
            ErrorKind::Memory,
            "secrets cannot be kept in locked memory: raise RLIMIT_MEMLOCK",
        ));
    }
    REQUIRED.store(true, Ordering::Relaxed);
    Ok(())
}

/// Whether every secret so far lies in locked memory that core dumps leave out.
#[must_use]
pub fn memory_is_locked() -> bool {
    POOL.lock().unwrap_or_else(PoisonError::into_inner).protected()
}

const LEN: usize = 32;
const CHUNK: usize = 64 * 1024;

static POOL: Mutex<Pool> =
    Mutex::new(Pool { free: Vec::new(), unlocked_chunks: 0, undumped_missing: 0 });
static REQUIRED: AtomicBool = AtomicBool::new(false);

/// One slot of the pool, `None` only while it is being dropped.
struct Slot {
    bytes: Option<&'static mut [u8; LEN]>,
}

impl Slot {
    fn take() -> Result<Self, Error> {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.free.is_empty() && !pool.grow() {
            return Err(Error::new(ErrorKind::Memory, "no locked memory left for a secret"));
        }
        let bytes =
            pool.free.pop().ok_or(Error::new(ErrorKind::Memory, "no memory left for a secret"))?;
        Ok(Self { bytes: Some(bytes) })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(bytes) = self.bytes.take() {
            bytes.zeroize();
            POOL.lock().unwrap_or_else(PoisonError::into_inner).free.push(bytes);
        }
    }
}

struct Pool {
    free: Vec<&'static mut [u8; LEN]>,
    unlocked_chunks: u32,
    undumped_missing: u32,
}

impl Pool {
    fn protected(&self) -> bool {
        self.unlocked_chunks == 0 && self.undumped_missing == 0
    }

    fn grow(&mut self) -> bool {
        let Some(pages) = Pages::map(CHUNK) else { return false };
        let protection = pages.protection;
        if !(protection.locked && protection.undumped) {
            if REQUIRED.load(Ordering::Relaxed) {
                return false;
            }
            if self.protected() {
                log::warn!(
                    "phiseal: secrets are in memory that is not locked (locked: {}, kept out of core dumps: {}); \
                     raise RLIMIT_MEMLOCK",
                    protection.locked,
                    protection.undumped
                );
            }
            self.unlocked_chunks += u32::from(!protection.locked);
            self.undumped_missing += u32::from(!protection.undumped);
        }
        let (slots, _) = pages.leak(CHUNK).as_chunks_mut::<LEN>();
        self.free.extend(slots);
        true
    }
}
