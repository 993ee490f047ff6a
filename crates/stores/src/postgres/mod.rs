//! PostgreSQL: a store for any number of processes on any number of machines, and the connection that it has.

mod binding;
mod connection;
mod error;
mod keys;
mod line;
mod link;
mod schema;
mod settings;
mod tls;

pub use connection::Connection;
pub use error::sqlstate;
pub use link::Parameter;

use crate::limits::{check_all, check_bytes, check_id, conflict};
use core::fmt;
use core::time::Duration;
use error::{failed, malformed};
use keys::{Keys, SCHEMA};
use line::{Line, Repeat};
use phiseal_keys::{
    BoxFuture, Erasure, Error, MAX_ID, MAX_RECORD, Page, Record, RecordKind, RecordWrite, Store,
    runtime,
};
use settings::Settings;
use std::path::Path;
use std::sync::Arc;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// A store in a PostgreSQL database (13 or later): for any number of threads, processes and machines.
///
/// ```no_run
/// # async fn example() -> Result<(), phiseal_keys::Error> {
/// use phiseal_stores::PostgresStore;
///
/// let store = PostgresStore::new("postgres://app@db.example/keys")?
///     .with_password(std::env::var("KEYS_PASSWORD").unwrap_or_default())
///     .with_authorities("/etc/ssl/db-ca.pem")?;
/// store.check().await?;
/// # Ok(())
/// # }
/// ```
///
/// The records are in the table `records` of a schema of their own, `phiseal_keys` unless told otherwise
/// ([`with_schema`](Self::with_schema)), and `psql` reads them: `select kind, id, revision, bytes from
/// phiseal_keys.records`. Keep that schema in another database than the data that its keys protect: where there are other
/// applications' tables, the first connection warns through the crate `log`.
///
/// The first call sets the schema up; the role needs `CREATE` on the database for that, or an empty schema of its own. A
/// schema that holds anything else is refused and left as it is. Afterwards `USAGE` on the schema, `SELECT` on
/// both tables, and `INSERT` and `UPDATE` on `records` are enough.
///
/// # Connection
///
/// Nothing is connected until the first call. One connection carries all calls of a handle, one behind the other in the
/// order in which they come and without waiting for each other's answers; so a handle is shared, not made for each
/// thread. A connection that is gone is made anew by the next call. Each call, connecting included, ends within the
/// timeout (ten seconds, [`with_timeout`](Self::with_timeout)). After a forked child's first call it has a connection of
/// its own.
///
/// With several hosts in the URL they are tried in turn until one accepts writes, so that nobody reads from a replica that
/// is behind. A server that holds another store than the first one did is refused. The URL's host must not be a pooler that
/// gives one session to several clients in turn, as PgBouncer does unless it pools sessions.
///
/// The calls run on two threads of this library's (see [`runtime`]), whoever polls the futures.
///
/// # TLS
///
/// A server on another machine is reached by TLS 1.2 or 1.3, and its certificate must be for the URL's host and by an
/// authority that the operating system trusts, or one of [`with_authorities`](Self::with_authorities); `sslmode=require`
/// in the URL means no less. A server on a loopback address or a Unix socket is reached without, unless the URL has an
/// `sslmode` that asks for it, or certificates are given. Where there is TLS, the login is bound to it
/// (SCRAM-SHA-256-PLUS) if the server can.
///
/// # Durability
///
/// A write has returned when the server has it on its disk, and on those of its synchronous replicas: this store raises
/// `synchronous_commit` to `on` where it is less. A server with `fsync` off promises nothing; the first connection then
/// warns through the crate `log`.
///
/// # Erasure
///
/// [`erase`](Store::erase) does nothing and says [`Erasure::Pending`]. What was replaced stays in the table's file until
/// `VACUUM FULL` rewrites it, which locks the table and is for its owner to decide; and longer in the write-ahead log, its
/// archive, replicas and backups. It is gone when the last of them has expired.
pub struct PostgresStore {
    line: Arc<Line<Keys>>,
    statements: Arc<Statements>,
}

