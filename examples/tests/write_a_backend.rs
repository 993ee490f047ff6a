//! The backend that the manual points to keeps every clause, and the program tells when it does not.

#![expect(clippy::unwrap_used, reason = "a test's helper fails the test")]

use std::process::{Command, Output};

fn run(configure: impl FnOnce(&mut Command)) -> Output {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args([
        "run",
        "--quiet",
        "--package",
        "phiseal-examples",
        "--example",
        "write_a_backend",
    ]);
    configure(&mut command);
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn every_clause_is_kept_and_a_field_opens() {
    let output = run(|_| ());
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    let passed: Vec<_> = said.lines().filter(|line| line.ends_with(": passed")).collect();
    let clauses: Vec<_> = phiseal_conformance::kek::clauses().collect();
    assert_eq!(passed.len(), clauses.len());
    for (line, clause) in passed.iter().zip(clauses) {
        assert_eq!(*line, format!("{clause}: passed"));
    }
    assert!(said.contains("a field sealed under an agent's KEK opens"), "{said}");
}

/// The service alone: what it answers to what no backend of this program would ask.
#[test]
fn the_agent_refuses_what_makes_no_sense_and_goes_on() {
    use std::io::Write;
    use std::process::Stdio;
    let questions = "\nwrap\nunwrap 00 1 00\nunwrap 00 9 00\nunwrap 00 0 00\nwrap zz 00\ndestroy 1\n\
                     state 1 destroyed\nstate 1 asleep\ndescribe\n";
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut agent = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["run", "--quiet", "--package", "phiseal-examples", "--example", "write_a_backend"])
        .args(["--", "--agent"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    agent.stdin.take().unwrap().write_all(questions.as_bytes()).unwrap();
    let output = agent.wait_with_output().unwrap();
    let said = text(&output.stdout);
    let answers: Vec<_> = said.lines().collect();
    let (description, refusals) = answers.split_last().unwrap();
    assert_eq!(
        refusals,
        [
            "malformed",
            "malformed",
            "malformed",
            "no-version",
            "no-version",
            "malformed",
            "state",
            "malformed",
            "malformed"
        ]
    );
    assert!(description.starts_with("ok agent:") && description.ends_with(" 1 active"), "{said}");
}
