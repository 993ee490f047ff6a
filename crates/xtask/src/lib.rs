//! phiseal's own build and test commands.
//!
//! | command | what it does |
//! |---|---|
//! | `cargo xtask test` | prepares what the tests need, starts what they talk to, runs everything |
//! | `cargo xtask ci` | formatting, lints, documentation, every engine alone, examples, benches, `test`, FIPS |
//! | `cargo xtask fuzz` | runs the fuzz targets for longer than the smoke run in `test` does |
//! | `cargo xtask servers` | starts what the tests talk to, and says where it is |
//! | `cargo xtask table` | writes what the last test run found of each backend into the README |
//!
//! Each prints its steps as they go and closes with one line, `N passed, N failed`. The exit code is 1 if a test
//! or a check failed, or if a step that should run tests ran none. What is missing is a failure, never a skip.
//!
//! Where things go:
//!
//! * what tests need on disk is one file in [`prepare`], named in [`prepare::PREPARATIONS`];
//! * what tests talk to is one file in [`servers`], named in [`servers::servers`];
//! * what runs is a step in [`test`](mod@test) or in [`ci`].

#![expect(clippy::print_stdout, reason = "a command speaks to its terminal")]

use std::process::ExitCode;

pub mod arguments;
pub mod ci;
pub mod conformance;
pub mod counts;
pub mod failure;
pub mod fuzz;
pub mod guard;
pub mod prepare;
pub mod process;
pub mod report;
pub mod servers;
pub mod summary;
pub mod table;
pub mod test;
pub mod workspace;

use arguments::{Command, USAGE};
use failure::Failure;
use report::Report;
use workspace::Workspace;

/// Runs the command that `arguments` name; they come without the program's name.
pub fn run(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    match dispatch(arguments) {
        Ok(Some(report)) => report.close(),
        Ok(None) => ExitCode::SUCCESS,
        Err(failure) => {
            println!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: impl IntoIterator<Item = String>) -> Result<Option<Report>, Failure> {
    let command = Command::parse(arguments)?;
    let workspace = Workspace::find()?;
    let mut report = Report::new();
    match command {
        Command::Help => {
            println!("{USAGE}");
            return Ok(None);
        }
        Command::Test(options) => test::run(&workspace, &options, &mut report),
        Command::Ci(options) => ci::run(&workspace, &options, &mut report),
        Command::Fuzz(options) => fuzz::run(&workspace, &options, &mut report),
        Command::Servers(options) => servers::hold::run(&workspace, &options, &mut report)?,
        Command::Table => table::run(&workspace, &mut report),
    }
    Ok(Some(report))
}
