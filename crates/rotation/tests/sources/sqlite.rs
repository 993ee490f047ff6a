//! SQLite tables.

use phiseal_keys::{Error, ErrorKind};
use phiseal_rotation::source::contract::{Fixture, Sample, World, table};
use phiseal_rotation::source::{
    Change, Outcome, Scalar, Source, SqliteSource, Stored, Swap, Table,
};
use pollster::block_on;
use rusqlite::{Connection, params};
use std::future::poll_fn;
use std::path::PathBuf;
use std::task::Poll;
use tempfile::TempDir;

const PLAIN: &str =
    "CREATE TABLE patients (clinic INTEGER, id TEXT, ssn BLOB, name TEXT, note TEXT,
    version INTEGER, PRIMARY KEY (clinic, id))";

struct Database {
    folder: TempDir,
}

impl Database {
    fn new(schema: &str) -> Self {
        let database = Self { folder: tempfile::tempdir().unwrap() };
        database.connect().execute_batch(schema).unwrap();
        database
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("clinic.db")
    }

    fn connect(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    fn source(&self, table: Table) -> Result<SqliteSource, Error> {
        SqliteSource::open(self.path(), table)
    }
}

impl World for Database {
    fn open(&self) -> Result<Box<dyn Source>, Error> {
        Ok(Box::new(self.source(table())?))
    }

    fn put(&self, row: &Sample) {
        let sql = "INSERT OR REPLACE INTO patients (clinic, id, ssn, name, note, version)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let values = params![row.clinic, row.id, row.ssn, row.name, row.note, row.version];
        self.connect().execute(sql, values).unwrap();
    }

    fn delete(&self, clinic: i64, id: &str) {
        let sql = "DELETE FROM patients WHERE clinic = ?1 AND id COLLATE BINARY = ?2";
        self.connect().execute(sql, params![clinic, id]).unwrap();
    }

    fn rows(&self) -> Vec<Sample> {
        let connection = self.connect();
        let sql = "SELECT clinic, id, ssn, name, note, version FROM patients";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| {
            Ok(Sample {
                clinic: row.get(0)?,
                id: row.get(1)?,
                ssn: row.get(2)?,
                name: row.get(3)?,
                note: row.get(4)?,
                version: row.get(5)?,
            })
        });
        rows.unwrap().map(|row| row.unwrap()).collect()
    }
}

mod with_a_primary_key {
    use super::{Database, Fixture};

    fn fixture() -> Fixture {
        Fixture::new(Database::new(super::PLAIN))
    }

    phiseal_rotation::source_tests!("sqlite", fixture);
}

mod without_row_ids_the_key_the_other_way_round {
    const SCHEMA: &str =
        "CREATE TABLE patients (clinic INTEGER, id TEXT, ssn BLOB, name TEXT, note TEXT,
        version INTEGER, PRIMARY KEY (id DESC, clinic)) WITHOUT ROWID, STRICT";
    use super::{Database, Fixture};

    fn fixture() -> Fixture {
        Fixture::new(Database::new(SCHEMA))
    }

    phiseal_rotation::source_tests!(fixture);
}

mod with_a_unique_index_and_columns_that_ignore_case {
    // To the column, A and a are one; to the index they are two.
    const SCHEMA: &str =
        "CREATE TABLE patients (clinic INTEGER NOT NULL, id TEXT NOT NULL COLLATE NOCASE,
        ssn BLOB, name TEXT COLLATE NOCASE, note TEXT, version INTEGER);
        CREATE UNIQUE INDEX of_case ON patients (id COLLATE BINARY, clinic);
        PRAGMA journal_mode = wal";
    use super::{Database, Fixture};

    fn fixture() -> Fixture {
        Fixture::new(Database::new(SCHEMA))
    }

    phiseal_rotation::source_tests!(fixture);
}

fn kind<T>(outcome: Result<T, Error>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}

