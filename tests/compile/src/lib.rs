//! What must not compile: see `tests/builds.rs`.
