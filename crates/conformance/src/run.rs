//! Running a case, and futures without an executor.

use crate::guard::{self, Made};
use crate::report::{CaseReport, Outcome, Stop};
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Wake;
use std::thread::{self, Thread};
use std::time::Instant;

/// How long a case waits for one answer, unless the fixture says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// One case of a suite over fixtures of type `F`: for whoever publishes another contract.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "what suites are written in")]
pub struct Case<F> {
    /// The clause's number in the contract.
    pub clause: u8,
    /// The case's name, number included.
    pub name: &'static str,
    /// The case.
    pub run: fn(&F) -> Result<(), Stop>,
}

impl<F> Case<F> {
    /// Runs it on a fresh fixture; a panic of the implementation is a failure of the case.
    pub fn report<M: Made<F>>(&self, fixture: impl FnOnce() -> M) -> CaseReport {
        let run = || fixture().made().map(|fixture| (self.run)(&fixture));
        let outcome = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(Ok(()))) => Outcome::Passed,
            Ok(Ok(Err(Stop::Failed(why)))) => Outcome::Failed(why),
            Ok(Ok(Err(Stop::NotApplicable(why)))) => Outcome::NotApplicable(why),
            Ok(Err(absent)) => absent.outcome(&guard::required()),
            Err(_) => Outcome::Failed("panicked".to_owned()),
        };
        CaseReport { clause: self.clause, name: self.name, outcome }
    }
}

/// Polls `future` to its end on this thread, which sleeps in between.
///
/// # Errors
///
/// [`Stop::Failed`] when that takes longer than `patience`.
pub fn finish<T>(future: impl Future<Output = T>, patience: Duration) -> Result<T, Stop> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let start = Instant::now();
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return Ok(done);
        }
        match patience.checked_sub(start.elapsed()) {
            Some(left) => thread::park_timeout(left),
            None => return Err(Stop::Failed("a call did not answer".to_owned())),
        }
    }
}

/// Polls `future` once, with a waker that wakes nobody.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    core::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// The result of a thread of a case.
pub(crate) fn joined<T>(handle: thread::ScopedJoinHandle<'_, Result<T, Stop>>) -> Result<T, Stop> {
    handle.join().unwrap_or_else(|_| Err(Stop::Failed("panicked in a thread".to_owned())))
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
