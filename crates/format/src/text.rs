//! The text form of bytes: `phi1.` and base64url without padding (RFC 4648, 5), strict.
//!
//! One value has one text. Padding, white space, another alphabet, a length that no value has and unused bits that are
//! not zero are all refused.
//!
//! ```
//! use phiseal_format::{ErrorKind, text};
//!
//! assert_eq!(text::encode(&[0xfb, 0xff]), "phi1.-_8");
//! assert_eq!(text::decode("phi1.-_8")?, [0xfb, 0xff]);
//! assert_eq!(text::decode("phi1.-_9").unwrap_err().kind(), ErrorKind::Text);
//! # Ok::<(), phiseal_format::Error>(())
//! ```

use crate::{Error, ErrorKind};

/// What every text begins with.
pub const PREFIX: &str = "phi1.";

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What is not a symbol; its high bits survive every combination with symbols.
const INVALID: u8 = 0x80;

/// The text of `bytes`.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(encoded_len(bytes.len()));
    out.extend_from_slice(PREFIX.as_bytes());
    let (blocks, last) = bytes.as_chunks::<3>();
    for [a, b, c] in blocks {
        out.extend_from_slice(&[
            symbol(a >> 2),
            symbol(a << 4 | b >> 4),
            symbol(b << 2 | c >> 6),
            symbol(*c),
        ]);
    }
    match last {
        [a] => out.extend_from_slice(&[symbol(a >> 2), symbol(a << 4)]),
        [a, b] => out.extend_from_slice(&[symbol(a >> 2), symbol(a << 4 | b >> 4), symbol(b << 2)]),
        _ => {}
    }
    // Prefix and symbols are ASCII, so this is never anything but `Ok`.
    String::from_utf8(out).unwrap_or_default()
}

/// The length of the text of `bytes` bytes, in characters; saturates.
#[must_use]
pub const fn encoded_len(bytes: usize) -> usize {
    let (whole, part) = (bytes / 3, bytes % 3);
    let last = if part == 0 { 0 } else { part.saturating_add(1) };
    whole.saturating_mul(4).saturating_add(last).saturating_add(PREFIX.len())
}

/// The bytes of `text`.
///
/// # Errors
///
/// [`ErrorKind::Text`] when `text` is not the one text of any bytes.
pub fn decode(text: &str) -> Result<Vec<u8>, Error> {
    let mut out = vec![0; decoded_len(text)?];
    decode_into(text, &mut out)?;
    Ok(out)
}

/// How many bytes `text` stands for, from its prefix and length alone.
///
/// # Errors
///
/// [`ErrorKind::Text`] when the prefix is missing or no value has a text of this length.
pub fn decoded_len(text: &str) -> Result<usize, Error> {
    let symbols = text.strip_prefix(PREFIX).ok_or(ErrorKind::Text)?.len();
    let (whole, part) = (symbols / 4, symbols % 4);
    let last = match part {
        0 => 0,
        2 => 1,
        3 => 2,
        _ => return Err(ErrorKind::Text.into()),
    };
    Ok(whole.saturating_mul(3).saturating_add(last))
}

/// Writes the bytes of `text` to the front of `out` and returns how many they are.
///
/// # Errors
///
/// [`ErrorKind::Text`] when `text` is not the one text of any bytes, [`ErrorKind::Length`] when `out` is too short
/// ([`decoded_len`] tells). What `out` then holds is unspecified.
pub fn decode_into(text: &str, out: &mut [u8]) -> Result<usize, Error> {
    let length = decoded_len(text)?;
    let out = out.get_mut(..length).ok_or(ErrorKind::Length)?;
    let symbols = text.strip_prefix(PREFIX).ok_or(ErrorKind::Text)?.as_bytes();
    let (quads, last_symbols) = symbols.as_chunks::<4>();
    let (blocks, last_bytes) = out.as_chunks_mut::<3>();
    let mut invalid = 0;
    for (block, quad) in blocks.iter_mut().zip(quads) {
        let [a, b, c, d] = quad.map(value);
        invalid |= a | b | c | d;
        *block = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
    }
    match (last_symbols, last_bytes) {
        ([], []) => {}
        ([a, b], [x]) => {
            let [a, b] = [a, b].map(|symbol| value(*symbol));
            invalid |= a | b | unused(b & 0x0f);
            *x = a << 2 | b >> 4;
        }
        ([a, b, c], [x, y]) => {
            let [a, b, c] = [a, b, c].map(|symbol| value(*symbol));
            invalid |= a | b | c | unused(c & 0x03);
            *x = a << 2 | b >> 4;
            *y = b << 4 | c >> 2;
        }
        _ => return Err(ErrorKind::Text.into()),
    }
    if invalid & INVALID == 0 { Ok(length) } else { Err(ErrorKind::Text.into()) }
}

fn symbol(bits: u8) -> u8 {
    ALPHABET.get(usize::from(bits & 0x3f)).copied().unwrap_or_default()
}

fn value(symbol: u8) -> u8 {
    VALUES.get(usize::from(symbol)).copied().unwrap_or(INVALID)
}

const fn unused(bits: u8) -> u8 {
    if bits == 0 { 0 } else { INVALID }
}

/// The six bits of each symbol; [`INVALID`] for what is none.
const VALUES: [u8; 256] = values();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a mistake here does not compile"
)]
const fn values() -> [u8; 256] {
    let mut values = [INVALID; 256];
    let (mut index, mut symbol) = (0, 0_u8);
    while index < values.len() {
        values[index] = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => INVALID,
        };
        index += 1;
        symbol = symbol.wrapping_add(1);
    }
    values
}
