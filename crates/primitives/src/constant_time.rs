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
    a.ct_eq(b).into()
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
    }
}
