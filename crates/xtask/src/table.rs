//! The README's table of backends and stores: what the suites found, and nothing that anybody wrote.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::conformance::{Case, Contract, Findings};
use crate::failure::{Failure, While};
use crate::report::{Kind, Outcome, Report};
use crate::workspace::Workspace;

/// What the table lies between.
const BEGIN: &str = "<!-- conformance: begin -->\n";
const END: &str = "<!-- conformance: end -->\n";

/// The contracts, and what an implementation of each is called.
const CONTRACTS: [(&str, &str); 2] = [("kek_backend", "KEK backend"), ("key_store", "key store")];

/// Where the suites leave their reports.
pub fn reports(workspace: &Workspace) -> PathBuf {
    workspace.target().join("reports")
}

/// `cargo xtask table`: writes the table of the last reports into the README.
pub fn run(workspace: &Workspace, report: &mut Report) {
    report.step("backend table", Kind::Check, || {
        let findings = Findings::gather(&reports(workspace))?;
        rewrite(&readme(workspace), &findings)
    });
}

/// That the README has the table of the last reports.
///
/// # Errors
///
/// If a file cannot be read or written, or the README has no place for the table.
pub fn check(workspace: &Workspace) -> Result<Outcome, Failure> {
    let findings = Findings::gather(&reports(workspace))?;
    compare(&readme(workspace), &findings)
}

fn readme(workspace: &Workspace) -> PathBuf {
    workspace.root().join("README.md")
}

/// Puts the table into `readme`, unless it would show less than the contracts.
fn rewrite(readme: &Path, findings: &Findings) -> Result<Outcome, Failure> {
    let problems = findings.problems();
    if problems.is_empty() {
        let text = fs::read_to_string(readme).during(readme.display())?;
        fs::write(readme, spliced(&text, &table(findings)?)?).during(readme.display())?;
    }
    Ok(Outcome { problems, ..Outcome::default() })
}

/// That every clause passed or does not apply, and `readme` says so.
fn compare(readme: &Path, findings: &Findings) -> Result<Outcome, Failure> {
    let text = fs::read_to_string(readme).during(readme.display())?;
    let differs = text != spliced(&text, &table(findings)?)?;
    let differs = differs.then(|| {
        "README.md has another table than these reports make: `cargo xtask table` rewrites it"
            .to_owned()
    });
    Ok(Outcome { problems: findings.problems(), ..Outcome::default() }.with(differs))
}

/// `text` with `table` between the two comments.
fn spliced(text: &str, table: &str) -> Result<String, Failure> {
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    match parts {
        Some((before, after)) if !after.contains(BEGIN) => {
            Ok([before, BEGIN, table, END, after].concat())
        }
        _ => Err(Failure::new(format!(
            "README.md should have one line {:?} and one line {:?} after it",
            BEGIN.trim_end(),
            END.trim_end()
        ))),
    }
}

/// A table for each contract, one line for each implementation.
fn table(findings: &Findings) -> Result<String, Failure> {
    let mut tables = Vec::new();
    for (contract, title) in CONTRACTS {
        let Some(contract) = findings.contract(contract) else {
            return Err(Failure::new(format!("no {title} has left a report")));
        };
        let count = contract.clauses.len();
        let head = format!("| {title} | passes of {count} | does not apply |\n|---|---|---|\n");
        tables.push(head + &rows(contract));
    }
    Ok(tables.join("\n"))
}

fn rows(contract: &Contract) -> String {
    let row = |(backend, cases): (&String, &BTreeMap<u64, Case>)| {
        let passed = cases.values().filter(|case| case.passed()).count();
        format!("| {backend} | {passed} | {} |\n", exceptions(cases))
    };
    contract.runs.iter().map(row).collect()
}

/// The clauses that do not apply and why: `9, 13 to 17: there is one version`.
fn exceptions(cases: &BTreeMap<u64, Case>) -> String {
    let mut reasons: Vec<(&str, Vec<u64>)> = Vec::new();
    for (clause, case) in cases.iter().filter(|(_, case)| case.does_not_apply()) {
        match reasons.iter_mut().find(|(reason, _)| *reason == case.reason) {
            Some((_, clauses)) => clauses.push(*clause),
            None => reasons.push((&case.reason, vec![*clause])),
        }
    }
    let told = reasons.iter().map(|(reason, clauses)| format!("{}: {reason}", numbers(clauses)));
    told.collect::<Vec<_>>().join("; ").replace('|', r"\|")
}