#[test]
fn what_is_no_table_of_rows_with_a_key_is_refused() {
    let database = Database::new(
        "CREATE TABLE patients (id INTEGER PRIMARY KEY, ssn BLOB, other TEXT, part TEXT, note BLOB);
         CREATE VIEW seen AS SELECT * FROM patients;
         CREATE UNIQUE INDEX part ON patients (part) WHERE part > 'x';
         CREATE UNIQUE INDEX computed ON patients (lower(other));
         CREATE INDEX plain ON patients (ssn);
         CREATE VIRTUAL TABLE words USING fts5 (id, ssn)",
    );
    let open = |name, key: &[&str], sealed: &[&str]| {
        kind(database.source(Table::new(name, key, sealed).unwrap()))
    };
    assert_eq!(open("patients", &["id"], &["ssn"]), None, "the control");
    assert_eq!(open("PATIENTS", &["ID"], &["SSN"]), None, "names of SQLite have no case");
    assert_eq!(open("persons", &["id"], &["ssn"]), Some(ErrorKind::NotFound));
    assert_eq!(open("patients", &["id"], &["dob"]), Some(ErrorKind::NotFound));
    assert_eq!(open("patients", &["nr"], &["ssn"]), Some(ErrorKind::NotFound));
    assert_eq!(open("seen", &["id"], &["ssn"]), Some(ErrorKind::Unsupported));
    assert_eq!(open("words", &["id"], &["ssn"]), Some(ErrorKind::Unsupported));
    for key in [&["part"][..], &["other"], &["ssn"], &["id", "other"]] {
        assert_eq!(open("patients", key, &["note"]), Some(ErrorKind::Invalid), "{key:?}");
    }
    let table = || Table::new("patients", &["id"], &["ssn"]).unwrap();
    let absent = database.folder.path().join("absent.db");
    assert_eq!(kind(SqliteSource::open(&absent, table())), Some(ErrorKind::NotFound));
    assert!(!absent.exists(), "nothing is made");
    std::fs::write(&absent, "not a database, but long enough to be looked at as one".repeat(20))
        .unwrap();
    assert_eq!(kind(SqliteSource::open(&absent, table())), Some(ErrorKind::Malformed));
}

#[test]
fn rows_without_a_key_are_not_passed_by_in_silence() {
    let database = Database::new(
        "CREATE TABLE patients (a INTEGER, b INTEGER, ssn BLOB, UNIQUE (b, a));
         INSERT INTO patients VALUES (1, 1, x'01'), (2, 2, x'02')",
    );
    let source = database.source(Table::new("patients", &["a", "b"], &["ssn"]).unwrap()).unwrap();
    let first = block_on(source.scan(None, None, 1)).unwrap().remove(0);
    let insert = "INSERT INTO patients VALUES (3, NULL, x'03')";
    database.connect().execute(insert, []).unwrap();
    assert_eq!(
        kind(block_on(source.scan(None, None, 1))),
        Some(ErrorKind::Invalid),
        "at the beginning"
    );
    assert_eq!(
        kind(block_on(source.scan(Some(&first.key), None, 5))),
        Some(ErrorKind::Invalid),
        "and at the end"
    );
    database.connect().execute("DELETE FROM patients WHERE a = 3", []).unwrap();
    assert_eq!(block_on(source.scan(Some(&first.key), None, 5)).unwrap().len(), 1, "the control");
}

#[test]
fn what_was_never_sealed_is_told_by_its_type() {
    let database = Database::new(
        "CREATE TABLE patients (id INTEGER PRIMARY KEY, ssn);
         INSERT INTO patients VALUES (1, 123456789), (2, 1.5), (3, CAST(x'ff' AS TEXT)), (4, 'text'), (5, x'00'), (6, NULL)",
    );
    let source = database.source(Table::new("patients", &["id"], &["ssn"]).unwrap()).unwrap();
    let rows = block_on(source.scan(None, None, 10)).unwrap();
    let found: Vec<_> = rows.into_iter().map(|mut row| row.sealed.remove(0)).collect();
    let (other, text) = (Stored::Other, Stored::Text("text".to_owned()));
    let expected =
        [other.clone(), other.clone(), other, text, Stored::Bytes(vec![0]), Stored::Nothing];
    assert_eq!(found, expected);
}

