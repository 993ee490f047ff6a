//! What the writer of a log and those who append to it share.

use crate::Checkpoint;
use crate::note::Note;
use crate::record::{Record, Time};
use core::task::Waker;
use core::time::Duration;
use phiseal_keys::{Error, ErrorKind};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

/// A checkpoint and the note that it was signed in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignedCheckpoint {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// Its signed form.
    pub note: Note,
}

pub(super) struct Queue {
    state: Mutex<State>,
    /// There is room again, or never will be.
    room: Condvar,
    /// There is work for the writer.
    work: Condvar,
    capacity: usize,
}

#[derive(Default)]
pub(super) struct State {
    records: VecDeque<(Time, Record)>,
    /// How many were ever appended, and how many of them are on disk.
    appended: u64,
    committed: u64,
    /// How many checkpoints were asked for, and up to which of them one was answered.
    asked: u64,
    answered: u64,
    answer: Option<Result<SignedCheckpoint, Error>>,
    closing: bool,
    /// How the writer ended.
    ended: Option<Result<(), Error>>,
    writer: Option<ThreadId>,
    wakers: Vec<Waker>,
}

/// What the writer is to do next.
pub(super) struct Work {
    pub(super) records: VecDeque<(Time, Record)>,
    /// Up to which number checkpoints were asked for; `None` when nobody waits for one.
    pub(super) asked: Option<u64>,
    pub(super) closing: bool,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        let state = Mutex::new(State::default());
        Self { state, room: Condvar::new(), work: Condvar::new(), capacity: capacity.max(1) }
    }

    /// Waits for room, then queues.
    pub(super) fn append(&self, time: Time, record: Record) -> Result<(), Error> {
        let mut state = self.state();
        // What the writer itself calls (a signer, a sink) may append; it must not wait for the writer.
        let is_writer = state.writer == Some(std::thread::current().id());
        while state.records.len() >= self.capacity && state.open().is_ok() && !is_writer {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.open()?;
        state.records.push_back((time, record));
        state.appended = state.appended.saturating_add(1);
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    /// The number of records appended so far.
    pub(super) fn appended(&self) -> u64 {
        self.state().appended
    }

    /// Asks for a checkpoint over everything appended so far, and returns the number of the question.
    pub(super) fn ask(&self) -> Result<u64, Error> {
        let mut state = self.state();
        state.open()?;
        state.asked = state.asked.saturating_add(1);
        let asked = state.asked;
        drop(state);
        self.work.notify_one();
        Ok(asked)
    }

    pub(super) fn close(&self) {
        self.state().closing = true;
        self.work.notify_one();
        self.room.notify_all();
    }

    /// How the writer ended, if it did.
    pub(super) fn ended(&self) -> Option<Result<(), Error>> {
        self.state().ended.clone()
    }

    /// Whether the record of this number is on disk; if not yet, `waker` is called when that may have changed.
    pub(super) fn is_committed(&self, number: u64, waker: &Waker) -> Option<Result<(), Error>> {
        let mut state = self.state();
        if state.committed >= number {
            return Some(Ok(()));
        }
        state.failure().map(Err).or_else(|| state.wait(waker))
    }

    /// The answer to the question of this number; if there is none yet, as [`Self::is_committed`].
    pub(super) fn answer(
        &self,
        number: u64,
        waker: &Waker,
    ) -> Option<Result<SignedCheckpoint, Error>> {
        let mut state = self.state();
        if state.answered >= number && state.answer.is_some() {
            return state.answer.clone();
        }
        state.failure().map(Err).or_else(|| state.wait(waker))
    }

    /// Makes the calling thread the writer.
    pub(super) fn begin(&self) {
        self.state().writer = Some(std::thread::current().id());
    }

    /// Waits until there is something to do, or `most` is over.
    pub(super) fn wait(&self, most: Option<Duration>) -> Work {
        let mut state = self.state();
        if !state.has_work() {
            state = match most {
                Some(most) => {
                    self.work.wait_timeout(state, most).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self
                    .work
                    .wait_while(state, |state| !state.has_work())
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
        let work = Work {
            records: std::mem::take(&mut state.records),
            asked: (state.asked > state.answered).then_some(state.asked),
            closing: state.closing,
        };
        drop(state);
        self.room.notify_all();
        work
    }

    /// Tells that `count` more of the appended records are on disk.
    pub(super) fn commit(&self, count: usize) {
        let mut state = self.state();
        state.committed = state.committed.saturating_add(u64::try_from(count).unwrap_or_default());
        wake(state);
    }

    /// Answers all questions up to this number.
    pub(super) fn reply(&self, number: u64, answer: Result<SignedCheckpoint, Error>) {
        let mut state = self.state();
        (state.answered, state.answer) = (number, Some(answer));
        wake(state);
    }

    /// Tells that nothing will be written any more.
    pub(super) fn end(&self, how: Result<(), Error>) {
        let mut state = self.state();
        state.ended.get_or_insert(how);
        state.records.clear();
        wake(state);
        self.room.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether records are still taken.
    fn open(&self) -> Result<(), Error> {
        match &self.ended {
            Some(Err(error)) => Err(error.clone()),
            Some(Ok(())) => Err(closed()),
            None if self.closing => Err(closed()),
            None => Ok(()),
        }
    }

    /// Why what is waited for will never come.
    fn failure(&self) -> Option<Error> {
        self.ended.clone().map(|ended| ended.err().unwrap_or_else(closed))
    }

    fn wait<T>(&mut self, waker: &Waker) -> Option<T> {
        if !self.wakers.iter().any(|known| known.will_wake(waker)) {
            self.wakers.push(waker.clone());
        }
        None
    }

    fn has_work(&self) -> bool {
        !self.records.is_empty() || self.asked > self.answered || self.closing
    }
}

/// Wakes everybody who waits, without the lock.
fn wake(mut state: MutexGuard<'_, State>) {
    let wakers = std::mem::take(&mut state.wakers);
    drop(state);
    wakers.into_iter().for_each(Waker::wake);
}

fn closed() -> Error {
    Error::new(ErrorKind::State, "the audit log is closed")
}
