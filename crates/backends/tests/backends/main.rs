//! The backends of this crate: their contract, and what is theirs alone.
#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

#[cfg(all(feature = "custodian", unix))]
mod custodian;
#[cfg(feature = "layers")]
mod layers;
#[cfg(all(feature = "local", unix))]
mod local;
#[cfg(all(feature = "local", unix))]
mod local_put_back;
#[cfg(all(feature = "local", unix))]
mod local_refusals;
#[cfg(all(feature = "local", unix))]
mod local_traces;
#[cfg(all(feature = "local", unix))]
mod local_vectors;
mod memory;
mod support;
mod wrong_keys;
