//! AES-256 key wrap, without padding (KW, RFC 3394) and with it (KWP, RFC 5649), as SP 800-38F approves them.
//!
//! Deterministic: the same key under the same KEK wraps to the same bytes. Neither takes associated data; what a wrap
//! is bound to has to be inside what is wrapped.

use crate::{Error, stack};
use aes_kw::{AesKw, AesKwp, KeyInit};
use zeroize::Zeroize;

/// The longest key that is wrapped, in bytes. Both algorithms are for keys, not for data.
pub const MAX_KEY: usize = 4096;

/// What wrapping adds, in bytes, apart from KWP's padding to a multiple of eight.
pub const OVERHEAD: usize = 8;

/// Wraps `key` under `kek` (KW-AE; SP 800-38F, 6.2).
///
/// `key` has a multiple of eight bytes, from 16 to [`MAX_KEY`]; `wrapped` has [`OVERHEAD`] more.
///
/// # Errors
///
/// [`Error::Length`] when one of the two has another length; `wrapped` then holds zeros.
///
/// ```
/// # fn main() -> Result<(), phiseal_primitives::Error> {
/// use phiseal_primitives::key_wrap;
///
/// let (kek, key) = ([1; 32], [2; 32]);
/// let (mut wrapped, mut unwrapped) = ([0; 40], [0; 32]);
/// key_wrap::wrap(&kek, &key, &mut wrapped)?;
/// key_wrap::unwrap(&kek, &wrapped, &mut unwrapped)?;
/// assert_eq!(unwrapped, key);
/// # Ok(())
/// # }
/// ```
pub fn wrap(kek: &[u8; 32], key: &[u8], wrapped: &mut [u8]) -> Result<(), Error> {
    let fits = kw_length(key.len()) && key.len().checked_add(OVERHEAD) == Some(wrapped.len());
    let done = if fits { kw_wrap(kek, key, wrapped) } else { Err(Error::Length) };
    finish(done, wrapped)
}

/// Unwraps what [`wrap`] wrapped (KW-AD; SP 800-38F, 6.2).
///
/// `wrapped` has a multiple of eight bytes, at least 24; `key` has [`OVERHEAD`] fewer.
///
/// # Errors
///
/// [`Error::Length`] when one of the two has another length, [`Error::Unauthenticated`] when `kek` is another or
/// `wrapped` was changed; `key` then holds zeros.
pub fn unwrap(kek: &[u8; 32], wrapped: &[u8], key: &mut [u8]) -> Result<(), Error> {
    let fits = kw_length(key.len()) && key.len().checked_add(OVERHEAD) == Some(wrapped.len());
    let done = if fits { kw_unwrap(kek, wrapped, key) } else { Err(Error::Length) };
    finish(done, key)
}

/// Wraps `key`, of 1 to [`MAX_KEY`] bytes, under `kek` (KWP-AE; SP 800-38F, 6.3).
///
/// `wrapped` has [`padded_length`] bytes.
///
/// # Errors
///
/// [`Error::Length`] when one of the two has another length; `wrapped` then holds zeros.
///
/// ```
/// # fn main() -> Result<(), phiseal_primitives::Error> {
/// use phiseal_primitives::key_wrap;
///
/// let (kek, key) = ([1; 32], [2; 20]);
/// let (mut wrapped, mut unwrapped) = ([0; key_wrap::padded_length(20)], [0; 24]);
/// key_wrap::wrap_padded(&kek, &key, &mut wrapped)?;
/// let length = key_wrap::unwrap_padded(&kek, &wrapped, &mut unwrapped)?;
/// assert_eq!(unwrapped[..length], key);
/// # Ok(())
/// # }
/// ```
pub fn wrap_padded(kek: &[u8; 32], key: &[u8], wrapped: &mut [u8]) -> Result<(), Error> {
    let fits = (1..=MAX_KEY).contains(&key.len()) && padded_length(key.len()) == wrapped.len();
    let done = if fits { kwp_wrap(kek, key, wrapped) } else { Err(Error::Length) };
    finish(done, wrapped)
}

/// Unwraps what [`wrap_padded`] wrapped (KWP-AD; SP 800-38F, 6.3) and returns the key's length; zeros follow it.
///
/// `wrapped` has a multiple of eight bytes, at least 16; `key` has [`OVERHEAD`] fewer.
///
/// # Errors
///
/// [`Error::Length`] when one of the two has another length, [`Error::Unauthenticated`] when `kek` is another or
/// `wrapped` was changed; `key` then holds zeros.
pub fn unwrap_padded(kek: &[u8; 32], wrapped: &[u8], key: &mut [u8]) -> Result<usize, Error> {
    let fits = (8..=MAX_KEY).contains(&key.len())
        && key.len().is_multiple_of(8)
        && key.len().checked_add(OVERHEAD) == Some(wrapped.len());
    let done = if fits { kwp_unwrap(kek, wrapped, key) } else { Err(Error::Length) };
    finish(done, key)
}

/// The length of a KWP-wrapped key of `key_length` bytes.
#[must_use]
pub const fn padded_length(key_length: usize) -> usize {
    key_length.next_multiple_of(8).saturating_add(OVERHEAD)
}

const fn kw_length(key_length: usize) -> bool {
    key_length >= 16 && key_length <= MAX_KEY && key_length.is_multiple_of(8)
}

