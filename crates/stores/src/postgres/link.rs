//! One connection to the server, and the work behind it.

use super::error::failed;
use super::line::Session;
use super::settings::Settings;
use super::tls::Tls;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Poll, ready};
use core::time::Duration;
use phiseal_keys::{Error, runtime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Connection, NoTls, Socket};

/// A value of a statement, and its type.
///
/// Statements are given both (`query_typed`), for two reasons: that is one round trip, and for prepared
/// statements tokio-postgres writes the values into the log at level `debug`.
pub type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// How long a connection that nobody holds has for its farewell.
const FAREWELL: Duration = Duration::from_secs(2);

/// A connection whose session has begun. Dropping it closes the connection.
pub(super) struct Link {
    pub(super) client: Client,
    _held: oneshot::Sender<()>,
}

impl Link {
    pub(super) async fn open(
        settings: &Settings,
        tls: Option<Tls>,
        session: &impl Session,
    ) -> Result<Self, Error> {
        let config = settings.to_connect(tls.is_some());
        let mut link = match tls {
            Some(tls) => Self::start(config.connect(tls).await.map_err(|e| failed(&e))?)?,
            None => Self::start(config.connect(NoTls).await.map_err(|e| failed(&e))?)?,
        };
        prepare(&link.client, settings).await?;
        session.begin(&mut link.client).await?;
        Ok(link)
    }

    /// Lets the connection work until it ends or nobody holds it. Notices of the server are dropped: they may quote names.
    fn start<S>((client, mut connection): (Client, Connection<Socket, S>)) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (held, left) = oneshot::channel::<()>();
        runtime::detach(async move {
            let left = async {
                // An error, as nothing is ever sent.
                let _ = left.await;
                tokio::time::sleep(FAREWELL).await;
            };
            let mut left = pin!(left);
            poll_fn(|context| {
                if left.as_mut().poll(context).is_ready() {
                    return Poll::Ready(());
                }
                loop {
                    match ready!(connection.poll_message(context)) {
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => return Poll::Ready(()),
                    }
                }
            })
            .await;
        })?;
        Ok(Self { client, _held: held })
    }
}

/// What is true of every session, whatever the defaults of its server and its role are: a commit is on the
/// disk before it is acknowledged, nothing waits for ever, and names mean what they mean in PostgreSQL.
async fn prepare(client: &Client, settings: &Settings) -> Result<(), Error> {
    // The server gives up first, so that the connection stays of use.
    let statement = settings.timeout.as_millis().saturating_mul(4) / 5;
    let lock = settings.timeout.as_millis() / 2;
    let sql = format!(
        "SET search_path = pg_catalog; \
         SET statement_timeout = {statement}; \
         SET lock_timeout = {lock}; \
         SET idle_in_transaction_session_timeout = {statement}; \
         SET default_transaction_isolation = 'read committed'; \
         SELECT set_config('synchronous_commit', 'on', false) \
         WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')"
    );
    client.batch_execute(&sql).await.map_err(|e| failed(&e))
}
