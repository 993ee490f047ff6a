//! What an application brings along when it depends on the facade with its default features.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::{root, text_of};

const GOLDEN: &str = "tests/golden/facade-dependencies.txt";

/// The crates in the facade's tree on the machine that the list is kept for, without build and test dependencies.
fn tree() -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["tree", "--package", "phiseal", "--edges", "normal", "--prefix", "none"]);
    command.args(["--target", "x86_64-unknown-linux-gnu"]).current_dir(root());
    let answer = command.output().unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    names(&String::from_utf8(answer.stdout).unwrap())
}

/// The first word of each line.
fn names(text: &str) -> BTreeSet<String> {
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// What is in one of the two only, as a person wants to read it; nothing if they agree.
fn difference(golden: &BTreeSet<String>, actual: &BTreeSet<String>) -> Vec<String> {
    let new = actual.difference(golden).map(|name| format!("+ {name}"));
    new.chain(golden.difference(actual).map(|name| format!("- {name}"))).collect()
}

#[test]
fn the_facade_brings_along_what_the_golden_list_says() {
    let actual = tree();
    assert!(actual.contains("phiseal-format"), "the control: the tree was read");
    if std::env::var_os("PHISEAL_BLESS").is_some_and(|value| value == "1") {
        let text: String = actual.iter().map(|name| format!("{name}\n")).collect();
        fs::write(root().join(GOLDEN), text).unwrap();
    }
    let difference = difference(&names(&text_of(GOLDEN)), &actual);
    assert!(
        difference.is_empty(),
        "\nthe facade's default dependencies differ from {GOLDEN}:\n{}\n\
         if that is meant, review it and run\n    PHISEAL_BLESS=1 cargo test -p phiseal-tests --test structure golden\n",
        difference.join("\n")
    );
}

#[test]
fn a_new_and_a_lost_dependency_are_noticed() {
    let golden = names("aes\nring\n");
    assert_eq!(
        difference(&golden, &names("aes v0.9.0\nring v0.17.14 (*)\naes v0.9.0 (*)\n")),
        Vec::<String>::new()
    );
    assert_eq!(difference(&golden, &names("aes v0.9.0\ntokio v1.0.0\n")), ["+ tokio", "- ring"]);
}
