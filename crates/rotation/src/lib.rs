//! phiseal's rotation: where sealed values are stored, and what is done to all of them.

#![forbid(unsafe_code)]

mod binding;
pub mod census;
mod census_hash;
pub mod certificate;
mod class;
mod column;
pub mod custody;
mod digest;
#[cfg(feature = "manifest")]
pub mod manifest;
mod persons;
mod policy;
mod reseal;
pub mod run;
mod sorter;
pub mod source;

pub use binding::Binding;
pub use census::{Census, ColumnCensus, Finding, census};
pub use class::Class;
pub use column::Column;
pub use digest::Digest;
pub use policy::{Due, Policy};
pub use reseal::{Pace, Resealed, reseal};
