//! An expanded key: the round keys of AES-256 and the powers of the hash key.

use super::aes_ni::AesNi;
use super::ghash::{Product, times_x};
use super::lanes::{Block, Lanes};
use zeroize::Zeroize;

/// The most blocks that one message may have: those of its associated data, of its text, and the block of their lengths.
pub(super) const MAX_BLOCKS: usize = 32;

const ROUNDS: usize = 15;

/// Blocks of zeros behind the powers, so that a whole vector of them can be read wherever one begins.
const BEHIND: usize = 3;

#[repr(C, align(64))]
pub(super) struct ExpandedKey {
    /// What each round of AES-256 adds (FIPS 197, 5.2).
    rounds: [[u8; 16]; ROUNDS],
    /// The powers of the hash key, highest first, in the form that [`Product`] multiplies; the last is the key itself.
    powers: [[u8; 16]; MAX_BLOCKS + BEHIND],
}

impl ExpandedKey {
    /// Room for a key, in a place of its own that is zeroed on drop.
    pub(super) fn empty() -> Box<Self> {
        Box::new(Self { rounds: [[0; 16]; ROUNDS], powers: [[0; 16]; MAX_BLOCKS + BEHIND] })
    }

    /// Fills in what belongs to `key`.
    #[inline(always)]
    pub(super) fn expand(&mut self, lanes: AesNi, key: &[u8; 32]) {
        let mut pair = [lanes.splat(0); 2];
        let (halves, _) = key.as_chunks();
        for (half, round) in halves.iter().zip(&mut pair) {
            *round = lanes.load(half);
        }
        self.put_rounds(lanes, 0, pair);
        pair = next_pair::<0x01>(lanes, pair);
        self.put_rounds(lanes, 1, pair);
        pair = next_pair::<0x02>(lanes, pair);
        self.put_rounds(lanes, 2, pair);
        pair = next_pair::<0x04>(lanes, pair);
        self.put_rounds(lanes, 3, pair);
        pair = next_pair::<0x08>(lanes, pair);
        self.put_rounds(lanes, 4, pair);
        pair = next_pair::<0x10>(lanes, pair);
        self.put_rounds(lanes, 5, pair);
        pair = next_pair::<0x20>(lanes, pair);
        self.put_rounds(lanes, 6, pair);
        pair = next_pair::<0x40>(lanes, pair);
        self.put_rounds(lanes, 7, pair);

        // SP 800-38D, 7.1: the hash key is the encryption of zeros. RFC 8452, appendix A: how it becomes POLYVAL's.
        let mut zeros = [lanes.splat(0)];
        self.encrypt(lanes, &mut zeros);
        let [encrypted] = zeros;
        let first = lanes.splat(times_x(lanes.block(lanes.reversed(encrypted))));
        let mut power = first;
        for place in self.powers.iter_mut().take(MAX_BLOCKS).rev() {
            lanes.store(power, place);
            let mut product = Product::zero(lanes);
            product.add(lanes, power, first);
            power = product.reduced(lanes);
        }
    }

    /// Encrypts the blocks in each of `states`, which are in flight together.
    #[inline(always)]
    pub(super) fn encrypt<const BYTES: usize, L: Lanes<BYTES>, const N: usize>(
        &self,
        lanes: L,
        states: &mut [L::Vector; N],
    ) {
        let [first, rounds @ .., last] = &self.rounds;
        let key = lanes.splat(u128::from_le_bytes(*first));
        for state in states.iter_mut() {
            *state = lanes.xor(*state, key);
        }
        for round in rounds {
            let key = lanes.splat(u128::from_le_bytes(*round));
            for state in states.iter_mut() {
                *state = lanes.round(*state, key);
            }
        }
        let key = lanes.splat(u128::from_le_bytes(*last));
        for state in states.iter_mut() {
            *state = lanes.last_round(*state, key);
        }
    }

    /// The powers of the hash key from this one down: as many bytes as there are in the longest vector can be read at each of them.
    #[inline(always)]
    pub(super) fn powers(&self, highest: usize) -> &[[u8; 16]] {
        &self.powers[MAX_BLOCKS - highest..]
    }

    #[inline(always)]
    fn put_rounds(&mut self, lanes: AesNi, pair: usize, keys: [Block; 2]) {
        for (place, key) in self.rounds.iter_mut().skip(2 * pair).zip(keys) {
            lanes.store(key, place);
        }
    }
}

/// The next two round keys (FIPS 197, 5.2).
#[inline(always)]
fn next_pair<const CONSTANT: i32>(lanes: AesNi, [even, odd]: [Block; 2]) -> [Block; 2] {
    let word = lanes.schedule_word::<CONSTANT>(odd);
    let even = lanes.xor(lanes.running_sum(even), word);
    let word = lanes.schedule_word::<0>(even);
    [even, lanes.xor(lanes.running_sum(odd), word)]
}

impl Drop for ExpandedKey {
    fn drop(&mut self) {
        self.rounds.zeroize();
        self.powers.zeroize();
    }
}
