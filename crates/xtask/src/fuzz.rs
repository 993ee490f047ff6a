//! libFuzzer on the stable toolchain, over the targets of the workspace in `fuzz/`.
//!
//! A target is one file in `fuzz/src/bin`, its committed inputs are the folder of the same name in `fuzz/corpus`.
//! Coverage comes from LLVM passes that stable rustc passes on. When they are not given, or are no longer
//! understood, the fuzzer still runs and finds nothing; that is why the target [`PLANTED`] must crash.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::arguments::FuzzOptions;
use crate::counts::{self, Counts};
use crate::failure::{Failure, While};
use crate::prepare::{debian, empty_folder};
use crate::process::{Finished, demand, quiet, show};
use crate::report::{Kind, Outcome, Report};
use crate::workspace::Workspace;

/// The target with a crash that only coverage feedback can reach.
pub const PLANTED: &str = "planted";

/// What the planted target says when its crash is reached.
const PLANTED_MESSAGE: &str = "the planted crash was reached";

/// Inputs within which the planted crash must be reached: some ten times the most that twelve seeds took, and a
/// thousandth of what it takes without feedback.
const PLANTED_RUNS: u64 = 4_000_000;

/// Inputs for each target in `cargo xtask test`.
const SMOKE_RUNS: u64 = 1_000_000;

/// Inputs for each target in `cargo xtask test --full`.
const FULL_RUNS: u64 = 100_000_000;

/// The targets that are slower than a parser, and how many inputs each gets instead: some seconds' worth on a busy
/// machine, and with `--full` some minutes'.
const SLOW: [Slow; 13] = [
    Slow { target: "fhir", smoke: 50_000, full: 3_000_000 },
    Slow { target: "field_open", smoke: 500_000, full: FULL_RUNS },
    Slow { target: "kernel", smoke: 50_000, full: FULL_RUNS },
    Slow { target: "key_file", smoke: 15_000, full: 1_000_000 },
    Slow { target: "keyset", smoke: 500_000, full: 30_000_000 },
    Slow { target: "normalise", smoke: 50_000, full: 5_000_000 },
    Slow { target: "policy", smoke: 200_000, full: 10_000_000 },
    Slow { target: "seal_roundtrip", smoke: 100_000, full: 10_000_000 },
    Slow { target: "sealed_text", smoke: 500_000, full: FULL_RUNS },
    Slow { target: "store_records", smoke: 300_000, full: 20_000_000 },
    Slow { target: "token", smoke: 300_000, full: 20_000_000 },
    Slow { target: "unwrap", smoke: 300_000, full: 20_000_000 },
    Slow { target: "vault_record", smoke: 100_000, full: 5_000_000 },
];

/// A target that is slower than a parser.
struct Slow {
    target: &'static str,
    smoke: u64,
    full: u64,
}

/// How many inputs a target gets in `cargo xtask test`.
fn runs(target: &str, full: bool) -> u64 {
    match (SLOW.iter().find(|slow| slow.target == target), full) {
        (None, false) => SMOKE_RUNS,
        (None, true) => FULL_RUNS,
        (Some(slow), false) => slow.smoke,
        (Some(slow), true) => slow.full,
    }
}

/// The rustc flags that give libFuzzer its coverage.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";

/// `cargo xtask fuzz`: keeps what it finds from run to run under `fuzz/target/corpus`.
pub fn run(workspace: &Workspace, options: &FuzzOptions, report: &mut Report) {
    report.step("fuzz", Kind::Tests, || {
        debian::install(&[debian::CXX])?;
        let built = Built::new(workspace)?;
        let targets = built.chosen(&options.targets)?;
        let mut outcome = Outcome::default();
        for target in &targets {
            let corpus = built.folder.join("target").join("corpus").join(target);
            fs::create_dir_all(&corpus).during(corpus.display())?;
            outcome = outcome.and(built.explore(target, &corpus, options.runs, options.seed)?);
        }
        Ok(outcome)
    });
}

/// The smoke run of `cargo xtask test`: the committed inputs as tests, each target for a few seconds, the control.
///
/// # Errors
///
/// If the targets cannot be built or a target has no committed inputs.
pub fn smoke(workspace: &Workspace, full: bool) -> Result<Outcome, Failure> {
    debian::install(&[debian::CXX])?;
    let built = Built::new(workspace)?;
    let mut outcome = built.test_corpus(workspace)?.and(built.control()?);
    for target in &built.chosen(&[])? {
        let corpus = built.folder.join("target").join("smoke").join(target);
        empty_folder(&corpus)?;
        let seed = if full { None } else { Some(1) };
        outcome = outcome.and(built.explore(target, &corpus, runs(target, full), seed)?);
    }
    Ok(outcome)
}

