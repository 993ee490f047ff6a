//! What all rounds have in common: the pseudorandom function (algorithm 6) of a round and half of the string.
#![expect(
    clippy::cast_possible_truncation,
    reason = "numerals are below a radix, limbs are words, and lengths are checked"
)]

use super::Cipher;
use zeroize::Zeroize;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Encrypt,
    Decrypt,
}

/// How many there are.
pub(super) const ROUNDS: u8 = 10;

/// The pseudorandom function, after all blocks that are the same in each round.
pub(super) struct Rounds<'a, C> {
    cipher: &'a C,
    /// The state after those blocks.
    state: u128,
    /// What is left of the tweak and its padding: fewer than 16 bytes, and the first byte is the highest.
    rest: u128,
    /// Bytes of `rest`.
    rest_len: usize,
    /// Bytes of half a string as a number: `b`.
    pub(super) half: usize,
    /// Bytes that are drawn in a round: `d`.
    pub(super) drawn: usize,
}

impl<'a, C: Cipher> Rounds<'a, C> {
    /// Of strings of `len` numerals.
    pub(super) fn new(cipher: &'a C, radix: u32, tweak: &[u8], len: usize) -> Self {
        let (shorter, longer) = (len / 2, len.div_ceil(2));
        let half = bytes_of(radix, longer);
        let drawn = half.div_ceil(4) * 4 + 4;
        // P (step 5); the lengths are bounded.
        let mut first = [1, 2, 1, 0, 0, 0, 10, shorter as u8, 0, 0, 0, 0, 0, 0, 0, 0];
        first[3..6].copy_from_slice(&radix.to_be_bytes()[1..]);
        first[8..12].copy_from_slice(&(len as u32).to_be_bytes());
        first[12..].copy_from_slice(&(tweak.len() as u32).to_be_bytes());
        let mut state = cipher.encrypted(u128::from_be_bytes(first));
        // Q without its last bytes, the round and the half (step 6 i).
        let padding = (16 - (tweak.len() + half + 1) % 16) % 16;
        let whole = (tweak.len() + padding) / 16 * 16;
        let padded = |at: usize| tweak.get(at).copied().unwrap_or_default();
        for block in (0..whole).step_by(16) {
            let block = core::array::from_fn(|at| padded(block + at));
            state = cipher.encrypted(state ^ u128::from_be_bytes(block));
        }
        let rest_len = tweak.len() + padding - whole;
        let rest = core::array::from_fn(|at| if at < rest_len { padded(whole + at) } else { 0 });
        Self { cipher, state, rest: u128::from_be_bytes(rest), rest_len, half, drawn }
    }

    /// The first block that is drawn in `round` from a half of one block: `rest`, the round and the half have 16 bytes.
    pub(super) fn block(&self, round: u8, half: u64) -> u128 {
        let round = u128::from(round) << (8 * self.half);
        self.cipher.encrypted(self.state ^ self.rest ^ round ^ u128::from(half))
    }

    /// All bytes that are drawn in `round` from a half, into `drawn`.
    pub(super) fn bytes(&self, round: u8, half: &[u8], drawn: &mut [u8]) {
        let mut state = self.state;
        let mut block = self.rest.to_be_bytes();
        let mut filled = self.rest_len;
        for byte in [round].iter().chain(half) {
            block[filled] = *byte;
            filled += 1;
            if filled == 16 {
                state = self.cipher.encrypted(state ^ u128::from_be_bytes(block));
                filled = 0;
            }
        }
        block.zeroize();
        // R, and what is counted up from it (step 6 iii).
        for (number, chunk) in drawn.chunks_mut(16).enumerate() {
            let more =
                if number == 0 { state } else { self.cipher.encrypted(state ^ number as u128) };
            chunk.copy_from_slice(&more.to_be_bytes()[..chunk.len()]);
        }
    }
}

/// Of a number, its lowest limb first, the multiple by a radix, and a numeral more.
pub(super) fn multiply_and_add(limbs: &mut Vec<u32>, radix: u32, numeral: u16) {
    let mut carry = u64::from(numeral);
    for limb in limbs.iter_mut() {
        carry += u64::from(*limb) * u64::from(radix);
        *limb = carry as u32;
        carry >>= 32;
    }
    if carry > 0 {
        limbs.push(carry as u32);
    }
}

/// The bytes of the greatest number of so many numerals: `b` (step 3), exactly.
fn bytes_of(radix: u32, numerals: usize) -> usize {
    let small =
        u32::try_from(numerals).ok().and_then(|numerals| u128::from(radix).checked_pow(numerals));
    if let Some(numbers) = small {
        return (128 - (numbers - 1).leading_zeros() as usize).div_ceil(8);
    }
    let mut limbs = vec![1_u32];
    for _ in 0..numerals {
        multiply_and_add(&mut limbs, radix, 0);
    }
    // The greatest number is one less, which has a bit less where there is but one.
    let is_power = limbs.iter().map(|limb| limb.count_ones()).sum::<u32>() == 1;
    let top = limbs.last().map_or(0, |limb| 32 - limb.leading_zeros() as usize);
    ((limbs.len() - 1) * 32 + top - usize::from(is_power)).div_ceil(8)
}
