//! Where calls run that need tokio, whoever polls them.
//!
//! Clients of networks are written for tokio, and futures of [`KekBackend`](crate::KekBackend) and [`Store`](crate::Store)
//! run under any executor or none. So such a backend runs its calls here: on two threads of this crate's own, which start
//! with the first call. A forked child has no threads of its parent's, and starts its own.

use crate::{Error, ErrorKind, OfProcess, fork_generation};
use arc_swap::ArcSwapOption;
use core::future::Future;
use std::sync::Arc;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

const THREADS: usize = 2;

/// The runtime of this process.
struct Running {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Drop for Running {
    /// One that another thread was quicker to start: whoever drops it may be a task, which must not wait for threads.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

static RUNNING: ArcSwapOption<OfProcess<Running>> = ArcSwapOption::const_empty();

/// What `future` comes to, on this crate's threads. When what is returned is dropped, so is `future`, at its next await.
///
/// # Errors
///
/// [`ErrorKind::Unavailable`] when the system gives no threads, [`ErrorKind::Faulty`] when `future` panicked.
pub async fn run<F>(future: F) -> Result<F::Output, Error>
where
    F: Future<Output: Send> + Send + 'static,
{
    let mut task = Task { generation: fork_generation(), handle: handle()?.spawn(future) };
    (&mut task.handle).await.map_err(|end| {
        if end.is_panic() {
            Error::new(ErrorKind::Faulty, "a call of the backend panicked")
        } else {
            Error::new(ErrorKind::Unavailable, "a call of the backend was given up")
        }
    })
}

/// Runs `future` to its end, on this crate's threads: the work behind a connection.
///
/// # Errors
///
/// [`ErrorKind::Unavailable`] when the system gives no threads.
pub fn detach<F>(future: F) -> Result<(), Error>
where
    F: Future<Output = ()> + Send + 'static,
{
    drop(handle()?.spawn(future));
    Ok(())
}

/// A task that ends with the one that waits for it.
struct Task<T> {
    generation: u64,
    handle: JoinHandle<T>,
}

impl<T> Drop for Task<T> {
    /// In a forked child the task is its parent's: to end it would take a lock that the parent may have held.
    fn drop(&mut self) {
        if self.generation == fork_generation() {
            self.handle.abort();
        }
    }
}

fn handle() -> Result<Handle, Error> {
    loop {
        let present = RUNNING.load();
        if let Some(running) = present.as_ref().and_then(|running| running.get()) {
            return Ok(running.handle.clone());
        }
        let fresh = Arc::new(OfProcess::new(start()?));
        RUNNING.compare_and_swap(&*present, Some(fresh));
    }
}

fn start() -> Result<Running, Error> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("phiseal-io")
        .enable_all()
        .build()
        .map_err(|error| {
            Error::new(ErrorKind::Unavailable, "the threads for calls cannot be started")
                .with_source(error)
        })?;
    Ok(Running { handle: runtime.handle().clone(), runtime: Some(runtime) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use pollster::block_on;
    use std::sync::mpsc;

    #[test]
    fn a_call_runs_under_no_executor_and_on_our_threads() {
        let name = block_on(run(async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            std::thread::current().name().map(str::to_owned)
        }));
        assert_eq!(name.unwrap().as_deref(), Some("phiseal-io"));
    }

    #[test]
    fn a_call_that_panics_is_an_error_and_the_next_one_runs() {
        let fell = block_on(run(async { assert!(std::thread::current().name().is_none()) }));
        assert_eq!(fell.unwrap_err().kind(), ErrorKind::Faulty);
        assert_eq!(block_on(run(async { 7 })).unwrap(), 7);
    }

    #[test]
    fn a_call_that_is_dropped_ends() {
        let (ended, end) = mpsc::channel::<()>();
        let mut call = Box::pin(run(async move {
            let _ended = ended;
            std::future::pending::<()>().await;
        }));
        let mut context = core::task::Context::from_waker(core::task::Waker::noop());
        assert!(call.as_mut().poll(&mut context).is_pending());
        assert_eq!(
            end.recv_timeout(Duration::from_millis(50)),
            Err(mpsc::RecvTimeoutError::Timeout)
        );
        drop(call);
        assert_eq!(
            end.recv_timeout(Duration::from_secs(30)),
            Err(mpsc::RecvTimeoutError::Disconnected)
        );
    }

    #[test]
    fn work_behind_a_connection_outlives_the_call_that_began_it() {
        let (done, wait) = mpsc::channel();
        detach(async move { done.send(7).unwrap() }).unwrap();
        assert_eq!(wait.recv_timeout(Duration::from_secs(30)), Ok(7));
    }
}
