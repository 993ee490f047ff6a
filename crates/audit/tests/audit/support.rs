//! Logs to test with.

use phiseal_audit::note::VerifierKey;
use phiseal_audit::verify::{Verdict, Verifier};
use phiseal_audit::{Action, Class, LocalSigner, Log, LogBuilder, Outcome, Record};
use phiseal_format::EnvironmentId;
use phiseal_keys::{Error, Secret};
use phiseal_primitives::default_engine;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const ORIGIN: &str = "clinic.example/audit";

pub(crate) fn full() -> bool {
    std::env::var_os("PHISEAL_FULL").is_some_and(|value| value == "1")
}

/// A signer that is the same in every process: its seed is `seed` 32 times.
pub(crate) fn signer(seed: u8) -> LocalSigner {
    let filled = Secret::filled(|out| {
        out.fill(seed);
        Ok::<(), Error>(())
    });
    LocalSigner::new(filled.unwrap())
}

pub(crate) fn builder() -> LogBuilder {
    let environment = EnvironmentId::from_bytes([7; 16]);
    Log::builder(ORIGIN, environment, signer(1), default_engine())
        .unwrap()
        .checkpoint_every(1_000_000, Duration::from_secs(3_600))
}

pub(crate) fn key() -> VerifierKey {
    builder().verifier_key().clone()
}

pub(crate) fn record(count: u64) -> Record {
    let mut record = Record::new(Class::Key, Action::new("kek-unwrap").unwrap(), Outcome::Success);
    record.count = Some(count);
    record.domain = Some([5; 16].into());
    record
}

/// A folder with a log in it.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.0.path().join("audit.jsonl")
    }

    pub(crate) fn checkpoints(&self) -> PathBuf {
        Log::checkpoints_of(self.log())
    }

    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        fs::read_to_string(self.log()).unwrap().lines().map(str::to_owned).collect()
    }

    /// The verdict by the log's own checkpoints.
    pub(crate) fn verify(&self) -> Verdict {
        verify(&fs::read(self.log()).unwrap(), &[&fs::read(self.checkpoints()).unwrap()])
    }
}

pub(crate) fn verify(log: &[u8], checkpoints: &[&[u8]]) -> Verdict {
    verifier(checkpoints).verify(log).unwrap()
}

pub(crate) fn verifier<'a>(checkpoints: &[&'a [u8]]) -> Verifier<'a> {
    let mut verifier = Verifier::new(vec![key()], default_engine());
    for (number, notes) in checkpoints.iter().enumerate() {
        verifier.checkpoints(format!("place {number}"), *notes);
    }
    verifier
}

/// A closed log: `log-opened`, `records` of them, `log-closed`; a checkpoint after every `every` of these lines, and at the end.
pub(crate) fn closed(path: &Path, records: u64, every: u64) {
    let log = builder().open(path).unwrap();
    for number in 0..records {
        log.append(record(number)).unwrap();
        if (number + 2).is_multiple_of(every) {
            pollster::block_on(log.checkpoint()).unwrap();
        }
    }
    log.close().unwrap();
}

/// The notes of a file, each with the empty line after it.
pub(crate) fn notes(text: &str) -> Vec<String> {
    let parts: Vec<_> = text.split_inclusive("\n\n").collect();
    parts.chunks(2).map(<[&str]>::concat).collect()
}
