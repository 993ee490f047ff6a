use crate::{Error, ErrorKind, Secret};
use core::fmt;
use phiseal_format::{KeyId, label};
use phiseal_primitives::Engine;

/// A 256-bit data key: the PRK of HKDF-Expand-SHA-256 (RFC 5869; SP 800-108) and nothing else.
///
/// No data is ever encrypted under it directly; every use has a key of its own, [derived](DataKey::derive) under the
/// label of that use.
#[derive(Debug)]
pub struct DataKey(Secret);

/// The 32-byte id of a data key, and a commitment to it.
///
/// It is derived from the key (label `phiseal/v1 key id`), so it needs no allocator, and a key that is swapped for
/// another is noticed at once. Its first 16 bytes are written into envelopes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FullKeyId([u8; 32]);

/// What a key derived from a data key is for. No derived key has two uses, and none is used under two algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// The id of the key itself; no parameters.
    KeyId,
    /// Sealing fields; parameter: the suite byte.
    Field,
    /// The AES-256-GCM key of one epoch of suite 2, derived from its field key; parameter: the 12 bytes of the epoch.
    Epoch,
    /// Wrapping the keys of persons; parameter: the suite byte.
    SubjectWrap,
    /// Authenticating one kind of record in a key store; parameter: the kind's byte.
    StoreMac,
    /// Naming persons in a key store without saying who they are; no parameters.
    SubjectTag,
    /// Deriving the keys of columns of tokens and indexes; no parameters.
    Token,
    /// One use of one column, derived from the key of [`Purpose::Token`]; parameters: the byte of the use, then the column.
    Column,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::KeyId => label::KEY_ID.as_bytes(),
            Self::Field => label::FIELD.as_bytes(),
            Self::Epoch => label::EPOCH.as_bytes(),
            Self::SubjectWrap => label::SUBJECT_WRAP.as_bytes(),
            Self::StoreMac => label::STORE_MAC.as_bytes(),
            Self::SubjectTag => label::SUBJECT_TAG.as_bytes(),
            Self::Token => label::TOKEN.as_bytes(),
            Self::Column => label::COLUMN.as_bytes(),
        }
    }
}

/// `HKDF-Expand(key, label || 0x00 || parameters, 32 bytes)`, written where it will stay.
///
/// # Errors
///
/// [`ErrorKind::Memory`].
pub fn derive(
    engine: &dyn Engine,
    key: &Secret,
    purpose: Purpose,
    parameters: &[u8],
) -> Result<Secret, Error> {
    Secret::filled(|out| {
        engine.hkdf_expand(key.expose_secret(), &[purpose.label(), &[0], parameters], out)
    })
}

impl DataKey {
    /// A new key from the engine's generator.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Random`], [`ErrorKind::Memory`].
    pub fn generate(engine: &dyn Engine) -> Result<Self, Error> {
        let key = Secret::filled(|out| engine.fill_random(out))?;
        Self::checked(key)
    }

    /// The key that a backend returned: 32 bytes, not all of them zero. The caller wipes `bytes`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Faulty`] for any other bytes, [`ErrorKind::Memory`].
    pub fn from_backend(bytes: &[u8]) -> Result<Self, Error> {
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| {
            Error::new(ErrorKind::Faulty, "the backend returned a key that is not 32 bytes long")
        })?;
        let key = Secret::filled(|out| {
            *out = *bytes;
            Ok::<(), Error>(())
        })?;
        Self::checked(key)
    }

    /// A key that `fill` writes in place, as a backend does that decrypts into the caller's buffer.
    ///
    /// # Errors
    ///
    /// What `fill` returns; [`ErrorKind::Faulty`] when it leaves zeros; [`ErrorKind::Memory`].
    pub fn filled<E: Into<Error>>(
        fill: impl FnOnce(&mut [u8; 32]) -> Result<(), E>,
    ) -> Result<Self, Error> {
        Self::checked(Secret::filled(fill)?)
    }

    fn checked(key: Secret) -> Result<Self, Error> {
        if phiseal_primitives::constant_time::equal(key.expose_secret(), &[0; 32]) {
            return Err(Error::new(ErrorKind::Faulty, "a data key cannot be all zeros"));
        }
        Ok(Self(key))
    }

    /// The key's id, derived from it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Faulty`] when the engine fails.
    pub fn id(&self, engine: &dyn Engine) -> Result<FullKeyId, Error> {
        let mut id = [0; 32];
        engine.hkdf_expand(self.expose_secret(), &[Purpose::KeyId.label(), &[0]], &mut id)?;
        Ok(FullKeyId(id))
    }

    /// The key for one use.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Memory`].
    pub fn derive(
        &self,
        engine: &dyn Engine,
        purpose: Purpose,
        parameters: &[u8],
    ) -> Result<Secret, Error> {
        derive(engine, &self.0, purpose, parameters)
    }

    /// The bytes, for a backend that wraps them.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }
}

impl FullKeyId {
    /// The id of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 16 bytes, as envelopes carry them.
    #[must_use]
    pub fn short(&self) -> KeyId {
        let (short, _) = self.0.split_at(16);
        KeyId::from_bytes(short.try_into().unwrap_or_default())
    }
}

impl fmt::Debug for FullKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FullKeyId({self})")
    }
}

impl fmt::Display for FullKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
