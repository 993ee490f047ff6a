//! Tokens and search indexes against whoever sees a whole column of them.
#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

mod frequency;
mod pass;
mod permutation;
mod separation;
