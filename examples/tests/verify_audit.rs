//! The verifier of audit logs as a compliance officer runs it.

#![expect(clippy::unwrap_used, reason = "a test's helper fails the test")]

use phiseal::audit::{Action, Class, FileSink, LocalSigner, Log, Outcome, Record};
use phiseal::default_engine;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "run",
            "--quiet",
            "--package",
            "phiseal-examples",
            "--example",
            "verify_audit",
            "--",
        ])
        .args(arguments)
        .output()
        .unwrap()
}

struct World {
    folder: tempfile::TempDir,
    key: String,
}

impl World {
    /// A closed log of twelve lines, its checkpoints kept in a second place.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let signer = LocalSigner::generate(default_engine()).unwrap();
        let builder =
            Log::builder("clinic.example/audit", [7; 16].into(), signer, default_engine());
        let builder = builder.unwrap();
        let key = builder.verifier_key().to_string();
        let sink = FileSink::open(folder.path().join("elsewhere")).unwrap();
        let log = builder.also_keep_in(sink).open(folder.path().join("audit.jsonl")).unwrap();
        for _ in 0..10 {
            let action = Action::new("open").unwrap();
            log.append(Record::new(Class::Reveal, action, Outcome::Success)).unwrap();
        }
        log.close().unwrap();
        Self { folder, key }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Exit code and what was printed, of the log and both places.
    fn verify(&self, more: &[&str]) -> (Option<i32>, String) {
        let path = |name| self.path(name).to_str().unwrap().to_owned();
        let (log, own) = (path("audit.jsonl"), path("audit.jsonl.checkpoints"));
        let elsewhere = path("elsewhere");
        let arguments =
            ["--log", &log, "--checkpoints", &own, "--checkpoints", &elsewhere, "--key", &self.key];
        let output = run(&[&arguments, more].concat());
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }
}

#[test]
fn a_sound_log() {
    let world = World::new();
    let (code, text) = world.verify(&[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("Sound: 12 lines as they were written"), "{text}");
    let (code, json) = world.verify(&["--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["sound"], &json["covered"]), (Some(0), &true.into(), &12.into()));
    let alone = world.path("audit.jsonl");
    let alone = run(&["--log", alone.to_str().unwrap(), "--key", &world.key]);
    assert_eq!(alone.status.code(), Some(0), "the checkpoints beside the log");
}

#[test]
fn a_changed_line_is_said_in_a_sentence() {
    let world = World::new();
    let text = fs::read_to_string(world.path("audit.jsonl")).unwrap();
    let fourth = text.lines().nth(3).unwrap();
    let changed = text.replace(fourth, &fourth.replace("success", "denied"));
    fs::write(world.path("audit.jsonl"), changed).unwrap();
    let (code, text) = world.verify(&[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("NOT SOUND: line 4 was changed after it was written."), "{text}");
    let (_, json) = world.verify(&["--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["fault"]["what"], &json["fault"]["line"]), (&"Changed".into(), &4.into()));
}

#[test]
fn a_log_that_was_cut_with_its_own_checkpoints() {
    let world = World::new();
    let text = fs::read_to_string(world.path("audit.jsonl")).unwrap();
    let cut: String = text.split_inclusive('\n').take(9).collect();
    fs::write(world.path("audit.jsonl"), cut).unwrap();
    fs::write(world.path("audit.jsonl.checkpoints"), "").unwrap();
    let (code, text) = world.verify(&[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("lines 10 to 12 are missing at the end"), "{text}");
    assert!(text.contains("elsewhere"), "{text}");
}

#[test]
fn a_log_without_proof_and_wrong_arguments() {
    let world = World::new();
    fs::write(world.path("audit.jsonl.checkpoints"), "").unwrap();
    fs::write(world.path("elsewhere"), "").unwrap();
    let (code, text) = world.verify(&[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("NOT PROVED"), "{text}");
    for arguments in [&["--log", "x"][..], &["--key", "x"], &["--log"], &["--loud"], &[]] {
        assert_eq!(run(arguments).status.code(), Some(2), "{arguments:?}");
    }
    assert_eq!(run(&["--log", "/nowhere", "--key", &world.key]).status.code(), Some(2));
    assert_eq!(run(&["--help"]).status.code(), Some(0));
}
