//! Signatures: Ed25519 (RFC 8032, 5.1), verified strictly.
//!
//! RFC 8032 leaves room for verifiers that disagree about the same signature ("Taming the many EdDSAs", ePrint
//! 2020/1244). Here there is one answer: a key or a commitment `R` of small order is refused, so is every encoding but the
//! canonical one, and the equation is checked without the cofactor. No engine is asked; no module is validated for it.
//!
//! ```
//! # fn main() -> Result<(), phiseal_primitives::Error> {
//! use phiseal_primitives::{default_engine, ed25519::SigningKey};
//!
//! let key = SigningKey::generate(default_engine())?;
//! let signature = key.sign(b"a message");
//! key.verifying_key().verify(b"a message", &signature)?;
//! assert!(key.verifying_key().verify(b"a massage", &signature).is_err());
//! # Ok(())
//! # }
//! ```

use crate::{Engine, Error, stack};
use core::fmt;
use ed25519_dalek::Signer;
use zeroize::Zeroize;

/// A private key and what it expands to; wiped on drop, never printed.
pub struct SigningKey(Box<ed25519_dalek::SigningKey>);

impl SigningKey {
    /// The key of a 32-byte seed (RFC 8032, 5.1.5). The caller wipes `seed`.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let key = Self::expand(seed);
        stack::scrub();
        key
    }

    /// A new key, its seed from the engine's generator.
    ///
    /// # Errors
    ///
    /// [`Error::Random`] when the generator fails.
    pub fn generate(engine: &dyn Engine) -> Result<Self, Error> {
        let mut seed = [0; 32];
        engine.fill_random(&mut seed)?;
        let key = Self::from_seed(&seed);
        seed.zeroize();
        Ok(key)
    }

    /// The public half.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    /// Signs `message`: the same bytes for the same message, without a random generator.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature = self.compute(message);
        stack::scrub();
        signature
    }

    #[inline(never)]
    fn expand(seed: &[u8; 32]) -> Self {
        Self(Box::new(ed25519_dalek::SigningKey::from_bytes(seed)))
    }

    #[inline(never)]
    fn compute(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

/// A public key: the canonical encoding of a point that is not of small order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl VerifyingKey {
    /// Reads the 32 bytes of RFC 8032, 5.1.2.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] when they are no point of the curve, not the one canonical encoding of it, or a point of small
    /// order, under which one signature fits many messages.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Error> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| Error::Parameter)?;
        if key.is_weak() || key.to_edwards().compress().to_bytes() != *bytes {
            return Err(Error::Parameter);
        }
        Ok(Self(key))
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Whether `signature` is this key's signature of `message`, by the strict rules of this module.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] when it is not.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), Error> {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.0.verify_strict(message, &signature).map_err(|_| Error::Unauthenticated)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyingKey(")?;
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_prints_nothing_of_itself() {
        let key = SigningKey::from_seed(&[0xab; 32]);
        assert_eq!(format!("{key:?}"), "SigningKey");
        assert_eq!(format!("{key:#?}"), "SigningKey");
    }

    #[test]
    fn generated_keys_differ() {
        for engine in crate::engines() {
            let one = SigningKey::generate(*engine).unwrap().verifying_key();
            let other = SigningKey::generate(*engine).unwrap().verifying_key();
            assert_ne!(one, other);
        }
    }

    /// The eight points of small order in every encoding that decompresses (ePrint 2020/1244, table 1 and section 2):
    /// y of 0, 1, -1 and the two of order 8, with either sign bit, and y + p where that fits.
    #[test]
    fn no_key_of_small_order_is_read() {
        let order_8 = [
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        ];
        let mut keys: Vec<[u8; 32]> =
            order_8.iter().map(|text| hex::decode(text).unwrap().try_into().unwrap()).collect();
        // 0, 1, p - 1, p, p + 1
        for (first, rest) in [(0, 0), (1, 0), (0xec, 0xff), (0xed, 0xff), (0xee, 0xff)] {
            let mut key = [rest; 32];
            key[0] = first;
            key[31] &= 0x7f;
            keys.push(key);
        }
        for mut key in keys {
            for sign in [0, 0x80] {
                key[31] = key[31] & 0x7f | sign;
                assert_eq!(VerifyingKey::from_bytes(&key), Err(Error::Parameter), "{key:02x?}");
            }
        }
    }

    /// Of the encodings with y from p to p + 18, those that are points: refused, and the same point with y - p is read.
    #[test]
    fn no_key_that_is_not_canonical_is_read() {
        let mut points = 0;
        for over in 2..19_u8 {
            for sign in [0, 0x80] {
                let mut long = [0xff; 32];
                long[0] = 0xed + over;
                long[31] = 0x7f | sign;
                let mut short = [0; 32];
                short[0] = over;
                short[31] = sign;
                assert_eq!(VerifyingKey::from_bytes(&long), Err(Error::Parameter));
                points += usize::from(VerifyingKey::from_bytes(&short).is_ok());
            }
        }
        assert!(points >= 10, "the control: {points} are points when written as they should be");
    }
}
