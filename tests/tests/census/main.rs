//! CENSUS: every stored value is counted as what it is.
#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

#[cfg(feature = "certificate")]
mod certificate;
mod clinic;
mod copied;
mod elsewhere;
mod formatted;
mod indexes;
mod keys_that_change;
mod persons;
mod resealed;
mod seeded;
mod tokens;
mod vault;
