//! The way to the server: one connection, made anew when it is gone.

use super::error::{failed, is_lost, late};
use super::link::{Link, Parameter};
use super::settings::Settings;
use super::tls::Tls;
use arc_swap::ArcSwapOption;
use core::future::Future;
use phiseal_keys::{Error, OfProcess};
use std::sync::Arc;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::{Client, Row};

/// What a handle and the work that it started share.
pub(super) struct Line<S> {
    pub(super) settings: Settings,
    pub(super) session: S,
    tls: ArcSwapOption<Option<Tls>>,
    // None of these has a lock that a forked child could find held for ever.
    now: ArcSwapOption<Attempt>,
}

/// What is done on each new connection before anybody asks anything on it.
pub(super) trait Session: Send + Sync + 'static {
    /// Refuses a server that is not the one that is meant.
    fn begin(&self, client: &mut Client) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Whether a statement that may have been done is asked for once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It changes nothing.
    Once,
    /// Nobody may do twice what it does.
    Never,
}

/// A connection, made by the first who needs it while others wait.
type Attempt = OfProcess<OnceCell<Result<Link, Error>>>;

/// A statement that failed.
struct Failure {
    error: Error,
    lost: bool,
}

impl<S: Session> Line<S> {
    pub(super) fn new(settings: Settings, session: S) -> Self {
        Self {
            settings,
            session,
            tls: ArcSwapOption::const_empty(),
            now: ArcSwapOption::const_empty(),
        }
    }

    /// The rows that `sql` brings, within the timeout.
    pub(super) async fn query(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
        repeat: Repeat,
    ) -> Result<Vec<Row>, Error> {
        let deadline = self.deadline();
        let (attempt, made) = self.reach(deadline).await?;
        let first = self.ask(&attempt, sql, parameters, deadline).await;
        match first {
            // It had died while nobody used it.
            Err(Failure { lost: true, .. })
                if !made && repeat == Repeat::Once && Instant::now() < deadline =>
            {
                let (attempt, _) = self.reach(deadline).await?;
                self.ask(&attempt, sql, parameters, deadline).await
            }
            first => first,
        }
        .map_err(|failure| failure.error)
    }

    /// Connects unless there is a connection.
    pub(super) async fn connect(&self) -> Result<(), Error> {
        self.reach(self.deadline()).await.map(drop)
    }

    fn deadline(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.settings.timeout).unwrap_or(now)
    }

    async fn ask(
        &self,
        attempt: &Arc<Attempt>,
        sql: &str,
        parameters: &[Parameter<'_>],
        deadline: Instant,
    ) -> Result<Vec<Row>, Failure> {
        let Some(Ok(link)) = attempt.get().and_then(OnceCell::get) else {
            return Err(Failure { error: late(), lost: true });
        };
        let failure = match timeout_at(deadline, link.client.query_typed(sql, parameters)).await {
            Ok(Ok(rows)) => return Ok(rows),
            Ok(Err(error)) => Failure { error: failed(&error), lost: is_lost(&error) },
            // The server should have given up before: it hangs, or the network does.
            Err(_) => Failure { error: late(), lost: true },
        };
        if failure.lost {
            self.leave(attempt);
        }
        Err(failure)
    }

    /// A connection, and whether this call made it. All who waited for one that could not be made have the same error: they
    /// do not connect one after the other to a server that is down.
    async fn reach(&self, deadline: Instant) -> Result<(Arc<Attempt>, bool), Error> {
        let attempt = self.attempt();
        let mut made = false;
        let link = attempt.get().ok_or_else(late)?.get_or_init(|| {
            made = true;
            self.open()
        });
        let link = timeout_at(deadline, link).await.map_err(|_| late())?;
        if let Err(error) = link.as_ref().map_err(Error::clone) {
            self.leave(&attempt);
            return Err(error);
        }
        Ok((attempt, made))
    }

    async fn open(&self) -> Result<Link, Error> {
        let tls = match self.tls.load_full() {
            Some(tls) => tls,
            None => {
                let tls = Arc::new(self.settings.tls()?.map(|config| Tls(Arc::new(config))));
                self.tls.store(Some(Arc::clone(&tls)));
                tls
            }
        };
        Link::open(&self.settings, tls.as_ref().clone(), &self.session).await
    }

    /// The one of this process that has not ended; a new one if there is none.
    fn attempt(&self) -> Arc<Attempt> {
        loop {
            let now = self.now.load();
            match &*now {
                Some(attempt) if is_of_use(attempt) => return Arc::clone(attempt),
                earlier => {
                    self.now
                        .compare_and_swap(earlier, Some(Arc::new(Attempt::new(OnceCell::new()))));
                }
            }
        }
    }

    /// Nobody asks on this connection any more; those who did still wait for their answers.
    fn leave(&self, attempt: &Arc<Attempt>) {
        self.now.compare_and_swap(attempt, None);
    }
}

/// Whether it is of this process and has not ended, as far as is known.
fn is_of_use(attempt: &Attempt) -> bool {
    let is_open =
        |link: &Result<Link, Error>| link.as_ref().is_ok_and(|link| !link.client.is_closed());
    attempt.get().is_some_and(|link| link.get().is_none_or(is_open))
}
