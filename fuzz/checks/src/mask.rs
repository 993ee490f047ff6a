//! Inputs that change bytes of the target's own.

/// How an input becomes bytes to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The input is the bytes.
    Raw,
    /// The bytes are the target's own, changed where the input is not zero. A longer input is appended.
    Changed,
    /// As [`Shape::Changed`], then cut to the input's length.
    Cut,
}

impl Shape {
    /// The shape that the two lowest bits of a byte pick.
    pub(crate) fn of(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Raw,
            1 => Self::Changed,
            _ => Self::Cut,
        }
    }

    /// The bytes that `input` makes of `own`.
    pub(crate) fn apply(self, own: &[u8], input: &[u8]) -> Vec<u8> {
        if self == Self::Raw {
            return input.to_vec();
        }
        let mut bytes = own.to_vec();
        bytes.resize(own.len().max(input.len()), 0);
        bytes.iter_mut().zip(input).for_each(|(byte, mask)| *byte ^= mask);
        if self == Self::Cut {
            bytes.truncate(input.len());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape() {
        assert_eq!(Shape::of(0).apply(b"own", b"in"), b"in");
        assert_eq!(Shape::of(1).apply(b"own", &[0]), b"own");
        assert_eq!(Shape::of(1).apply(b"own", &[0, 1]), b"ovn");
        assert_eq!(Shape::of(1).apply(b"own", &[0, 0, 0, 9]), b"own\x09");
        for cut in [2, 3] {
            assert_eq!(Shape::of(cut).apply(b"own", &[1, 0]), b"nw");
        }
    }
}
