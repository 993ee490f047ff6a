//! `cargo xtask ci`: everything that must hold before a change lands.

use std::process::Command;

use crate::arguments::{CiOptions, TestOptions};
use crate::counts;
use crate::failure::Failure;
use crate::fuzz;
use crate::prepare::{Environment, debian};
use crate::process::show;
use crate::report::{Kind, Outcome, Report};
use crate::summary;
use crate::test;
use crate::workspace::Workspace;

/// The engines, each a feature of `phiseal-primitives` that must do without the others.
const ENGINES: [&str; 3] = ["aws-lc-rs", "ring", "rustcrypto"];

/// The engines on which the facade must build without the default one.
const FACADE_ENGINES: [&str; 2] = ["ring", "rustcrypto"];

/// The workspaces under `tests/fips`: the newest FIPS module, and the newest that is validated.
const FIPS: [&str; 2] = ["newest", "validated"];

/// Every lock file's workspace.
const LOCKED: [&str; 5] =
    [".", "fuzz", "tests/fips/newest", "tests/fips/validated", "tests/modules/kryoptic"];

/// The packages of each workspace; `--all` would follow paths from one workspace into another.
const FORMATTED: [(&str, &[&str]); 5] = [
    (".", &["--all"]),
    ("fuzz", &["--package", "phiseal-fuzz", "--package", "phiseal-fuzz-checks"]),
    ("tests/fips/newest", &[]),
    ("tests/fips/validated", &[]),
    ("tests/modules/kryoptic", &[]),
];

/// Runs every step, or those that `options` selects.
pub fn run(workspace: &Workspace, options: &CiOptions, report: &mut Report) {
    let wanted = |step: &str| {
        options.only.is_empty() || options.only.iter().any(|part| step.contains(part.as_str()))
    };
    let mut environment = test::environment(&TestOptions::default());
    test::prepare(workspace, &mut environment, report);

    let mut done = 0_u32;
    let mut step = |name: &str, kind: Kind, work: &dyn Fn() -> Result<Outcome, Failure>| {
        if wanted(name) {
            report.step(name, kind, work);
            done += 1;
        }
    };
    step("lock files", Kind::Check, &|| lock_files(workspace));
    step("formatting", Kind::Check, &|| formatting(workspace));
    step("lints", Kind::Check, &|| lints(workspace));
    step("documentation", Kind::Check, &|| documentation(workspace));
    for engine in ENGINES {
        step(&format!("engine {engine} alone"), Kind::Tests, &|| {
            engine_alone(workspace, engine, &environment)
        });
    }
    for engine in FACADE_ENGINES {
        step(&format!("facade on {engine}"), Kind::Check, &|| facade_on(workspace, engine));
    }
    step("quickstart", Kind::Check, &|| {
        check(&mut workspace.cargo(["run", "--release", "--example", "quickstart"]))
    });
    step("benches", Kind::Tests, &|| benches(workspace));
    if wanted("test") {
        done += 1;
        test::run_prepared(workspace, &TestOptions::default(), &mut environment, report);
    }
    for module in FIPS {
        let name = format!("FIPS {module}");
        if wanted(&name) {
            report.step(&name, Kind::Tests, || fips(workspace, module, &environment));
            done += 1;
        }
    }
    match summary::of(workspace) {
        Ok(summary) => report.note(summary),
        Err(failure) => {
            report.step("structural summary", Kind::Check, || Err(failure));
        }
    }
    if done == 0 {
        report.step("selection", Kind::Check, || Err(Failure::new("no step was selected")));
    }
    if !options.only.is_empty() {
        report.leave_out(format!(
            "every step whose name does not contain {}",
            options.only.join(" or ")
        ));
    }
}

/// A command that must end with exit code 0.
fn check(command: &mut Command) -> Result<Outcome, Failure> {
    Ok(Outcome::default().with(show(command)?.problem()))
}

