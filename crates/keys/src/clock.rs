//! Time as a seam: schedules and expiry are tested without waiting.

use crate::os;
use core::cell::Cell;
use core::fmt::Debug;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Two clocks: one that only rises, for leases and lifetimes, and the wall's, for records that people read.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Time since the machine started, time asleep included. Never falls.
    fn now(&self) -> Moment;

    /// As [`Clock::now`], at most a tick of the kernel's late (1 to 10 ms), cheap enough to be read for every message.
    fn coarse(&self) -> Moment;

    /// Seconds since 1970-01-01T00:00:00Z by the wall clock, which may jump; 0 before that.
    fn wall(&self) -> u64;

    /// As [`Clock::wall`], in milliseconds; a clock that knows no better gives whole seconds.
    fn wall_millis(&self) -> u64 {
        self.wall().saturating_mul(1000)
    }
}

/// A point on the rising clock, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The point `nanos` nanoseconds after the clock's origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The point `after` later, or the last one there is.
    #[must_use]
    pub fn saturating_add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` this is; zero when it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// The machine's own clocks.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SystemClock;

impl SystemClock {
    /// The machine's own clocks.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Moment(os::boot_nanos())
    }

    /// The boot-time clock has no coarse form, so each thread reads it once in each of the kernel's ticks. The tick's clock
    /// stands while the machine sleeps, but goes on at once when it wakes, and nobody can set it.
    #[inline]
    fn coarse(&self) -> Moment {
        TICK.with(|tick| {
            let (seen, moment) = tick.get();
            let now = os::tick();
            if now == seen {
                return moment;
            }
            let moment = self.now();
            tick.set((now, moment));
            moment
        })
    }

    fn wall(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    fn wall_millis(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

thread_local! {
    /// The tick in which this thread last read the boot-time clock, and what it read.
    static TICK: Cell<(u64, Moment)> = const { Cell::new((0, Moment(0))) };
}

/// A clock that moves when it is told to, for tests of whatever waits or expires.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<(AtomicU64, AtomicU64)>);

impl ManualClock {
    /// A clock that stands one day after its origin, at `wall` seconds since 1970.
    #[must_use]
    pub fn at(wall: u64) -> Self {
        Self(Arc::new((AtomicU64::new(86_400_000_000_000), AtomicU64::new(wall))))
    }

    /// Moves both clocks on.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.0.0.fetch_add(nanos, Ordering::SeqCst);
        self.0.1.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    /// Sets the wall clock alone, as an operator or a time server might.
    pub fn set_wall(&self, wall: u64) {
        self.0.1.store(wall, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        Moment(self.0.0.load(Ordering::SeqCst))
    }

    fn coarse(&self) -> Moment {
        self.now()
    }

    fn wall(&self) -> u64 {
        self.0.1.load(Ordering::SeqCst)
    }
}
