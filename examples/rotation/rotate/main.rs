//! The program that key custodians run: it rotates keys over databases and files, needs two people to start, survives being
//! killed at any point, and ends with a count and a certificate.
//!
//! `cargo run --release --example rotate -- --help` says how; `examples/rotation/README.md` walks through all of it.

mod approve;
mod arguments;
mod carry_out;
mod census;
mod certify;
mod custodian;
mod drill;
mod failure;
mod office;
mod output;
mod plan;
mod progress;
mod roster;
mod signer;
mod status;
mod verify;
mod watch;

use arguments::{Arguments, Command};
use clap::Parser;
use failure::Failure;
use output::Output;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(told) => {
            let _ = told.print();
            return if told.use_stderr() {
                ExitCode::from(failure::USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let output = Output::new(arguments.json);
    match run(&arguments, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.code())
        }
    }
}

fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    match &arguments.command {
        Command::Custodian(it) => custodian::make(it, output),
        Command::Roster(it) => roster::found(arguments, it, output),
        Command::Status => status::show(arguments, output),
        Command::Plan(it) => plan::plan(arguments, it, output),
        Command::Approve(it) => approve::approve(it, output),
        Command::Run(it) => carry_out::run(arguments, it, output),
        Command::Resume(it) => carry_out::resume(arguments, it, output),
        Command::Retire(it) => carry_out::retire(arguments, it, output),
        Command::Destroy(it) => carry_out::destroy(arguments, it, output),
        Command::Census(it) => census::census(arguments, it, output),
        Command::Drill(it) => drill::drill(arguments, it, output),
        Command::Verify(it) => verify::verify(it, output),
    }
}
