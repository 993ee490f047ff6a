//! Single flight: of any number of callers that want the same work done, one does it.

use core::future::poll_fn;
use core::task::{Poll, Waker};
use core::time::Duration;
use phiseal_keys::{Clock, Error, Moment};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// At most one flight at a time; whoever comes while one is under way gets what it brought.
#[derive(Debug, Default)]
pub(crate) struct Flight(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    flying: bool,
    landings: u64,
    last: Option<(Error, Moment)>,
    /// One waker for each call that waits, by its seat.
    waiting: HashMap<u64, Waker>,
    seats: u64,
}

/// A waiting call's place, given back when the call is cancelled: a flight may be long, and whoever left must not be
/// kept in memory until it lands.
struct Seat<'a> {
    flight: &'a Flight,
    number: Option<u64>,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let mut state = self.flight.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = state.waiting.remove(&number);
        // A waker may run somebody else's code when it is dropped.
        drop(state);
        drop(left);
    }
}

/// What a caller is told.
pub(crate) enum Ticket<'a> {
    /// Do the work, then call [`Leader::land`].
    Lead(Leader<'a>),
    /// Somebody did it.
    Landed(Result<(), Error>),
}

/// The right to do the work. Dropped without landing (a cancelled caller), it passes to one of those that wait.
#[derive(Debug)]
pub(crate) struct Leader<'a>(Option<&'a Flight>);

/// A failure is the answer for whoever comes within this time after it, so that an outage is not met with a storm.
const REMEMBERED: Duration = Duration::from_millis(100);

impl Flight {
    /// Leads, or waits for whoever does.
    pub(crate) async fn board(&self, clock: &dyn Clock) -> Ticket<'_> {
        let mut joined = None;
        let mut seat = Seat { flight: self, number: None };
        poll_fn(|context| {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(seen) = joined
                && state.landings != seen
            {
                return Poll::Ready(Ticket::Landed(
                    state.last.as_ref().map_or(Ok(()), |(error, _)| Err(error.clone())),
                ));
            }
            if state.flying {
                joined.get_or_insert(state.landings);
                let number = *seat.number.get_or_insert_with(|| {
                    state.seats += 1;
                    state.seats
                });
                let replaced = state.waiting.insert(number, context.waker().clone());
                drop(state);
                drop(replaced);
                return Poll::Pending;
            }
            if let Some((error, at)) = &state.last
                && clock.now().since(*at) < REMEMBERED
            {
                return Poll::Ready(Ticket::Landed(Err(error.clone())));
            }
            state.flying = true;
            Poll::Ready(Ticket::Lead(Leader(Some(self))))
        })
        .await
    }

    /// Leads if nobody does and the last flight did not just fail; never waits.
    pub(crate) fn try_lead(&self, clock: &dyn Clock) -> Option<Leader<'_>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failed_just_now =
            state.last.as_ref().is_some_and(|(_, at)| clock.now().since(*at) < REMEMBERED);
        if state.flying || failed_just_now {
            return None;
        }
        state.flying = true;
        Some(Leader(Some(self)))
    }

    fn land(&self, outcome: Option<(Option<Error>, Moment)>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.flying = false;
        if let Some((error, at)) = outcome {
            state.landings += 1;
            state.last = error.map(|error| (error, at));
        }
        let waiting = core::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
    }
}

impl Leader<'_> {
    /// Tells everybody that the work is done, or why not.
    pub(crate) fn land(mut self, outcome: Result<(), &Error>, clock: &dyn Clock) {
        if let Some(flight) = self.0.take() {
            flight.land(Some((outcome.err().cloned(), clock.now())));
        }
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        if let Some(flight) = self.0.take() {
            flight.land(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::pin::pin;
    use core::task::Context;
    use phiseal_keys::ManualClock;
    use std::sync::Arc;
    use std::task::Wake;

    struct Nobody;

    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn a_call_that_waits_is_remembered_once_and_forgotten_when_it_is_cancelled() {
        let (flight, clock) = (Flight::default(), ManualClock::at(0));
        let leader = flight.try_lead(&clock).unwrap();
        let waiting = || flight.0.lock().unwrap().waiting.len();
        {
            let mut call = pin!(flight.board(&clock));
            for _ in 0..100 {
                // Another waker each time, as of a task that moves.
                let waker = Waker::from(Arc::new(Nobody));
                assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
                assert_eq!(waiting(), 1);
            }
        }
        assert_eq!(waiting(), 0, "it was cancelled");
        leader.land(Ok(()), &clock);
    }
}