impl PostgresStore {
    /// A store in the database that `url` names: `postgres://role:password@host:port/database?parameters`.
    ///
    /// Parameters are those of libpq as far as tokio-postgres knows them (several hosts, `hostaddr`, `connect_timeout`,
    /// `application_name`, `options`, `channel_binding`, `keepalives_idle` and others), and `sslmode`, `sslrootcert`,
    /// `sslcert` and `sslkey`. No environment variable and no password file is read. A password in memory is not locked;
    /// [`with_client_certificate`](Self::with_client_certificate) does without.
    ///
    /// # Errors
    ///
    /// [`Invalid`](phiseal_keys::ErrorKind::Invalid) when the URL is not valid or names a file without certificates,
    /// [`Unsupported`](phiseal_keys::ErrorKind::Unsupported) when it asks for a server that only reads.
    pub fn new(url: &str) -> Result<Self, Error> {
        Ok(Self::with(Settings::parse(url)?, Keys::new(SCHEMA.to_owned())))
    }

    fn with(settings: Settings, keys: Keys) -> Self {
        let statements = Arc::new(Statements::new(&keys.schema));
        Self { line: Arc::new(Line::new(settings, keys)), statements }
    }

    /// The same store, which is not connected yet.
    fn again(&self, settings: Settings) -> Self {
        Self::with(settings, Keys::new(self.line.session.schema.clone()))
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Settings) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let mut settings = self.line.settings.clone();
        change(&mut settings)?;
        Ok(self.again(settings))
    }

    /// The same store with another password than the URL's.
    #[must_use]
    pub fn with_password(self, password: impl AsRef<[u8]>) -> Self {
        let mut settings = self.line.settings.clone();
        settings.config.password(password);
        self.again(settings)
    }

    /// The store in another schema than `phiseal_keys`: lower-case ASCII letters, digits and underscores, 63 at most.
    ///
    /// # Errors
    ///
    /// [`Invalid`](phiseal_keys::ErrorKind::Invalid) when the name is not of that form, or PostgreSQL's own.
    pub fn with_schema(self, name: &str) -> Result<Self, Error> {
        Ok(Self::with(self.line.settings.clone(), Keys::named(name)?))
    }

    /// The same store, reached by TLS wherever it is, whose server's certificate must be by an authority in this PEM file.
    ///
    /// # Errors
    ///
    /// [`Invalid`](phiseal_keys::ErrorKind::Invalid) when the file cannot be read or holds no certificate.
    pub fn with_authorities(self, pem: impl AsRef<Path>) -> Result<Self, Error> {
        self.change(|settings| settings.trust(pem.as_ref()))
    }

    /// The same store, reached by TLS wherever it is, on which this process proves itself with a certificate (a PEM file,
    /// with those between it and its authority) and its private key (another).
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

    /// The same store, no call of which takes longer than `timeout`.
    ///
    /// # Errors
    ///
    /// [`Invalid`](phiseal_keys::ErrorKind::Invalid) under ten milliseconds and over 24 days.
    pub fn with_timeout(self, timeout: Duration) -> Result<Self, Error> {
        self.change(|settings| settings.limit(timeout))
    }

    /// The same store without TLS, on whatever machine its server is.
    ///
    /// # Security
    ///
    /// Whoever sees the network sees every record; whoever can change what passes there chooses what this process reads,
    /// and can act as its role. Wrapped keys stay wrapped and changed ones are noticed, but lost and replaced ones are lost.
    /// Only for a network that is protected by other means, such as a tunnel.
    #[must_use]
    pub fn dangerous_without_tls(self) -> Self {
        let mut settings = self.line.settings.clone();
        settings.expose();
        self.again(settings)
    }

    /// Connects unless there is a connection, and sets the schema up if need be: what the first call would do.
    ///
    /// # Errors
    ///
    /// * [`Unavailable`](phiseal_keys::ErrorKind::Unavailable): no server answers in time, none that accepts writes, or
    ///   none that offers TLS and is the one that it must prove.
    /// * [`Throttled`](phiseal_keys::ErrorKind::Throttled): the server has too many connections.
    /// * [`Denied`](phiseal_keys::ErrorKind::Denied): it does not accept the role, its password or its certificate, or the
    ///   role may not set the store up.
    /// * [`NotFound`](phiseal_keys::ErrorKind::NotFound): the database does not exist.
    /// * [`Unsupported`](phiseal_keys::ErrorKind::Unsupported): the schema is another application's or a newer release's, or the server is too old. Nothing was changed.
    /// * [`Malformed`](phiseal_keys::ErrorKind::Malformed): the tables are not the ones that this store makes, or not those
    ///   of the store that was there before.
    pub async fn check(&self) -> Result<(), Error> {
        let line = Arc::clone(&self.line);
        runtime::run(async move { line.connect().await }).await?
    }
}

