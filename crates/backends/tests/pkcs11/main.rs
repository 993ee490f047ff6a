//! The PKCS#11 backend against real tokens and against modules that misbehave.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

mod contract;
mod faults;
mod hostile;
mod keys;
mod load;
mod pins;
mod planted;
mod support;