/// Scrubs what the block cipher spilled, and the output of a failure.
fn finish<T>(done: Result<T, Error>, out: &mut [u8]) -> Result<T, Error> {
    stack::scrub();
    done.inspect_err(|_| out.zeroize())
}

fn reason(error: aes_kw::Error) -> Error {
    match error {
        aes_kw::Error::IntegrityCheckFailed => Error::Unauthenticated,
        aes_kw::Error::InvalidDataSize | aes_kw::Error::InvalidOutputSize { .. } => Error::Length,
    }
}

// Out of line, so that what each leaves on the stack lies where `finish` scrubs.

#[inline(never)]
fn kw_wrap(kek: &[u8; 32], key: &[u8], wrapped: &mut [u8]) -> Result<(), Error> {
    AesKw::<aes::Aes256>::new(kek.into()).wrap_key(key, wrapped).map(drop).map_err(reason)
}

#[inline(never)]
fn kw_unwrap(kek: &[u8; 32], wrapped: &[u8], key: &mut [u8]) -> Result<(), Error> {
    AesKw::<aes::Aes256>::new(kek.into()).unwrap_key(wrapped, key).map(drop).map_err(reason)
}

#[inline(never)]
fn kwp_wrap(kek: &[u8; 32], key: &[u8], wrapped: &mut [u8]) -> Result<(), Error> {
    wrapped.fill(0);
    AesKwp::<aes::Aes256>::new(kek.into()).wrap_key(key, wrapped).map(drop).map_err(reason)
}

#[inline(never)]
fn kwp_unwrap(kek: &[u8; 32], wrapped: &[u8], key: &mut [u8]) -> Result<usize, Error> {
    AesKwp::<aes::Aes256>::new(kek.into()).unwrap_key(wrapped, key).map(<[u8]>::len).map_err(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_single_bit_of_a_wrapped_key_matters() {
        let (mut kw, mut kwp) = ([0; 40], [0; 32]);
        wrap(&[1; 32], &[2; 32], &mut kw).unwrap();
        wrap_padded(&[1; 32], &[2; 20], &mut kwp).unwrap();
        let mut refused = 0;
        for bit in 0..kw.len() * 8 {
            let (mut changed, mut key) = (kw, [9; 32]);
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unwrap(&[1; 32], &changed, &mut key), Err(Error::Unauthenticated));
            assert_eq!(key, [0; 32]);
            refused += 1;
        }
        for bit in 0..kwp.len() * 8 {
            let (mut changed, mut key) = (kwp, [9; 24]);
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unwrap_padded(&[1; 32], &changed, &mut key), Err(Error::Unauthenticated));
            assert_eq!(key, [0; 24]);
            refused += 1;
        }
        assert_eq!(refused, 320 + 256);
    }

    #[test]
    fn another_kek_is_refused() {
        let (mut wrapped, mut key) = ([0; 40], [9; 32]);
        wrap(&[1; 32], &[2; 32], &mut wrapped).unwrap();
        assert_eq!(unwrap(&[3; 32], &wrapped, &mut key), Err(Error::Unauthenticated));
        assert_eq!(key, [0; 32]);
    }

    #[test]
    fn lengths_are_checked_on_both_sides() {
        let kek = [1; 32];
        for (key, wrapped) in
            [(0, 8), (8, 16), (17, 25), (32, 39), (32, 41), (MAX_KEY + 8, MAX_KEY + 16)]
        {
            let mut out = vec![7; wrapped];
            assert_eq!(wrap(&kek, &vec![2; key], &mut out), Err(Error::Length), "{key} {wrapped}");
            assert!(out.iter().all(|byte| *byte == 0));
            let mut out = vec![7; key];
            assert_eq!(
                unwrap(&kek, &vec![2; wrapped], &mut out),
                Err(Error::Length),
                "{key} {wrapped}"
            );
            assert!(out.iter().all(|byte| *byte == 0));
        }
        for (key, wrapped) in [(0, 8), (1, 15), (9, 16), (9, 32), (MAX_KEY + 1, MAX_KEY + 16)] {
            let mut out = vec![7; wrapped];
            assert_eq!(
                wrap_padded(&kek, &vec![2; key], &mut out),
                Err(Error::Length),
                "{key} {wrapped}"
            );
        }
        for (key, wrapped) in [(0, 8), (7, 15), (8, 17), (8, 24), (MAX_KEY + 8, MAX_KEY + 16)] {
            let mut out = vec![7; key];
            assert_eq!(
                unwrap_padded(&kek, &vec![2; wrapped], &mut out),
                Err(Error::Length),
                "{key} {wrapped}"
            );
        }
    }

    #[test]
    fn every_length_up_to_a_hundred_goes_there_and_back() {
        let kek = [5; 32];
        for length in 1..=100 {
            let key: Vec<u8> = (0..length).map(|i| u8::try_from(i).unwrap() | 1).collect();
            let mut wrapped = vec![0xff; padded_length(length)];
            let mut unwrapped = vec![0xff; wrapped.len() - OVERHEAD];
            wrap_padded(&kek, &key, &mut wrapped).unwrap();
            assert_eq!(unwrap_padded(&kek, &wrapped, &mut unwrapped), Ok(length));
            assert_eq!(unwrapped[..length], key);
            assert!(unwrapped[length..].iter().all(|byte| *byte == 0));
        }
    }
}
