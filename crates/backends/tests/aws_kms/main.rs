//! The backend over AWS KMS: its contract on emulators, and what is its alone.
#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]
#![expect(clippy::print_stdout, reason = "a test says what it leaves out")]

mod conformance;
mod fake;
mod faults;
#[cfg(unix)]
mod forks;
mod hostile;
mod logs;
#[cfg(target_os = "linux")]
mod memory;
mod states;
mod support;
mod swap;
#[path = "../watch/mod.rs"]
mod watch;
mod wire;
