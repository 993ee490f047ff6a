use super::{Log, SignedCheckpoint};
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use phiseal_keys::Error;

/// Waits until records are on disk: [`Log::commit`]. Runs under any executor.
#[must_use = "nothing is waited for until it is awaited"]
pub struct Commit {
    log: Log,
    number: u64,
}

impl Commit {
    pub(super) fn new(log: Log, number: u64) -> Self {
        Self { log, number }
    }
}

impl Future for Commit {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let running = match self.log.running() {
            Ok(running) => running,
            Err(error) => return Poll::Ready(Err(error)),
        };
        let done = running.queue.is_committed(self.number, context.waker());
        done.map_or(Poll::Pending, Poll::Ready)
    }
}

/// Waits for a signed checkpoint: [`Log::checkpoint`]. Runs under any executor.
#[must_use = "nothing is waited for until it is awaited"]
pub struct CheckpointWait {
    log: Log,
    number: Result<u64, Error>,
}

impl CheckpointWait {
    pub(super) fn new(log: Log, number: Result<u64, Error>) -> Self {
        Self { log, number }
    }
}

impl Future for CheckpointWait {
    type Output = Result<SignedCheckpoint, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let asked = self.number.clone().and_then(|number| Ok((self.log.running()?, number)));
        match asked {
            Err(error) => Poll::Ready(Err(error)),
            Ok((running, number)) => {
                let answer = running.queue.answer(number, context.waker());
                answer.map_or(Poll::Pending, Poll::Ready)
            }
        }
    }
}

impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Commit")
    }
}

impl fmt::Debug for CheckpointWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CheckpointWait")
    }
}
