//! Chunked encryption (c2sp.org/chunked-encryption) with AES-256-GCM and SHA-512: Cobblestone-256.
//!
//! A message is a salt, a commitment to key and context, and chunks of 16 KiB, each encrypted and authenticated for itself under a nonce
//! that is its number. The last one is shorter than the others, and may be empty: a message that was cut off is not whole.
//!
//! ```
//! # fn main() -> Result<(), phiseal_primitives::Error> {
//! use phiseal_primitives::{chunked::{ChunkKey, TAG}, default_engine};
//!
//! let (key, commitment) = ChunkKey::derive(default_engine(), &[7; 32], &[1; 24], b"context")?;
//! let (mut sealed, mut opened) = ([0; 4 + TAG], [0; 4]);
//! key.seal(0, b"text", &mut sealed)?;
//! key.open(0, &sealed, &mut opened)?;
//! assert_eq!(&opened, b"text");
//! assert_ne!(ChunkKey::derive(default_engine(), &[7; 32], &[1; 24], b"other")?.1, commitment);
//! # Ok(())
//! # }
//! ```

use crate::{Aes256Gcm, Engine, Error};
use core::fmt;
use zeroize::Zeroizing;

/// Plaintext in every chunk but the last, in bytes.
pub const CHUNK: usize = 16 << 10;

/// What a chunk is longer by once it is sealed, in bytes.
pub const TAG: usize = 16;

/// The random bytes that a message begins with.
pub const SALT: usize = 24;

/// The bytes that follow the salt.
pub const COMMITMENT: usize = 32;

/// The most chunks that a message may have.
pub const MAX_CHUNKS: u64 = 1 << 38;

/// The key of one message.
///
/// # Security
///
/// A chunk's nonce is its number, so no number may be sealed twice with different plaintexts: seal a message once, from its
/// beginning to its end.
pub struct ChunkKey {
    key: Box<dyn Aes256Gcm>,
    base_nonce: Zeroizing<[u8; 12]>,
}

impl ChunkKey {
    /// The key of the message with this salt, which must never have been used under `input_key`, and what the message commits itself to
    /// that key and `context` with.
    ///
    /// Whoever opens compares the commitment in the message with this one before anything else, by
    /// [`constant_time::equal`](crate::constant_time::equal).
    ///
    /// # Errors
    ///
    /// When the engine fails.
    pub fn derive(
        engine: &dyn Engine,
        input_key: &[u8; 32],
        salt: &[u8; SALT],
        context: &[u8],
    ) -> Result<(Self, [u8; COMMITMENT]), Error> {
        let mut derived = Zeroizing::new([0; 32 + 12 + COMMITMENT]);
        let label = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";
        engine.hkdf_expand_sha_512(input_key, &[label, salt, context], &mut derived[..])?;
        let (key, rest) = derived.split_first_chunk().ok_or(Error::Length)?;
        let (base_nonce, commitment) = rest.split_first_chunk().ok_or(Error::Length)?;
        let commitment = commitment.first_chunk().ok_or(Error::Length)?;
        let key = engine.aes_256_gcm(key)?;
        Ok((Self { key, base_nonce: Zeroizing::new(*base_nonce) }, *commitment))
    }

    /// Encrypts chunk `number`, counted from 0, into `out`, which must be [`TAG`] bytes longer.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for more than [`CHUNK`] bytes, an `out` of another length, and from chunk [`MAX_CHUNKS`] on;
    /// [`Error::NotApproved`] in FIPS mode. `out` then holds zeros.
    pub fn seal(&self, number: u64, plaintext: &[u8], out: &mut [u8]) -> Result<(), Error> {
        match self.nonce(number) {
            Ok(nonce) if plaintext.len() <= CHUNK => {
                self.key.seal_into(&nonce, &[], plaintext, out)
            }
            _ => {
                out.fill(0);
                Err(Error::Length)
            }
        }
    }

    /// Verifies and decrypts chunk `number` into `plaintext`, which must be [`TAG`] bytes shorter.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] when it is not that chunk of this message; [`Error::Length`] for more than [`CHUNK`] bytes and a tag,
    /// for less than a tag, for a `plaintext` of another length, and from chunk [`MAX_CHUNKS`] on. `plaintext` then holds zeros.
    pub fn open(&self, number: u64, sealed: &[u8], plaintext: &mut [u8]) -> Result<(), Error> {
        match (self.nonce(number), sealed.split_last_chunk::<TAG>()) {
            (Ok(nonce), Some((ciphertext, tag))) if ciphertext.len() <= CHUNK => {
                self.key.open_into(&nonce, &[], ciphertext, tag, plaintext)
            }
            _ => {
                plaintext.fill(0);
                Err(Error::Length)
            }
        }
    }

    /// The base nonce with the chunk's number added to its end, in GF(2).
    fn nonce(&self, number: u64) -> Result<[u8; 12], Error> {
        if number >= MAX_CHUNKS {
            return Err(Error::Length);
        }
        let mut nonce = *self.base_nonce;
        for (byte, number) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *byte ^= number;
        }
        Ok(nonce)
    }
}

impl fmt::Debug for ChunkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChunkKey")
    }
}

/// How long the chunks of a message of `length` bytes are together, salt and commitment not counted. `None`: there is no message as
/// long.
///
/// ```
/// use phiseal_primitives::chunked::{opened_len, sealed_len};
///
/// assert_eq!(sealed_len(0), Some(16));
/// assert_eq!(sealed_len(16_384), Some(16_384 + 2 * 16));
/// assert_eq!(opened_len(16_384 + 16), None, "the last chunk is missing");
/// ```
#[must_use]
pub const fn sealed_len(length: u64) -> Option<u64> {
    let chunks = length / (CHUNK as u64) + 1;
    if chunks > MAX_CHUNKS { None } else { Some(length + chunks * TAG as u64) }
}

/// How long a message is whose chunks are `length` bytes together. `None`: it was cut off, or something was added to it.
#[must_use]
pub const fn opened_len(length: u64) -> Option<u64> {
    let sealed_chunk = (CHUNK + TAG) as u64;
    let (whole, last) = (length / sealed_chunk, length % sealed_chunk);
    if last < TAG as u64 || whole >= MAX_CHUNKS {
        return None;
    }
    Some(whole * CHUNK as u64 + last - TAG as u64)
}
