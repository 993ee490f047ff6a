//! phiseal's rotation: where sealed values are stored, and what is done to all of them.

#![forbid(unsafe_code)]

mod binding;
pub mod census;
pub mod source;

pub use binding::Binding;
