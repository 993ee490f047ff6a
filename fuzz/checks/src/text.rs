//! The text form.

use phiseal_format::text;

/// Encodes any bytes and decodes them again; decodes any text, and encodes what it stands for again.
pub fn text(data: &[u8]) -> bool {
    let encoded = text::encode(data);
    assert_eq!(text::decode(&encoded).unwrap(), data);
    assert_eq!(encoded.len(), text::encoded_len(data.len()));

    let Ok(candidate) = str::from_utf8(data) else { return false };
    let Ok(decoded) = text::decode(candidate) else { return false };
    assert_eq!(text::encode(&decoded), candidate);
    assert_eq!(text::decoded_len(candidate).unwrap(), decoded.len());
    let mut out = vec![0xa5; decoded.len()];
    text::decode_into(candidate, &mut out).unwrap();
    assert_eq!(out, decoded);
    true
}