/// A call of cargo in the fuzz workspace with the flags and the folders of the targets.
///
/// # Errors
///
/// If rustc does not say which machine it builds for.
pub fn cargo(workspace: &Workspace, arguments: &[&str]) -> Result<Command, Failure> {
    let folder = workspace.root().join("fuzz");
    let mut command = workspace.cargo(arguments);
    // An explicit triple, even if it is the host's: build scripts and procedural macros then stay without coverage.
    command.args(["--release", "--target", &host()?, "--target-dir"]).arg(folder.join("target"));
    command.current_dir(&folder).env("RUSTFLAGS", COVERAGE).env_remove("CARGO_ENCODED_RUSTFLAGS");
    Ok(command)
}

/// The fuzz workspace, built.
struct Built {
    folder: PathBuf,
    programs: PathBuf,
    targets: Vec<String>,
}

impl Built {
    fn new(workspace: &Workspace) -> Result<Self, Failure> {
        let finished = show(&mut cargo(workspace, &["build", "--bins"])?)?;
        if let Some(problem) = finished.problem() {
            return Err(Failure::new(format!("building the fuzz targets: {problem}")));
        }
        let folder = workspace.root().join("fuzz");
        let programs = folder.join("target").join(host()?).join("release");
        let targets = targets_in(&folder.join("src").join("bin"))?;
        Ok(Self { folder, programs, targets })
    }

    /// The targets that are named, or all but the control.
    fn chosen(&self, names: &[String]) -> Result<Vec<String>, Failure> {
        if let Some(stranger) = names.iter().find(|name| !self.targets.contains(name)) {
            return Err(Failure::new(format!(
                "no fuzz target {stranger:?}; there are {}",
                self.targets.join(", ")
            )));
        }
        if !names.is_empty() {
            return Ok(names.to_vec());
        }
        let all: Vec<String> =
            self.targets.iter().filter(|target| *target != PLANTED).cloned().collect();
        if all.is_empty() { Err(Failure::new("there is no fuzz target")) } else { Ok(all) }
    }

    /// Runs the tests that hold every committed input against what its name promises.
    fn test_corpus(&self, workspace: &Workspace) -> Result<Outcome, Failure> {
        let mut command =
            workspace.cargo(["test", "--package", "phiseal-fuzz-checks", "--target-dir", "target"]);
        let finished = show(command.current_dir(&self.folder))?;
        Ok(Outcome::of(counts::of_cargo_test(&finished.output)).with(finished.problem()))
    }

    /// Runs the planted target, which must crash with its own message within its runs.
    fn control(&self) -> Result<Outcome, Failure> {
        let corpus = self.folder.join("target").join("smoke").join(PLANTED);
        let crashes = self.folder.join("target").join("smoke").join("planted-crashes");
        empty_folder(&corpus)?;
        empty_folder(&crashes)?;
        let mut command = self.command(PLANTED, PLANTED_RUNS, Some(1), &crashes);
        let finished = quiet(command.arg("-max_len=64").arg(&corpus))?;
        let executed = counts::of_libfuzzer(&finished.output);
        let problem = control_problem(&finished);
        println!(
            "{PLANTED}: {}",
            problem
                .clone()
                .unwrap_or_else(|| format!("crashed after {executed} inputs, as it must"))
        );
        Ok(if problem.is_none() { Outcome::of(Counts::passed(1)) } else { failed(problem) })
    }

    /// Runs one target from its committed inputs and from what `corpus` holds; new inputs go into `corpus`.
    fn explore(
        &self,
        target: &str,
        corpus: &Path,
        runs: u64,
        seed: Option<u32>,
    ) -> Result<Outcome, Failure> {
        let committed = self.folder.join("corpus").join(target);
        let seeds = fs::read_dir(&committed).map(Iterator::count).unwrap_or(0);
        if seeds == 0 && target != PLANTED {
            return Ok(failed(Some(format!(
                "{target}: no committed inputs in {}",
                committed.display()
            ))));
        }
        let artifacts = self.folder.join("artifacts").join(target);
        fs::create_dir_all(&artifacts).during(artifacts.display())?;
        let mut command = self.command(target, runs, seed, &artifacts);
        command.arg(corpus);
        if seeds > 0 {
            command.arg(&committed);
        }
        let finished = quiet(&mut command)?;
        let problem = explore_problem(&finished, runs);
        match &problem {
            None => {
                println!("{target}: {} inputs, no finding", counts::of_libfuzzer(&finished.output))
            }
            Some(problem) => println!("{}\n{target}: {problem}", finished.output),
        }
        let named = problem.map(|problem| {
            format!("{target}: {problem}; a crash is kept in {}", artifacts.display())
        });
        Ok(if named.is_none() { Outcome::of(Counts::passed(1)) } else { failed(named) })
    }

