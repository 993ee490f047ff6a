//! Servers that die, hang and come back.

use super::cluster::{Cluster, PATIENCE};
use super::server::{programs, server};
use phiseal_keys::{Error, ErrorKind, RecordKind, Store};
use phiseal_stores::PostgresStore;
use pollster::block_on;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

const KILLS: u64 = 4;

fn cluster(what: &str, settings: &[&str]) -> Option<Cluster> {
    server(what).map(|_| Cluster::start(&programs().unwrap(), settings))
}

fn store(cluster: &Cluster) -> PostgresStore {
    PostgresStore::new(&cluster.server().url).unwrap()
}

/// Not one connection for each of them.
#[test]
fn many_calls_to_a_server_that_fails_are_one_attempt() {
    const CALLS: usize = 64;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&connections);
    thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(300));
            drop(stream);
        }
    });
    let store = PostgresStore::new(&format!("postgres://u@127.0.0.1:{port}/d")).unwrap();
    let together = Barrier::new(CALLS);
    thread::scope(|scope| {
        for _ in 0..CALLS {
            scope.spawn(|| {
                together.wait();
                let error = block_on(store.read(RecordKind::Keyset, b"id")).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
            });
        }
    });
    let before = connections.load(Ordering::SeqCst);
    assert!((1..=4).contains(&before), "{before} connections");
    block_on(store.check()).unwrap_err();
    assert!(connections.load(Ordering::SeqCst) > before, "the control: a later call tries again");
}

/// Waits until `done`, and fails after a minute.
#[track_caller]
fn wait(mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "it never came to be");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Writes 1, 2, 3 and so on until it is told to stop, and says what was acknowledged and how many calls failed. An
/// outcome that it was not told, it looks up.
fn count(store: &dyn Store, acknowledged: &AtomicU64, failures: &AtomicU64, stop: &AtomicBool) {
    let mut written = 0;
    while !stop.load(Ordering::SeqCst) {
        let next: u64 = written + 1;
        match block_on(store.write(RecordKind::Keyset, b"counter", written, &next.to_be_bytes())) {
            Ok(()) => {
                written = next;
                acknowledged.store(written, Ordering::SeqCst);
            }
            Err(error) => {
                // Neither a second writer nor a server that lost something.
                assert_eq!(error.kind(), ErrorKind::Unavailable, "after {written}: {error:?}");
                failures.fetch_add(1, Ordering::SeqCst);
                let found = look_up(store, stop);
                assert!(found == written || found == next, "{found} after {written} was written");
                written = found;
            }
        }
    }
}

/// The counter, as soon as the server answers.
fn look_up(store: &dyn Store, stop: &AtomicBool) -> u64 {
    let start = Instant::now();
    loop {
        match block_on(store.read(RecordKind::Keyset, b"counter")) {
            Ok(None) => return 0,
            Ok(Some(record)) => {
                let value = u64::from_be_bytes(record.bytes.try_into().unwrap());
                assert_eq!(record.revision, value);
                return value;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
                assert!(start.elapsed() < PATIENCE, "it does not come back: {error:?}");
                thread::sleep(Duration::from_millis(if stop.load(Ordering::SeqCst) {
                    1
                } else {
                    20
                }));
            }
        }
    }
}

/// On a server whose default is to acknowledge what it has not written down.
#[test]
fn what_was_acknowledged_survives_the_servers_death() {
    let settings = ["synchronous_commit=off", "wal_writer_delay=10s"];
    let Some(mut cluster) = cluster("killed Postgres servers", &settings) else { return };
    assert_eq!(cluster.server().sql("SHOW synchronous_commit"), "off", "the control");
    let store = store(&cluster);
    block_on(store.check()).unwrap();
    let (acknowledged, failures) = (AtomicU64::new(0), AtomicU64::new(0));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| count(&store, &acknowledged, &failures, &stop));
        for kill in 1..=KILLS {
            let before = acknowledged.load(Ordering::SeqCst);
            wait(|| acknowledged.load(Ordering::SeqCst) >= before + 20 || writer.is_finished());
            cluster.kill();
            wait(|| failures.load(Ordering::SeqCst) >= kill || writer.is_finished());
            cluster.run();
        }
        let before = acknowledged.load(Ordering::SeqCst);
        wait(|| acknowledged.load(Ordering::SeqCst) > before + 20 || writer.is_finished());
        stop.store(true, Ordering::SeqCst);
        writer.join().unwrap();
    });
    let last = look_up(&super::outages::store(&cluster), &stop);
    assert!(last >= acknowledged.load(Ordering::SeqCst) && last >= KILLS * 20);
    assert!(failures.load(Ordering::SeqCst) >= KILLS);
}