/// Ascending numbers, a row of three or more by its ends.
fn numbers(all: &[u64]) -> String {
    let rows = all.chunk_by(|one, next| one.checked_add(1) == Some(*next));
    let told = rows.map(|row| match row {
        [first, _, .., last] => format!("{first} to {last}"),
        few => few.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
    });
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::tests::{findings, report};

    /// Two KEKs, one of which lacks `without`, and a store that ended as `store`.
    fn found(without: &[u64], store: &str) -> Findings {
        let mut reports = vec![report("key_store", "disk", 1, store)];
        for clause in 1..=6 {
            let outcome = if without.contains(&clause) { "not applicable" } else { "passed" };
            reports.push(report("kek_backend", "b", clause, outcome));
            reports.push(report("kek_backend", "a", clause, "passed"));
        }
        findings(&reports)
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn every_run_is_a_row_with_what_does_not_apply() {
        let expected = "\
| KEK backend | passes of 6 | does not apply |
|---|---|---|
| a | 6 |  |
| b | 2 | 1, 3 to 5: not applicable, says b |

| key store | passes of 1 | does not apply |
|---|---|---|
| disk | 1 |  |
";
        assert_eq!(table(&found(&[1, 3, 4, 5], "passed")).unwrap(), expected);
    }

    #[test]
    fn reasons_are_told_apart_and_stay_in_their_column() {
        let case = |reason: &str| Case {
            name: String::new(),
            outcome: "not applicable".to_owned(),
            reason: reason.to_owned(),
        };
        let cases = [(2, case("no|w")), (3, case("never")), (4, case("no|w"))].into();
        assert_eq!(exceptions(&cases), r"2, 4: no\|w; 3: never");
    }

    #[test]
    fn numbers_in_a_row_are_told_by_their_ends() {
        for (all, told) in [
            (&[][..], ""),
            (&[9], "9"),
            (&[1, 2], "1, 2"),
            (&[1, 2, 3], "1 to 3"),
            (&[1, 3, 5, 6, 7, 9, 10], "1, 3, 5 to 7, 9, 10"),
        ] {
            assert_eq!(numbers(all), told);
        }
    }

    #[test]
    fn a_contract_that_nobody_ran_is_a_failure() {
        assert!(table(&findings(&[report("kek_backend", "a", 1, "passed")])).is_err());
    }

    #[test]
    fn the_table_goes_between_the_comments_and_is_then_what_is_found() {
        let readme = file(&format!("before\n{BEGIN}old\n{END}after\n"));
        let found = found(&[2], "passed");
        let differs = compare(readme.path(), &found).unwrap().problems;
        assert!(matches!(&differs[..], [one] if one.contains("cargo xtask table")), "{differs:?}");
        assert_eq!(rewrite(readme.path(), &found).unwrap(), Outcome::default());
        assert_eq!(compare(readme.path(), &found).unwrap(), Outcome::default());
        let text = fs::read_to_string(readme.path()).unwrap();
        assert_eq!(text, format!("before\n{BEGIN}{}{END}after\n", table(&found).unwrap()));
        let less = super::tests::found(&[2, 3], "passed");
        assert_eq!(compare(readme.path(), &less).unwrap().problems, differs);
    }

    #[test]
    fn what_was_skipped_is_a_problem_and_changes_no_file() {
        let text = format!("{BEGIN}{END}");
        let readme = file(&text);
        let found = found(&[], "skipped");
        assert_eq!(rewrite(readme.path(), &found).unwrap().problems.len(), 1);
        assert_eq!(fs::read_to_string(readme.path()).unwrap(), text);
        // Not even where the table happens to be the same.
        fs::write(readme.path(), spliced(&text, &table(&found).unwrap()).unwrap()).unwrap();
        let problems = compare(readme.path(), &found).unwrap().problems;
        assert!(matches!(&problems[..], [one] if one.contains("skipped")), "{problems:?}");
    }

    #[test]
    fn a_readme_without_the_comments_or_with_more_is_a_failure() {
        let one = [BEGIN, END].concat();
        for text in ["", BEGIN, END, &[END, BEGIN].concat(), &[one.as_str(), &one].concat()] {
            assert!(compare(file(text).path(), &found(&[], "passed")).is_err(), "{text:?}");
        }
        assert!(compare(file(&one).path(), &found(&[], "passed")).is_ok(), "the control");
    }

    #[test]
    fn the_readme_of_this_workspace_has_a_place_for_the_table() {
        let text = fs::read_to_string(readme(&Workspace::find().unwrap())).unwrap();
        assert!(spliced(&text, "").is_ok());
    }
}
