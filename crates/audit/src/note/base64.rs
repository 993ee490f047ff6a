//! Base 64 of RFC 4648, section 4: padded, one text per value.

use base64ct::{Base64, Encoding};

/// The text of `bytes`.
pub(crate) fn encode(bytes: &[u8]) -> String {
    // Four characters for every three bytes begun.
    let mut text = vec![0; bytes.len().div_ceil(3).saturating_mul(4)];
    Base64::encode(bytes, &mut text).map(str::to_owned).unwrap_or_default()
}

/// The bytes of canonical `text`, which the caller has bounded.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = vec![0; (text.len() / 4).saturating_mul(3)];
    let length = Base64::decode(text, &mut bytes).ok()?.len();
    bytes.truncate(length);
    Some(bytes)
}

/// Exactly `N` bytes of canonical `text`.
pub(crate) fn decode_exactly<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N.div_ceil(3).saturating_mul(4) {
        return None;
    }
    decode(text)?.try_into().ok()
}