#[test]
fn bytes_and_text_are_two_values() {
    let database = Database::new(
        "CREATE TABLE patients (id INTEGER PRIMARY KEY, ssn);
         INSERT INTO patients VALUES (1, 'abc'), (2, x'616263')",
    );
    let source = database.source(Table::new("patients", &["id"], &["ssn"]).unwrap()).unwrap();
    let rows = block_on(source.scan(None, None, 10)).unwrap();
    let outcome = |row: usize, old: &Stored, new: Stored| {
        let swaps = vec![Swap { column: 0, old: old.clone(), new }];
        block_on(source.replace(&[Change { key: rows[row].key.clone(), swaps }])).unwrap()
    };
    let (text, bytes) = (Stored::Text("abc".to_owned()), Stored::Bytes(b"abc".to_vec()));
    assert_eq!(outcome(0, &bytes, Stored::Bytes(vec![1])), [Outcome::Changed]);
    assert_eq!(outcome(1, &text, Stored::Text("1".to_owned())), [Outcome::Changed]);
    assert_eq!(outcome(0, &text, Stored::Text("1".to_owned())), [Outcome::Written]);
    assert_eq!(outcome(1, &bytes, Stored::Bytes(vec![1])), [Outcome::Written]);
}

#[test]
fn keys_of_other_types_are_theirs_or_refused() {
    let database = Database::new(
        "CREATE TABLE patients (id PRIMARY KEY, ssn BLOB);
         INSERT INTO patients VALUES (7, x'01'), ('7', x'02'), (x'37', x'03')",
    );
    let table = || Table::new("patients", &["id"], &["ssn"]).unwrap();
    let source = database.source(table()).unwrap();
    let rows = block_on(source.scan(None, None, 10)).unwrap();
    let keys: Vec<_> = rows.iter().map(|row| row.key.parts()[0].clone()).collect();
    assert_eq!(keys, [Scalar::Integer(7), Scalar::Text("7".to_owned()), Scalar::Bytes(vec![0x37])]);
    database.connect().execute("INSERT INTO patients VALUES (7.5, x'04')", []).unwrap();
    assert_eq!(kind(block_on(source.scan(None, None, 10))), Some(ErrorKind::Unsupported));
}

#[test]
fn a_batch_that_fails_is_none_and_the_next_one_works() {
    let database = Database::new(
        "CREATE TABLE patients (id INTEGER PRIMARY KEY, ssn BLOB CHECK (length(ssn) < 5));
         INSERT INTO patients VALUES (1, x'01'), (2, x'02')",
    );
    let source = database.source(Table::new("patients", &["id"], &["ssn"]).unwrap()).unwrap();
    let rows = block_on(source.scan(None, None, 10)).unwrap();
    let change = |row: usize, length: usize| {
        let (old, new) = (rows[row].sealed[0].clone(), Stored::Bytes(vec![9; length]));
        Change { key: rows[row].key.clone(), swaps: vec![Swap { column: 0, old, new }] }
    };
    let refused = block_on(source.replace(&[change(0, 2), change(1, 9)])).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert_eq!(block_on(source.scan(None, None, 10)).unwrap(), rows, "not even the first of them");
    assert_eq!(block_on(source.replace(&[change(0, 2)])).unwrap(), [Outcome::Written]);
    let holder = database.connect();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waits = std::thread::spawn({
        let (source, change) = (
            database.source(Table::new("patients", &["id"], &["ssn"]).unwrap()).unwrap(),
            change(1, 2),
        );
        move || block_on(source.replace(&[change]))
    });
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(!waits.is_finished(), "it waits for its turn");
    holder.execute_batch("ROLLBACK").unwrap();
    assert_eq!(waits.join().unwrap().unwrap(), [Outcome::Written]);
}

#[test]
fn what_is_being_read_keeps_nobody_from_writing_where_the_database_can_do_that() {
    let database = Database::new(
        "PRAGMA journal_mode = wal;
         CREATE TABLE patients (id INTEGER PRIMARY KEY, ssn BLOB);
         INSERT INTO patients VALUES (1, x'01')",
    );
    let source = database.source(Table::new("patients", &["id"], &["ssn"]).unwrap()).unwrap();
    let rows = block_on(source.scan(None, None, 10)).unwrap();
    let mut begun = source.scan(None, None, 10);
    let poll = block_on(poll_fn(|context| Poll::Ready(begun.as_mut().poll(context))));
    assert!(poll.is_pending(), "who polls it once has time to let others write");
    let swaps = vec![Swap { column: 0, old: Stored::Bytes(vec![1]), new: Stored::Bytes(vec![2]) }];
    let change = Change { key: rows[0].key.clone(), swaps };
    assert_eq!(block_on(source.replace(&[change])).unwrap(), [Outcome::Written]);
    assert_eq!(block_on(begun).unwrap()[0].sealed, [Stored::Bytes(vec![2])]);
}
