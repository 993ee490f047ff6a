//! GHASH and its field GF(2^128) (SP 800-38D, 6.3 and 6.4), and with them the attack that makes one ciphertext valid
//! under two keys.

use phiseal_primitives::{Aes256Gcm, Engine};

/// A key as the attacker sees it, who knows it: AES-256-GCM's hash subkey and the mask of one nonce's tag.
#[derive(Debug)]
pub struct KnownKey {
    key: Box<dyn Aes256Gcm>,
    hash: u128,
    mask: u128,
}

impl KnownKey {
    /// Learns both from two tags: of nothing, and of sixteen zero bytes of associated data.
    #[must_use]
    pub fn new(engine: &dyn Engine, key: &[u8; 32], nonce: &[u8; 12]) -> Self {
        let key = engine.aes_256_gcm(key).unwrap();
        let tag = |aad: &[u8]| u128::from_be_bytes(key.seal_in_place(nonce, aad, &mut []).unwrap());
        let mask = tag(&[]);
        let lengths = 128_u128 << 64;
        let hash = times(tag(&[0; 16]) ^ mask, inverse(lengths));
        Self { key, hash, mask }
    }

    /// The expanded key.
    #[must_use]
    pub fn key(&self) -> &dyn Aes256Gcm {
        &*self.key
    }

    fn tag(&self, aad: &[u8], ciphertext: &[u8]) -> u128 {
        ghash(self.hash, aad, ciphertext) ^ self.mask
    }
}

/// A tag that `ciphertext` has under both keys, each with its associated data; the block at `free` is changed to make it
/// so. The ciphertext consists of whole blocks.
///
/// Y. Dodis, P. Grubbs, T. Ristenpart, J. Woodage: Fast Message Franking, CRYPTO 2018; J. Len, P. Grubbs,
/// T. Ristenpart: Partitioning Oracle Attacks, USENIX Security 2021.
#[must_use]
pub fn collide(
    keys: [&KnownKey; 2],
    aads: [&[u8]; 2],
    ciphertext: &mut [u8],
    free: usize,
) -> [u8; 16] {
    assert_eq!(ciphertext.len() % 16, 0);
    let block = free * 16..(free + 1) * 16;
    ciphertext[block.clone()].fill(0);
    let difference = keys[0].tag(aads[0], ciphertext) ^ keys[1].tag(aads[1], ciphertext);
    // What a block is multiplied by: once for itself, for each block after it and for the lengths.
    let times_hashed = ciphertext.len() / 16 - free + 1;
    let weight = power(keys[0].hash, times_hashed) ^ power(keys[1].hash, times_hashed);
    ciphertext[block].copy_from_slice(&times(difference, inverse(weight)).to_be_bytes());
    let tag = keys[0].tag(aads[0], ciphertext);
    assert_eq!(tag, keys[1].tag(aads[1], ciphertext), "the equation is solved");
    tag.to_be_bytes()
}

/// GHASH over padded associated data, padded ciphertext and the lengths of both in bits.
fn ghash(hash: u128, aad: &[u8], ciphertext: &[u8]) -> u128 {
    let blocks = aad.chunks(16).chain(ciphertext.chunks(16)).map(|chunk| {
        let mut block = [0; 16];
        block[..chunk.len()].copy_from_slice(chunk);
        u128::from_be_bytes(block)
    });
    let bits = |bytes: &[u8]| u128::try_from(bytes.len() * 8).unwrap();
    let lengths = bits(aad) << 64 | bits(ciphertext);
    blocks.chain([lengths]).fold(0, |sum, block| times(sum ^ block, hash))
}

/// The product in GF(2^128) as GCM writes it: the first bit is the coefficient of x^0.
fn times(a: u128, b: u128) -> u128 {
    const R: u128 = 0xe1 << 120;
    let (mut product, mut shifted) = (0, a);
    for bit in (0..128).rev() {
        if b >> bit & 1 == 1 {
            product ^= shifted;
        }
        shifted = if shifted & 1 == 1 { shifted >> 1 ^ R } else { shifted >> 1 };
    }
    product
}

const ONE: u128 = 1 << 127;

fn power(a: u128, exponent: usize) -> u128 {
    (0..exponent).fold(ONE, |product, _| times(product, a))
}

/// a^(2^128 - 2).
fn inverse(a: u128) -> u128 {
    assert_ne!(a, 0, "zero has no inverse");
    let (mut inverse, mut square) = (ONE, a);
    for _ in 1..128 {
        square = times(square, square);
        inverse = times(inverse, square);
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::Dice;

    #[test]
    fn an_inverse_is_one() {
        let mut dice = Dice::new(1);
        for _ in 0..16 {
            let a = u128::from_be_bytes(dice.array());
            assert_eq!(times(a, inverse(a)), ONE);
            assert_eq!(times(a, ONE), a);
        }
    }

    #[test]
    fn tags_are_those_of_the_engines() {
        let mut dice = Dice::new(2);
        for engine in phiseal::engines() {
            for length in [0, 16, 48, 5] {
                let (key, nonce) = (dice.array(), dice.array());
                let known = KnownKey::new(*engine, &key, &nonce);
                let (aad, mut body) = (dice.bytes(21), dice.bytes(length));
                let tag = known.key().seal_in_place(&nonce, &aad, &mut body).unwrap();
                assert_eq!(known.tag(&aad, &body).to_be_bytes(), tag, "{}", engine.name());
            }
        }
    }
}
