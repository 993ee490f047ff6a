//! Sources of stored ciphertext: one contract for all, and what is each one's alone.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's own functions fail by panicking")]

mod contract;
mod sqlite;
