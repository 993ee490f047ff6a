//! Comparison of secrets.

use subtle::ConstantTimeEq;

/// Whether two byte strings are equal, in a time that depends on their lengths alone.
///
/// ```
/// use phiseal_primitives::constant_time::equal;
///
/// assert!(equal(b"tag", b"tag"));
/// assert!(!equal(b"tag", b"tab"));
/// assert!(!equal(b"tag", b"tags"));
/// ```
#[must_use]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    // Word by word: what keeps a compiler from being clever costs as much for a word as for a byte.
    let ((words, rest), (other_words, other_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let pairs = words.iter().zip(other_words);
    let are_equal = pairs.fold(rest.ct_eq(other_rest), |are_equal, (one, other)| {
        are_equal & u64::from_ne_bytes(*one).ct_eq(&u64::from_ne_bytes(*other))
    });
    a.len() == b.len() && are_equal.into()
}

#[cfg(test)]
mod tests {
    use super::equal;

    #[test]
    fn every_single_bit_makes_a_difference() {
        let a = [0x5a; 32];
        for bit in 0..256 {
            let mut b = a;
            b[bit / 8] ^= 1 << (bit % 8);
            assert!(!equal(&a, &b), "bit {bit}");
        }
        assert!(equal(&a, &[0x5a; 32]));
        assert!(equal(&[], &[]));
        assert!(!equal(&a, &a[..31]));
        assert!(!equal(&a, &a[..24]));
    }
}
