use super::through_run;
use async_lock::Semaphore;
use core::sync::atomic::{AtomicUsize, Ordering};
use phiseal_keys::{BoxFuture, Error, ErrorKind};

/// A backend that is called so many times at once, and no more.
#[derive(Debug)]
pub struct Limit<B> {
    backend: B,
    places: Semaphore,
    inside: AtomicUsize,
    most_inside: usize,
}

impl<B> Limit<B> {
    /// At most `at_once` calls of `backend` at a time, at least one; sixteen times as many may wait.
    #[must_use]
    pub const fn new(backend: B, at_once: usize) -> Self {
        let at_once = if at_once == 0 { 1 } else { at_once };
        Self {
            backend,
            places: Semaphore::new(at_once),
            inside: AtomicUsize::new(0),
            most_inside: at_once.saturating_mul(17),
        }
    }

    async fn run<'a, T>(
        &'a self,
        call: impl Fn() -> BoxFuture<'a, Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        let _inside = Inside::enter(&self.inside, self.most_inside)?;
        let _place = self.places.acquire().await;
        call().await
    }
}

through_run!(Limit);

/// A call that is made or waits to be.
struct Inside<'a>(&'a AtomicUsize);

impl<'a> Inside<'a> {
    fn enter(count: &'a AtomicUsize, most: usize) -> Result<Self, Error> {
        let more = |inside: usize| (inside < most).then(|| inside.saturating_add(1));
        match count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(Self(count)),
            Err(_) => Err(Error::new(ErrorKind::Throttled, "too many calls wait for the backend")),
        }
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
