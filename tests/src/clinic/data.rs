//! The clinic's database: a file, or a schema of a server.

use phiseal::rotation::source::{Source, SqliteSource, Table};
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where a clinic's data is, and the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "tests run in each")]
pub enum Where {
    /// In files of SQLite.
    Sqlite,
    /// On the server that `PHISEAL_POSTGRES` names.
    Postgres,
}

/// A row: its number and its three sealed values.
pub type Row = (i64, Vec<u8>, String, String);

/// The database.
#[derive(Clone, Debug)]
pub(super) enum Data {
    Sqlite(PathBuf),
    #[cfg(feature = "postgres")]
    Postgres(crate::schema::Schema),
}

impl Data {
    /// That of the clinic in `folder`.
    pub(super) fn of(folder: &Path) -> Self {
        #[cfg(feature = "postgres")]
        if let Some(schema) = super::postgres::of(folder) {
            return Self::Postgres(schema);
        }
        Self::Sqlite(folder.join("clinic.db"))
    }

    pub(super) fn create(&self, rows: impl Iterator<Item = Row>) {
        match self {
            Self::Sqlite(path) => {
                let mut database = connect(path);
                let schema = "CREATE TABLE patients (id INTEGER PRIMARY KEY, ssn BLOB, name TEXT, note TEXT)";
                database.execute_batch(&format!("PRAGMA journal_mode = WAL; {schema}")).unwrap();
                let insert = database.transaction().unwrap();
                for (id, ssn, name, note) in rows {
                    let sql = "INSERT INTO patients VALUES (?1, ?2, ?3, ?4)";
                    insert.execute(sql, params![id, ssn, name, note]).unwrap();
                }
                insert.commit().unwrap();
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(schema) => super::postgres::create(schema, rows),
        }
    }

    pub(super) fn all(&self) -> Vec<Row> {
        match self {
            Self::Sqlite(path) => {
                let database = connect(path);
                let mut all = database.prepare("SELECT id, ssn, name, note FROM patients").unwrap();
                let rows = all
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
                rows.unwrap().map(|row| row.unwrap()).collect()
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(schema) => super::postgres::all(schema),
        }
    }

    /// Writes over a value of a column of bytes.
    pub(super) fn set(&self, id: i64, column: &str, bytes: &[u8]) {
        match self {
            Self::Sqlite(path) => {
                let sql = format!("UPDATE patients SET {column} = ?2 WHERE id = ?1");
                assert_eq!(connect(path).execute(&sql, params![id, bytes]).unwrap(), 1);
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(schema) => super::postgres::set(schema, id, column, bytes),
        }
    }

    /// With these columns gone through.
    pub(super) fn source(&self, columns: &[&str]) -> Box<dyn Source> {
        let table = |name: &str| Table::new(name, &["id"], columns).unwrap();
        match self {
            Self::Sqlite(path) => Box::new(SqliteSource::open(path, table("patients")).unwrap()),
            #[cfg(feature = "postgres")]
            Self::Postgres(schema) => schema.source(table),
        }
    }

    /// An empty column of entries of an index.
    pub(super) fn add_index(&self) {
        match self {
            Self::Sqlite(path) => {
                let sql = "ALTER TABLE patients ADD COLUMN by_name BLOB";
                connect(path).execute_batch(sql).unwrap();
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(schema) => {
                let _ = schema.sql("ALTER TABLE {s}.patients ADD COLUMN by_name bytea;");
            }
        }
    }
}

fn connect(path: &Path) -> Connection {
    let database = Connection::open(path).unwrap();
    database.busy_timeout(Duration::from_secs(30)).unwrap();
    database.pragma_update(None, "synchronous", "OFF").unwrap();
    database
}
