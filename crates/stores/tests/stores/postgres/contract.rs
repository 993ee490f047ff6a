//! What every store promises, and how this one keeps it.

use super::cluster::PATIENCE;
use super::server::server;
use phiseal_conformance::Absent;
use phiseal_conformance::store::Fixture;
use phiseal_keys::{Erasure, ErrorKind, RecordKind, Store};
use pollster::block_on;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

const THREADS: u64 = 8;
const ROUNDS: u64 = 50;

fn fixture() -> Result<Fixture, Absent> {
    let server = server("its contract");
    let server = server.ok_or_else(|| Absent::new("postgres", "PHISEAL_POSTGRES is not set"))?;
    let schema = server.schema();
    Ok(Fixture::new(move || Arc::new(schema.store())))
}

phiseal_conformance::store_tests!("postgres", fixture);

#[test]
fn another_program_reads_it() {
    let Some(server) = server("what psql reads") else { return };
    let schema = server.schema();
    let store = schema.store();
    block_on(store.write(RecordKind::Keyset, b"clinic", 0, b"bytes")).unwrap();
    assert_eq!(
        schema.sql("SELECT kind, id, revision, bytes FROM {s}.records"),
        "2|\\x636c696e6963|1|\\x6279746573"
    );
    assert_eq!(schema.sql("SELECT version, id IS NULL FROM {s}.store"), "1|f");
}

/// What was replaced can outlive the store in the server's log: nobody may believe that it is gone.
#[test]
fn erasure_is_pending() {
    let Some(server) = server("erasure in Postgres") else { return };
    let schema = server.schema();
    let store = schema.store();
    block_on(store.write(RecordKind::Keyset, b"id", 0, b"bytes")).unwrap();
    assert_eq!(block_on(store.erase()).unwrap(), Erasure::Pending);
}

#[test]
fn lengths_out_of_bounds_are_invalid() {
    let Some(server) = server("lengths in Postgres") else { return };
    let schema = server.schema();
    let store = schema.store();
    let (long_id, long_record) =
        (vec![1; phiseal_keys::MAX_ID + 1], vec![1; phiseal_keys::MAX_RECORD + 1]);
    let kind = RecordKind::Keyset;
    for error in [
        block_on(store.read(kind, b"")).unwrap_err(),
        block_on(store.read(kind, &long_id)).unwrap_err(),
        block_on(store.write(kind, &long_id, 0, b"")).unwrap_err(),
        block_on(store.write(kind, b"id", 0, &long_record)).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    block_on(store.write(kind, &long_id[1..], 0, &long_record[1..])).unwrap();
    let error = block_on(store.write(kind, b"id", u64::MAX, b"")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

/// On one connection, and on one for each thread.
#[test]
fn of_increments_by_many_threads_none_is_lost() {
    let Some(server) = server("threads on the Postgres store") else { return };
    for handles in [1, THREADS] {
        let schema = server.schema();
        let stores: Vec<_> = (0..handles).map(|_| Arc::new(schema.store())).collect();
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let store = Arc::clone(&stores[usize::try_from(thread % handles).unwrap()]);
                scope.spawn(move || (0..ROUNDS).for_each(|_| increment(&*store)));
            }
        });
        let record = block_on(stores[0].read(RecordKind::Keyset, b"sum")).unwrap().unwrap();
        assert_eq!(record.revision, THREADS * ROUNDS);
        assert_eq!(record.bytes, (THREADS * ROUNDS).to_be_bytes());
    }
}

fn increment(store: &dyn Store) {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let record = block_on(store.read(RecordKind::Keyset, b"sum")).unwrap();
        let (revision, sum) = record.map_or((0, 0), |record| {
            (record.revision, u64::from_be_bytes(record.bytes.try_into().unwrap()))
        });
        let next = (sum + 1).to_be_bytes();
        match block_on(store.write(RecordKind::Keyset, b"sum", revision, &next)) {
            Ok(()) => return,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}"),
        }
    }
    panic!("nobody gets through");
}

/// A call that its caller gives up leaves the connection as good as it was.
#[test]
fn calls_that_are_dropped_do_no_harm() {
    let Some(server) = server("dropped calls on the Postgres store") else { return };
    let schema = server.schema();
    let application = server.name();
    let store = schema.store_at(&server.url_with(&format!("application_name={application}")));
    block_on(store.write(RecordKind::Keyset, b"id", 0, b"one")).unwrap();
    let before = server.sessions(&application);
    for _ in 0..100 {
        let mut call = store.read(RecordKind::Keyset, b"id");
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = call.as_mut().poll(&mut context);
    }
    let record = block_on(store.read(RecordKind::Keyset, b"id")).unwrap().unwrap();
    assert_eq!((record.revision, record.bytes), (1, b"one".to_vec()));
    assert_eq!((before.len(), server.sessions(&application)), (1, before));
}

/// Whatever the role's defaults are.
#[test]
fn sessions_are_durable_and_bounded() {
    // `remote_write` is not yet the disk of a replica; `remote_apply` is more than that.
    for (theirs, ours) in
        [("off", "on"), ("local", "on"), ("remote_write", "on"), ("remote_apply", "remote_apply")]
    {
        session_is_durable_and_bounded(theirs, ours);
    }
}

fn session_is_durable_and_bounded(theirs: &str, ours: &str) {
    let Some(server) = server("sessions of the Postgres store") else { return };
    let schema = server.schema();
    let application = server.name();
    let options = format!(
        "options=-csynchronous_commit%3D{theirs}%20-cdefault_transaction_isolation%3Dserializable"
    );
    let url = server.url_with(&format!("application_name={application}&{options}"));
    let store = schema.store_at(&url);
    // The server tells each session's settings to nobody else, so the session writes them down by itself.
    block_on(store.check()).unwrap();
    schema.sql(
        "CREATE TABLE {s}.seen (name text, setting text); \
         CREATE FUNCTION {s}.look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
           INSERT INTO {s}.seen SELECT name, setting FROM pg_settings; RETURN NEW; END $$; \
         CREATE TRIGGER look BEFORE INSERT ON {s}.records FOR EACH ROW EXECUTE FUNCTION {s}.look()",
    );
    block_on(store.write(RecordKind::Keyset, b"id", 0, b"bytes")).unwrap();
    let seen = |name| schema.sql(&format!("SELECT setting FROM {{s}}.seen WHERE name = '{name}'"));
    assert_eq!(seen("application_name"), application, "the control");
    for (name, setting) in [
        ("synchronous_commit", ours),
        ("default_transaction_isolation", "read committed"),
        ("search_path", "pg_catalog"),
        ("statement_timeout", "8000"),
        ("lock_timeout", "5000"),
    ] {
        assert_eq!(seen(name), setting, "{name}");
    }
}
