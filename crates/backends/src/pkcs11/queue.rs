//! The queue that callers put jobs into, under any executor, and threads take them from.
//!
//! A token's threads are many and often all idle. Were one woken for every job, each job would cost a change of threads; so
//! at most one is on its way to the queue at a time, and it wakes the next one when it leaves jobs behind (as the schedulers
//! of Go and tokio do).

use async_lock::{Semaphore, SemaphoreGuardArc};
use core::fmt;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Jobs in the order in which they came.
pub(super) struct Queue<T> {
    places: Arc<Semaphore>,
    state: Mutex<State<T>>,
    wake: Condvar,
}

struct State<T> {
    /// Each with the place that it takes.
    jobs: VecDeque<(T, SemaphoreGuardArc)>,
    /// Threads that wait.
    idle: usize,
    /// Whether one of them was woken and has not come yet.
    coming: bool,
    closed: bool,
}

impl<T> Queue<T> {
    /// A queue of so many places.
    pub(super) fn new(places: usize) -> Self {
        let state = State { jobs: VecDeque::new(), idle: 0, coming: false, closed: false };
        let places = Arc::new(Semaphore::new(places.max(1)));
        Self { places, state: Mutex::new(state), wake: Condvar::new() }
    }

    /// Adds a job, when there is a place for it.
    pub(super) async fn put(&self, job: T) {
        let place = self.places.acquire_arc().await;
        let mut state = self.lock();
        state.jobs.push_back((job, place));
        self.wake_one(&mut state);
    }

    /// The next job, when there is one; nothing when the queue is closed and empty.
    pub(super) fn take(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            let job = self.pop(&mut state);
            if job.is_some() {
                return job;
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
            state.coming = false;
        }
    }

    /// The next job, when it is there already.
    pub(super) fn try_take(&self) -> Option<T> {
        self.pop(&mut self.lock())
    }

    /// What is in it is still done; nothing is added after this.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_all();
    }

    fn pop(&self, state: &mut State<T>) -> Option<T> {
        let (job, _place) = state.jobs.pop_front()?;
        if !state.jobs.is_empty() {
            self.wake_one(state);
        }
        Some(job)
    }

    fn wake_one(&self, state: &mut State<T>) {
        if state.idle > 0 && !state.coming {
            state.coming = true;
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Queue")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollster::block_on;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    #[test]
    fn every_job_is_done_once_however_many_put_and_take() {
        let (queue, sum) = (Queue::new(3), AtomicU64::new(0));
        thread::scope(|scope| {
            let takers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        while let Some(number) = queue.take() {
                            sum.fetch_add(number, Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            thread::scope(|scope| {
                for putter in 0..8_u64 {
                    let queue = &queue;
                    scope.spawn(move || {
                        (0..2_000).for_each(|job| block_on(queue.put(putter * 2_000 + job)));
                    });
                }
            });
            queue.close();
            takers.into_iter().for_each(|taker| taker.join().unwrap());
        });
        assert_eq!(sum.into_inner(), (0..16_000_u64).sum::<u64>());
    }

    #[test]
    fn jobs_that_each_keep_a_thread_are_all_begun() {
        // Each job waits for all the others: were a thread left asleep, none would end.
        const JOBS: usize = 16;
        let (queue, together) = (Queue::new(JOBS), std::sync::Barrier::new(JOBS));
        thread::scope(|scope| {
            for _ in 0..JOBS {
                scope.spawn(|| {
                    while queue.take().is_some() {
                        together.wait();
                    }
                });
            }
            for _ in 0..50 {
                (0..JOBS).for_each(|_| block_on(queue.put(())));
            }
            queue.close();
        });
    }

    #[test]
    fn a_full_queue_makes_callers_wait_and_a_closed_one_is_emptied() {
        let queue = Queue::new(1);
        block_on(queue.put(1));
        let mut waits = Box::pin(queue.put(2));
        let mut context = core::task::Context::from_waker(core::task::Waker::noop());
        assert!(waits.as_mut().poll(&mut context).is_pending());
        assert_eq!(queue.take(), Some(1));
        assert!(waits.as_mut().poll(&mut context).is_ready());
        queue.close();
        assert_eq!((queue.take(), queue.take()), (Some(2), None));
    }
}
