//! Why a command did not do all that it was asked, and the exit code that says so.

use phiseal::rotation::custody::Refusal;
use phiseal::{Error, ErrorKind};
use serde_json::{Value, json};
use std::error::Error as StdError;

/// Something failed.
pub(crate) const ERROR: u8 = 1;
/// The arguments make no sense.
pub(crate) const USAGE: u8 = 2;
/// Something was done, and something is left.
pub(crate) const PARTIAL: u8 = 3;
/// Something is there that should not be.
pub(crate) const ANOMALY: u8 = 4;
/// Nothing is broken, and it is not allowed, or not now.
pub(crate) const REFUSED: u8 = 5;

/// Why a command did not do all that it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    sentence: String,
}

impl Failure {
    pub(crate) fn new(code: u8, sentence: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into() }
    }

    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self::new(USAGE, sentence)
    }

    pub(crate) const fn code(&self) -> u8 {
        self.code
    }

    pub(crate) fn sentence(&self) -> &str {
        &self.sentence
    }

    pub(crate) fn to_json(&self) -> Value {
        let kind = match self.code {
            USAGE => "usage",
            PARTIAL => "partial",
            ANOMALY => "anomaly",
            REFUSED => "refused",
            _ => "error",
        };
        json!({ "event": kind, "exit": self.code, "message": self.sentence })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let refusal = error.source().and_then(|source| source.downcast_ref::<Refusal>());
        if let Some(refusal) = refusal {
            return refusal.clone().into();
        }
        let code = if error.kind() == ErrorKind::Denied { REFUSED } else { ERROR };
        Self::new(code, with_sources(&error))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(REFUSED, refusal.to_string())
    }
}

/// An error and what caused it, in one sentence.
pub(crate) fn with_sources(error: &dyn StdError) -> String {
    let mut sentence = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        sentence.push_str(": ");
        sentence.push_str(&error.to_string());
        source = error.source();
    }
    sentence
}

/// A file that cannot be read or written.
pub(crate) fn of_file(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::new(ERROR, format!("{}: {error}", path.display()))
}
