use crate::{Cursor, Error, ErrorKind, KekId, KekRef, KekVersion, write};
use core::fmt;

/// Longest wrapped key, in bytes: what services and tokens return for 32 or 64 bytes is far below.
pub const MAX_WRAPPED: usize = 6144;

/// Longest encoded form, in bytes.
pub const MAX_WRAPPED_KEY: usize = FIXED + crate::MAX_KEK_ID + MAX_WRAPPED;

const VERSION: u8 = 1;

/// Version, algorithm, two lengths and the KEK's version, in bytes.
const FIXED: usize = 9;

/// How a key was wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum WrapAlgorithm {
    /// A key service's own ciphertext, opaque to everyone else.
    Service = 1,
    /// XAES-256-GCM: nonce 24, ciphertext 32, tag 16; the encryption context is the associated data.
    Xaes256Gcm = 2,
    /// AES-GCM inside a token, the encryption context as associated data.
    AesGcm = 3,
    /// AES key wrap (SP 800-38F, RFC 3394) over the key followed by SHA-256 of the encryption context.
    AesKeyWrap = 4,
    /// RSA-OAEP with SHA-256 (RFC 8017) over the key followed by SHA-256 of the encryption context.
    RsaOaepSha256 = 5,
    /// AES-256-GCM under HKDF-Expand of the first 12 bytes of the nonce; laid out as [`Self::Xaes256Gcm`].
    AesGcmHkdf = 6,
    /// HPKE (RFC 9180) to a recovery key: encapsulated key 32, ciphertext 32, tag 16; `info` ends with the encryption context.
    Hpke = 7,
}

impl WrapAlgorithm {
    /// Every algorithm that this release knows.
    pub const ALL: [Self; 7] = [
        Self::Service,
        Self::Xaes256Gcm,
        Self::AesGcm,
        Self::AesKeyWrap,
        Self::RsaOaepSha256,
        Self::AesGcmHkdf,
        Self::Hpke,
    ];

    /// The byte on the wire.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::Service => 1,
            Self::Xaes256Gcm => 2,
            Self::AesGcm => 3,
            Self::AesKeyWrap => 4,
            Self::RsaOaepSha256 => 5,
            Self::AesGcmHkdf => 6,
            Self::Hpke => 7,
        }
    }
}

impl TryFrom<u8> for WrapAlgorithm {
    type Error = Error;

    fn try_from(byte: u8) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|known| known.to_byte() == byte)
            .ok_or(ErrorKind::UnknownAlgorithm.into())
    }
}

/// A data key encrypted by a key-encryption key, with the latter's name and version beside it.
///
/// ```
/// use phiseal_format::{KekId, KekVersion, WrapAlgorithm, WrappedKey};
///
/// let kek = KekId::try_from("local:5f2c")?;
/// let wrapped = WrappedKey::new(WrapAlgorithm::Xaes256Gcm, kek, KekVersion(1), vec![0; 72])?;
/// assert_eq!(WrappedKey::parse(&wrapped.to_bytes())?, wrapped);
/// # Ok::<(), phiseal_format::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WrappedKey {
    algorithm: WrapAlgorithm,
    kek_id: KekId,
    kek_version: KekVersion,
    wrapped: Vec<u8>,
}

impl WrappedKey {
    /// Puts the parts together.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Empty`] when `wrapped` is empty, [`ErrorKind::TooLong`] when it is over [`MAX_WRAPPED`] bytes.
    pub fn new(
        algorithm: WrapAlgorithm,
        kek_id: KekId,
        kek_version: KekVersion,
        wrapped: Vec<u8>,
    ) -> Result<Self, Error> {
        bounded(&wrapped)?;
        Ok(Self { algorithm, kek_id, kek_version, wrapped })
    }

    /// Reads a wrapped key that fills all of `bytes`.
    ///
    /// # Errors
    ///
    /// Those of [`WrappedKeyRef::parse`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        WrappedKeyRef::parse(bytes).map(WrappedKeyRef::to_wrapped_key)
    }

    /// How it was wrapped.
    #[must_use]
    pub const fn algorithm(&self) -> WrapAlgorithm {
        self.algorithm
    }

    /// What wrapped it.
    #[must_use]
    pub const fn kek_id(&self) -> &KekId {
        &self.kek_id
    }

    /// Which version of that wrapped it.
    #[must_use]
    pub const fn kek_version(&self) -> KekVersion {
        self.kek_version
    }

    /// The encrypted key.
    #[must_use]
    pub fn wrapped(&self) -> &[u8] {
        &self.wrapped
    }

    /// The borrowed form.
    #[must_use]
    pub fn as_wrapped_key_ref(&self) -> WrappedKeyRef<'_> {
        WrappedKeyRef {
            algorithm: self.algorithm,
            kek_id: self.kek_id.as_kek_ref(),
            kek_version: self.kek_version,
            wrapped: &self.wrapped,
        }
    }

    /// Prints it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.as_wrapped_key_ref().to_bytes()
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_wrapped_key_ref().print(f, "WrappedKey")
    }
}

