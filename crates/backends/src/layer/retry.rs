use super::through_run;
use backon::{ExponentialBuilder, FuturesTimerSleeper, Retryable};
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use phiseal_keys::{BoxFuture, Error, ErrorKind};

/// A backend whose calls are made again when they were not answered, or were one too many.
///
/// The delays double and are spread at random, so that many processes do not come back at once. A budget bounds what
/// retries add to the load of a service that is down for everybody: one retry for every ten calls, and ten in reserve.
///
/// Not for a backend whose SDK makes calls again itself.
#[derive(Debug)]
pub struct Retry<B> {
    backend: B,
    delays: ExponentialBuilder,
    budget: Budget,
}

impl<B> Retry<B> {
    /// Makes a call of `backend` at most four times, after 50 ms, 100 ms and 200 ms, each up to twice as long.
    #[must_use]
    pub fn new(backend: B) -> Self {
        let delays = ExponentialBuilder::default()
            .with_jitter()
            .with_factor(2.0)
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(5))
            .with_max_times(3);
        Self { backend, delays, budget: Budget::default() }
    }

    /// Makes a call at most so many times, the first included.
    #[must_use]
    pub const fn attempts(mut self, attempts: usize) -> Self {
        self.delays = self.delays.with_max_times(attempts.saturating_sub(1));
        self
    }

    /// Waits so long before the first retry, and up to twice that.
    #[must_use]
    pub const fn first_delay(mut self, delay: Duration) -> Self {
        self.delays = self.delays.with_min_delay(delay);
        self
    }

    async fn run<'a, T>(
        &'a self,
        call: impl Fn() -> BoxFuture<'a, Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        self.budget.earn();
        call.retry(self.delays)
            .sleep(FuturesTimerSleeper)
            .when(|error| is_passing(error.kind()) && self.budget.spend())
            .await
    }
}

through_run!(Retry);

/// Whether the same call may be answered a moment later.
const fn is_passing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::Throttled)
}

/// How many retries are left, in tenths.
#[derive(Debug)]
struct Budget(AtomicU64);

const RETRY: u64 = 10;
const RESERVE: u64 = 10 * RETRY;

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU64::new(RESERVE))
    }
}

impl Budget {
    /// A call was made: a tenth of a retry.
    fn earn(&self) {
        let more = |tenths: u64| (tenths < RESERVE).then(|| tenths.saturating_add(1));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// Whether there was one left.
    fn spend(&self) -> bool {
        let less = |tenths: u64| tenths.checked_sub(RETRY);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_calls_earn_one_retry_and_the_reserve_is_bounded() {
        let budget = Budget::default();
        (0..1000).for_each(|_| budget.earn());
        assert_eq!((0..100).filter(|_| budget.spend()).count(), 10);
        (0..9).for_each(|_| budget.earn());
        assert!(!budget.spend());
        budget.earn();
        assert!(budget.spend() && !budget.spend());
    }
}
