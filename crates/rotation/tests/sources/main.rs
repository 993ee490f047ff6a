//! Sources of stored ciphertext: one contract for all, and what is each one's alone.
#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]
#![cfg_attr(feature = "postgres", expect(clippy::panic, reason = "the same"))]

mod broken;
mod files;
#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;
