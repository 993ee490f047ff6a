//! Whether an audit log is what was written: nothing changed, missing, put in or cut off. Needs no key but the public one.
//!
//! ```text
//! cargo run --release --example verify_audit -- --log audit.jsonl --key clinic.example/audit+1a2b3c4d+AQ...
//!     --checkpoints FILE   signed checkpoints, as the log or another place keeps them; may be given more than once.
//!                          Without it, those beside the log: FILE.checkpoints. Name those kept elsewhere as well:
//!                          only they show that a log and its own checkpoints were rewritten together
//!     --key VKEY           the public key of the log, as `LogBuilder::verifier_key` prints it; more than one after a change
//!     --json               one JSON object
//! ```
//!
//! Exit code: 0 sound; 1 something is wrong, or nothing is proved; 2 the arguments are wrong or a file cannot be read.

mod arguments;
mod report;

use arguments::{Arguments, USAGE};
use phiseal::audit::note::VerifierKey;
use phiseal::audit::verify::{Verdict, Verifier};
use phiseal::default_engine;
use std::error::Error;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args_os().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            report::line(USAGE);
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            report::complaint(&format!("verify_audit: {wrong}\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    match verify(&arguments) {
        Ok(verdict) => {
            report::line(&if arguments.json {
                report::as_json(&verdict)
            } else {
                report::in_words(&arguments.log, &verdict)
            });
            if verdict.is_sound() { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(error) => {
            report::complaint(&format!("verify_audit: {error}"));
            ExitCode::from(2)
        }
    }
}

fn verify(arguments: &Arguments) -> Result<Verdict, Box<dyn Error>> {
    let engine = default_engine();
    let keys = arguments.keys.iter().map(|key| VerifierKey::parse(key, engine));
    let mut verifier = Verifier::new(keys.collect::<Result<_, _>>()?, engine);
    for place in &arguments.checkpoints {
        verifier.checkpoints(place.display().to_string(), open(place)?);
    }
    Ok(verifier.verify(open(&arguments.log)?)?)
}

fn open(path: &Path) -> Result<BufReader<File>, String> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(BufReader::with_capacity(1 << 16, file))
}
