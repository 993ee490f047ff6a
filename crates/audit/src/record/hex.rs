//! Lower-case hexadecimal of a fixed number of digits: one text per value.

pub(super) fn parse_16_bytes(text: &str) -> Option<[u8; 16]> {
    is_hex(text, 32).then(|| u128::from_str_radix(text, 16).ok())?.map(u128::to_be_bytes)
}

pub(super) fn parse_8_bytes(text: &str) -> Option<[u8; 8]> {
    is_hex(text, 16).then(|| u64::from_str_radix(text, 16).ok())?.map(u64::to_be_bytes)
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
