use super::through_run;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use futures_timer::Delay;
use phiseal_keys::{BoxFuture, Error, ErrorKind};

/// A backend whose calls are given up when they are not answered in time.
///
/// A call that is given up may still have been carried out; a key that was made by it is not used.
#[derive(Debug)]
pub struct Timeout<B> {
    backend: B,
    limit: Duration,
}

impl<B> Timeout<B> {
    /// Gives each call of `backend` so long.
    #[must_use]
    pub const fn new(backend: B, limit: Duration) -> Self {
        Self { backend, limit }
    }

    async fn run<'a, T>(
        &'a self,
        call: impl Fn() -> BoxFuture<'a, Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        let (mut call, mut timer) = (call(), pin!(Delay::new(self.limit)));
        poll_fn(|context| {
            if let Poll::Ready(answer) = call.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            timer.as_mut().poll(context).map(|()| {
                Err(Error::new(ErrorKind::Unavailable, "the backend did not answer in time"))
            })
        })
        .await
    }
}

through_run!(Timeout);
