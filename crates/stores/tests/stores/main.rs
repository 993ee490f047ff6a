//! The stores of this crate: their contract, and what is theirs alone.
#![cfg_attr(
    any(feature = "sqlite", all(feature = "postgres", target_os = "linux")),
    expect(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test's own functions fail by panicking"
    )
)]

mod memory;
#[cfg(all(feature = "postgres", target_os = "linux"))]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
mod sqlite_erase;
#[cfg(all(feature = "sqlite", target_os = "linux"))]
mod sqlite_forks;
#[cfg(all(feature = "sqlite", unix))]
mod sqlite_modes;
#[cfg(feature = "sqlite")]
mod sqlite_processes;
#[cfg(feature = "sqlite")]
mod support;
