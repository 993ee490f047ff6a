//! Signed notes and the keys that verify them.

use phiseal::audit::note::{Note, VerifierKey};
use phiseal::default_engine;
use std::sync::LazyLock;

/// The key of the published example of a note, which has signed that one text as far as a fuzzer could find.
static KEY: LazyLock<VerifierKey> = LazyLock::new(|| {
    let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    VerifierKey::parse(key, default_engine()).unwrap()
});

/// A copy of that key.
pub(crate) fn key() -> VerifierKey {
    KEY.clone()
}

/// Parses a note and prints it, and verifies it under the key of the published example, which has signed one text.
pub fn audit_note(data: &[u8]) -> bool {
    if let Some(key) =
        str::from_utf8(data).ok().and_then(|text| VerifierKey::parse(text, default_engine()).ok())
    {
        assert_eq!(key.to_string().as_bytes(), data);
    }
    let Ok(note) = Note::parse(data) else { return false };
    assert_eq!(note.to_string().as_bytes(), data);
    let keys = [key()];
    if note.verify(&keys).is_ok() {
        assert_eq!(note.text(), "This is an example message.\n");
    }
    true
}
