//! Audit logs of processes that are killed, that fork, and whose disk is full.
#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

mod canaries;
mod disk;
mod forks;
mod kills;

use phiseal_audit::note::VerifierKey;
use phiseal_audit::verify::{Verdict, Verifier};
use phiseal_audit::{Entry, LocalSigner, Log, LogBuilder};
use phiseal_keys::{Error, Secret};
use phiseal_primitives::default_engine;
use std::fs;
use std::path::Path;

const CHILD: &str = env!("CARGO_BIN_EXE_phiseal-tests-child");

/// The log that the child opens.
fn builder() -> LogBuilder {
    let seed = Secret::filled(|out| {
        out.fill(1);
        Ok::<(), Error>(())
    });
    let signer = LocalSigner::new(seed.unwrap());
    Log::builder("clinic.example/audit", [7; 16].into(), signer, default_engine()).unwrap()
}

fn key() -> VerifierKey {
    builder().verifier_key().clone()
}

fn verify(log: &Path) -> Verdict {
    let (lines, notes) = (fs::read(log).unwrap(), fs::read(Log::checkpoints_of(log)).unwrap());
    let mut verifier = Verifier::new(vec![key()], default_engine());
    verifier.checkpoints("its own", &notes[..]);
    verifier.verify(&lines[..]).unwrap()
}

/// The numbers of the child's records, in the order of their lines.
fn numbers(log: &Path) -> Vec<u64> {
    let text = fs::read_to_string(log).unwrap();
    let entries = text.lines().map(|line| Entry::parse(line.as_bytes()).unwrap().record);
    entries
        .filter(|record| record.action.as_str() == "kek-wrap")
        .filter_map(|record| record.count)
        .collect()
}
