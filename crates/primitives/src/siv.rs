//! AES-SIV (RFC 5297) with two keys of 256 bits: deterministic authenticated encryption.
//!
//! What it leaks: that two plaintexts with one header are equal, and how long they are; nothing else. It is not approved
//! for a FIPS module, which has no such mode.

use crate::{Error, stack};
use aes_siv::KeyInit;
use aes_siv::siv::Aes256Siv;
use core::fmt;
use zeroize::Zeroizing;

/// Length of the synthetic IV that stands before the ciphertext, in bytes.
pub const IV_LEN: usize = 16;

/// The two halves of an AES-SIV key (RFC 5297, 2.2): S2V is under the first one, the counter mode under the second.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// Of S2V.
    pub mac: &'a [u8; 32],
    /// Of the counter mode.
    pub cipher: &'a [u8; 32],
}

impl fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

/// Encrypts `in_out` where it lies and returns the synthetic IV. The `headers`, at most 126, are authenticated, each on its own.
///
/// ```
/// # fn main() -> Result<(), phiseal_primitives::Error> {
/// use phiseal_primitives::siv::{Keys, decrypt, encrypt};
///
/// let keys = Keys { mac: &[1; 32], cipher: &[2; 32] };
/// let mut value = *b"123-45-6789";
/// let iv = encrypt(keys, &[b"ssn"], &mut value)?;
/// assert_ne!(&value, b"123-45-6789");
/// decrypt(keys, &[b"ssn"], &iv, &mut value)?;
/// assert_eq!(&value, b"123-45-6789");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Error::Length`] for more headers. `in_out` then holds zeros.
pub fn encrypt(
    keys: Keys<'_>,
    headers: &[&[u8]],
    in_out: &mut [u8],
) -> Result<[u8; IV_LEN], Error> {
    let iv = encrypted(keys, headers, in_out);
    stack::scrub();
    iv.inspect_err(|_| in_out.fill(0))
}

/// Decrypts `in_out` where it lies, and verifies it.
///
/// # Errors
///
/// [`Error::Unauthenticated`] when anything at all was changed; `in_out` then holds zeros.
pub fn decrypt(
    keys: Keys<'_>,
    headers: &[&[u8]],
    iv: &[u8; IV_LEN],
    in_out: &mut [u8],
) -> Result<(), Error> {
    let decrypted = decrypted(keys, headers, iv, in_out);
    stack::scrub();
    decrypted.inspect_err(|_| in_out.fill(0))
}

// Out of line, so that what each leaves on the stack lies where `scrub` writes.

#[inline(never)]
fn encrypted(keys: Keys<'_>, headers: &[&[u8]], in_out: &mut [u8]) -> Result<[u8; IV_LEN], Error> {
    let iv = siv(keys).encrypt_inout_detached(headers, in_out.into());
    iv.map(Into::into).map_err(|_| Error::Length)
}

#[inline(never)]
fn decrypted(
    keys: Keys<'_>,
    headers: &[&[u8]],
    iv: &[u8; IV_LEN],
    in_out: &mut [u8],
) -> Result<(), Error> {
    siv(keys)
        .decrypt_inout_detached(headers, in_out.into(), &(*iv).into())
        .map_err(|_| Error::Unauthenticated)
}

fn siv(keys: Keys<'_>) -> Aes256Siv {
    let mut key = Zeroizing::new([0; 64]);
    let (mac, cipher) = key.split_at_mut(32);
    mac.copy_from_slice(keys.mac);
    cipher.copy_from_slice(keys.cipher);
    Aes256Siv::new((&*key).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: Keys<'_> = Keys { mac: &[1; 32], cipher: &[2; 32] };

    #[test]
    fn every_single_bit_matters() {
        for length in [0, 1, 15, 16, 17, 40] {
            let mut value = vec![7; length];
            let iv = encrypt(KEYS, &[b"header"], &mut value).unwrap();
            let refused = |keys, headers: &[&[u8]], iv: &[u8; 16], mut value: Vec<u8>| {
                assert_eq!(decrypt(keys, headers, iv, &mut value), Err(Error::Unauthenticated));
                assert!(value.iter().all(|byte| *byte == 0));
            };
            for bit in 0..128 {
                let mut changed = iv;
                changed[bit / 8] ^= 1 << (bit % 8);
                refused(KEYS, &[b"header"], &changed, value.clone());
            }
            for bit in 0..length * 8 {
                let mut changed = value.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                refused(KEYS, &[b"header"], &iv, changed);
            }
            refused(KEYS, &[b"headed"], &iv, value.clone());
            refused(KEYS, &[b"head", b"er"], &iv, value.clone());
            refused(KEYS, &[b"header", b""], &iv, value.clone());
            refused(KEYS, &[], &iv, value.clone());
            refused(Keys { mac: &[3; 32], ..KEYS }, &[b"header"], &iv, value.clone());
            if length > 0 {
                refused(Keys { cipher: &[3; 32], ..KEYS }, &[b"header"], &iv, value.clone());
            }
            decrypt(KEYS, &[b"header"], &iv, &mut value).unwrap();
            assert_eq!(value, vec![7; length]);
        }
    }

    #[test]
    fn headers_are_at_most_126() {
        let of = |count| {
            let mut value = [7; 5];
            (encrypt(KEYS, &vec![&b"x"[..]; count], &mut value).map(drop), value)
        };
        assert_eq!(of(126).0, Ok(()));
        assert_eq!(of(127), (Err(Error::Length), [0; 5]));
    }

    #[test]
    fn equal_values_have_equal_tokens_under_one_header_only() {
        let of = |header: &[u8]| {
            let mut value = *b"Jane Doe";
            (encrypt(KEYS, &[header], &mut value).unwrap(), value)
        };
        assert_eq!(of(b"a"), of(b"a"));
        assert_ne!(of(b"a"), of(b"b"));
    }
}
