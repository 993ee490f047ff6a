//! What a suite found.

use core::fmt;

/// What became of every clause, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Report {
    cases: Vec<CaseReport>,
}

/// What became of one clause.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaseReport {
    /// The clause's number in the contract.
    pub clause: u8,
    /// The case's name, number included.
    pub name: &'static str,
    /// What became of it.
    pub outcome: Outcome,
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// As the contract says.
    Passed,
    /// Not as the contract says, and why.
    Failed(String),
    /// The clause has a condition that the implementation says it does not meet, or the fixture says that it cannot show.
    NotApplicable(String),
    /// What the fixture needs is not there, and nobody requires it.
    Skipped(String),
}

/// What ends a case early.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "what cases end with")]
pub enum Stop {
    /// The contract is broken, and how.
    Failed(String),
    /// The clause does not apply, and why.
    NotApplicable(String),
}

impl From<String> for Stop {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

/// Ends the case as failed unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($why:tt)+) => {
        if !$condition {
            return Err($crate::report::Stop::Failed(format!($($why)+)));
        }
    };
}
pub(crate) use ensure;

impl Report {
    /// Of these cases, in the order of the clauses.
    pub const fn new(cases: Vec<CaseReport>) -> Self {
        Self { cases }
    }

    /// Every case, in the order of the clauses.
    #[must_use]
    pub fn cases(&self) -> &[CaseReport] {
        &self.cases
    }

    /// The numbers of the clauses that failed.
    #[must_use]
    pub fn failed(&self) -> Vec<u8> {
        self.cases.iter().filter(|case| case.has_failed()).map(|case| case.clause).collect()
    }

    /// Ends the test unless every case passed or does not apply.
    ///
    /// # Panics
    ///
    /// When a case failed; the message is the whole report.
    pub fn assert_passed(&self) {
        assert!(self.failed().is_empty(), "the contract is broken:\n{self}");
    }
}

impl CaseReport {
    /// A test that asks for a case which the contract does not have tests nothing.
    #[must_use]
    pub fn missing(name: &'static str) -> Self {
        Self {
            clause: 0,
            name,
            outcome: Outcome::Failed("the contract has no such case".to_owned()),
        }
    }

    /// Whether the contract is broken.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }

    /// Ends the test when the case failed.
    ///
    /// # Panics
    ///
    /// Then, with the reason.
    pub fn assert_passed(&self) {
        assert!(!self.has_failed(), "the contract is broken: {self}");
    }

    /// Says what was skipped and, where the environment variable `PHISEAL_REPORTS` names a folder, writes what became of
    /// the case there: `BACKEND/NAME.json`, an object with `backend`, `contract`, `clause`, `name`, `outcome` (`passed`,
    /// `failed`, `not applicable` or `skipped`) and `reason`. Then as [`CaseReport::assert_passed`].
    ///
    /// # Panics
    ///
    /// When the case failed, or the report cannot be written.
    #[expect(clippy::print_stdout, clippy::expect_used, reason = "it is the end of a test")]
    pub fn conclude(&self, backend: &str, contract: &str) {
        if matches!(self.outcome, Outcome::Skipped(_)) {
            println!("{backend}: {self}");
        }
        if let (Some(folder), false) = (std::env::var_os("PHISEAL_REPORTS"), backend.is_empty()) {
            let folder = std::path::Path::new(&folder).join(backend);
            let file = folder.join(format!("{contract}-{}.json", self.name));
            std::fs::create_dir_all(&folder)
                .and_then(|()| std::fs::write(&file, self.to_json(backend, contract)))
                .expect("the report can be written");
        }
        self.assert_passed();
    }

    fn to_json(&self, backend: &str, contract: &str) -> String {
        let (outcome, reason) = match &self.outcome {
            Outcome::Passed => ("passed", None),
            Outcome::Failed(why) => ("failed", Some(why)),
            Outcome::NotApplicable(why) => ("not applicable", Some(why)),
            Outcome::Skipped(why) => ("skipped", Some(why)),
        };
        let (clause, name) = (self.clause, self.name);
        serde_json::json!({
            "backend": backend, "contract": contract, "clause": clause, "name": name,
            "outcome": outcome, "reason": reason,
        })
        .to_string()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cases.iter().try_for_each(|case| writeln!(f, "{case}"))
    }
}

impl fmt::Display for CaseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Passed => write!(f, "{}: passed", self.name),
            Outcome::Failed(why) => write!(f, "{}: FAILED: {why}", self.name),
            Outcome::NotApplicable(why) => write!(f, "{}: does not apply: {why}", self.name),
            Outcome::Skipped(why) => write!(f, "{}: SKIPPED: {why}", self.name),
        }
    }
}
