//! How tests see what a process remembers and what it logs.

pub(crate) mod logs;
#[cfg(target_os = "linux")]
pub(crate) mod memory;
