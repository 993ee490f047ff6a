use core::sync::atomic::{AtomicU64, Ordering};
use phiseal_keys::{Clock, Error, ErrorKind, Moment};
use std::sync::Arc;

/// Until when a key may be used: the end of a lease, or of a cached key's time. Read for every message.
#[derive(Debug)]
pub(crate) struct Deadline {
    clock: Arc<dyn Clock>,
    nanos: AtomicU64,
}

impl Deadline {
    pub(crate) fn new(clock: Arc<dyn Clock>, until: Moment) -> Self {
        Self { clock, nanos: AtomicU64::new(until.as_nanos()) }
    }

    /// Moves the deadline, unless the key was revoked.
    pub(crate) fn set(&self, until: Moment) {
        let _ = self.nanos.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
            (now != REVOKED).then(|| until.as_nanos())
        });
    }

    /// When the key's time ends.
    pub(crate) fn until(&self) -> Moment {
        Moment::from_nanos(self.nanos.load(Ordering::Acquire))
    }

    /// Ends the key's time at once, for good.
    pub(crate) fn revoke(&self) {
        self.nanos.store(REVOKED, Ordering::Release);
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.nanos.load(Ordering::Acquire) == REVOKED
    }

    #[inline]
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.clock.coarse().as_nanos() < self.nanos.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err(stale())
        }
    }
}

const REVOKED: u64 = 0;

#[cold]
fn stale() -> Error {
    Error::new(
        ErrorKind::Stale,
        "the lease or the key's time is over: ask the domain for a fresh cipher",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use phiseal_keys::ManualClock;

    #[test]
    fn what_was_revoked_stays_revoked_and_what_is_over_does_not() {
        let end = Moment::from_nanos(u64::MAX);
        let deadline = Deadline::new(Arc::new(ManualClock::at(0)), Moment::from_nanos(1));
        assert!(deadline.check().is_err());
        deadline.set(end);
        assert!(deadline.check().is_ok());
        deadline.revoke();
        deadline.set(end);
        assert!(deadline.is_revoked() && deadline.check().is_err());
    }
}
