//! Lower-case hexadecimal: one text per value. Not for secrets.

use crate::{Error, ErrorKind};
use core::fmt;

pub(crate) fn write(bytes: &[u8], out: &mut impl fmt::Write) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}

/// The text of `bytes`.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// Reads exactly `N` bytes.
///
/// # Errors
///
/// [`ErrorKind::Length`] when `text` is not `2 * N` bytes long, [`ErrorKind::Text`] on anything but `0-9a-f`.
pub fn parse<const N: usize>(text: &str) -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    fill(&mut bytes, text)?;
    Ok(bytes)
}

/// Reads as many bytes as there are.
///
/// # Errors
///
/// [`ErrorKind::Length`] for half a byte, [`ErrorKind::Text`] on anything but `0-9a-f`.
pub fn decode(text: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; text.len() / 2];
    fill(&mut bytes, text)?;
    Ok(bytes)
}

/// Two digits of `text` for each byte.
fn fill(bytes: &mut [u8], text: &str) -> Result<(), Error> {
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != bytes.len() || !odd.is_empty() {
        return Err(ErrorKind::Length.into());
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Ok(())
}

fn digit(symbol: u8) -> Result<u8, Error> {
    match symbol {
        b'0'..=b'9' => Ok(symbol & 15),
        b'a'..=b'f' => Ok((symbol & 15).saturating_add(9)),
        _ => Err(ErrorKind::Text.into()),
    }
}
