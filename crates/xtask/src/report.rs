//! The steps of a command: their names, times, counts and what went wrong.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::counts::Counts;
use crate::failure::Failure;

/// What a step must do to count as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// It runs tests: none at all is a failure.
    Tests,
    /// It prepares or checks something, without tests to count.
    Check,
}

/// What a step did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The tests that it ran.
    pub counts: Counts,
    /// What went wrong beside tests that failed.
    pub problems: Vec<String>,
}

impl Outcome {
    /// Tests ran, and this is what they came to.
    pub fn of(counts: Counts) -> Self {
        Self { counts, problems: Vec::new() }
    }

    /// The two outcomes together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.counts = self.counts.and(other.counts);
        self.problems.extend(other.problems);
        self
    }

    /// The same outcome with one more problem, if there is one.
    #[must_use]
    pub fn with(mut self, problem: Option<String>) -> Self {
        self.problems.extend(problem);
        self
    }
}

/// A step that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Done {
    name: String,
    took: Duration,
    outcome: Outcome,
}

impl Done {
    /// Tests that failed, and one more for problems that no failed test accounts for.
    fn failures(&self) -> u64 {
        match (self.outcome.problems.is_empty(), self.outcome.counts.failed) {
            (false, 0) => 1,
            (_, failed) => failed,
        }
    }
}

/// The steps of one command.
#[derive(Debug, Default)]
pub struct Report {
    done: Vec<Done>,
    left_out: Vec<String>,
    notes: Vec<String>,
}

impl Report {
    /// A report without steps.
    pub fn new() -> Self {
        Self::default()
    }

    /// Does one step, shows how long it took, and keeps what came of it. Later steps run whatever happens.
    ///
    /// Returns whether the step went well.
    pub fn step(
        &mut self,
        name: &str,
        kind: Kind,
        work: impl FnOnce() -> Result<Outcome, Failure>,
    ) -> bool {
        println!("\n=== {name}");
        let start = Instant::now();
        let result = work();
        let mut outcome =
            result.unwrap_or_else(|failure| Outcome::default().with(Some(failure.to_string())));
        if kind == Kind::Tests && outcome.counts.ran() == 0 && outcome.problems.is_empty() {
            outcome.problems.push("should run tests and ran none".to_owned());
        }
        let done = Done { name: name.to_owned(), took: start.elapsed(), outcome };
        println!("--- {}", described(&done));
        let well = done.failures() == 0;
        self.done.push(done);
        well
    }

    /// Says at the end that `what` was left out.
    pub fn leave_out(&mut self, what: impl Into<String>) {
        self.left_out.push(what.into());
    }

    /// Prints `text` at the end, before the closing line.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Everything that passed and failed: tests, and checks that failed.
    pub fn totals(&self) -> (u64, u64) {
        let passed = self.done.iter().map(|done| done.outcome.counts.passed);
        let failed = self.done.iter().map(Done::failures);
        let empty = u64::from(self.done.is_empty());
        (passed.fold(0, u64::saturating_add), failed.fold(empty, u64::saturating_add))
    }

    /// Prints every step once more, then the closing line `N passed, N failed`.
    pub fn close(self) -> ExitCode {
        println!("\n=== summary");
        for done in &self.done {
            println!("{}", described(done));
        }
        for note in &self.notes {
            println!("\n{note}");
        }
        if !self.left_out.is_empty() {
            println!("\nleft out: {}", self.left_out.join("; "));
        }
        let (passed, failed) = self.totals();
        println!("\n{passed} passed, {failed} failed");
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// One line for a step, and one more for each problem.
fn described(done: &Done) -> String {
    let counts = done.outcome.counts;
    let verdict = if done.failures() == 0 { "ok" } else { "FAILED" };
    let mut text = format!("{verdict:<6} {:<34} {:>7.1} s", done.name, done.took.as_secs_f64());
    if counts.ran() > 0 {
        text.push_str(&format!("   {} passed, {} failed", counts.passed, counts.failed));
    }
    for problem in &done.outcome.problems {
        text.push_str("\n       ");
        text.push_str(problem);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report_of(kind: Kind, outcome: Result<Outcome, Failure>) -> Report {
        let mut report = Report::new();
        report.step("a step", kind, || outcome);
        report
    }

    #[test]
    fn passed_tests_are_counted() {
        let report =
            report_of(Kind::Tests, Ok(Outcome::of(Counts { passed: 3, failed: 0, skipped: 0 })));
        assert_eq!(report.totals(), (3, 0));
        assert_eq!(report.close(), ExitCode::SUCCESS);
    }

    #[test]
    fn failed_tests_fail_the_command() {
        let outcome = Outcome::of(Counts { passed: 3, failed: 2, skipped: 0 })
            .with(Some("exit code 100".into()));
        let report = report_of(Kind::Tests, Ok(outcome));
        assert_eq!(report.totals(), (3, 2));
        assert_eq!(report.close(), ExitCode::FAILURE);
    }

    #[test]
    fn a_step_that_should_test_and_ran_nothing_has_failed() {
        let report = report_of(Kind::Tests, Ok(Outcome::default()));
        assert_eq!(report.totals(), (0, 1));
        assert_eq!(report.close(), ExitCode::FAILURE);
    }

    #[test]
    fn a_check_counts_only_when_it_fails() {
        assert_eq!(report_of(Kind::Check, Ok(Outcome::default())).totals(), (0, 0));
        assert_eq!(report_of(Kind::Check, Err(Failure::new("no"))).totals(), (0, 1));
    }

    #[test]
    fn a_problem_without_a_failed_test_is_one_failure() {
        let outcome = Outcome::of(Counts::passed(5)).with(Some("exit code 101".into()));
        assert_eq!(report_of(Kind::Tests, Ok(outcome)).totals(), (5, 1));
    }

    #[test]
    fn no_step_at_all_has_failed() {
        assert_eq!(Report::new().totals(), (0, 1));
    }

    #[test]
    fn later_steps_run_after_a_failure() {
        let mut report = report_of(Kind::Check, Err(Failure::new("no")));
        assert!(report.step("next", Kind::Tests, || Ok(Outcome::of(Counts::passed(1)))));
        assert_eq!(report.totals(), (1, 1));
    }
}
