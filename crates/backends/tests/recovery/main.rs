//! Recovery keys: the contract of KEKs, the texts, the shares, and what is left in memory.
#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]
#![expect(clippy::print_stdout, reason = "a child tells its parent")]

mod contract;
#[cfg(target_os = "linux")]
mod memory;
mod shares;
mod support;
mod texts;
mod vectors;
#[cfg(target_os = "linux")]
#[path = "../watch/memory.rs"]
mod watched;
