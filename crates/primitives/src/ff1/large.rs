//! Strings of any length, added up numeral by numeral.
#![expect(
    clippy::cast_possible_truncation,
    reason = "numerals are below a radix, limbs are words, and lengths are checked"
)]

use super::Cipher;
use super::rounds::{Direction, ROUNDS, Rounds, multiply_and_add};
use zeroize::Zeroizing;

pub(super) fn run<C: Cipher>(
    rounds: &Rounds<'_, C>,
    radix: u32,
    numerals: &mut [u16],
    direction: Direction,
) {
    let (first, second) = numerals.split_at(numerals.len() / 2);
    let (mut a, mut b) = (Zeroizing::new(first.to_vec()), Zeroizing::new(second.to_vec()));
    let mut scratch = Scratch {
        half: Zeroizing::new(vec![0; rounds.half]),
        drawn: Zeroizing::new(vec![0; rounds.drawn]),
        limbs: Zeroizing::new(Vec::with_capacity(rounds.drawn.div_ceil(4))),
    };
    match direction {
        Direction::Encrypt => {
            for round in 0..ROUNDS {
                scratch.draw(rounds, round, radix, &b);
                scratch.add(radix, &mut a);
                (a, b) = (b, a);
            }
        }
        Direction::Decrypt => {
            for round in (0..ROUNDS).rev() {
                scratch.draw(rounds, round, radix, &a);
                scratch.subtract(radix, &mut b);
                (b, a) = (a, b);
            }
        }
    }
    let (first, second) = numerals.split_at_mut(numerals.len() / 2);
    first.copy_from_slice(&a);
    second.copy_from_slice(&b);
}

struct Scratch {
    /// Half of the string as a number, its highest byte first.
    half: Zeroizing<Vec<u8>>,
    drawn: Zeroizing<Vec<u8>>,
    /// A number, its lowest limb first.
    limbs: Zeroizing<Vec<u32>>,
}

impl Scratch {
    /// Leaves in `limbs` the number that is drawn in `round` from a half.
    fn draw<C: Cipher>(&mut self, rounds: &Rounds<'_, C>, round: u8, radix: u32, half: &[u16]) {
        self.limbs.clear();
        for numeral in half {
            multiply_and_add(&mut self.limbs, radix, *numeral);
        }
        let bytes = self.limbs.iter().flat_map(|limb| limb.to_le_bytes());
        let bytes = bytes.chain(core::iter::repeat(0));
        self.half.iter_mut().rev().zip(bytes).for_each(|(to, from)| *to = from);
        rounds.bytes(round, &self.half, &mut self.drawn);
        self.limbs.clear();
        // A multiple of four bytes.
        let words = self.drawn.as_chunks::<4>().0.iter().rev();
        self.limbs.extend(words.map(|word| u32::from_be_bytes(*word)));
    }

    /// The next lowest numeral of the number.
    fn numeral(&mut self, radix: u32) -> u32 {
        let mut rest = 0_u64;
        for limb in self.limbs.iter_mut().rev() {
            let value = (rest << 32) | u64::from(*limb);
            *limb = (value / u64::from(radix)) as u32;
            rest = value % u64::from(radix);
        }
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
        rest as u32
    }

    /// To a string, modulo the number of strings of its length: what is carried out of the highest numeral is dropped.
    fn add(&mut self, radix: u32, to: &mut [u16]) {
        let mut carry = 0;
        for numeral in to.iter_mut().rev() {
            let sum = u32::from(*numeral) + self.numeral(radix) + carry;
            carry = u32::from(sum >= radix);
            *numeral = (sum - carry * radix) as u16;
        }
    }

    fn subtract(&mut self, radix: u32, from: &mut [u16]) {
        let mut borrow = 0;
        for numeral in from.iter_mut().rev() {
            let taken = self.numeral(radix) + borrow;
            borrow = u32::from(u32::from(*numeral) < taken);
            *numeral = (u32::from(*numeral) + borrow * radix - taken) as u16;
        }
    }
}
