//! `cargo xtask test`: the one test command.

use std::process::Command;

use crate::arguments::TestOptions;
use crate::counts::{self, Counts};
use crate::failure::Failure;
use crate::fuzz;
use crate::prepare::{Environment, PREPARATIONS, empty_folder};
use crate::process::{Finished, show, works};
use crate::report::{Kind, Outcome, Report};
use crate::servers;
use crate::table;
use crate::workspace::Workspace;

/// The kinds of backend whose tests must find their server: a test that left one of them out would have failed.
const REQUIRED: &str = "pkcs11,aws-kms,transit,postgres";

/// Prepares what the tests need and runs them.
pub fn run(workspace: &Workspace, options: &TestOptions, report: &mut Report) {
    let mut environment = environment(options);
    if options.local {
        leave_out_what_is_not_local(report);
    } else {
        prepare(workspace, &mut environment, report);
    }
    run_prepared(workspace, options, &mut environment, report);
}

/// What the options alone tell the tests.
pub fn environment(options: &TestOptions) -> Environment {
    let mut environment = Environment::default();
    if options.local {
        environment.set("PHISEAL_LOCAL", "1");
    } else {
        environment.set("PHISEAL_REQUIRE", REQUIRED);
    }
    if options.full {
        environment.set("PHISEAL_FULL", "1");
    }
    environment
}

/// Makes everything in [`PREPARATIONS`], as one step each.
pub fn prepare(workspace: &Workspace, environment: &mut Environment, report: &mut Report) {
    for preparation in PREPARATIONS {
        report.step(&format!("prepare {}", preparation.name), Kind::Check, || {
            (preparation.prepare)(workspace, environment).map(|()| Outcome::default())
        });
    }
}

/// Starts the servers and runs every test, with an environment that is prepared.
pub fn run_prepared(
    workspace: &Workspace,
    options: &TestOptions,
    environment: &mut Environment,
    report: &mut Report,
) {
    let wanted = |step: &str| {
        options.only.is_empty() || options.only.iter().any(|part| step.contains(part.as_str()))
    };
    // Some packages have no doctests; all of them together do.
    let doctests = if options.packages.is_empty() { Kind::Tests } else { Kind::Check };
    let servers = if options.local || !wanted("tests") { Vec::new() } else { servers::servers() };
    let running = servers::start(&servers, workspace, environment, report);
    // Less than all tests would leave less than the table needs, and the last reports would be gone.
    let whole = !options.local && options.packages.is_empty();
    if whole {
        environment.set("PHISEAL_REPORTS", table::reports(workspace));
    }
    let mut done = 0_u32;
    let mut step = |name: &str, kind: Kind, work: &dyn Fn() -> Result<Outcome, Failure>| {
        if wanted(name) {
            report.step(name, kind, work);
            done += 1;
        }
    };
    step("tests", Kind::Tests, &|| {
        if whole {
            empty_folder(&table::reports(workspace))?;
        }
        tests(workspace, options, environment)
    });
    if whole && options.only.is_empty() {
        step("backend table", Kind::Check, &|| table::check(workspace));
    }
    step("doctests", doctests, &|| doc_tests(workspace, options, environment));
    if options.packages.is_empty() && !options.full {
        step("tests of optimised code", Kind::Tests, &|| optimised(workspace, environment));
    }
    if options.packages.is_empty() {
        step("fuzz smoke run", Kind::Tests, &|| fuzz::smoke(workspace, options.full));
    }
    drop(running);
    if !options.only.is_empty() {
        report.leave_out(format!(
            "every step whose name does not contain {}",
            options.only.join(" or ")
        ));
    }
    if !options.packages.is_empty() {
        report.leave_out(format!(
            "the tests of optimised code, the fuzz smoke run, the backend table and every package but {}",
            options.packages.join(", ")
        ));
    }
    if done == 0 {
        report.step("selection", Kind::Check, || Err(Failure::new("no step was selected")));
    }
}

/// Says what `--local` leaves out.
fn leave_out_what_is_not_local(report: &mut Report) {
    for preparation in PREPARATIONS {
        report.leave_out(format!("prepare {}", preparation.name));
    }
    for server in servers::servers() {
        report.leave_out(format!("server {}", server.name()));
    }
    report.leave_out("the backend table");
    report.leave_out("what tests say they leave out under PHISEAL_LOCAL=1");
}

