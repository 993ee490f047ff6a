//! The SQLite store: its contract, its file, and what it refuses to open.

use crate::support::{medium, now};
use phiseal_conformance::store::Fixture;
use phiseal_keys::{Erasure, ErrorKind, RecordKind, Store};
use phiseal_stores::SqliteStore;
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn fixture() -> Fixture {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let path = folder.path().join("keys.db");
    let to_read = path.clone();
    Fixture::new(move || {
        let _kept_until_then = &folder;
        Arc::new(SqliteStore::open(&path).unwrap())
    })
    .with_medium(move || medium(&to_read))
}

phiseal_conformance::store_tests!("sqlite", fixture);

#[cfg(unix)]
#[test]
fn the_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("keys.db")).unwrap();
    now(store.write(RecordKind::Keyset, b"id", 0, b"bytes")).unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{:?}",
            entry.file_name()
        );
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["keys.db", "keys.db-shm", "keys.db-wal"]);
}

#[test]
fn another_program_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.db");
    let store = SqliteStore::open(&path).unwrap();
    now(store.write(RecordKind::Keyset, b"clinic", 0, b"bytes")).unwrap();
    let connection = Connection::open(&path).unwrap();
    let row = connection.query_row("SELECT kind, id, revision, bytes FROM records", [], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    });
    assert_eq!(row, Ok((2, b"clinic".to_vec(), 1, b"bytes".to_vec())));
    let text = |pragma| {
        connection.pragma_query_value::<String, _>(None, pragma, |row| row.get(0)).unwrap()
    };
    let number =
        |pragma| connection.pragma_query_value::<i64, _>(None, pragma, |row| row.get(0)).unwrap();
    assert_eq!(
        (text("journal_mode"), number("application_id"), number("user_version")),
        ("wal".to_owned(), 0x5048_496b, 1)
    );
    assert_eq!(&fs::read(&path).unwrap()[68..72], b"PHIk");
}

/// Changes made to a file, and what opening it is then refused as.
#[test]
fn what_is_not_a_store_is_refused_and_stays_as_it_was() {
    let foreign: [(&str, &str, ErrorKind); 8] = [
        (
            "a table of another application",
            "CREATE TABLE patients (name TEXT)",
            ErrorKind::Unsupported,
        ),
        ("another application's id", "PRAGMA application_id = 7", ErrorKind::Unsupported),
        ("another version number", "PRAGMA user_version = 1", ErrorKind::Unsupported),
        (
            "a newer schema",
            "PRAGMA application_id = 0x5048496b; PRAGMA user_version = 2",
            ErrorKind::Unsupported,
        ),
        (
            "an older schema",
            "PRAGMA application_id = 0x5048496b; PRAGMA user_version = -1",
            ErrorKind::Malformed,
        ),
        (
            "no table",
            "PRAGMA application_id = 0x5048496b; PRAGMA user_version = 1",
            ErrorKind::Malformed,
        ),
        (
            "another table",
            "CREATE TABLE records (kind, id, revision, bytes); PRAGMA application_id = 0x5048496b; PRAGMA user_version = 1",
            ErrorKind::Malformed,
        ),
        (
            "another application's database with rows",
            "CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)",
            ErrorKind::Unsupported,
        ),
    ];
    for (what, sql, kind) in foreign {
        let (_folder, path) = database(sql);
        assert_refused_untouched(what, &path, kind);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "not a database, but longer than a header of one hundred bytes, which is where SQLite looks first of all. ".repeat(9))
        .unwrap();
    #[cfg(unix)]
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert_refused_untouched("a text", &path, ErrorKind::Malformed);
}

/// A store with something added that SQLite would run by itself.
#[test]
fn a_store_with_more_in_it_than_its_table_is_refused() {
    for sql in [
        "CREATE TRIGGER t AFTER INSERT ON records BEGIN DELETE FROM records; END",
        "CREATE VIEW v AS SELECT * FROM records",
        "CREATE INDEX i ON records (revision)",
        "CREATE TABLE more (x)",
        "ALTER TABLE records ADD COLUMN more BLOB",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.db");
        drop(SqliteStore::open(&path).unwrap());
        drop(SqliteStore::open(&path).unwrap());
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        assert_eq!(SqliteStore::open(&path).unwrap_err().kind(), ErrorKind::Malformed, "{sql}");
    }
}

