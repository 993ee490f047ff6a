//! What an application brings along when it depends on the facade with its default features.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::{root, text_of};

const GOLDEN: &str = "tests/golden/facade-dependencies.txt";

/// The features that bring crates along, each with a line in README.md: how many, and what building them costs.
const FEATURES: [&str; 15] = [
    "audit",
    "layers",
    "recovery",
    "custodian",
    "rotation",
    "manifest",
    "tokens",
    "phone",
    "safe-harbor",
    "access",
    "tracing",
    "pkcs11",
    "transit",
    "aws-kms",
    "postgres",
];

/// The crates in the facade's tree on the machine that the list is kept for, without build and test dependencies; with the
/// default features and these.
fn tree(features: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["tree", "--package", "phiseal", "--edges", "normal", "--prefix", "none"]);
    command.args(["--target", "x86_64-unknown-linux-gnu", "--features", features]);
    command.current_dir(root());
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
    let actual = tree("");
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

/// The number in the second column of the line for `feature` in the table of README.md.
fn in_readme(readme: &str, feature: &str) -> Option<usize> {
    let start = format!("| `{feature}` | ");
    let line = readme.lines().find_map(|line| line.strip_prefix(&start))?;
    line.split(' ').next()?.parse().ok()
}

#[test]
fn each_feature_brings_along_as_many_crates_as_the_readme_says() {
    let (readme, lean) = (text_of("README.md"), tree(""));
    let wrong: Vec<String> = FEATURES
        .iter()
        .filter_map(|feature| {
            let more = tree(feature).difference(&lean).count();
            (in_readme(&readme, feature) != Some(more))
                .then(|| format!("README.md: `{feature}` brings {more} crates along"))
        })
        .collect();
    crate::demand_none(&wrong);
}

#[test]
fn the_number_of_a_feature_is_read_from_its_own_line() {
    let readme = "| `pkcs11-more` | 7 | 1 s |\n| `pkcs11` | 10 | 2 s |\ntext | `layers` | 3 |\n";
    assert_eq!(in_readme(readme, "pkcs11"), Some(10));
    assert_eq!(in_readme(readme, "layers"), None);
}
