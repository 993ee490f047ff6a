//! A SQLite store that was open when the process was forked.
#![expect(unsafe_code, reason = "fork, _exit and waitpid have no safe form")]

use crate::support::now;
use phiseal_keys::{ErrorKind, RecordKind, Store};
use phiseal_stores::SqliteStore;
use rusqlite::Connection;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The path of the store, in the process that forks, which runs nothing else.
const STORE: &str = "PHISEAL_TEST_FORKED_STORE";

/// How many of this process's descriptors are of the store's files.
fn open_files(path: &Path) -> usize {
    let name = path.to_str().unwrap();
    let links = fs::read_dir("/proc/self/fd").unwrap();
    links
        .filter_map(|link| fs::read_link(link.unwrap().path()).ok())
        .filter(|target| target.to_str().is_some_and(|target| target.starts_with(name)))
        .count()
}

/// The status with which a forked child ends that does only this.
fn in_fork(act: impl FnOnce() -> i32) -> i32 {
    // SAFETY: this process's other threads, if any, wait for this one and hold no lock that the child needs.
    let id = unsafe { libc::fork() };
    assert!(id >= 0, "no fork");
    if id == 0 {
        let status = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).unwrap_or(99);
        // SAFETY: `_exit` takes no memory of this process.
        unsafe { libc::_exit(status) };
    }
    let mut status = -1;
    // SAFETY: `status` is an integer that the call writes.
    let ended = unsafe { libc::waitpid(id, &raw mut status, 0) };
    assert!(ended == id && libc::WIFEXITED(status), "the child was killed: {status}");
    libc::WEXITSTATUS(status)
}

#[test]
fn a_child_neither_uses_nor_closes_the_connection() {
    if let Some(path) = env::var_os(STORE) {
        return fork_with_open_stores(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "sqlite_forks::a_child_neither_uses_nor_closes_the_connection"])
        .arg("--test-threads=1")
        .env(STORE, folder.path().join("keys.db"))
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && out.contains("1 passed"), "{out}");
}

fn fork_with_open_stores(path: &Path) {
    let control = path.with_file_name("control.db");
    let connection = Connection::open(&control).unwrap();
    connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)").unwrap();
    let store = SqliteStore::open(path).unwrap();
    now(store.write(RecordKind::Keyset, b"id", 0, b"one")).unwrap();
    assert_eq!((open_files(path), open_files(&control)), (3, 3));

    let mut store = Some(store);
    let mut connection = Some(connection);
    let status = in_fork(|| {
        let store = store.take().unwrap();
        let refused = now(store.read(RecordKind::Keyset, b"id"));
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported);
        drop(store);
        // The control: a connection that is closed lets its files go.
        drop(connection.take());
        assert_eq!((open_files(path), open_files(&control)), (3, 0));
        // Another one would have no locks: what it wrote would be lost when the parent closes its own.
        assert_eq!(SqliteStore::open(path).unwrap_err().kind(), ErrorKind::Unsupported);
        let other = SqliteStore::open(path.with_file_name("other.db")).unwrap();
        now(other.write(RecordKind::Keyset, b"id", 0, b"other")).unwrap();
        42
    });
    assert_eq!(status, 42);

    let store = store.unwrap();
    let record = now(store.read(RecordKind::Keyset, b"id")).unwrap().unwrap();
    assert_eq!((record.revision, record.bytes), (1, b"one".to_vec()));
    now(store.write(RecordKind::Keyset, b"id", 1, b"two")).unwrap();
    drop(SqliteStore::open(path).unwrap());
    drop(store);
    assert_eq!(open_files(path), 0);

    // With nothing open, a child opens what it likes, and so do the child's own children.
    let status = in_fork(|| {
        let store = SqliteStore::open(path).unwrap();
        now(store.write(RecordKind::Keyset, b"id", 2, b"three")).unwrap();
        drop(store);
        let status = in_fork(|| {
            let store = SqliteStore::open(path).unwrap();
            now(store.write(RecordKind::Keyset, b"id", 3, b"four")).unwrap();
            43
        });
        assert_eq!(status, 43);
        44
    });
    assert_eq!(status, 44);
    let store = SqliteStore::open(path).unwrap();
    let record = now(store.read(RecordKind::Keyset, b"id")).unwrap().unwrap();
    assert_eq!((record.revision, record.bytes), (4, b"four".to_vec()));
}