/// Its connection died while nobody used it.
#[test]
fn a_restart_in_between_is_not_noticed() {
    let Some(mut cluster) = cluster("restarted Postgres servers", &[]) else { return };
    let store = store(&cluster);
    block_on(store.write(RecordKind::Keyset, b"id", 0, b"one")).unwrap();
    for _ in 0..3 {
        cluster.kill();
        cluster.run();
        assert!(block_on(store.read(RecordKind::Keyset, b"id")).unwrap().is_some());
    }
    let page = block_on(store.scan(RecordKind::Keyset, None, 9)).unwrap();
    assert_eq!(page.len(), 1);
}

#[test]
fn a_server_that_hangs_is_unavailable_and_comes_back() {
    let Some(cluster) = cluster("hung Postgres servers", &[]) else { return };
    let short = |store: PostgresStore| store.with_timeout(Duration::from_secs(2)).unwrap();
    let known = short(store(&cluster));
    block_on(known.write(RecordKind::Keyset, b"id", 0, b"one")).unwrap();
    cluster.signal("STOP");
    let fresh = short(store(&cluster));
    let unavailable = |result: Result<(), Error>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.to_string(), "the database server did not answer in time");
    };
    unavailable(block_on(known.read(RecordKind::Keyset, b"id")).map(drop));
    unavailable(block_on(known.write(RecordKind::Keyset, b"other", 0, b"one")));
    unavailable(block_on(fresh.check()));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| unavailable(block_on(fresh.read(RecordKind::Keyset, b"id")).map(drop)));
        }
    });
    cluster.signal("CONT");
    for store in [&known, &fresh] {
        let record = block_on(store.read(RecordKind::Keyset, b"id")).unwrap().unwrap();
        assert_eq!(record.bytes, b"one");
    }
}

/// Somebody else holds the row for longer than the server lets this store wait.
#[test]
fn a_row_that_is_locked_is_unavailable() {
    let Some(server) = server("locked rows of Postgres") else { return };
    let schema = server.schema();
    let store = schema.store().with_timeout(Duration::from_secs(2)).unwrap();
    block_on(store.write(RecordKind::Keyset, b"id", 0, b"one")).unwrap();
    let lock = "BEGIN; SELECT FROM {s}.records FOR UPDATE; SELECT pg_sleep(6); COMMIT";
    thread::scope(|scope| {
        scope.spawn(|| schema.sql(lock));
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%{s}.records FOR UPDATE%' AND wait_event = 'PgSleep'";
        wait(|| schema.sql(waits) == "1");
        let error = block_on(store.write(RecordKind::Keyset, b"id", 1, b"two")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.to_string(), "what is asked for is locked by another session");
        // The connection is as good as before.
        assert_eq!(block_on(store.read(RecordKind::Keyset, b"id")).unwrap().unwrap().bytes, b"one");
    });
    block_on(store.write(RecordKind::Keyset, b"id", 1, b"two")).unwrap();
}

/// Nobody is there, somebody is who says nothing, and somebody is who is no such server.
#[test]
fn where_no_server_answers_it_is_unavailable() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let silent = listener.local_addr().unwrap().port();
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    for (port, message) in [
        (silent, "the database server did not answer in time"),
        (gone, "the database server cannot be reached"),
    ] {
        let store = PostgresStore::new(&format!("postgres://u:hush@127.0.0.1:{port}/d")).unwrap();
        let store = store.with_timeout(Duration::from_millis(300)).unwrap();
        let error = block_on(store.read(RecordKind::Keyset, b"id")).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Unavailable, message));
        assert!(!format!("{error:?}").contains("hush"));
    }
    drop(listener);
}

/// The first host is gone, and the second takes over.
#[test]
fn of_several_hosts_the_one_that_answers_is_used() {
    let Some(server) = server("several hosts of Postgres") else { return };
    let schema = server.schema();
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let url = server.url.replace("@", &format!("@127.0.0.1:{gone},"));
    block_on(schema.store_at(&url).write(RecordKind::Keyset, b"id", 0, b"bytes")).unwrap();
    assert!(block_on(schema.store().read(RecordKind::Keyset, b"id")).unwrap().is_some());
}
