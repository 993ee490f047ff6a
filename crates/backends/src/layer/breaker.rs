use super::through_run;
use core::time::Duration;
use phiseal_keys::{BoxFuture, Clock, Error, ErrorKind, Moment, SystemClock};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A backend that is left alone for a while when it did not answer several times in a row.
///
/// Then calls are [`ErrorKind::Unavailable`] at once, but for one at a time that tries; when it is answered, all are made
/// again. An answer of any other kind is an answer.
#[derive(Debug)]
pub struct Breaker<B> {
    backend: B,
    clock: Arc<dyn Clock>,
    failures: u32,
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How many calls in a row were not answered.
    failed: u32,
    /// Until when nobody tries.
    until: Option<Moment>,
    /// Somebody tries.
    trying: bool,
}

impl<B> Breaker<B> {
    /// Leaves `backend` alone for ten seconds after five calls in a row that it did not answer.
    #[must_use]
    pub fn new(backend: B) -> Self {
        let clock = Arc::new(SystemClock::new());
        let (failures, pause) = (5, Duration::from_secs(10));
        Self { backend, clock, failures, pause, state: Mutex::default() }
    }

    /// After so many calls in a row, at least one.
    #[must_use]
    pub fn after(mut self, failures: u32) -> Self {
        self.failures = failures.max(1);
        self
    }

    /// For so long.
    #[must_use]
    pub const fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// By this clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    async fn run<'a, T>(
        &'a self,
        call: impl Fn() -> BoxFuture<'a, Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        let attempt = self.admit()?;
        let answer = call().await;
        let answered = !answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable);
        attempt.end(answered);
        answer
    }

    fn admit(&self) -> Result<Attempt<'_, B>, Error> {
        let mut state = self.state();
        let trying = match state.until {
            None => false,
            Some(until) if !state.trying && self.clock.now() >= until => true,
            Some(_) => {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    "the backend did not answer several times and is left alone for a while",
                ));
            }
        };
        state.trying = trying;
        Ok(Attempt { breaker: self, trying, ended: false })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

through_run!(Breaker);

/// One call. When it is dropped before it ended, nothing is known of the backend.
struct Attempt<'a, B> {
    breaker: &'a Breaker<B>,
    trying: bool,
    ended: bool,
}

impl<B> Attempt<'_, B> {
    fn end(mut self, answered: bool) {
        self.ended = true;
        let mut state = self.breaker.state();
        if answered {
            *state = State::default();
            return;
        }
        state.failed = state.failed.saturating_add(1);
        if self.trying || state.failed >= self.breaker.failures {
            let now = self.breaker.clock.now();
            state.until = Some(now.saturating_add(self.breaker.pause));
        }
        if self.trying {
            state.trying = false;
        }
    }
}

impl<B> Drop for Attempt<'_, B> {
    fn drop(&mut self) {
        if self.trying && !self.ended {
            self.breaker.state().trying = false;
        }
    }
}
