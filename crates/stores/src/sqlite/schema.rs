//! Whose database a file is, its tables, and how a connection to it is set up.

use super::error::{failed, is_busy, malformed};
use core::time::Duration;
use phiseal_keys::{Error, ErrorKind, MAX_ID, MAX_RECORD};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::path::Path;
use std::time::Instant;

/// `PHIk`, in the file's header: what `file(1)` and this store know the file by.
const APPLICATION_ID: i64 = 0x5048_496b;

/// The schema that this release writes and the newest that it reads.
const SCHEMA: i64 = 1;

const RECORDS: &str = "CREATE TABLE records (\
    kind INTEGER NOT NULL, \
    id BLOB NOT NULL, \
    revision INTEGER NOT NULL, \
    bytes BLOB NOT NULL, \
    PRIMARY KEY (kind, id)\
    ) STRICT, WITHOUT ROWID";

/// What a row takes beside its id and its bytes, generously.
const ROW_OVERHEAD: usize = 64;

/// A connection to the store in `path`, which is set up when it is empty and refused, untouched, when it is not a store.
pub(super) fn connect(path: &Path, busy_timeout: Duration) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(busy_timeout).map_err(failed)?;
    distrust(&connection)?;
    // In one look: another process may be setting the store up.
    let look = connection.transaction().map_err(failed)?;
    let ready = is_set_up(&look)?;
    look.finish().map_err(failed)?;
    if !ready {
        set_up(&mut connection)?;
    }
    check_tables(&connection)?;
    use_write_ahead_log(&connection, busy_timeout)?;
    keep_promises(&connection)?;
    Ok(connection)
}

/// What was written is on the disk before anybody is told so, and what was deleted is zeroed and in no temporary file.
fn keep_promises(connection: &Connection) -> Result<(), Error> {
    for (pragma, value) in [("synchronous", 2), ("secure_delete", 1), ("temp_store", 2)] {
        set(connection, pragma, value)?;
    }
    Ok(())
}

/// Nothing in the file can make SQLite run more than the statements of this store, or return longer values.
fn distrust(connection: &Connection) -> Result<(), Error> {
    for (option, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ] {
        connection.set_db_config(option, on).map_err(failed)?;
    }
    let longest = i32::try_from(MAX_RECORD.saturating_add(MAX_ID).saturating_add(ROW_OVERHEAD))
        .unwrap_or(i32::MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, longest).map_err(failed)?;
    set(connection, "cell_size_check", 1)
}

/// Whether the file is a store already; it is then one that this release understands. Only reads.
fn is_set_up(connection: &Connection) -> Result<bool, Error> {
    let application: i64 = ask(connection, "PRAGMA application_id")?;
    let schema: i64 = ask(connection, "PRAGMA user_version")?;
    let objects: i64 = ask(connection, "SELECT count(*) FROM sqlite_schema")?;
    match (application, schema, objects) {
        (0, 0, 0) => Ok(false),
        (APPLICATION_ID, SCHEMA, _) => Ok(true),
        (APPLICATION_ID, newer, _) if newer > SCHEMA => Err(Error::new(
            ErrorKind::Unsupported,
            "the store was written by a newer release, whose schema this one does not know",
        )),
        (APPLICATION_ID, ..) => Err(malformed("the store has a schema that no release wrote")),
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            "the file is the database of another application",
        )),
    }
}

/// All or nothing, and by one process.
fn set_up(connection: &mut Connection) -> Result<(), Error> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Exclusive).map_err(failed)?;
    if !is_set_up(&transaction)? {
        transaction.execute_batch(RECORDS).map_err(failed)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        transaction.pragma_update(None, "user_version", SCHEMA).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

/// The one table, exactly as this store makes it, and nothing else but what `ANALYZE` writes for SQLite's planner.
fn check_tables(connection: &Connection) -> Result<(), Error> {
    const OURS: &str =
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'records' AND sql = ?1";
    const ALL: &str = "SELECT count(*) FROM sqlite_schema WHERE NOT (type = 'table' AND name GLOB 'sqlite_stat[1-4]')";
    let ours: i64 = connection.query_row(OURS, [RECORDS], |row| row.get(0)).map_err(failed)?;
    if (ours, ask(connection, ALL)?) == (1, 1) {
        Ok(())
    } else {
        Err(malformed("the store's tables are not what they should be"))
    }
}

/// The switch needs the file to itself for a moment, and does not always wait for it.
fn use_write_ahead_log(connection: &Connection, busy_timeout: Duration) -> Result<(), Error> {
    let start = Instant::now();
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)) {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "the file system of the store cannot carry a write-ahead log: use a local disk",
                ));
            }
            Err(error) if is_busy(&error) && start.elapsed() < busy_timeout => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(failed(error)),
        }
    }
}

/// Sets a pragma and looks whether it took: SQLite ignores those that it was built without.
fn set(connection: &Connection, pragma: &str, value: i64) -> Result<(), Error> {
    connection.pragma_update(None, pragma, value).map_err(failed)?;
    let now: i64 = connection.pragma_query_value(None, pragma, |row| row.get(0)).map_err(failed)?;
    if now == value {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Unsupported, "this build of SQLite lacks what the store needs"))
    }
}

fn ask(connection: &Connection, question: &str) -> Result<i64, Error> {
    connection.query_row(question, [], |row| row.get(0)).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::file::create_if_absent;

    const PRAGMAS: [(&str, i64); 4] =
        [("synchronous", 2), ("secure_delete", 1), ("temp_store", 2), ("cell_size_check", 1)];

    fn value_of(connection: &Connection, pragma: &str) -> i64 {
        connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_connection_is_durable_leaves_nothing_behind_and_trusts_no_schema() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.db");
        create_if_absent(&path).unwrap();
        for _ in ["set up", "found"] {
            let connection = connect(&path, Duration::ZERO).unwrap();
            for (pragma, expected) in PRAGMAS {
                assert_eq!(value_of(&connection, pragma), expected, "{pragma}");
            }
            for (option, expected) in [
                (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
                (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
                (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
                (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
            ] {
                assert_eq!(connection.db_config(option).unwrap(), expected, "{option:?}");
            }
            let longest = connection.limit(Limit::SQLITE_LIMIT_LENGTH).unwrap();
            assert_eq!(usize::try_from(longest).unwrap(), MAX_RECORD + MAX_ID + ROW_OVERHEAD);
        }
    }

    /// Whatever the build of SQLite begins with: some of these values are its own in one build and not in another.
    #[test]
    fn every_setting_is_made_and_not_found() {
        let connection = Connection::open_in_memory().unwrap();
        for (pragma, _) in PRAGMAS {
            connection.pragma_update(None, pragma, 0).unwrap();
            assert_eq!(value_of(&connection, pragma), 0, "{pragma}");
        }
        distrust(&connection).unwrap();
        keep_promises(&connection).unwrap();
        for (pragma, expected) in PRAGMAS {
            assert_eq!(value_of(&connection, pragma), expected, "{pragma}");
        }
    }
}
