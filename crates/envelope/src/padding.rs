//! Padding to length classes: ISO/IEC 9797-1, padding method 2 (a 0x80 byte, then zeros).

use phiseal_keys::{Error, ErrorKind};

/// How long a plaintext of `length` bytes is once padded: the next multiple of `class` (at least one), and one byte.
pub(crate) fn padded_len(length: usize, class: u32) -> Result<usize, Error> {
    let class = usize::try_from(class).map_err(|_| invalid())?;
    let classes = length.div_ceil(class.max(1)).max(1);
    classes.checked_mul(class).and_then(|length| length.checked_add(1)).ok_or_else(invalid)
}

/// Writes the padding behind the first `length` bytes of `buffer`.
pub(crate) fn pad(buffer: &mut [u8], length: usize) {
    if let Some((mark, zeros)) = buffer.get_mut(length..).and_then(<[u8]>::split_first_mut) {
        *mark = 0x80;
        zeros.fill(0);
    }
}

/// The length without the padding, of bytes that have been authenticated. They must be as long as their class says, so
/// that one plaintext has one padded form.
pub(crate) fn unpadded_len(padded: &[u8], class: u32) -> Result<usize, Error> {
    let mark = padded.iter().rposition(|byte| *byte != 0).ok_or_else(unpadded)?;
    let whole = padded_len(mark, class).is_ok_and(|length| length == padded.len());
    if whole && padded.get(mark) == Some(&0x80) { Ok(mark) } else { Err(unpadded()) }
}

fn invalid() -> Error {
    Error::new(ErrorKind::Invalid, "the length class is too large")
}

fn unpadded() -> Error {
    Error::new(
        ErrorKind::Malformed,
        "the field is authentic, but was sealed without the padding that its context names",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back_and_a_class_has_one_length() {
        for class in [1, 2, 7, 16, 64] {
            for length in 0..200 {
                let padded = padded_len(length, class).unwrap();
                assert_eq!((padded - 1) % class as usize, 0);
                for last in [0, 0x80, 0xff] {
                    let mut buffer = vec![last; padded];
                    pad(&mut buffer, length);
                    assert_eq!(unpadded_len(&buffer, class).unwrap(), length);
                }
            }
        }
        let lengths: std::collections::BTreeSet<_> =
            (1..=64).map(|n| padded_len(n, 64).unwrap()).collect();
        assert_eq!(lengths.len(), 1);
    }

    #[test]
    fn bytes_of_another_length_than_their_class_are_refused() {
        let mut buffer = vec![0; padded_len(5, 16).unwrap()];
        pad(&mut buffer, 5);
        assert_eq!(unpadded_len(&buffer, 16).unwrap(), 5);
        for class in [4, 15, 17, 64, u32::MAX] {
            assert_eq!(unpadded_len(&buffer, class).unwrap_err().kind(), ErrorKind::Malformed);
        }
        buffer.extend([0; 16]);
        assert_eq!(unpadded_len(&buffer, 16).unwrap_err().kind(), ErrorKind::Malformed);
    }

    #[test]
    fn bytes_without_a_mark_are_refused() {
        for bytes in [&b""[..], &[0], &[0; 65], &[1, 0, 0], b"plain"] {
            assert_eq!(unpadded_len(bytes, 64).unwrap_err().kind(), ErrorKind::Malformed);
        }
    }
}
