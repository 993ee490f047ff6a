//! A Postgres store that was in use when the process was forked.
#![expect(unsafe_code, reason = "fork, _exit and waitpid have no safe form")]

use super::server::{Server, programs, server};
use phiseal_keys::{RecordKind, Store};
use phiseal_stores::PostgresStore;
use pollster::block_on;
use std::env;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// The name of the schema, in the process that forks, which runs nothing else.
const SCHEMA: &str = "PHISEAL_TEST_FORKED_SCHEMA";

/// How many times it forks while other threads use the store.
const FORKS: u64 = 20;

/// The status with which a forked child ends that does only this.
fn in_fork(act: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child takes no lock that another thread of this process could have held: see what it calls.
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
fn a_child_has_a_connection_of_its_own() {
    if let Ok(name) = env::var(SCHEMA) {
        return fork_with_a_store_in_use(&name);
    }
    let Some(server) = server("forks with a Postgres store") else { return };
    let schema = server.schema();
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "postgres::forks::a_child_has_a_connection_of_its_own"])
        .args(["--test-threads=1", "--nocapture"])
        .env(SCHEMA, &schema.name)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn fork_with_a_store_in_use(name: &str) {
    let server =
        Server { url: env::var("PHISEAL_POSTGRES").unwrap(), programs: programs().unwrap() };
    let application = server.name();
    let url = server.url_with(&format!("application_name={application}"));
    let store = PostgresStore::new(&url).unwrap().with_schema(name).unwrap();
    block_on(store.write(RecordKind::Keyset, b"id", 0, b"one")).unwrap();
    let parents = server.sessions(&application);
    assert_eq!(parents.len(), 1);

    let status = in_fork(|| {
        block_on(store.write(RecordKind::Keyset, b"id", 1, b"two")).unwrap();
        let sessions = server.sessions(&application);
        assert!(sessions.len() == 2 && sessions.contains(&parents[0]), "{sessions:?}");
        42
    });
    assert_eq!(status, 42);
    let record = block_on(store.read(RecordKind::Keyset, b"id")).unwrap().unwrap();
    assert_eq!((record.revision, record.bytes), (2, b"two".to_vec()));
    assert!(server.sessions(&application).contains(&parents[0]), "the parent's was closed");

    // A child that drops the store closes nothing.
    let mut store = Some(store);
    let status = in_fork(|| {
        drop(store.take());
        43
    });
    assert_eq!(status, 43);
    let store = store.unwrap();
    block_on(store.write(RecordKind::Keyset, b"id", 2, b"three")).unwrap();
    assert!(server.sessions(&application).contains(&parents[0]), "the parent's was closed");

    fork_under_load(&store);
}

/// Whatever other threads are at in that moment.
fn fork_under_load(store: &PostgresStore) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    assert!(block_on(store.read(RecordKind::Keyset, b"id")).unwrap().is_some());
                }
            });
        }
        for fork in 0..FORKS {
            let status = in_fork(|| {
                let id = fork.to_be_bytes();
                block_on(store.write(RecordKind::Subject, &id, 0, b"child")).unwrap();
                44
            });
            assert_eq!(status, 44, "fork {fork}");
        }
        stop.store(true, Ordering::SeqCst);
    });
    let page = block_on(store.scan(RecordKind::Subject, None, 99)).unwrap();
    assert_eq!(u64::try_from(page.len()).unwrap(), FORKS);
}
