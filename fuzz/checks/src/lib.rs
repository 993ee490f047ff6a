//! What each fuzz target asserts: one file for each, and one function in it.
//!
//! A function takes an input and says whether it was accepted. It panics if something that was accepted does not print
//! as the bytes it was parsed from, or if two ways of reading it disagree. It must not panic on anything else.
//!
//! Where keys are involved, an input is often a mask over bytes that the target made itself: a fuzzer does not guess keys,
//! but it changes every bit.

mod audit_checkpoint;
mod audit_note;
mod audit_record;
mod clinic;
mod context;
mod encryption_context;
mod fhir;
mod field_envelope;
mod field_open;
mod kernel;
mod key_document;
mod key_file;
mod keyset;
mod lying;
mod mask;
mod normalise;
mod planted;
mod policy;
mod recovery_texts;
mod seal_roundtrip;
mod sealed_text;
pub mod seeds;
mod store_records;
mod text;
mod token;
mod unwrap;
mod vault_record;
mod wrapped_key;

pub use audit_checkpoint::audit_checkpoint;
pub use audit_note::audit_note;
pub use audit_record::audit_record;
pub use context::context;
pub use encryption_context::encryption_context;
pub use fhir::fhir;
pub use field_envelope::field_envelope;
pub use field_open::field_open;
pub use kernel::kernel;
pub use key_file::key_file;
pub use keyset::keyset;
pub use normalise::normalise;
pub use planted::planted;
pub use policy::policy;
pub use recovery_texts::recovery_texts;
pub use seal_roundtrip::seal_roundtrip;
pub use sealed_text::sealed_text;
pub use store_records::store_records;
pub use text::text;
pub use token::token;
pub use unwrap::unwrap;
pub use vault_record::vault_record;
pub use wrapped_key::wrapped_key;

/// A target's name and its function.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// Every target but the planted one.
pub const TARGETS: [Target; 22] = [
    ("audit_checkpoint", audit_checkpoint),
    ("audit_note", audit_note),
    ("audit_record", audit_record),
    ("context", context),
    ("encryption_context", encryption_context),
    ("fhir", fhir),
    ("field_envelope", field_envelope),
    ("field_open", field_open),
    ("kernel", kernel),
    ("key_file", key_file),
    ("keyset", keyset),
    ("normalise", normalise),
    ("policy", policy),
    ("recovery_texts", recovery_texts),
    ("seal_roundtrip", seal_roundtrip),
    ("sealed_text", sealed_text),
    ("store_records", store_records),
    ("text", text),
    ("token", token),
    ("unwrap", unwrap),
    ("vault_record", vault_record),
    ("wrapped_key", wrapped_key),
];

/// Runs a check on something broken, which must not get through.
#[cfg(test)]
fn must_panic<T>(check: impl FnOnce() -> T) {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
    assert!(outcome.is_err(), "a check let something broken through");
}