/// A [`WrappedKey`] borrowed from the bytes it was read from.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct WrappedKeyRef<'a> {
    algorithm: WrapAlgorithm,
    kek_id: KekRef<'a>,
    kek_version: KekVersion,
    wrapped: &'a [u8],
}

impl<'a> WrappedKeyRef<'a> {
    /// Reads a wrapped key that fills all of `bytes`; nothing is allocated.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read), and [`ErrorKind::Trailing`] when bytes follow.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(bytes);
        let wrapped_key = Self::read(&mut cursor)?;
        cursor.finish()?;
        Ok(wrapped_key)
    }

    /// Takes a wrapped key from the front of a larger structure.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Truncated`], [`ErrorKind::UnknownVersion`], [`ErrorKind::UnknownAlgorithm`],
    /// [`ErrorKind::Text`] for a name that is not visible ASCII, [`ErrorKind::Empty`] for an empty name or key,
    /// [`ErrorKind::TooLong`] for a key over [`MAX_WRAPPED`] bytes.
    pub fn read(cursor: &mut Cursor<'a>) -> Result<Self, Error> {
        if cursor.u8()? != VERSION {
            return Err(ErrorKind::UnknownVersion.into());
        }
        let algorithm = WrapAlgorithm::try_from(cursor.u8()?)?;
        let kek_id = KekRef::try_from(cursor.prefixed_u8()?)?;
        let kek_version = KekVersion(cursor.u32()?);
        let wrapped = cursor.prefixed_u16(MAX_WRAPPED)?;
        bounded(wrapped)?;
        Ok(Self { algorithm, kek_id, kek_version, wrapped })
    }

    /// How it was wrapped.
    #[must_use]
    pub const fn algorithm(&self) -> WrapAlgorithm {
        self.algorithm
    }

    /// What wrapped it.
    #[must_use]
    pub const fn kek_id(&self) -> KekRef<'a> {
        self.kek_id
    }

    /// Which version of that wrapped it.
    #[must_use]
    pub const fn kek_version(&self) -> KekVersion {
        self.kek_version
    }

    /// The encrypted key.
    #[must_use]
    pub const fn wrapped(&self) -> &'a [u8] {
        self.wrapped
    }

    /// An owned copy.
    #[must_use]
    pub fn to_wrapped_key(self) -> WrappedKey {
        WrappedKey {
            algorithm: self.algorithm,
            kek_id: self.kek_id.to_kek_id(),
            kek_version: self.kek_version,
            wrapped: self.wrapped.to_vec(),
        }
    }

    /// Prints it; the bytes it was read from, again.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let id = self.kek_id.as_str().as_bytes();
        let mut out =
            Vec::with_capacity(id.len().saturating_add(self.wrapped.len()).saturating_add(FIXED));
        write::push_u8(&mut out, VERSION);
        write::push_u8(&mut out, self.algorithm.to_byte());
        // The types bound both lengths, so neither saturates.
        write::push_u8(&mut out, u8::try_from(id.len()).unwrap_or(u8::MAX));
        write::push_bytes(&mut out, id);
        write::push_u32(&mut out, self.kek_version.0);
        write::push_u16(&mut out, u16::try_from(self.wrapped.len()).unwrap_or(u16::MAX));
        write::push_bytes(&mut out, self.wrapped);
        out
    }

    fn print(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        f.debug_struct(name)
            .field("algorithm", &self.algorithm)
            .field("kek_id", &self.kek_id.as_str())
            .field("kek_version", &self.kek_version.0)
            .field("wrapped_len", &self.wrapped.len())
            .finish()
    }
}

impl fmt::Debug for WrappedKeyRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(f, "WrappedKeyRef")
    }
}

fn bounded(wrapped: &[u8]) -> Result<(), Error> {
    match wrapped.len() {
        0 => Err(ErrorKind::Empty.into()),
        1..=MAX_WRAPPED => Ok(()),
        _ => Err(ErrorKind::TooLong.into()),
    }
}
