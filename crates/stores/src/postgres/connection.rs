//! A connection to a database that is not a key store.

use super::error::failed;
use super::line::{Line, Repeat, Session};
use super::link::Parameter;
use super::settings::Settings;
use core::fmt;
use core::time::Duration;
use phiseal_keys::Error;
use std::path::Path;
use std::sync::Arc;
use tokio_postgres::{Client, Row};

/// A connection to a PostgreSQL database (13 or later) that is not a key store, by all the rules of
/// [`PostgresStore`](super::PostgresStore): how it is protected, made when it is first needed, and made anew when it is gone.
///
/// ```
/// use phiseal_stores::postgres::Connection;
///
/// let connection = Connection::new("postgres://clerk@db.example/clinic")?.with_password("not this one");
/// assert!(!format!("{connection:?}").contains("not this one"));
/// # Ok::<(), phiseal_keys::Error>(())
/// ```
///
/// It is durable (a commit is on the disk before it is acknowledged), reads what is committed, knows names in `pg_catalog`
/// only, and fails where row security would hide rows from its role. Clones share it.
#[derive(Clone)]
pub struct Connection {
    line: Arc<Line<Data>>,
}

/// A call may take this long: it may wait for others' locks for half of it.
const TIMEOUT: Duration = Duration::from_secs(60);

impl Connection {
    /// One to the database that `url` names, as [`PostgresStore::new`](super::PostgresStore::new) reads it. Nothing is
    /// connected yet.
    ///
    /// # Errors
    ///
    /// As those of [`PostgresStore::new`](super::PostgresStore::new).
    pub fn new(url: &str) -> Result<Self, Error> {
        let mut settings = Settings::parse(url)?;
        settings.limit(TIMEOUT)?;
        Ok(Self::with(settings))
    }

    fn with(settings: Settings) -> Self {
        Self { line: Arc::new(Line::new(settings, Data)) }
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Settings) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let mut settings = self.line.settings.clone();
        change(&mut settings)?;
        Ok(Self::with(settings))
    }

    /// The same with another password than the URL's.
    #[must_use]
    pub fn with_password(self, password: impl AsRef<[u8]>) -> Self {
        let mut settings = self.line.settings.clone();
        settings.config.password(password);
        Self::with(settings)
    }

    /// The same by TLS, wherever the server is, whose certificate must be by an authority in this PEM file.
    ///
    /// # Errors
    ///
    /// [`Invalid`](phiseal_keys::ErrorKind::Invalid) when the file cannot be read or holds no certificate.
    pub fn with_authorities(self, pem: impl AsRef<Path>) -> Result<Self, Error> {
        self.change(|settings| settings.trust(pem.as_ref()))
    }

    /// The same by TLS, wherever the server is, to which this process proves itself with a certificate (a PEM file, with
    /// those between it and its authority) and its private key (another).
    ///
    /// # Errors
    ///
    /// [`Invalid`](phiseal_keys::ErrorKind::Invalid) when a file cannot be read or does not hold what it should.
    pub fn with_client_certificate(
        self,
        pem: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, Error> {
        self.change(|settings| settings.identify(pem.as_ref(), key.as_ref()))
    }

    /// The same, no call of which takes longer than `timeout`; a minute unless told otherwise.
    ///
    /// # Errors
    ///
    /// [`Invalid`](phiseal_keys::ErrorKind::Invalid) under ten milliseconds and over 24 days.
    pub fn with_timeout(self, timeout: Duration) -> Result<Self, Error> {
        self.change(|settings| settings.limit(timeout))
    }

    /// The same without TLS, on whatever machine the server is.
    ///
    /// # Security
    ///
    /// Whoever sees the network sees every value that is read and written; whoever can change what passes there chooses them,
    /// and can act as the role. Only for a network that is protected by other means, such as a tunnel.
    #[must_use]
    pub fn dangerous_without_tls(self) -> Self {
        let mut settings = self.line.settings.clone();
        settings.expose();
        Self::with(settings)
    }

    /// The rows that `sql`, which changes nothing, brings. It is asked for once more where the connection had died while nobody
    /// used it. To be called under [`runtime::run`](phiseal_keys::runtime::run).
    ///
    /// # Errors
    ///
    /// What the server answers, by its SQLSTATE ([`sqlstate`](super::sqlstate)) and without its words, which may quote values;
    /// [`Unavailable`](phiseal_keys::ErrorKind::Unavailable) where it does not, in time.
    pub async fn read(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, Error> {
        self.line.query(sql, parameters, Repeat::Once).await
    }

    /// The rows that `sql`, which may change what is stored, brings: one statement, all of it or nothing. To be called under
    /// [`runtime::run`](phiseal_keys::runtime::run).
    ///
    /// # Errors
    ///
    /// As [`Connection::read`]. After [`Unavailable`](phiseal_keys::ErrorKind::Unavailable) it may have been done or not.
    pub async fn write(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, Error> {
        self.line.query(sql, parameters, Repeat::Never).await
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.line.settings).finish()
    }
}

/// A session in which no row is hidden in silence.
struct Data;

impl Session for Data {
    async fn begin(&self, client: &mut Client) -> Result<(), Error> {
        client.batch_execute("SET row_security = off").await.map_err(|error| failed(&error))
    }
}
