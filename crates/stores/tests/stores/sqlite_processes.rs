//! Several processes on one SQLite store, and processes that are killed.
//!
//! This test program is its own second process: it starts itself with one test named and an environment variable set.

use crate::support::now;
use phiseal_keys::{ErrorKind, RecordKind, Store};
use phiseal_stores::SqliteStore;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The path of the store, in a child process.
const STORE: &str = "PHISEAL_TEST_STORE";

const KILLS: u64 = 10;
const WRITERS: usize = 4;
const ROUNDS: u64 = 40;

/// This program once more, running only the test `name`, on the store in `path`.
fn child(name: &str, path: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(STORE, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn write_until_killed(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    let mut revision = now(store.read(RecordKind::Keyset, b"counter"))
        .unwrap()
        .map_or(0, |record| record.revision);
    let mut out = std::io::stdout();
    loop {
        now(store.write(RecordKind::Keyset, b"counter", revision, &(revision + 1).to_be_bytes()))
            .unwrap();
        revision += 1;
        // Only now is the write acknowledged.
        writeln!(out, "acknowledged {revision}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn what_was_acknowledged_survives_kill() {
    if let Some(path) = env::var_os(STORE) {
        return write_until_killed(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.db");
    let mut last = 0;
    for round in 0..KILLS {
        let mut child = child("sqlite_processes::what_was_acknowledged_survives_kill", &path);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = lines.map(|line| line.unwrap()).filter_map(|line| {
            let number = line.split_once("acknowledged ")?.1;
            number.parse::<u64>().ok()
        });
        let before = last;
        last = acknowledged.by_ref().nth(usize::try_from(round * 3).unwrap()).unwrap();
        child.kill().unwrap();
        // What it had said before it died.
        last = acknowledged.last().unwrap_or(last);
        child.wait().unwrap();
        assert!(last > before);

        let store = SqliteStore::open(&path).unwrap();
        let record = now(store.read(RecordKind::Keyset, b"counter")).unwrap().unwrap();
        assert!(
            record.revision == last || record.revision == last + 1,
            "{} after {last} was acknowledged",
            record.revision
        );
        assert_eq!(record.bytes, record.revision.to_be_bytes());
        last = record.revision;
    }
    assert!(last >= KILLS);
}

fn compete(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let expected: u64 = line.unwrap().parse().unwrap();
        let mine = std::process::id().to_be_bytes();
        let outcome = match now(store.write(RecordKind::Keyset, b"contended", expected, &mine)) {
            Ok(()) => "won".to_owned(),
            Err(error) if error.kind() == ErrorKind::Conflict => "lost".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        writeln!(out, "outcome {outcome}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn of_several_processes_one_wins() {
    if let Some(path) = env::var_os(STORE) {
        return compete(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.db");
    // They also race to set the store up.
    let mut children: Vec<_> = (0..WRITERS)
        .map(|_| child("sqlite_processes::of_several_processes_one_wins", &path))
        .collect();
    let mut pipes: Vec<_> = children
        .iter_mut()
        .map(|child| {
            (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines())
        })
        .collect();
    let mut rounds = 0;
    for expected in 0..ROUNDS {
        for (stdin, _) in &mut pipes {
            writeln!(stdin, "{expected}").unwrap();
        }
        let mut won = Vec::new();
        for ((_, stdout), child) in pipes.iter_mut().zip(&children) {
            let outcome = stdout
                .by_ref()
                .map(|line| line.unwrap())
                .find(|line| line.contains("outcome "))
                .unwrap();
            match outcome.rsplit_once("outcome ").unwrap().1 {
                "won" => won.push(child.id()),
                "lost" => {}
                other => panic!("{other}"),
            }
        }
        assert_eq!(won.len(), 1, "at expected revision {expected}");
        let store = SqliteStore::open(&path).unwrap();
        let record = now(store.read(RecordKind::Keyset, b"contended")).unwrap().unwrap();
        assert_eq!((record.revision, record.bytes), (expected + 1, won[0].to_be_bytes().to_vec()));
        rounds += 1;
    }
    assert_eq!(rounds, ROUNDS);
    for ((stdin, stdout), mut child) in pipes.into_iter().zip(children) {
        drop(stdin);
        assert!(stdout.count() > 0);
        assert!(child.wait().unwrap().success());
    }
}