/// Unit and integration tests, by cargo-nextest if it is there.
fn tests(
    workspace: &Workspace,
    options: &TestOptions,
    environment: &Environment,
) -> Result<Outcome, Failure> {
    let selection = workspace.selection(&options.packages)?;
    let nextest = works(&mut workspace.cargo(["nextest", "--version"]));
    let mut command = if nextest {
        let mut command =
            workspace.cargo(["nextest", "run", "--no-fail-fast", "--tool-config-file"]);
        command
            .arg(format!("xtask:{}", workspace.root().join("crates/xtask/nextest.toml").display()));
        command.args(["--status-level", "fail", "--final-status-level", "slow"]);
        if options.full {
            command.args(["--profile", "@tool:xtask:full"]);
        }
        command
    } else {
        workspace.cargo(["test", "--no-fail-fast", "--lib", "--bins", "--tests", "--examples"])
    };
    if options.full {
        // The large numbers are for optimised code.
        command.arg("--release");
    }
    let finished = show(environment.apply(command.args(selection)))?;
    Ok(outcome(&finished, if nextest { counts::of_nextest } else { counts::of_cargo_test }))
}

/// The examples in the documentation.
fn doc_tests(
    workspace: &Workspace,
    options: &TestOptions,
    environment: &Environment,
) -> Result<Outcome, Failure> {
    let selection = workspace.selection(&options.packages)?;
    cargo_test(
        environment.apply(workspace.cargo(["test", "--doc", "--no-fail-fast"]).args(selection)),
    )
}

/// The tests of what only optimised code shows: what it leaves of keys in memory, and what its instructions compute.
fn optimised(workspace: &Workspace, environment: &Environment) -> Result<Outcome, Failure> {
    let mut command = workspace.cargo(["test", "--release", "-p", "phiseal-primitives"]);
    command.args(["--features", "kernel,ring,rustcrypto", "--test", "residue", "--test", "rows"]);
    cargo_test(environment.apply(&mut command))
}

/// A `cargo test` whose tests are counted.
///
/// # Errors
///
/// If cargo cannot be started.
pub fn cargo_test(command: &mut Command) -> Result<Outcome, Failure> {
    Ok(outcome(&show(command)?, counts::of_cargo_test))
}

/// What a test runner's output and exit code come to. A test that was marked to be ignored proves nothing, and
/// nothing here filters tests by name, so a skipped one is a problem.
fn outcome(finished: &Finished, count: fn(&str) -> Counts) -> Outcome {
    let counts = count(&finished.output);
    let ignored = (counts.skipped > 0).then(|| format!("{} tests were ignored", counts.skipped));
    Outcome::of(counts).with(finished.problem()).with(ignored)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_reach_the_tests_as_variables() {
        let options = TestOptions { local: true, full: true, ..TestOptions::default() };
        let environment = environment(&options);
        assert!(
            environment.value("PHISEAL_LOCAL").is_some()
                && environment.value("PHISEAL_FULL").is_some()
        );
        assert_eq!(environment.value("PHISEAL_REQUIRE"), None);
        let mut all = Environment::default();
        all.set("PHISEAL_REQUIRE", REQUIRED);
        assert_eq!(super::environment(&TestOptions::default()), all);
    }

    #[test]
    fn an_ignored_test_is_a_problem() {
        let output = "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        let finished = Finished { output: output.to_owned(), code: Some(0) };
        let outcome = super::outcome(&finished, counts::of_cargo_test);
        assert_eq!(outcome.problems, ["1 tests were ignored"]);
    }

    #[test]
    fn an_exit_code_is_a_problem_even_when_every_counted_test_passed() {
        let output = "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        let finished = Finished { output: output.to_owned(), code: Some(101) };
        assert_eq!(super::outcome(&finished, counts::of_cargo_test).problems, ["exit code 101"]);
        let well = Finished { output: output.to_owned(), code: Some(0) };
        assert_eq!(super::outcome(&well, counts::of_cargo_test), Outcome::of(Counts::passed(2)));
    }

    #[test]
    fn a_selection_without_a_step_has_failed() {
        let workspace = Workspace::find().unwrap();
        let options = TestOptions {
            only: vec!["no such step".into()],
            local: true,
            ..TestOptions::default()
        };
        let mut report = Report::new();
        run(&workspace, &options, &mut report);
        assert_eq!(report.totals(), (0, 1));
    }
}
