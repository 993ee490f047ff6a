//! A table of an SQLite database.

mod error;
mod layout;
mod statements;

use super::{Change, Outcome, Row, RowKey, Scalar, Source, Stored, Table};
use core::fmt;
use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;
use error::{failed, malformed, unsupported};
use layout::Layout;
use phiseal_keys::{BoxFuture, Error, ErrorKind, OfProcess};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{
    CachedStatement, Connection, OpenFlags, Transaction, TransactionBehavior, params_from_iter,
};
use statements::Statements;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// A table of an SQLite database that an application keeps.
///
/// Its own collations order the keys, as its unique index does. Each batch is one transaction; others wait for it, and it
/// waits for others, for at most half a minute. Calls block, as SQLite does.
pub struct SqliteSource {
    connection: OfProcess<Mutex<Connection>>,
    /// Another one, where reading does not wait for writing: in the mode of the write-ahead log.
    reading: Option<OfProcess<Mutex<Connection>>>,
    table: Table,
    statements: Statements,
}

/// After how many pages of the write-ahead log their content is put in its place, while writing waits: four times as many as SQLite
/// itself takes, since each time costs two waits for the disk as well. Of pages of 4 KiB, 16 MiB.
const WAL_PAGES: u32 = 4_000;

/// How long a call waits for other writers.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

impl SqliteSource {
    /// The table in the database `path`, which has to be there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such file, table or column; [`ErrorKind::Invalid`] when the key columns are not
    /// unique; [`ErrorKind::Unsupported`] for a view or a virtual table; [`ErrorKind::Malformed`] for a file that is no
    /// database; [`ErrorKind::Denied`] for one that may not be written; [`ErrorKind::Unavailable`] when another process holds it.
    pub fn open(path: impl AsRef<Path>, table: Table) -> Result<Self, Error> {
        let path = path.as_ref();
        if !path.is_file() {
            return Err(Error::new(ErrorKind::NotFound, "there is no such database file"));
        }
        let connection = connect(path).map_err(failed)?;
        let layout = Layout::of(&connection, &table)?;
        let statements = Statements::of(&table, &layout);
        let mut reading = None;
        if is_in_wal_mode(&connection).map_err(failed)? {
            connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES).map_err(failed)?;
            reading = Some(connect(path).map_err(failed)?);
        }
        let of_process = |connection| OfProcess::new(Mutex::new(connection));
        let reading = reading.map(of_process);
        Ok(Self { connection: of_process(connection), reading, table, statements })
    }

    fn read<T>(&self, act: impl FnOnce(&mut Connection) -> Result<T, Error>) -> Result<T, Error> {
        with(self.reading.as_ref().unwrap_or(&self.connection), act)
    }

    /// Rows that no series of scans would come by.
    fn refuse_null_keys(&self, connection: &Connection) -> Result<(), Error> {
        let Some(sql) = &self.statements.null_keys else { return Ok(()) };
        let mut statement = connection.prepare_cached(sql).map_err(failed)?;
        if statement.exists([]).map_err(failed)? {
            return Err(Error::new(ErrorKind::Invalid, "the table has rows without a key"));
        }
        Ok(())
    }

    fn row(&self, row: &rusqlite::Row<'_>) -> Result<Row, Error> {
        let (keys, sealed) = (self.table.key().len(), self.table.sealed().len());
        let value = |at| row.get_ref(at).map_err(failed);
        let scalars = |from: usize, count: usize| {
            let mut scalars = Vec::with_capacity(count);
            for at in from..from + count {
                scalars.push(scalar(value(at)?)?);
            }
            Ok::<_, Error>(scalars)
        };
        let key = RowKey::new(scalars(0, keys)?)
            .ok_or_else(|| Error::new(ErrorKind::Faulty, "the database answered without a key"))?;
        let mut sealed_values = Vec::with_capacity(sealed);
        for at in keys..keys + sealed {
            sealed_values.push(stored(value(at)?));
        }
        let others = scalars(keys + sealed, self.table.others().len())?;
        Ok(Row { key, sealed: sealed_values, others })
    }

    /// Changes one row. `last` is the statement of the change before, for changes of the same columns.
    fn apply<'c>(
        &self,
        transaction: &'c Transaction<'_>,
        last: &mut Option<Replace<'c>>,
        change: &Change,
    ) -> Result<Outcome, Error> {
        let columns = change.swaps.iter().map(|swap| swap.column);
        let same = last.take().filter(|last| last.columns.iter().copied().eq(columns.clone()));
        let replace = last.insert(match same {
            Some(same) => same,
            None => {
                let sql = self.statements.replace(columns.clone());
                let statement = transaction.prepare_cached(&sql).map_err(failed)?;
                Replace { columns: columns.collect(), statement }
            }
        });
        let new = change.swaps.iter().map(|swap| Bound::Stored(&swap.new));
        let key = || change.key.parts().iter().map(Bound::Scalar);
        let old = change.swaps.iter().map(|swap| Bound::Stored(&swap.old));
        let bound = params_from_iter(new.chain(key()).chain(old));
        match replace.statement.execute(bound).map_err(failed)? {
            0 => {
                let mut there =
                    transaction.prepare_cached(&self.statements.exists).map_err(failed)?;
                let is_there = there.exists(params_from_iter(key())).map_err(failed)?;
                Ok(if is_there { Outcome::Changed } else { Outcome::Gone })
            }
            1 => Ok(Outcome::Written),
            _ => Err(Error::new(ErrorKind::Faulty, "a key was found to be of several rows")),
        }
    }
}

