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
    encode_again(bytes, String::new())
}

/// As [`encode`], in the memory of a text that is not needed any more.
#[must_use]
pub fn encode_again(bytes: &[u8], spent: String) -> String {
    let mut out = spent.into_bytes();
    out.resize(encoded_len(bytes.len()), 0);
    let (prefix, symbols) = out.split_at_mut(PREFIX.len());
    prefix.copy_from_slice(PREFIX.as_bytes());
    let (blocks, last) = bytes.as_chunks::<3>();
    let (quads, rest) = symbols.as_chunks_mut::<4>();
    for (quad, [a, b, c]) in quads.iter_mut().zip(blocks) {
        let [w, x] = pair(u16::from(*a) << 4 | u16::from(b >> 4));
        let [y, z] = pair(u16::from(b & 0x0f) << 8 | u16::from(*c));
        *quad = [w, x, y, z];
    }
    match (last, rest) {
        ([a], [w, x]) => [*w, *x] = pair(u16::from(*a) << 4),
        ([a, b], [w, x, y]) => {
            [*w, *x] = pair(u16::from(*a) << 4 | u16::from(b >> 4));
            [*y, _] = pair(u16::from(b & 0x0f) << 8);
        }
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
    let mut words = 0;
    for (block, quad) in blocks.iter_mut().zip(quads) {
        let [a, b, c, d] = *quad;
        let word = value_at::<18>(a) | value_at::<12>(b) | value_at::<6>(c) | value_at::<0>(d);
        words |= word;
        [_, block[0], block[1], block[2]] = word.to_be_bytes();
    }
    let [mut invalid, ..] = words.to_be_bytes();
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

/// The two symbols of twelve bits.
fn pair(bits: u16) -> [u8; 2] {
    PAIRS.get(usize::from(bits & 0x0fff)).copied().unwrap_or_default()
}

/// The six bits of a symbol, so far from the right; the highest bit for what is none.
fn value_at<const SHIFT: u32>(symbol: u8) -> u32 {
    const { &shifted(SHIFT) }.get(usize::from(symbol)).copied().unwrap_or(1 << 31)
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

/// [`VALUES`], so far from the right.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a mistake here does not compile"
)]
const fn shifted(shift: u32) -> [u32; 256] {
    let mut shifted = [0; 256];
    let mut index = 0;
    while index < shifted.len() {
        shifted[index] = match VALUES[index] {
            INVALID => 1 << 31,
            value => (value as u32) << shift,
        };
        index += 1;
    }
    shifted
}

/// Two symbols for each twelve bits.
static PAIRS: [[u8; 2]; 4096] = pairs();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a mistake here does not compile"
)]
const fn pairs() -> [[u8; 2]; 4096] {
    let mut pairs = [[0; 2]; 4096];
    let mut index = 0;
    while index < pairs.len() {
        pairs[index] = [ALPHABET[index >> 6], ALPHABET[index & 0x3f]];
        index += 1;
    }
    pairs
}
