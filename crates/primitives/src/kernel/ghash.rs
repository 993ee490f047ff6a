//! GHASH (SP 800-38D, 6.4), computed as POLYVAL (RFC 8452, 3 and appendix A).
//!
//! POLYVAL is GHASH with the bytes of every block in reverse order, which is the order that the processor's carry-less
//! multiplication wants. Its product of two blocks, `dot`, is the polynomials' product times x^-128, so it is reduced as Montgomery
//! did for integers: a multiple of the modulus is added that clears the low half, twice 64 bits, and the high half is left.

use super::aes_ni::AesNi;
use super::lanes::{Block, Lanes};

/// The field's polynomial, x^128 + x^127 + x^126 + x^121 + 1, without its first and last term (RFC 8452, 3).
const MODULUS: u128 = 0xc2 << 120;

/// `block` times x (RFC 8452, appendix A: `mulX_POLYVAL`), without a branch on the secret.
pub(super) const fn times_x(block: u128) -> u128 {
    let carry = block >> 127;
    (block << 1) ^ (carry * (MODULUS | 1))
}

/// A sum of products that are not reduced yet: 128 bits in each lane from 0 up, from 64 up, and from 128 up.
#[derive(Clone, Copy)]
pub(super) struct Product<const BYTES: usize, L: Lanes<BYTES>> {
    low: L::Vector,
    middle: L::Vector,
    high: L::Vector,
}

impl<const BYTES: usize, L: Lanes<BYTES>> Product<BYTES, L> {
    #[inline(always)]
    pub(super) fn zero(lanes: L) -> Self {
        let zero = lanes.splat(0);
        Self { low: zero, middle: zero, high: zero }
    }

    /// Adds `a` times `b`, lane by lane.
    #[inline(always)]
    pub(super) fn add(&mut self, lanes: L, a: L::Vector, b: L::Vector) {
        self.low = lanes.xor(self.low, lanes.multiply::<0x00>(a, b));
        self.middle = lanes.xor(self.middle, lanes.multiply::<0x01>(a, b));
        self.middle = lanes.xor(self.middle, lanes.multiply::<0x10>(a, b));
        self.high = lanes.xor(self.high, lanes.multiply::<0x11>(a, b));
    }

    /// The sum of all lanes, reduced.
    #[inline(always)]
    pub(super) fn reduced(self, lanes: L) -> Block {
        let (low, middle) = (lanes.sum(self.low), lanes.sum(self.middle));
        let high = lanes.sum(self.high);
        let middle = fold(lanes.narrow(), low, middle);
        fold(lanes.narrow(), middle, high)
    }
}

/// Adds the multiple of the modulus that clears the low half of `low`, and what is then left of `low` to `next`, which is worth
/// x^64 as much.
#[inline(always)]
fn fold(lanes: AesNi, low: Block, next: Block) -> Block {
    let multiple = lanes.multiply::<0x10>(low, lanes.splat(MODULUS));
    lanes.xor(next, lanes.xor(lanes.swapped(low), multiple))
}
