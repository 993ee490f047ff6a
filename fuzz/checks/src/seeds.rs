//! The committed inputs, byte by byte as the format's documentation lays them out.
//!
//! They are written out here without the format's own printers, so that a change of the bytes turns the corpus red.
//! `cargo run --package phiseal-fuzz-checks --example write_seeds` in `fuzz/` writes them.

mod audit;
mod fhir;
mod fields;
mod format;
mod kernel;
mod key_file;
mod keyset;
mod policies;
mod recovery_texts;
mod store_records;
mod tokens;
mod unwrap;

/// A committed input: its target, its file's name, its bytes.
///
/// A name that begins with `valid-` promises that the target accepts it, `refused-` that it does not. An input that
/// once crashed a target is committed under any other name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// The target's name.
    pub target: &'static str,
    /// The file's name in the target's folder of the corpus.
    pub name: &'static str,
    /// What the file holds.
    pub bytes: Vec<u8>,
}

/// Every committed input that did not come from a crash.
pub fn seeds() -> Vec<Seed> {
    let of = |target: &'static str, inputs: Inputs| {
        inputs.into_iter().map(move |(name, bytes)| Seed { target, name, bytes })
    };
    let all = [
        ("audit_checkpoint", audit::checkpoints()),
        ("audit_note", audit::notes()),
        ("audit_record", audit::records()),
        ("context", format::contexts()),
        ("encryption_context", format::encryption_contexts()),
        ("fhir", fhir::files()),
        ("field_envelope", format::field_envelopes()),
        ("field_open", fields::opened()),
        ("kernel", kernel::rows()),
        ("key_file", key_file::files()),
        ("keyset", keyset::keysets()),
        ("normalise", tokens::values()),
        ("policy", policies::policies()),
        ("recovery_texts", recovery_texts::texts()),
        ("seal_roundtrip", fields::messages()),
        ("sealed_text", fields::sealed()),
        ("store_records", store_records::answers()),
        ("text", format::texts()),
        ("token", tokens::tokens()),
        ("unwrap", unwrap::wraps()),
        ("vault_record", tokens::vault_records()),
        ("wrapped_key", format::wrapped_keys()),
    ];
    all.into_iter().flat_map(|(target, inputs)| of(target, inputs)).collect()
}

/// The inputs of one target, by name.
type Inputs = Vec<(&'static str, Vec<u8>)>;

/// The bytes of one input.
pub(crate) fn bytes(target: &str, name: &str) -> Vec<u8> {
    let found = seeds().into_iter().find(|seed| seed.target == target && seed.name == name);
    found.unwrap_or_else(|| panic!("no input {target}/{name}")).bytes
}