/// Each lock file says what its manifests ask for.
fn lock_files(workspace: &Workspace) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    for folder in LOCKED {
        let mut command = workspace.cargo(["metadata", "--locked", "--format-version", "1"]);
        let finished = crate::process::quiet(command.current_dir(workspace.root().join(folder)))?;
        let problem = finished.problem();
        println!("{folder}: {}", problem.as_deref().unwrap_or("up to date"));
        if problem.is_some() {
            println!("{}", finished.output);
        }
        outcome = outcome.with(problem.map(|problem| format!("lock file of {folder}: {problem}")));
    }
    Ok(outcome)
}

fn formatting(workspace: &Workspace) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    for (folder, packages) in FORMATTED {
        let mut command = workspace.cargo(["fmt", "--check"]);
        command.args(packages).current_dir(workspace.root().join(folder));
        outcome = outcome.and(check(&mut command)?);
    }
    Ok(outcome)
}

fn lints(workspace: &Workspace) -> Result<Outcome, Failure> {
    let mut everything = workspace.cargo(["clippy", "--all-targets"]);
    everything.args(workspace.selection(&[])?).args(["--", "--deny", "warnings"]);
    let mut targets = fuzz::cargo(workspace, &["clippy", "--workspace", "--bins", "--lib"])?;
    targets.args(["--", "--deny", "warnings"]);
    Ok(check(&mut everything)?.and(check(&mut targets)?))
}

fn documentation(workspace: &Workspace) -> Result<Outcome, Failure> {
    let mut command = workspace.cargo(["doc", "--no-deps"]);
    check(command.args(workspace.selection(&[])?).env("RUSTDOCFLAGS", "--deny warnings"))
}

fn engine_alone(
    workspace: &Workspace,
    engine: &str,
    environment: &Environment,
) -> Result<Outcome, Failure> {
    let mut command =
        workspace.cargo(["test", "--package", "phiseal-primitives", "--no-fail-fast"]);
    command.args(["--no-default-features", "--features", engine]);
    test::cargo_test(environment.apply(&mut command))
}

fn facade_on(workspace: &Workspace, engine: &str) -> Result<Outcome, Failure> {
    let mut command = workspace.cargo(["clippy", "--package", "phiseal", "--no-default-features"]);
    check(command.args([
        "--features",
        &format!("{engine},local,sqlite"),
        "--",
        "--deny",
        "warnings",
    ]))
}

/// Every bench once, to see that it runs; what it measures is not read.
fn benches(workspace: &Workspace) -> Result<Outcome, Failure> {
    let finished =
        show(&mut workspace.cargo(["bench", "--package", "phiseal-benches", "--", "--test"]))?;
    Ok(Outcome::of(counts::of_criterion(&finished.output)).with(finished.problem()))
}

/// The engine over AWS-LC's FIPS module, built by cmake and Go.
fn fips(
    workspace: &Workspace,
    module: &str,
    environment: &Environment,
) -> Result<Outcome, Failure> {
    debian::install(&[debian::CMAKE, debian::GO, debian::CXX])?;
    let folder = workspace.root().join("tests").join("fips");
    let mut command = workspace.cargo(["test", "--locked", "--no-fail-fast"]);
    command.current_dir(folder.join(module)).env("CARGO_TARGET_DIR", folder.join("target"));
    test::cargo_test(environment.apply(&mut command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_are_features_of_the_primitives_and_the_facade() {
        let workspace = Workspace::find().unwrap();
        let features = |name: &str| {
            let package = workspace.packages().iter().find(|package| package.name == name).unwrap();
            package.features.clone()
        };
        for engine in ENGINES {
            assert!(
                features("phiseal-primitives").iter().any(|feature| feature == engine),
                "{engine}"
            );
        }
        for engine in FACADE_ENGINES {
            assert!(features("phiseal").iter().any(|feature| feature == engine), "{engine}");
        }
    }

    #[test]
    fn a_check_fails_with_its_command() {
        assert_eq!(check(Command::new("true").arg("--")).unwrap(), Outcome::default());
        assert_eq!(check(&mut Command::new("false")).unwrap().problems, ["exit code 1"]);
    }
}