impl Store for PostgresStore {
    fn read<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Record>, Error>> {
        Box::pin(async move {
            check_id(id)?;
            let (line, statements, id) = self.share(id);
            runtime::run(async move {
                let kind = i16::from(kind.to_byte());
                let parameters: [Parameter<'_>; 2] = [(&kind, Type::INT2), (&id, Type::BYTEA)];
                let rows = line.query(&statements.read, &parameters, Repeat::Once).await?;
                rows.first().map(record).transpose()
            })
            .await?
        })
    }

    fn write<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
        expected: u64,
        bytes: &'a [u8],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            check_id(id)?;
            check_bytes(bytes)?;
            let expected = i64::try_from(expected).map_err(|_| conflict())?;
            let (line, statements, id) = self.share(id);
            let bytes = bytes.to_vec();
            let changed = runtime::run(async move {
                let kind = i16::from(kind.to_byte());
                let all: [Parameter<'_>; 4] = [
                    (&kind, Type::INT2),
                    (&id, Type::BYTEA),
                    (&bytes, Type::BYTEA),
                    (&expected, Type::INT8),
                ];
                match (expected, &all) {
                    (0, [new @ .., _]) => line.query(&statements.create, new, Repeat::Never).await,
                    (_, all) => line.query(&statements.replace, all, Repeat::Never).await,
                }
            })
            .await??;
            match changed.len() {
                1 => Ok(()),
                0 => Err(conflict()),
                _ => Err(malformed("the store changed more than one record")),
            }
        })
    }

    fn write_all<'a>(&'a self, writes: &'a [RecordWrite<'a>]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            check_all(writes)?;
            if writes.is_empty() {
                return Ok(());
            }
            let all = Columns::of(writes)?;
            let (line, statements) = (Arc::clone(&self.line), Arc::clone(&self.statements));
            let done = runtime::run(async move {
                let count = i64::try_from(all.kinds.len()).map_err(|_| conflict())?;
                let parameters: [Parameter<'_>; 5] = [
                    (&all.kinds, Type::INT2_ARRAY),
                    (&all.ids, Type::BYTEA_ARRAY),
                    (&all.bytes, Type::BYTEA_ARRAY),
                    (&all.expected, Type::INT8_ARRAY),
                    (&count, Type::INT8),
                ];
                let makes_all = all.expected.iter().all(|revision| *revision == 0);
                let (statement, parameters) = match parameters.first_chunk::<3>() {
                    Some(parameters) if makes_all => (&statements.create_all, &parameters[..]),
                    _ => (&statements.write_all, &parameters[..]),
                };
                line.query(statement, parameters, Repeat::Never).await
            })
            .await?;
            match done {
                // What a statement fails with where one write was not done, so that none is.
                Err(error)
                    if [Some(DIVISION_BY_ZERO), Some(UNIQUE_VIOLATION)]
                        .contains(&sqlstate(&error)) =>
                {
                    Err(conflict())
                }
                done => done.map(drop),
            }
        })
    }

    fn scan<'a>(
        &'a self,
        kind: RecordKind,
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move {
            // No id is empty, so all are greater than the empty one.
            let (line, statements, after) = self.share(after.unwrap_or_default());
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            runtime::run(async move {
                let kind = i16::from(kind.to_byte());
                let parameters: [Parameter<'_>; 3] =
                    [(&kind, Type::INT2), (&after, Type::BYTEA), (&limit, Type::INT8)];
                let rows = line.query(&statements.scan, &parameters, Repeat::Once).await?;
                rows.iter().map(|row| Ok((bounded(row, 2)?, record(row)?))).collect()
            })
            .await?
        })
    }

    fn erase(&self) -> BoxFuture<'_, Result<Erasure, Error>> {
        Box::pin(async { Ok(Erasure::Pending) })
    }
}

impl PostgresStore {
    fn share(&self, id: &[u8]) -> (Arc<Line<Keys>>, Arc<Statements>, Vec<u8>) {
        (Arc::clone(&self.line), Arc::clone(&self.statements), id.to_vec())
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (settings, schema) = (&self.line.settings, &self.line.session.schema);
        f.debug_tuple("PostgresStore").field(settings).field(schema).finish()
    }
}

/// The statements, on the tables of one schema.
struct Statements {
    read: String,
    create: String,
    replace: String,
    create_all: String,
    write_all: String,
    scan: String,
}

