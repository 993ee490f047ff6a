//! The PKCS#11 backend against real tokens.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

mod contract;
mod keys;
mod load;
mod planted;
mod support;
