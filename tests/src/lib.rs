//! phiseal's tests, and what they share.

#![expect(clippy::unwrap_used, reason = "what tests share may fail them")]

pub mod addresses;
pub mod canaries;
pub mod clinic;
pub mod crowd;
pub mod editable;
pub mod eventful;
pub mod forge;
pub mod forwarding;
pub mod ghash;
pub mod numbers;
pub mod processes;
#[cfg(feature = "postgres")]
pub mod schema;
pub mod spy;
#[cfg(feature = "transit")]
pub mod transit;
pub mod warm;
pub mod world;
