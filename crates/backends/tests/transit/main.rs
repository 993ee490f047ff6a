//! The backend of transit keys: its contract on a real OpenBao, and what is its alone.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's own functions fail by panicking")]
#![expect(clippy::print_stdout, reason = "what is left out is said")]

mod certificates;
mod contract;
mod fake;
mod forks;
mod hostile;
mod keys;
mod logs;
#[cfg(target_os = "linux")]
mod memory;
mod outages;
mod own;
mod states;
mod support;
mod tls;
mod tokens;
#[path = "../watch/mod.rs"]
mod watch;
