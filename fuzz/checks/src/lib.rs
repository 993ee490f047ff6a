//! What each fuzz target asserts: one file for each, and one function in it.
//!
//! A function takes an input and says whether it was accepted. It panics if something that was accepted does not print
//! as the bytes it was parsed from, or if two ways of reading it disagree. It must not panic on anything else.

mod context;
mod encryption_context;
mod field_envelope;
mod planted;
pub mod seeds;
mod text;
mod wrapped_key;

pub use context::context;
pub use encryption_context::encryption_context;
pub use field_envelope::field_envelope;
pub use planted::planted;
pub use text::text;
pub use wrapped_key::wrapped_key;

/// A target's name and its function.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// Every target but the planted one.
pub const TARGETS: [Target; 5] = [
    ("context", context),
    ("encryption_context", encryption_context),
    ("field_envelope", field_envelope),
    ("text", text),
    ("wrapped_key", wrapped_key),
];