/// What a custodian's `ANALYZE` writes is SQLite's own; under its name, nothing that SQLite would run by itself.
#[test]
fn a_store_that_was_analysed_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.db");
    let store = SqliteStore::open(&path).unwrap();
    for number in 0..100_u32 {
        now(store.write(RecordKind::Subject, &number.to_be_bytes(), 0, &[7; 100])).unwrap();
    }
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("ANALYZE").unwrap();
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'sqlite_stat%'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert!(tables > 0, "ANALYZE wrote nothing");
    let again = SqliteStore::open(&path).unwrap();
    assert_eq!(now(again.scan(RecordKind::Subject, None, 1000)).unwrap().len(), 100);
    assert_eq!(now(again.erase()).unwrap(), Erasure::Done);
    drop((store, again));

    let trigger =
        "CREATE TRIGGER sqlite_stat3 AFTER INSERT ON records BEGIN DELETE FROM records; END";
    let posing = format!(
        "PRAGMA writable_schema = ON; \
         INSERT INTO sqlite_schema VALUES ('trigger', 'sqlite_stat3', 'records', 0, '{trigger}')"
    );
    connection.execute_batch(&posing).unwrap();
    drop(connection);
    assert_eq!(SqliteStore::open(&path).unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn a_damaged_store_is_an_error_and_not_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.db");
    let store = SqliteStore::open(&path).unwrap();
    for number in 0..200_u32 {
        now(store.write(RecordKind::Subject, &number.to_be_bytes(), 0, &[7; 300])).unwrap();
    }
    now(store.erase()).unwrap();
    drop(store);
    let whole = fs::read(&path).unwrap();
    assert!(whole.len() > 40_000);
    let mut failed = 0;
    for start in (100..whole.len()).step_by(1021) {
        let mut damaged = whole.clone();
        damaged[start..].iter_mut().take(64).for_each(|byte| *byte ^= 0xa5);
        fs::write(&path, damaged).unwrap();
        let result = SqliteStore::open(&path)
            .and_then(|store| now(store.scan(RecordKind::Subject, None, 1000)));
        match result {
            Err(error) if error.kind() == ErrorKind::Malformed => failed += 1,
            Err(error) => panic!("refused as {:?}: {error}", error.kind()),
            // The damage was to the bytes of records, which the layer above authenticates.
            Ok(_) => {}
        }
    }
    assert!(failed > 0, "no damage was noticed");
}

/// A row that this store would not write: longer than any record, at a revision below zero.
#[test]
fn values_out_of_bounds_are_malformed() {
    for sql in [
        "INSERT INTO records VALUES (2, x'61', 1, zeroblob(3000000))",
        "INSERT INTO records VALUES (2, x'61', -1, x'00')",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.db");
        drop(SqliteStore::open(&path).unwrap());
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let store = SqliteStore::open(&path).unwrap();
        assert_eq!(
            now(store.read(RecordKind::Keyset, b"a")).unwrap_err().kind(),
            ErrorKind::Malformed,
            "{sql}"
        );
        assert_eq!(
            now(store.scan(RecordKind::Keyset, None, 9)).unwrap_err().kind(),
            ErrorKind::Malformed,
            "{sql}"
        );
    }
}

#[test]
fn a_folder_that_does_not_exist_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let error = SqliteStore::open(folder.path().join("none").join("keys.db")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), "the folder of the store does not exist");
    assert_eq!(SqliteStore::open(folder.path()).unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn lengths_out_of_bounds_are_invalid() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("keys.db")).unwrap();
    let (long_id, long_record) =
        (vec![1; phiseal_keys::MAX_ID + 1], vec![1; phiseal_keys::MAX_RECORD + 1]);
    assert_eq!(now(store.read(RecordKind::Keyset, b"")).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(
        now(store.read(RecordKind::Keyset, &long_id)).unwrap_err().kind(),
        ErrorKind::Invalid
    );
    assert_eq!(
        now(store.write(RecordKind::Keyset, b"id", 0, &long_record)).unwrap_err().kind(),
        ErrorKind::Invalid
    );
    assert!(now(store.scan(RecordKind::Keyset, None, 1)).unwrap().is_empty());
}

fn database(sql: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    (folder, path)
}

fn assert_refused_untouched(what: &str, path: &Path, kind: ErrorKind) {
    let before = fs::read(path).unwrap();
    assert_eq!(SqliteStore::open(path).unwrap_err().kind(), kind, "{what}");
    assert_eq!(fs::read(path).unwrap(), before, "{what}");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "{what}");
}
