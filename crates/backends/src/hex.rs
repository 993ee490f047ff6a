//! Lower-case hexadecimal of secrets: no table that a key's bytes index, no buffer that grows.

use phiseal_keys::{Error, ErrorKind};
use zeroize::Zeroizing;

/// The text of `bytes`.
pub(crate) fn text(bytes: &[u8]) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(bytes.len().saturating_mul(2)));
    for byte in bytes {
        out.push(char::from(digit(byte >> 4)));
        out.push(char::from(digit(byte & 15)));
    }
    out
}

/// Fills `out` from exactly twice as many characters.
///
/// # Errors
///
/// [`ErrorKind::Malformed`] for another length or character.
pub(crate) fn parse(text: &str, out: &mut [u8]) -> Result<(), Error> {
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != out.len() || !odd.is_empty() {
        return Err(malformed());
    }
    for (byte, [high, low]) in out.iter_mut().zip(pairs) {
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Ok(())
}

/// `0` to `9` and `a` to `f`, without a branch.
const fn digit(nibble: u8) -> u8 {
    let letter = (nibble + 6) >> 4;
    b'0' + nibble + letter * 39
}

fn value(digit: u8) -> Result<u8, Error> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(malformed()),
    }
}

#[cold]
fn malformed() -> Error {
    Error::new(ErrorKind::Malformed, "not lower-case hexadecimal of the right length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text = text(&bytes);
        assert_eq!(&text[..8], "00010203");
        assert_eq!(&text[504..], "fcfdfeff");
        let mut back = [0; 256];
        parse(&text, &mut back).unwrap();
        assert_eq!(back.as_slice(), bytes);
    }

    #[test]
    fn what_is_not_the_one_text_is_refused() {
        for bad in ["", "0", "000", "0g", "0G", "AA", " 0", "+1"] {
            assert_eq!(parse(bad, &mut [0]).unwrap_err().kind(), ErrorKind::Malformed, "{bad:?}");
        }
    }
}
