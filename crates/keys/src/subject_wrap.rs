use crate::{DataKey, Error, ErrorKind, Purpose, Secret, derive};
use core::fmt;
use phiseal_format::{EncryptionContext, Suite};
use phiseal_primitives::{Engine, Validation, Xaes256Gcm};
use zeroize::Zeroizing;

/// The keys of one version of a domain that wrap persons' keys: one for each algorithm.
///
/// A wrap is `suite 1 | nonce 24 | encrypted key 32 | tag 16`, the encryption context as associated data:
///
/// | suite | algorithm |
/// |---|---|
/// | 1 | XAES-256-GCM, 24 random bytes |
/// | 2 | AES-256-GCM under `HKDF-Expand(key, phiseal/v1 epoch || 0x00 || first 12 bytes)`, the other 12 from the module |
///
/// Suite 2 is written where the engine is a FIPS module, which does not approve the first.
pub struct SubjectWrapKey {
    engine: &'static dyn Engine,
    xaes: Secret,
    hkdf: Secret,
}

/// Bytes of one wrap.
pub(crate) const WRAP: usize = 1 + NONCE + KEY + TAG;
const NONCE: usize = 24;
const KEY: usize = 32;
const TAG: usize = 16;

impl SubjectWrapKey {
    /// The subject-wrap keys of a domain's data key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Memory`].
    pub fn derive(engine: &'static dyn Engine, key: &DataKey) -> Result<Self, Error> {
        let of = |suite: Suite| key.derive(engine, Purpose::SubjectWrap, &[suite.to_byte()]);
        Ok(Self { engine, xaes: of(Suite::Xaes256Gcm)?, hkdf: of(Suite::Aes256GcmHkdf)? })
    }

    pub(crate) fn wrap(
        &self,
        context: &EncryptionContext,
        data_key: &DataKey,
    ) -> Result<[u8; WRAP], Error> {
        let mut nonce = [0; NONCE];
        self.engine.fill_random(&mut nonce)?;
        let mut body = Zeroizing::new(*data_key.expose_secret());
        let fips = self.engine.module().validation != Validation::None;
        let (suite, tag) = if fips {
            let (prefix, count) = nonce.split_at_mut(NONCE / 2);
            let subkey = derive(self.engine, &self.hkdf, Purpose::Epoch, prefix)?;
            let key = self.engine.aes_256_gcm(subkey.expose_secret())?;
            let (drawn, tag) =
                key.seal_in_place_with_own_nonce(context.as_bytes(), &mut body[..])?;
            count.copy_from_slice(&drawn);
            (Suite::Aes256GcmHkdf, tag)
        } else {
            let xaes = Xaes256Gcm::new(self.engine, self.xaes.expose_secret());
            (Suite::Xaes256Gcm, xaes.seal(&nonce, context.as_bytes(), &mut body[..])?)
        };
        let mut out = [0; WRAP];
        let parts =
            [suite.to_byte()].into_iter().chain(nonce).chain(body.iter().copied()).chain(tag);
        out.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        Ok(out)
    }

    pub(crate) fn unwrap(
        &self,
        context: &EncryptionContext,
        wrap: &[u8; WRAP],
    ) -> Result<DataKey, Error> {
        let mut cursor = phiseal_format::Cursor::new(wrap);
        let suite = Suite::try_from(cursor.u8()?)?;
        let nonce: &[u8; NONCE] = cursor.array()?;
        let body: &[u8; KEY] = cursor.array()?;
        let tag: &[u8; TAG] = cursor.array()?;
        cursor.finish()?;
        let aad = context.as_bytes();
        DataKey::filled(|out| {
            *out = *body;
            match suite {
                Suite::Xaes256Gcm => Ok(Xaes256Gcm::new(self.engine, self.xaes.expose_secret())
                    .open(nonce, aad, out, tag)?),
                Suite::Aes256GcmHkdf => {
                    let (prefix, count) = nonce.split_at(NONCE / 2);
                    let subkey = derive(self.engine, &self.hkdf, Purpose::Epoch, prefix)?;
                    let count = count.try_into().map_err(|_| unknown())?;
                    Ok(self
                        .engine
                        .aes_256_gcm(subkey.expose_secret())?
                        .open_in_place(count, aad, out, tag)?)
                }
                _ => Err(unknown()),
            }
        })
    }
}

fn unknown() -> Error {
    Error::new(
        ErrorKind::Malformed,
        "a person's key is wrapped in a way that this release does not know",
    )
}

impl fmt::Debug for SubjectWrapKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectWrapKey")
    }
}