impl Statements {
    fn new(schema: &str) -> Self {
        let records = format!("\"{schema}\".records");
        // A row that this store would not have written is not sent whole.
        let bytes = format!("CASE WHEN octet_length(bytes) <= {MAX_RECORD} THEN bytes END");
        let id = format!("CASE WHEN octet_length(id) <= {MAX_ID} THEN id END");
        Self {
            read: format!("SELECT revision, {bytes} FROM {records} WHERE kind = $1 AND id = $2"),
            create: format!(
                "INSERT INTO {records} (kind, id, revision, bytes) VALUES ($1, $2, 1, $3) \
                 ON CONFLICT DO NOTHING RETURNING revision"
            ),
            replace: format!(
                "UPDATE {records} SET revision = revision + 1, bytes = $3 \
                 WHERE kind = $1 AND id = $2 AND revision = $4 RETURNING revision"
            ),
            // What is only made, which is most of what a vault writes: planned in a fifth of the time of the next one, and done in half.
            // The rows are made in the order in which they are given.
            create_all: format!(
                "INSERT INTO {records} (kind, id, revision, bytes) \
                 SELECT kind, id, 1, bytes FROM unnest($1, $2, $3) AS w(kind, id, bytes)"
            ),
            // One statement is done as a whole, and needs no connection of its own as a transaction of several would. Rows in the
            // order of their ids, so that no two of them wait for each other.
            write_all: format!(
                "WITH all_writes AS MATERIALIZED (\
                 SELECT * FROM unnest($1, $2, $3, $4) AS w(kind, id, bytes, expected) ORDER BY kind, id), \
                 created AS (INSERT INTO {records} (kind, id, revision, bytes) \
                 SELECT kind, id, 1, bytes FROM all_writes WHERE expected = 0 ORDER BY kind, id \
                 ON CONFLICT DO NOTHING RETURNING 1), \
                 held AS MATERIALIZED (SELECT w.* FROM all_writes w JOIN {records} r USING (kind, id) \
                 WHERE w.expected > 0 ORDER BY kind, id FOR UPDATE OF r), \
                 replaced AS (UPDATE {records} r SET revision = r.revision + 1, bytes = w.bytes FROM held w \
                 WHERE r.kind = w.kind AND r.id = w.id AND r.revision = w.expected RETURNING 1) \
                 SELECT 1 / CASE WHEN (SELECT count(*) FROM created) + (SELECT count(*) FROM replaced) = $5 \
                 THEN 1 ELSE 0 END"
            ),
            scan: format!(
                "SELECT revision, {bytes}, {id} FROM {records} \
                 WHERE kind = $1 AND id > $2 ORDER BY records.id LIMIT $3"
            ),
        }
    }
}

/// PostgreSQL, appendix A.
const DIVISION_BY_ZERO: &str = "22012";
const UNIQUE_VIOLATION: &str = "23505";

/// Writes as the arrays that a statement takes.
struct Columns {
    kinds: Vec<i16>,
    ids: Vec<Vec<u8>>,
    expected: Vec<i64>,
    bytes: Vec<Vec<u8>>,
}

impl Columns {
    /// In the order of their ids, so that no two statements wait for each other's rows.
    fn of(writes: &[RecordWrite<'_>]) -> Result<Self, Error> {
        let mut writes = Vec::from(writes);
        writes.sort_unstable_by_key(|write| (write.kind.to_byte(), write.id));
        let expected = writes.iter().map(|write| i64::try_from(write.expected));
        Ok(Self {
            kinds: writes.iter().map(|write| i16::from(write.kind.to_byte())).collect(),
            ids: writes.iter().map(|write| write.id.to_vec()).collect(),
            expected: expected.collect::<Result<_, _>>().map_err(|_| conflict())?,
            bytes: writes.iter().map(|write| write.bytes.to_vec()).collect(),
        })
    }
}

/// The record in the first two columns.
fn record(row: &Row) -> Result<Record, Error> {
    let revision: i64 = row.try_get(0).map_err(|error| failed(&error))?;
    let revision = u64::try_from(revision).map_err(|_| out_of_bounds())?;
    Ok(Record { revision, bytes: bounded(row, 1)? })
}

/// The bytes in a column, which is null where they were too many.
fn bounded(row: &Row, column: usize) -> Result<Vec<u8>, Error> {
    let bytes: Option<Vec<u8>> = row.try_get(column).map_err(|error| failed(&error))?;
    bytes.ok_or_else(out_of_bounds)
}

fn out_of_bounds() -> Error {
    malformed("the store holds a record that it would not have written")
}
