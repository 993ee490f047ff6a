//! The log as a whole: AUD and what belongs to it.
#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

mod events;
mod life;
mod rewriting;
mod support;
mod tampering;
