//! The walkthrough, as somebody would follow it: every command of it runs, and says what it should.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helper fails the test")]

mod programs;

use programs::{programs, text};
use std::fs;
use std::process::Command;

const README: &str = include_str!("../README.md");

/// The commands, in their order.
fn commands() -> String {
    let blocks = README.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.collect()
}

#[test]
fn every_command_runs_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let commands = commands();
    assert_eq!(commands.matches("cargo run --release --example ").count(), 23);
    let examples = programs();
    let script = commands
        .replace("cargo run --release --example ", &format!("{}/", examples.display()))
        .replace(" -- ", " ")
        .replace("target/clinic", "clinic");
    let ran =
        Command::new("sh").args(["-e", "-c", &script]).current_dir(folder.path()).output().unwrap();
    let (out, err) = (text(&ran.stdout), text(&ran.stderr));
    assert!(ran.status.success(), "{out}\n{err}");
    let mut rest = out.as_str();
    for said in [
        "2000 patients",
        "There are no custodians",
        "version 1 (current)",
        "nobody changes these keys alone",
        "4,000 values in 2,000 rows of patients.",
        "Nothing was changed.",
        "refused: 5",
        "Signed by ben.",
        "4,000 values were resealed in 2,000 rows.",
        "Nothing is left under version 1.",
        "Genuine: signed by ada.",
        "key rotation in clinic/patients: finished.",
        "Sound: ",
        "0 values are under version 1 now.",
        "refused: 5",
        "The person's keys are destroyed.",
        "shredded person",
        "states that what was destroyed before is gone for good",
        "no backup that holds it is kept any more",
        "What was destroyed is gone for good, as those say who asked for this and approved it.",
        "2 of 2 key versions open",
        "opened by the recovery key alone",
    ] {
        let at = rest.find(said);
        assert!(at.is_some(), "{said:?} is not in what is left:\n{rest}\n{err}");
        rest = &rest[at.unwrap() + said.len()..];
    }
    assert!(err.contains("0 of 1 approvals are there"), "{err}");
    assert!(err.contains("a process may still seal under this version"), "{err}");
    let certificates = fs::read_dir(folder.path().join("clinic/certificates")).unwrap().count();
    assert_eq!(
        certificates, 9,
        "three files each, of the rotation, of the shredding, and of its end"
    );
}