/// What swaps the values of these columns in one row.
struct Replace<'c> {
    columns: Vec<usize>,
    statement: CachedStatement<'c>,
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // A column that is not there would else be taken for a piece of text.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    Ok(connection)
}

fn is_in_wal_mode(connection: &Connection) -> rusqlite::Result<bool> {
    connection.pragma_query_value(
        None,
        "journal_mode",
        |row| Ok(row.get_ref(0)?.as_str()? == "wal"),
    )
}

fn with<T>(
    connection: &OfProcess<Mutex<Connection>>,
    act: impl FnOnce(&mut Connection) -> Result<T, Error>,
) -> Result<T, Error> {
    let connection = connection.get().ok_or_else(|| {
        unsupported("the database was opened before this process was forked: open it again")
    })?;
    act(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Ready when it is polled again: whoever polled it first has somebody else write meanwhile.
async fn another_poll() {
    let mut is_polled = false;
    let poll = poll_fn(|context| {
        if is_polled {
            return Poll::Ready(());
        }
        is_polled = true;
        context.waker().wake_by_ref();
        Poll::Pending
    });
    poll.await;
}

impl Source for SqliteSource {
    fn table(&self) -> &Table {
        &self.table
    }

    fn scan<'a>(
        &'a self,
        after: Option<&'a RowKey>,
        until: Option<&'a RowKey>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, Error>> {
        Box::pin(async move {
            let keys = self.table.key().len();
            if [after, until].into_iter().flatten().any(|key| key.parts().len() != keys) {
                return Err(Error::new(ErrorKind::Invalid, "a key of another table"));
            }
            if self.reading.is_some() {
                another_poll().await;
            }
            self.read(|connection| {
                if after.is_none() {
                    self.refuse_null_keys(connection)?;
                }
                let sql = self.statements.scan(after.is_some(), until.is_some());
                let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
                let limit_value = i64::try_from(limit).unwrap_or(i64::MAX);
                // What no statement mentions is bound to nothing.
                let nothing = vec![Scalar::Nothing; keys];
                let bound = [after, until].map(|key| key.map_or(&nothing[..], RowKey::parts));
                let bound = bound.into_iter().flatten().map(Bound::Scalar);
                let bound = bound.chain([Bound::Number(limit_value)]);
                let mut found = statement.query(params_from_iter(bound)).map_err(failed)?;
                let mut rows = Vec::new();
                while let Some(row) = found.next().map_err(failed)? {
                    rows.push(self.row(row)?);
                }
                if rows.len() < limit {
                    self.refuse_null_keys(connection)?;
                }
                Ok(rows)
            })
        })
    }

    fn replace<'a>(&'a self, changes: &'a [Change]) -> BoxFuture<'a, Result<Vec<Outcome>, Error>> {
        Box::pin(async move {
            changes.iter().try_for_each(|change| change.check(&self.table))?;
            with(&self.connection, |connection| {
                let behaviour = TransactionBehavior::Immediate;
                let transaction =
                    connection.transaction_with_behavior(behaviour).map_err(failed)?;
                let mut last = None;
                let outcomes =
                    changes.iter().map(|change| self.apply(&transaction, &mut last, change));
                let outcomes = outcomes.collect::<Result<Vec<_>, Error>>()?;
                drop(last);
                transaction.commit().map_err(failed)?;
                Ok(outcomes)
            })
        })
    }

    fn keeps_each_batch(&self) -> bool {
        true
    }

    fn finish(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

impl fmt::Debug for SqliteSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteSource").field(&self.table.name()).finish()
    }
}

fn stored(value: ValueRef<'_>) -> Stored {
    match value {
        ValueRef::Null => Stored::Nothing,
        ValueRef::Blob(bytes) => Stored::Bytes(bytes.to_vec()),
        ValueRef::Text(bytes) => {
            core::str::from_utf8(bytes).map_or(Stored::Other, |text| Stored::Text(text.to_owned()))
        }
        ValueRef::Integer(_) | ValueRef::Real(_) => Stored::Other,
    }
}

fn scalar(value: ValueRef<'_>) -> Result<Scalar, Error> {
    match value {
        ValueRef::Null => Ok(Scalar::Nothing),
        ValueRef::Integer(number) => Ok(Scalar::Integer(number)),
        ValueRef::Text(bytes) => core::str::from_utf8(bytes)
            .map(|text| Scalar::Text(text.to_owned()))
            .map_err(|_| malformed("a column that is not sealed holds text that is not UTF-8")),
        ValueRef::Blob(bytes) => Ok(Scalar::Bytes(bytes.to_vec())),
        ValueRef::Real(_) => {
            Err(unsupported("a column that is not sealed holds a number that is not whole"))
        }
    }
}

/// What is bound to a statement, without a copy.
enum Bound<'a> {
    Stored(&'a Stored),
    Scalar(&'a Scalar),
    Number(i64),
}

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self {
            Self::Stored(Stored::Bytes(bytes)) | Self::Scalar(Scalar::Bytes(bytes)) => {
                ValueRef::Blob(bytes)
            }
            Self::Stored(Stored::Text(text)) | Self::Scalar(Scalar::Text(text)) => {
                ValueRef::Text(text.as_bytes())
            }
            Self::Scalar(Scalar::Integer(number)) => ValueRef::Integer(*number),
            Self::Number(number) => ValueRef::Integer(*number),
            Self::Stored(Stored::Nothing | Stored::Other) | Self::Scalar(Scalar::Nothing) => {
                ValueRef::Null
            }
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}
