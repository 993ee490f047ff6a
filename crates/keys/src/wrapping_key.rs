use crate::{DataKey, Error, ErrorKind, Purpose, Secret, derive};
use core::fmt;
use phiseal_format::{Cursor, EncryptionContext, Suite, WrapAlgorithm};
use phiseal_primitives::{Engine, Validation, Xaes256Gcm};
use zeroize::Zeroizing;

/// A key in this process's memory that wraps data keys: a local KEK's, or the one of a domain that wraps persons' keys.
///
/// A wrap is `nonce 24 | encrypted key 32 | tag 16`, the encryption context as associated data:
///
/// | algorithm | how |
/// |---|---|
/// | [`WrapAlgorithm::Xaes256Gcm`] | XAES-256-GCM, 24 random bytes |
/// | [`WrapAlgorithm::AesGcmHkdf`] | AES-256-GCM under `HKDF-Expand(key, phiseal/v1 epoch \|\| 0x00 \|\| first 12 bytes)`; the other 12 are the module's nonce |
///
/// The second is written where the engine is a FIPS module, which does not approve the first. Each has a key of its own.
pub struct WrappingKey {
    engine: &'static dyn Engine,
    xaes: Secret,
    hkdf: Secret,
}

const NONCE: usize = 24;
const KEY: usize = 32;
const TAG: usize = 16;

impl WrappingKey {
    /// Bytes of one wrap.
    pub const WRAPPED: usize = NONCE + KEY + TAG;

    /// The two keys, each derived for the suite it is asked for.
    ///
    /// # Errors
    ///
    /// What `derive` returns.
    pub fn new(
        engine: &'static dyn Engine,
        derive: impl Fn(Suite) -> Result<Secret, Error>,
    ) -> Result<Self, Error> {
        Ok(Self { engine, xaes: derive(Suite::Xaes256Gcm)?, hkdf: derive(Suite::Aes256GcmHkdf)? })
    }

    /// The key of a domain's data key that wraps persons' keys.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Memory`].
    pub fn of_subjects(engine: &'static dyn Engine, key: &DataKey) -> Result<Self, Error> {
        Self::new(engine, |suite| key.derive(engine, Purpose::SubjectWrap, &[suite.to_byte()]))
    }

    /// Wraps `data_key`, bound to `context`, by the algorithm that the engine's module approves.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Random`], [`ErrorKind::Memory`], [`ErrorKind::Faulty`] when the engine fails.
    pub fn wrap(
        &self,
        context: &EncryptionContext,
        data_key: &DataKey,
    ) -> Result<(WrapAlgorithm, [u8; Self::WRAPPED]), Error> {
        let mut nonce = [0; NONCE];
        self.engine.fill_random(&mut nonce)?;
        let aad = context.as_bytes();
        let mut body = Zeroizing::new(*data_key.expose_secret());
        let (algorithm, tag) = if self.engine.module().validation == Validation::None {
            let xaes = Xaes256Gcm::new(self.engine, self.xaes.expose_secret());
            (WrapAlgorithm::Xaes256Gcm, xaes.seal(&nonce, aad, &mut body[..])?)
        } else {
            let (prefix, count) = nonce.split_at_mut(NONCE / 2);
            let subkey = derive(self.engine, &self.hkdf, Purpose::Epoch, prefix)?;
            let key = self.engine.aes_256_gcm(subkey.expose_secret())?;
            let (drawn, tag) = key.seal_in_place_with_own_nonce(aad, &mut body[..])?;
            count.copy_from_slice(&drawn);
            (WrapAlgorithm::AesGcmHkdf, tag)
        };
        let mut out = [0; Self::WRAPPED];
        let parts = nonce.into_iter().chain(body.iter().copied()).chain(tag);
        out.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        Ok((algorithm, out))
    }

    /// The key inside `wrapped`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] for another length or algorithm; [`ErrorKind::Unsupported`] for one that the engine's
    /// module does not approve; [`ErrorKind::Unauthenticated`] when anything was changed.
    pub fn unwrap(
        &self,
        context: &EncryptionContext,
        algorithm: WrapAlgorithm,
        wrapped: &[u8],
    ) -> Result<DataKey, Error> {
        let mut cursor = Cursor::new(wrapped);
        let nonce: &[u8; NONCE] = cursor.array()?;
        let body: &[u8; KEY] = cursor.array()?;
        let tag: &[u8; TAG] = cursor.array()?;
        cursor.finish()?;
        let aad = context.as_bytes();
        let fips = self.engine.module().validation != Validation::None;
        DataKey::filled(|out| {
            *out = *body;
            match algorithm {
                WrapAlgorithm::Xaes256Gcm if fips => Err(Error::new(
                    ErrorKind::Unsupported,
                    "the FIPS module does not approve the algorithm of this wrap",
                )),
                WrapAlgorithm::Xaes256Gcm => {
                    let xaes = Xaes256Gcm::new(self.engine, self.xaes.expose_secret());
                    Ok(xaes.open(nonce, aad, out, tag)?)
                }
                WrapAlgorithm::AesGcmHkdf => {
                    let (prefix, count) = nonce.split_at(NONCE / 2);
                    let subkey = derive(self.engine, &self.hkdf, Purpose::Epoch, prefix)?;
                    let count = count.try_into().map_err(|_| unknown())?;
                    let key = self.engine.aes_256_gcm(subkey.expose_secret())?;
                    Ok(key.open_in_place(count, aad, out, tag)?)
                }
                _ => Err(unknown()),
            }
        })
    }
}

fn unknown() -> Error {
    Error::new(ErrorKind::Malformed, "a wrap by an algorithm that a key in memory does not make")
}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappingKey")
    }
}
