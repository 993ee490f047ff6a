//! A table of a PostgreSQL database.

mod ask;
mod error;
mod layout;
mod name;
mod statements;
mod values;
mod write;

use super::{Change, Outcome, Row, RowKey, Source, Table};
use core::fmt;
use layout::Layout;
use phiseal_keys::{BoxFuture, Error, runtime};
use phiseal_stores::postgres::{Connection, Parameter};
use statements::Statements;
use std::sync::Arc;
use tokio_postgres::types::Type;
use values::{Array, can_be_there, check_key, row};

/// A table of a PostgreSQL database (13 or later) that an application keeps.
///
/// ```no_run
/// use phiseal_rotation::source::{PostgresSource, Table};
/// use phiseal_stores::postgres::Connection;
///
/// # async fn example() -> Result<(), phiseal_keys::Error> {
/// let connection = Connection::new("postgres://clerk@db.example/clinic")?;
/// let table = Table::new("clinic.patients", &["id"], &["ssn", "name"])?;
/// let source = PostgresSource::open(connection, table).await?;
/// # Ok(())
/// # }
/// ```
///
/// A table is named with its schema, or is in `public`; a name with a point in it is in double quotes. Names are as the
/// catalogue has them, capital letters included.
///
/// # Columns
///
/// A sealed column is of the type `bytea`, `text` or `varchar`; what one of another type holds is
/// [`Stored::Other`](super::Stored::Other), but one of the type `char`, which adds blanks, is refused. The other columns and
/// those of the key are whole numbers, text, `char` (with its blanks), `uuid` (as text, in small letters) or `bytea`.
///
/// The key columns are the primary key, or those of a unique index over all rows, and not one of them may be empty. Rows come in
/// the order of that index, by its collations. Where these take different texts for equal, a row is still found by its
/// own text only.
///
/// # Writing
///
/// A batch is one statement: all of its rows are written at once, or, after an error, none. It takes its locks in the order of
/// the keys and waits for others' for half a minute at most. Where a trigger of the table changes or suppresses what is
/// written, the batch is an error.
///
/// # Security
///
/// The role needs `SELECT` on all these columns and `UPDATE` on the sealed ones. A table of which row security hides rows from
/// the role is refused: nobody could say that nothing is left.
pub struct PostgresSource(Arc<Opened>);

/// What a source's handle and its calls share.
struct Opened {
    connection: Connection,
    table: Table,
    layout: Layout,
    statements: Statements,
}

impl PostgresSource {
    /// The table in the database that `connection` leads to.
    ///
    /// # Errors
    ///
    /// [`NotFound`](phiseal_keys::ErrorKind::NotFound) when there is no such table or column;
    /// [`Invalid`](phiseal_keys::ErrorKind::Invalid) when the key columns are not unique, or may be empty;
    /// [`Unsupported`](phiseal_keys::ErrorKind::Unsupported) for a view, a foreign table, one that is not logged, has children or
    /// rules, or is under row security, and for a column that is generated or of a type that is not one of those above; and
    /// what the server answers.
    pub async fn open(connection: Connection, table: Table) -> Result<Self, Error> {
        runtime::run(async move {
            let layout = Layout::of(&connection, &table).await?;
            let statements = Statements::of(&table, &layout);
            Ok(Self(Arc::new(Opened { connection, table, layout, statements })))
        })
        .await?
    }
}

impl Opened {
    async fn scan(
        self: &Arc<Self>,
        after: Option<&RowKey>,
        until: Option<&RowKey>,
        limit: usize,
    ) -> Result<Vec<Row>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let keys = [after, until].into_iter().flatten();
        let arrays: Vec<_> =
            keys.flat_map(|key| values::keys(&self.layout, core::iter::once(key))).collect();
        let mut parameters: Vec<Parameter<'_>> = arrays.iter().filter_map(Array::only).collect();
        parameters.push((&limit, Type::INT8));
        let sql = self.statements.scan(after.is_some(), until.is_some());
        let found = self.read(sql, &parameters).await?;
        found.iter().map(|found| row(&self.layout, found)).collect()
    }
}

impl Source for PostgresSource {
    fn table(&self) -> &Table {
        &self.0.table
    }

    fn scan<'a>(
        &'a self,
        after: Option<&'a RowKey>,
        until: Option<&'a RowKey>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, Error>> {
        Box::pin(async move {
            for key in [after, until].into_iter().flatten() {
                check_key(&self.0.layout, key)?;
                if !can_be_there(key) {
                    return Err(error::invalid("a key of another table"));
                }
            }
            self.0.scan(after, until, limit).await
        })
    }

    fn replace<'a>(&'a self, changes: &'a [Change]) -> BoxFuture<'a, Result<Vec<Outcome>, Error>> {
        Box::pin(async move {
            for change in changes {
                change.check(&self.0.table)?;
                check_key(&self.0.layout, &change.key)?;
            }
            if changes.is_empty() {
                return Ok(Vec::new());
            }
            self.0.replace(changes).await
        })
    }

    fn keeps_each_batch(&self) -> bool {
        true
    }

    fn finish(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

impl fmt::Debug for PostgresSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresSource").field(&self.0.table.name()).finish()
    }
}
