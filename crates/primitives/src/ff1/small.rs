//! Strings whose halves fit in a word.
#![expect(
    clippy::cast_possible_truncation,
    reason = "numerals are below a radix, limbs are words, and lengths are checked"
)]

use super::Cipher;
use super::rounds::{Direction, ROUNDS, Rounds};

/// Strings of one length.
pub(super) struct Domain {
    radix: u64,
    /// How many strings of the length of the first half there are, and of the second one, which may be longer.
    sizes: [u64; 2],
}

impl Domain {
    /// None where half a string is more than a word.
    pub(super) fn of(radix: u32, len: usize) -> Option<Self> {
        let radix = u64::from(radix);
        let size = |numerals: usize| radix.checked_pow(u32::try_from(numerals).ok()?);
        Some(Self { radix, sizes: [size(len / 2)?, size(len.div_ceil(2))?] })
    }

    pub(super) fn run<C: Cipher>(
        &self,
        rounds: &Rounds<'_, C>,
        numerals: &mut [u16],
        direction: Direction,
    ) {
        let (first, second) = numerals.split_at_mut(numerals.len() / 2);
        let (mut a, mut b) = (self.number(first), self.number(second));
        let unused = 8 * (16 - rounds.drawn);
        match direction {
            Direction::Encrypt => {
                for round in 0..ROUNDS {
                    let size = self.sizes[usize::from(round % 2)];
                    let y = modulo(rounds.block(round, b) >> unused, size);
                    (a, b) = (b, if a < size - y { a + y } else { a - (size - y) });
                }
            }
            Direction::Decrypt => {
                for round in (0..ROUNDS).rev() {
                    let size = self.sizes[usize::from(round % 2)];
                    let y = modulo(rounds.block(round, a) >> unused, size);
                    (b, a) = (a, if b >= y { b - y } else { b + (size - y) });
                }
            }
        }
        self.numerals(a, first);
        self.numerals(b, second);
    }

    fn number(&self, numerals: &[u16]) -> u64 {
        numerals.iter().fold(0, |number, numeral| number * self.radix + u64::from(*numeral))
    }

    fn numerals(&self, mut number: u64, numerals: &mut [u16]) {
        for numeral in numerals.iter_mut().rev() {
            // Below the radix, which is at most 2^16.
            *numeral = (number % self.radix) as u16;
            number /= self.radix;
        }
    }
}

/// Of a number of at most 96 bits.
fn modulo(number: u128, size: u64) -> u64 {
    if size > u64::from(u32::MAX) {
        return (number % u128::from(size)) as u64;
    }
    // Words are divided several times as fast as pairs of them.
    let word = |place: u32| (number >> (32 * place)) as u64 & u64::from(u32::MAX);
    let upper = word(2) % size;
    let middle = ((upper << 32) | word(1)) % size;
    ((middle << 32) | word(0)) % size
}
