//! Several processes on one Postgres store.
//!
//! This test program is its own second process: it starts itself with one test named and an environment variable set.

use super::server::{Schema, Server, programs, server};
use phiseal_keys::{ErrorKind, RecordKind, Store};
use phiseal_stores::PostgresStore;
use pollster::block_on;
use std::env;
use std::io::Write;
use std::process::{Child, Command, Stdio};

/// The name of the schema, in a child process.
const SCHEMA: &str = "PHISEAL_TEST_SCHEMA";

const PROCESSES: usize = 4;
const ROUNDS: u64 = 60;

/// A record that takes several of the server's pages, every eight bytes of which say its revision.
const WORDS: usize = 4_000;

/// This program once more, running only the test `name`, on the store in `schema`.
fn child(name: &str, schema: &Schema) -> Child {
    let mut child = command(name);
    child.env(SCHEMA, &schema.name).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
}

/// This program once more, running only the test `name`.
fn command(name: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", &format!("postgres::processes::{name}"), "--nocapture"]);
    command
}

/// In a child process, its store.
fn childs_store() -> Option<PostgresStore> {
    let name = env::var(SCHEMA).ok()?;
    let server =
        Server { url: env::var("PHISEAL_POSTGRES").unwrap(), programs: programs().unwrap() };
    Some(PostgresStore::new(&server.url).unwrap().with_schema(&name).unwrap())
}

/// What the children print after `word`, all of whom ended well.
fn words(children: Vec<Child>, word: &str) -> Vec<String> {
    let outputs = children.into_iter().map(|child| child.wait_with_output().unwrap());
    let said = outputs.map(|output| {
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}");
        let line = said.lines().find_map(|line| line.split_once(word)).unwrap();
        line.1.to_owned()
    });
    said.collect()
}

fn say(what: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "\n{what}").unwrap();
    out.flush().unwrap();
}

/// Reads and writes in turn; says how many writes succeeded.
fn race(store: &PostgresStore) {
    let mut won = 0;
    for _ in 0..ROUNDS {
        let record = block_on(store.read(RecordKind::Keyset, b"large")).unwrap();
        let revision = record.as_ref().map_or(0, |record| record.revision);
        if let Some(record) = record {
            assert_eq!(record.bytes, revision.to_be_bytes().repeat(WORDS), "torn");
        }
        let next = (revision + 1).to_be_bytes().repeat(WORDS);
        match block_on(store.write(RecordKind::Keyset, b"large", revision, &next)) {
            Ok(()) => won += 1,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}"),
        }
    }
    say(&format!("won {won}"));
}

#[test]
fn no_process_sees_a_torn_record_and_no_write_is_lost() {
    if let Some(store) = childs_store() {
        return race(&store);
    }
    let Some(server) = server("processes on Postgres") else { return };
    let schema = server.schema();
    let name = "no_process_sees_a_torn_record_and_no_write_is_lost";
    let children = (0..PROCESSES).map(|_| child(name, &schema)).collect();
    let won: Vec<u64> = words(children, "won ").iter().map(|word| word.parse().unwrap()).collect();
    let record = block_on(schema.store().read(RecordKind::Keyset, b"large")).unwrap().unwrap();
    assert_eq!(record.revision, won.iter().sum::<u64>());
    assert!(won.iter().all(|won| *won > 0) && record.revision >= ROUNDS, "{won:?}");
}

#[test]
fn processes_that_set_it_up_at_once_share_one_store() {
    if let Some(store) = childs_store() {
        block_on(store.check()).unwrap();
        let me = u64::from(std::process::id()).to_be_bytes();
        block_on(store.write(RecordKind::Keyset, &me, 0, b"here")).unwrap();
        return say("set up");
    }
    let Some(server) = server("processes on Postgres") else { return };
    for _ in 0..5 {
        let schema = server.schema();
        let name = "processes_that_set_it_up_at_once_share_one_store";
        let children = (0..PROCESSES).map(|_| child(name, &schema)).collect();
        assert_eq!(words(children, "set ").len(), PROCESSES);
        assert_eq!(schema.sql("SELECT count(*), max(version) FROM {s}.store"), "1|1");
        let page = block_on(schema.store().scan(RecordKind::Keyset, None, 99)).unwrap();
        assert_eq!(page.len(), PROCESSES);
    }
}

/// Prints all that any crate logs, at the level that shows most.
struct Printer;

impl log::Log for Printer {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        say(&format!("{} {}", record.target(), record.args()));
    }

    fn flush(&self) {}
}

fn print_logs() {
    log::set_logger(&Printer).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
}

#[test]
fn no_record_is_in_a_log() {
    if let Some(store) = childs_store() {
        print_logs();
        let ca = env::var_os("PHISEAL_POSTGRES_CA").unwrap();
        let store = store.with_authorities(ca).unwrap();
        for expected in [0, 1, 7] {
            let _ = block_on(store.write(RecordKind::Keyset, b"canary-id", expected, b"canary"));
        }
        let record = block_on(store.read(RecordKind::Keyset, b"canary-id")).unwrap().unwrap();
        assert_eq!(record.bytes, b"canary");
        let page = block_on(store.scan(RecordKind::Keyset, Some(b"canar"), 9)).unwrap();
        assert_eq!(page.len(), 1);
        return;
    }
    let Some(server) = server("logs of the Postgres store") else { return };
    let schema = server.schema();
    let output = child("no_record_is_in_a_log", &schema).wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("tokio_postgres") && said.contains(&schema.name), "the control: {said}");
    for canary in ["canary", "63616e617279", "[99, 97, 110"] {
        assert!(!said.contains(canary), "{said}");
    }
    let (_, password) = server.url.split_once('@').unwrap().0.rsplit_once(':').unwrap();
    assert!(!said.contains(password), "{said}");
}

#[test]
fn a_server_that_loses_and_tables_beside_the_keys_are_warned_of() {
    if let Some(store) = childs_store() {
        print_logs();
        return block_on(store.check()).unwrap();
    }
    let Some(server) = server("warnings of the Postgres store") else { return };
    let name = server.name();
    server.sql(&format!("CREATE DATABASE {name}"));
    let (start, _) = server.url.rsplit_once('/').unwrap();
    let apart = Server { url: format!("{start}/{name}"), programs: server.programs.clone() };
    let said = || {
        let mut child = command("a_server_that_loses_and_tables_beside_the_keys_are_warned_of");
        child.env(SCHEMA, "keys").env("PHISEAL_POSTGRES", &apart.url);
        let output = child.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}");
        (said.contains("runs with fsync off"), said.contains("holds other tables too"))
    };
    let loses = server.sql("SHOW fsync") == "off";
    assert_eq!((said(), said()), ((loses, false), (loses, false)));
    block_on(PostgresStore::new(&apart.url).unwrap().check()).unwrap();
    assert_eq!(said(), (loses, false), "another store is no data");
    apart.sql("CREATE TABLE public.patients (name text)");
    assert_eq!(said(), (loses, true));
    server.sql(&format!("DROP DATABASE {name} WITH (FORCE)"));
}
