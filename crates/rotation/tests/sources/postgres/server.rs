//! The server that all tests share, and a schema in it for each.

use phiseal_keys::{Error, runtime};
use phiseal_rotation::source::{PostgresSource, Row, Source, Table};
use phiseal_stores::postgres::{Connection, Parameter};
use pollster::block_on;
use std::env;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_postgres::types::{ToSql, Type};

/// A value of a statement, and its type.
pub(super) type Value = (Box<dyn ToSql + Send + Sync>, Type);

/// A schema of one test, dropped with it.
pub(super) struct Schema {
    pub(super) url: String,
    pub(super) name: String,
    connection: Connection,
}

/// A schema that is empty; `None` after it was said what is left out.
#[expect(clippy::print_stdout, reason = "it says what it leaves out")]
pub(super) fn schema(what: &str) -> Option<Schema> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let Ok(url) = env::var("PHISEAL_POSTGRES") else {
        assert!(
            env::var_os("PHISEAL_LOCAL").is_some_and(|value| value == "1"),
            "PHISEAL_POSTGRES is not set: cargo xtask servers"
        );
        println!("left out under PHISEAL_LOCAL=1: {what}");
        return None;
    };
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("sources_{}_{number}", std::process::id());
    let connection = Connection::new(&url).unwrap();
    let schema = Schema { url, name, connection };
    schema.sql("CREATE SCHEMA {s}");
    Some(schema)
}

impl Schema {
    /// What `sql` answers, in which `{s}` stands for the schema.
    pub(super) fn sql(&self, sql: &str) -> Vec<tokio_postgres::Row> {
        self.sql_with(sql, vec![])
    }

    pub(super) fn sql_with(&self, sql: &str, values: Vec<Value>) -> Vec<tokio_postgres::Row> {
        let (connection, text) = (self.connection.clone(), sql.replace("{s}", &self.name));
        let done = block_on(runtime::run(async move {
            let parameters =
                values.iter().map(|(value, kind)| -> Parameter<'_> { (&**value, kind.clone()) });
            connection.write(&text, &parameters.collect::<Vec<_>>()).await
        }));
        done.unwrap().unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    /// The first column of the first row of what `sql` answers, as text.
    pub(super) fn text(&self, sql: &str) -> String {
        self.sql(&format!("SELECT ({sql})::text")).first().unwrap().get(0)
    }

    /// One statement after the other.
    pub(super) fn all(&self, statements: &[&str]) {
        statements.iter().for_each(|sql| drop(self.sql(sql)));
    }

    /// The URL with one more parameter.
    pub(super) fn url_with(&self, parameter: &str) -> String {
        let sign = if self.url.contains('?') { '&' } else { '?' };
        format!("{}{sign}{parameter}", self.url)
    }

    pub(super) fn open(
        &self,
        name: &str,
        key: &[&str],
        sealed: &[&str],
        others: &[&str],
    ) -> Result<PostgresSource, Error> {
        let table = Table::new(&format!("{}.{name}", self.name), key, sealed)?;
        self.source(table.with_others(others)?)
    }

    pub(super) fn source(&self, table: Table) -> Result<PostgresSource, Error> {
        block_on(PostgresSource::open(Connection::new(&self.url)?, table))
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let sql = format!("DROP SCHEMA {} CASCADE", self.name);
        let connection = self.connection.clone();
        // A test that failed may hold it.
        let _ = block_on(runtime::run(async move { connection.write(&sql, &[]).await.map(drop) }));
    }
}

/// All rows, read `limit` at a time.
pub(super) fn scan(source: &dyn Source, limit: usize) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let after = rows.last().map(|row| row.key.clone());
        let page = block_on(source.scan(after.as_ref(), None, limit)).unwrap();
        if page.is_empty() {
            return rows;
        }
        rows.extend(page);
    }
}
