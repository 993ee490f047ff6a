//! FF1 (SP 800-38G Rev. 1, second public draft, 5.1): a permutation of the strings of one length over one alphabet.
//!
//! What it leaks: equal inputs under one key and tweak have equal outputs, and the length stays. It has neither a nonce nor a
//! tag, so a changed output decrypts to something else, and whoever can ask for many values, of a small domain, learns them all.
//! So a domain has a million strings at least ([`MIN_DOMAIN`], appendix A), and no output says which key it is of.

mod large;
mod rounds;
mod small;

use crate::{Error, stack};
use aes::Aes256Enc;
use aes::cipher::{Array, BlockCipherEncrypt, BlockSizeUser, KeyInit, consts::U16};
use core::fmt;
use rounds::{Direction, Rounds};

/// How many strings a domain has at least.
pub const MIN_DOMAIN: u64 = 1_000_000;

/// How many numerals a string has at most.
pub const MAX_LEN: usize = 4_096;

/// How many bytes a tweak has at most.
pub const MAX_TWEAK: usize = 4_096;

/// A key for strings of numerals below a radix.
///
/// ```
/// # fn main() -> Result<(), phiseal_primitives::Error> {
/// use phiseal_primitives::ff1::Ff1;
///
/// let ff1 = Ff1::new(&[7; 32], 10)?;
/// let mut digits = [1, 2, 3, 4, 5, 6, 7, 8, 9];
/// ff1.encrypt(b"ssn", &mut digits)?;
/// assert_ne!(digits, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
/// ff1.decrypt(b"ssn", &mut digits)?;
/// assert_eq!(digits, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
/// # Ok(())
/// # }
/// ```
pub struct Ff1 {
    /// Boxed, so that moving the value leaves no copy behind. Wiped when it is dropped.
    cipher: Box<Aes256Enc>,
    radix: u32,
}

impl Ff1 {
    /// One for numerals from 0 to `radix - 1`.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] unless the radix is from 2 to 65,536.
    pub fn new(key: &[u8; 32], radix: u32) -> Result<Self, Error> {
        if !(2..=1 << 16).contains(&radix) {
            return Err(Error::Parameter);
        }
        let cipher = scheduled(key);
        stack::scrub();
        Ok(Self { cipher, radix })
    }

    /// Of how many numerals a string is at least.
    #[must_use]
    pub fn min_len(&self) -> usize {
        min_len(self.radix)
    }

    /// Puts the string in the place of another one of the same length.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for a string shorter than [`Ff1::min_len`] or longer than [`MAX_LEN`], and a tweak longer than
    /// [`MAX_TWEAK`]; [`Error::Parameter`] for a numeral that is not below the radix. The string is then as it was.
    pub fn encrypt(&self, tweak: &[u8], numerals: &mut [u16]) -> Result<(), Error> {
        check(self.radix, tweak, numerals)?;
        run(&*self.cipher, self.radix, tweak, numerals, Direction::Encrypt);
        Ok(())
    }

    /// Takes back what [`Ff1::encrypt`] did.
    ///
    /// # Errors
    ///
    /// As [`Ff1::encrypt`].
    pub fn decrypt(&self, tweak: &[u8], numerals: &mut [u16]) -> Result<(), Error> {
        check(self.radix, tweak, numerals)?;
        run(&*self.cipher, self.radix, tweak, numerals, Direction::Decrypt);
        Ok(())
    }
}

impl fmt::Debug for Ff1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ff1").field("radix", &self.radix).finish_non_exhaustive()
    }
}

/// Apart from its caller, so that what it leaves on the stack lies below the caller's frame.
#[inline(never)]
fn scheduled(key: &[u8; 32]) -> Box<Aes256Enc> {
    Box::new(Aes256Enc::new(key.into()))
}

/// The block cipher, as it is needed here.
trait Cipher: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> {
    fn encrypted(&self, block: u128) -> u128 {
        let mut block = Array(block.to_be_bytes());
        self.encrypt_block(&mut block);
        u128::from_be_bytes(block.0)
    }
}

impl<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>> Cipher for C {}

fn min_len(radix: u32) -> usize {
    let (mut strings, mut numerals) = (1_u64, 0);
    while strings < MIN_DOMAIN {
        strings = strings.saturating_mul(radix.into());
        numerals += 1;
    }
    numerals.max(2)
}

fn check(radix: u32, tweak: &[u8], numerals: &[u16]) -> Result<(), Error> {
    if !(min_len(radix)..=MAX_LEN).contains(&numerals.len()) || tweak.len() > MAX_TWEAK {
        return Err(Error::Length);
    }
    if numerals.iter().any(|numeral| u32::from(*numeral) >= radix) {
        return Err(Error::Parameter);
    }
    Ok(())
}

/// Algorithm 7 or 8, of what was [checked](check).
fn run(cipher: &impl Cipher, radix: u32, tweak: &[u8], numerals: &mut [u16], direction: Direction) {
    let rounds = Rounds::new(cipher, radix, tweak, numerals.len());
    match small::Domain::of(radix, numerals.len()) {
        Some(domain) => domain.run(&rounds, numerals, direction),
        None => large::run(&rounds, radix, numerals, direction),
    }
}

#[cfg(test)]
mod tests;
