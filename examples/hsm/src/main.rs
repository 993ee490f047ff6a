//! A hardware security module, wired up: what the token can do, a KEK on it that cannot leave it, a field sealed under that
//! KEK, a rotation; and for every mistake in the configuration a sentence that says what to change.
//!
//! ```text
//! cargo run --release -p phiseal-examples-hsm                   on a software token of its own (SoftHSM)
//! cargo run --release -p phiseal-examples-hsm -- --module PATH (--token LABEL | --serial NUMBER)
//!                                                (--pin-env NAME | --pin-file PATH) [--kek LABEL] [--rotate]
//! ```
//!
//! On a token of yours it makes a KEK with the label `phiseal example`, or the one that you name, and leaves it there. A KEK
//! that is there already is used as it is, and rotated only with `--rotate`, as that is for good.
//!
//! Exit code: 0 everything worked; 1 the token failed, or did not keep a promise; 2 something has to be changed first, and
//! the last line says what.

mod advice;
mod arguments;
mod evidence;
mod software;
mod trial;
mod voice;

use advice::Trouble;
use arguments::Asked;
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = match arguments::parse(std::env::args_os().skip(1)) {
        Ok(Asked::Help) => {
            voice::line(arguments::USAGE);
            return ExitCode::SUCCESS;
        }
        Ok(Asked::SoftwareToken) => software::run(),
        Ok(Asked::Token(wiring)) => trial::run(&wiring).map(|()| ExitCode::SUCCESS),
        Err(wrong) => Err(Trouble::to_change(wrong, arguments::USAGE)),
    };
    outcome.unwrap_or_else(|trouble| {
        voice::complaint(&format!("wire_an_hsm: {trouble}"));
        ExitCode::from(trouble.code)
    })
}
