//! HMAC-SHA-256 (RFC 2104, FIPS 198-1) of many short messages under one key.

use crate::{Engine, Validation, stack};
use core::fmt;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A key of HMAC-SHA-256 that is kept: the two blocks that depend on the key alone are hashed once.
///
/// The codes are those of [`Engine::hmac_sha_256`]. Where the engine is a validated module, it makes them; else the crate
/// `hmac` does, which takes the shortest time of all for messages of a few bytes.
///
/// ```
/// use phiseal_primitives::{default_engine, hmac::HmacKey};
///
/// let key = HmacKey::new(default_engine(), &[7; 32]);
/// assert_eq!(key.code(&[b"a mess", b"age"]), default_engine().hmac_sha_256(&[7; 32], &[b"a message"]));
/// ```
pub struct HmacKey(Kept);

enum Kept {
    /// Boxed, so that moving the value leaves no copy behind. Wiped when it is dropped.
    Hashed(Box<Hmac<Sha256>>),
    Module {
        engine: &'static dyn Engine,
        key: Box<Zeroizing<[u8; 32]>>,
    },
}

impl HmacKey {
    /// One for use with `engine`.
    #[must_use]
    pub fn new(engine: &'static dyn Engine, key: &[u8; 32]) -> Self {
        if engine.module().validation == Validation::None {
            let hashed = hashed(key);
            stack::scrub();
            return Self(Kept::Hashed(hashed));
        }
        let mut boxed = Box::new(Zeroizing::new([0; 32]));
        boxed.copy_from_slice(key);
        Self(Kept::Module { engine, key: boxed })
    }

    /// The code of the concatenation of `data`.
    #[must_use]
    #[inline]
    pub fn code(&self, data: &[&[u8]]) -> [u8; 32] {
        match &self.0 {
            Kept::Hashed(hashed) => {
                let mut mac = Hmac::clone(hashed);
                data.iter().for_each(|part| mac.update(part));
                mac.finalize().into_bytes().into()
            }
            Kept::Module { engine, key } => engine.hmac_sha_256(&***key, data),
        }
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey")
    }
}

/// Apart from its caller, so that what it leaves on the stack lies below the caller's frame.
#[inline(never)]
fn hashed(key: &[u8; 32]) -> Box<Hmac<Sha256>> {
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key);
    Box::new(<Hmac<Sha256> as KeyInit>::new((&*block).into()))
}
