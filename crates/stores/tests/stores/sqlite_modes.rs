//! Who else can reach the files of the SQLite store.

use crate::support::now;
use phiseal_keys::{ErrorKind, RecordKind, Store};
use phiseal_stores::SqliteStore;
use std::error::Error as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once};

static SAID: Mutex<Vec<(log::Level, String)>> = Mutex::new(Vec::new());

struct Listener;

impl log::Log for Listener {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        SAID.lock().unwrap().push((record.level(), record.args().to_string()));
    }

    fn flush(&self) {}
}

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Listener).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
}

/// What was said about the store, and is forgotten by that.
fn said_about(path: &Path) -> Vec<(log::Level, String)> {
    let name = path.display().to_string();
    SAID.lock().unwrap().extract_if(.., |(_, message)| message.contains(&name)).collect()
}

fn store() -> (tempfile::TempDir, PathBuf) {
    listen();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.db");
    let store = SqliteStore::open(&path).unwrap();
    now(store.write(RecordKind::Keyset, b"id", 0, b"bytes")).unwrap();
    (folder, path)
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_file_that_others_can_write_is_refused() {
    let (_folder, path) = store();
    let before = fs::read(&path).unwrap();
    for mode in [0o620, 0o602, 0o622, 0o660, 0o664, 0o646, 0o666, 0o777] {
        chmod(&path, mode);
        let error = SqliteStore::open(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{mode:o}");
        assert_eq!(
            error.source().unwrap().to_string(),
            format!("{} has mode {mode:04o}: chmod 600 it", path.display())
        );
        assert_eq!(fs::read(&path).unwrap(), before);
    }
    assert!(said_about(&path).is_empty());
    chmod(&path, 0o600);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(now(store.read(RecordKind::Keyset, b"id")).unwrap().unwrap().bytes, b"bytes");
}

#[test]
fn a_file_beside_it_that_others_can_write_is_refused() {
    for suffix in ["-wal", "-shm", "-journal"] {
        let (_folder, path) = store();
        let beside = path.with_file_name(format!("keys.db{suffix}"));
        fs::write(&beside, b"").unwrap();
        chmod(&beside, 0o666);
        assert_eq!(SqliteStore::open(&path).unwrap_err().kind(), ErrorKind::Denied, "{suffix}");
        chmod(&beside, 0o600);
        SqliteStore::open(&path).unwrap();
    }
}

#[test]
fn each_opening_of_a_file_that_others_can_read_warns_once() {
    let (_folder, path) = store();
    assert!(said_about(&path).is_empty());
    for mode in [0o640, 0o604, 0o644] {
        chmod(&path, mode);
        let store = SqliteStore::open(&path).unwrap();
        assert_eq!(now(store.read(RecordKind::Keyset, b"id")).unwrap().unwrap().bytes, b"bytes");
        let said = said_about(&path);
        assert_eq!(said.len(), 1, "{said:?}");
        let (level, message) = &said[0];
        assert_eq!(*level, log::Level::Warn);
        assert!(message.contains(&format!("has mode {mode:04o}; chmod 600 it")), "{message}");
    }
    chmod(&path, 0o600);
    SqliteStore::open(&path).unwrap();
    assert!(said_about(&path).is_empty());
}
