//! What the conformance suites found, read from the files that they write.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::{Failure, While};

/// What became of every clause of every implementation, by the name of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings(BTreeMap<String, Contract>);

/// What became of one contract's clauses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contract {
    /// The numbers of its clauses.
    pub clauses: BTreeSet<u64>,
    /// What each implementation made of them, by its name and the clause's number.
    pub runs: BTreeMap<String, BTreeMap<u64, Case>>,
}

/// What became of one clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The case's name, number included.
    pub name: String,
    /// `passed`, `failed`, `not applicable` or `skipped`.
    pub outcome: String,
    /// Why, unless it passed.
    pub reason: String,
}

impl Case {
    /// As the contract says.
    pub fn passed(&self) -> bool {
        self.outcome == "passed"
    }

    /// The clause has a condition that the implementation does not meet.
    pub fn does_not_apply(&self) -> bool {
        self.outcome == "not applicable"
    }
}

impl Findings {
    /// Reads what the suites wrote into `folder`, `NAME/*.json` each, and writes all of it to one file there,
    /// `conformance.json`.
    ///
    /// # Errors
    ///
    /// If there is nothing, something is no report, or a file cannot be read or written.
    pub fn gather(folder: &Path) -> Result<Self, Failure> {
        let mut reports = Vec::new();
        for file in report_files(folder)? {
            let text = fs::read_to_string(&file).during(file.display())?;
            reports.push(serde_json::from_str(&text).during(file.display())?);
        }
        if reports.is_empty() {
            return Err(Failure::new("no suite has left a report: `cargo xtask test` runs them"));
        }
        let findings = Self::from_reports(&reports)?;
        let all = folder.join("conformance.json");
        let text = serde_json::to_string_pretty(&Value::Array(reports)).during(all.display())?;
        fs::write(&all, text + "\n").during(all.display())?;
        Ok(findings)
    }

    fn from_reports(reports: &[Value]) -> Result<Self, Failure> {
        let mut findings: BTreeMap<String, Contract> = BTreeMap::new();
        for report in reports {
            let text = |key: &str| report.get(key).and_then(Value::as_str).map(str::to_owned);
            let clause = report.get("clause").and_then(Value::as_u64);
            let (Some(backend), Some(contract), Some(clause), Some(name), Some(outcome)) =
                (text("backend"), text("contract"), clause, text("name"), text("outcome"))
            else {
                return Err(Failure::new(format!("this is no report of a suite: {report}")));
            };
            let contract = findings.entry(contract).or_default();
            contract.clauses.insert(clause);
            let case = Case { name, outcome, reason: text("reason").unwrap_or_default() };
            contract.runs.entry(backend).or_default().insert(clause, case);
        }
        Ok(Self(findings))
    }

    /// What became of the contract of this name.
    pub fn contract(&self, name: &str) -> Option<&Contract> {
        self.0.get(name)
    }

    /// Every clause that neither passed nor does not apply, and every one that was not run though another
    /// implementation of the contract ran it.
    pub fn problems(&self) -> Vec<String> {
        self.0.values().flat_map(Contract::problems).collect()
    }
}

impl Contract {
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (backend, cases) in &self.runs {
            for clause in &self.clauses {
                match cases.get(clause) {
                    Some(case) if case.passed() || case.does_not_apply() => {}
                    Some(Case { name, outcome, reason }) => {
                        problems.push(format!("{backend}, {name}: {outcome}: {reason}"));
                    }
                    None => problems.push(format!("{backend}, clause {clause}: was not run")),
                }
            }
        }
        problems
    }
}

/// The JSON files in the folders in `folder`, sorted.
fn report_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    if folder.is_dir() {
        for backend in entries(folder)?.iter().filter(|path| path.is_dir()) {
            files.extend(entries(backend)?);
        }
    }
    files.retain(|file| file.extension().is_some_and(|end| end == "json"));
    Ok(files)
}

/// What is in a folder, sorted.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let listed = fs::read_dir(folder).during(folder.display())?;
    let paths = listed.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().during(folder.display())?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    /// The report of one clause, as the suites write it.
    pub(crate) fn report(contract: &str, backend: &str, clause: u64, outcome: &str) -> Value {
        let reason = (outcome != "passed").then(|| format!("{outcome}, says {backend}"));
        json!({
            "backend": backend, "contract": contract, "clause": clause,
            "name": format!("clause_{clause:02}"), "outcome": outcome, "reason": reason,
        })
    }

    /// What the suites found, when these are their reports.
    pub(crate) fn findings(reports: &[Value]) -> Findings {
        Findings::from_reports(reports).unwrap()
    }

    #[test]
    fn reports_of_every_folder_are_gathered_into_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut reports = Vec::new();
        for backend in ["one", "two"] {
            fs::create_dir(folder.path().join(backend)).unwrap();
            for clause in 1..=3 {
                let report = report("kek_backend", backend, clause, "passed");
                let file = folder.path().join(backend).join(format!("kek_backend-{clause}.json"));
                fs::write(file, report.to_string()).unwrap();
                reports.push(report);
            }
        }
        // Twice: what was gathered is not a report itself.
        for _ in 0..2 {
            assert_eq!(Findings::gather(folder.path()).unwrap(), findings(&reports));
        }
        let gathered = fs::read(folder.path().join("conformance.json")).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&gathered).unwrap(), Value::Array(reports));
    }

    #[test]
    fn no_reports_and_wrong_ones_are_failures() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Findings::gather(folder.path()).is_err(), "empty");
        assert!(Findings::gather(&folder.path().join("none")).is_err(), "not there");
        fs::create_dir(folder.path().join("one")).unwrap();
        let file = folder.path().join("one/a.json");
        let right = report("key_store", "one", 1, "passed");
        for wrong in ["", "[]", r#"{"backend": "one"}"#, &right.to_string().replace('1', "-1")] {
            fs::write(&file, wrong).unwrap();
            assert!(Findings::gather(folder.path()).is_err(), "{wrong}");
        }
        fs::write(&file, right.to_string()).unwrap();
        assert!(Findings::gather(folder.path()).is_ok(), "the control");
    }

    #[test]
    fn what_failed_was_skipped_or_is_missing_is_a_problem() {
        let all = |outcomes: [&str; 3]| -> Vec<Value> {
            (1..).zip(outcomes).map(|(clause, how)| report("c", "one", clause, how)).collect()
        };
        let well = all(["passed", "not applicable", "passed"]);
        assert_eq!(findings(&well).problems(), Vec::<String>::new());
        for outcome in ["failed", "skipped"] {
            let problems = findings(&all(["passed", outcome, "passed"])).problems();
            assert_eq!(problems, [format!("one, clause_02: {outcome}: {outcome}, says one")]);
        }
        let other = [report("c", "two", 1, "passed"), report("c", "two", 3, "passed")];
        let problems = findings(&[well, other.to_vec()].concat()).problems();
        assert_eq!(problems, ["two, clause 2: was not run"]);
    }
}
