//! Field envelopes.

use phiseal_format::{FIELD_HEADER, FIELD_OVERHEAD, FieldEnvelope, FieldHeader};

/// Parses a field envelope, and prints it in two ways.
pub fn field_envelope(data: &[u8]) -> bool {
    let Ok(envelope) = FieldEnvelope::parse(data) else { return false };
    assert_eq!(envelope.to_bytes(), data);

    let header = FieldHeader {
        suite: envelope.suite(),
        key_id: envelope.key_id(),
        epoch: envelope.epoch(),
        count: envelope.count(),
    };
    let mut bytes = [0; FIELD_HEADER];
    header.write(&mut bytes);
    assert_eq!([&bytes[..], envelope.ciphertext(), envelope.tag()].concat(), data);

    assert_eq!(envelope.ciphertext().len() + FIELD_OVERHEAD, data.len());
    assert_eq!(envelope.aad_prefix()[..], data[..17]);
    assert_eq!(envelope.nonce()[..], data[17..FIELD_HEADER]);
    true
}