    fn command(&self, target: &str, runs: u64, seed: Option<u32>, artifacts: &Path) -> Command {
        let mut command = Command::new(self.programs.join(target));
        command.args(["-print_final_stats=1", "-timeout=10", "-rss_limit_mb=2048"]);
        command
            .arg(format!("-runs={runs}"))
            .arg(format!("-artifact_prefix={}/", artifacts.display()));
        command.args(seed.map(|seed| format!("-seed={seed}")));
        command
    }
}

fn failed(problem: Option<String>) -> Outcome {
    Outcome::of(Counts { failed: 1, ..Counts::default() }).with(problem)
}

/// What is wrong with a run of the control; `None` if it crashed as it must.
fn control_problem(finished: &Finished) -> Option<String> {
    if finished.succeeded() {
        return Some(
            "the planted crash was not reached: the build gives the fuzzer no coverage".to_owned(),
        );
    }
    let own = finished.output.contains(PLANTED_MESSAGE);
    (!own).then(|| format!("ended without the planted crash: {:?}", finished.problem()))
}

/// What is wrong with a run of a target; `None` if it ran all its inputs and found nothing.
fn explore_problem(finished: &Finished, runs: u64) -> Option<String> {
    let executed = counts::of_libfuzzer(&finished.output);
    finished
        .problem()
        .or_else(|| (executed < runs).then(|| format!("ran {executed} of {runs} inputs")))
}

/// The names of the targets in `folder`, sorted.
fn targets_in(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).during(folder.display())? {
        let path = entry.during(folder.display())?.path();
        if path.extension().is_some_and(|end| end == "rs") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// The triple that rustc builds for when it is not told.
fn host() -> Result<String, Failure> {
    let version = demand(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::new("rustc -vV names no host"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(code: i32, output: &str) -> Finished {
        Finished { output: output.to_owned(), code: Some(code) }
    }

    #[test]
    fn the_control_must_crash_with_its_own_message() {
        assert_eq!(control_problem(&finished(77, "panicked: the planted crash was reached")), None);
        assert!(control_problem(&finished(0, "Done 4000000 runs")).is_some());
        assert!(control_problem(&finished(77, "panicked: something else")).is_some());
        assert!(control_problem(&finished(1, "cannot open corpus")).is_some());
    }

    #[test]
    fn a_target_must_run_all_its_inputs_without_a_crash() {
        let all = "stat::number_of_executed_units: 200000";
        assert_eq!(explore_problem(&finished(0, all), 200_000), None);
        assert!(explore_problem(&finished(0, all), 200_001).is_some());
        assert!(explore_problem(&finished(0, ""), 1).is_some());
        assert!(explore_problem(&finished(77, all), 200_000).is_some());
    }

    #[test]
    fn a_slow_target_has_numbers_of_its_own_and_exists() {
        assert_eq!((runs("context", false), runs("context", true)), (SMOKE_RUNS, FULL_RUNS));
        let targets = targets_in(&Workspace::find().unwrap().root().join("fuzz/src/bin")).unwrap();
        for slow in &SLOW {
            assert!(targets.contains(&slow.target.to_owned()), "no target {}", slow.target);
            assert_eq!(
                (runs(slow.target, false), runs(slow.target, true)),
                (slow.smoke, slow.full)
            );
            assert!(slow.smoke < SMOKE_RUNS && slow.smoke < slow.full && slow.full <= FULL_RUNS);
        }
    }

    #[test]
    fn the_control_is_among_the_targets_and_every_other_target_has_committed_inputs() {
        let fuzz = Workspace::find().unwrap().root().join("fuzz");
        let targets = targets_in(&fuzz.join("src/bin")).unwrap();
        assert!(targets.contains(&PLANTED.to_owned()));
        for target in targets.iter().filter(|target| *target != PLANTED) {
            let committed = fs::read_dir(fuzz.join("corpus").join(target));
            assert!(
                committed.is_ok_and(|mut entries| entries.next().is_some()),
                "{target} has no committed inputs"
            );
        }
    }
}
