//! The PKCS#11 backend while its module is finalised, logged out of or lied by: what every user of the module in the process
//! notices, so that one test runs at a time, and in a process that tests of other things are not in.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

mod faults;
mod hostile;
mod pins;
#[cfg(feature = "custodian")]
mod signers;
#[path = "../pkcs11/support.rs"]
mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Whoever holds it is the only test that runs.
fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}
