//! XAES-256-GCM (c2sp.org/XAES-256-GCM): AES-256-GCM with nonces long enough to be drawn at random.

use crate::{Engine, Error, stack};
use aes::Aes256Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use core::fmt;
use zeroize::{Zeroize, Zeroizing};

/// Derives the AES-256-GCM key for all nonces that begin with `nonce_prefix`; `subkey` is overwritten.
///
/// This is the counter-mode KDF of SP 800-108r1, 4.1, over CMAC-AES-256 (SP 800-38B), with the label `X` and the
/// prefix as context. The last twelve bytes of the 24-byte nonce are then the nonce of AES-256-GCM. What the block
/// cipher spills to the stack is scrubbed before this returns.
///
/// ```
/// let mut subkey = [0; 32];
/// phiseal_primitives::xaes::derive_subkey(&[1; 32], b"ABCDEFGHIJKL", &mut subkey);
/// assert_eq!(subkey[..4], [0xc8, 0x61, 0x2c, 0x9e]); // the specification's first vector
/// ```
pub fn derive_subkey(key: &[u8; 32], nonce_prefix: &[u8; 12], subkey: &mut [u8; 32]) {
    derive(key, nonce_prefix, subkey);
    stack::scrub();
}

/// A key for single messages under 24-byte nonces: what wraps keys.
///
/// The subkey is derived anew for every message. Code that seals many messages under one nonce prefix derives it
/// once with [`derive_subkey`].
///
/// # Security
///
/// The nonce is an argument, as in [`crate::Aes256Gcm`]: it must be drawn at random, 24 bytes a message. The
/// construction does not commit to its key. The derivation is done outside any FIPS module, so an engine in FIPS mode
/// refuses to seal.
///
/// ```
/// # fn main() -> Result<(), phiseal_primitives::Error> {
/// use phiseal_primitives::{OsRandom, Random, Xaes256Gcm, default_engine};
///
/// let kek = Xaes256Gcm::new(default_engine(), &[7; 32]);
/// let mut nonce = [0; 24];
/// OsRandom.fill(&mut nonce)?;
/// let mut key = [9; 32];
/// let tag = kek.seal(&nonce, b"which key", &mut key)?;
/// assert_ne!(key, [9; 32]);
/// kek.open(&nonce, b"which key", &mut key, &tag)?;
/// assert_eq!(key, [9; 32]);
/// # Ok(())
/// # }
/// ```
pub struct Xaes256Gcm {
    engine: &'static dyn Engine,
    /// Boxed, so that moving the value leaves no copy behind.
    key: Box<Zeroizing<[u8; 32]>>,
}

impl Xaes256Gcm {
    /// A copy of `key`, for use with `engine`. The copy is zeroed on drop.
    #[must_use]
    pub fn new(engine: &'static dyn Engine, key: &[u8; 32]) -> Self {
        let mut boxed = Box::new(Zeroizing::new([0; 32]));
        boxed.copy_from_slice(key);
        Self { engine, key: boxed }
    }

    /// Encrypts `in_out` where it lies and returns the tag.
    ///
    /// # Errors
    ///
    /// As [`crate::Aes256Gcm::seal_in_place`].
    pub fn seal(&self, nonce: &[u8; 24], aad: &[u8], in_out: &mut [u8]) -> Result<[u8; 16], Error> {
        let (prefix, suffix) = halves(nonce);
        let mut subkey = Zeroizing::new([0; 32]);
        derive_subkey(&self.key, &prefix, &mut subkey);
        self.engine.aes_256_gcm(&subkey)?.seal_in_place(&suffix, aad, in_out)
    }

    /// Verifies `tag` and decrypts `in_out` where it lies.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] when anything at all was changed; `in_out` then holds zeros.
    pub fn open(
        &self,
        nonce: &[u8; 24],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), Error> {
        let (prefix, suffix) = halves(nonce);
        let mut subkey = Zeroizing::new([0; 32]);
        derive_subkey(&self.key, &prefix, &mut subkey);
        match self.engine.aes_256_gcm(&subkey) {
            Ok(key) => key.open_in_place(&suffix, aad, in_out, tag),
            Err(error) => {
                in_out.zeroize();
                Err(error)
            }
        }
    }
}

impl fmt::Debug for Xaes256Gcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Xaes256Gcm").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// Splits a nonce into what the subkey is derived from and what AES-256-GCM takes.
fn halves(nonce: &[u8; 24]) -> ([u8; 12], [u8; 12]) {
    let (mut prefix, mut suffix) = ([0; 12], [0; 12]);
    prefix.copy_from_slice(&nonce[..12]);
    suffix.copy_from_slice(&nonce[12..]);
    (prefix, suffix)
}

/// Apart from its caller, so that what it leaves on the stack lies below the caller's frame.
#[inline(never)]
fn derive(key: &[u8; 32], nonce_prefix: &[u8; 12], subkey: &mut [u8; 32]) {
    let cipher = Aes256Enc::new(key.into());
    let mut l = Zeroizing::new([0; 16]);
    cipher.encrypt_block((&mut *l).into());
    let mut k1 = Zeroizing::new([0; 16]);
    doubled(&l, &mut k1);
    let (blocks, _) = subkey.as_chunks_mut::<16>();
    for (counter, block) in [1, 2].into_iter().zip(blocks) {
        block[..4].copy_from_slice(&[0, counter, b'X', 0]);
        block[4..].copy_from_slice(nonce_prefix);
        for (byte, mask) in block.iter_mut().zip(k1.iter()) {
            *byte ^= mask;
        }
        cipher.encrypt_block(block.into());
    }
}

/// Doubling in GF(2^128), which makes the CMAC subkey (SP 800-38B, 6.1), without a branch on the secret.
fn doubled(block: &[u8; 16], out: &mut [u8; 16]) {
    let value = u128::from_be_bytes(*block);
    let carry = value >> 127;
    *out = ((value << 1) ^ (carry * 0x87)).to_be_bytes();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        let digits: Vec<u8> = text
            .bytes()
            .map(|c| u8::try_from((c as char).to_digit(16).unwrap()).unwrap())
            .collect();
        let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        bytes.try_into().unwrap()
    }

    /// The intermediate values that the specification prints: most significant bit clear, then set.
    #[test]
    fn the_cmac_subkey_is_the_specification_s() {
        for (l, k1) in [
            ("7298caa565031eadc6ce23d23ea66378", "e531954aca063d5b8d9c47a47d4cc6f0"),
            ("91c08762876dccf9ba204a33768fa5fe", "23810ec50edb99f374409466ed1f4b7b"),
        ] {
            let mut out = [0; 16];
            doubled(&hex(l), &mut out);
            assert_eq!(out, hex(k1));
        }
    }

    #[test]
    fn the_derived_keys_are_the_specification_s() {
        for (key, expected) in [
            ([1; 32], "c8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b"),
            ([3; 32], "e9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8"),
        ] {
            let mut subkey = [0; 32];
            derive_subkey(&key, b"ABCDEFGHIJKL", &mut subkey);
            assert_eq!(subkey, hex(expected));
        }
    }

    #[test]
    fn debug_prints_no_key() {
        let text = format!("{:?}", Xaes256Gcm::new(crate::default_engine(), &[0x41; 32]));
        assert!(text.starts_with("Xaes256Gcm"), "{text}");
        assert!(!text.contains("65") && !text.contains("41"), "{text}");
    }
}
