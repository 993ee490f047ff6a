use crate::{Count, Epoch, Error, ErrorKind, KeyId};
use core::fmt;

/// Length of an authentication tag, in bytes.
pub const TAG_LEN: usize = 16;

/// What stands before the ciphertext of a field, in bytes: suite, key id, epoch, count.
pub const FIELD_HEADER: usize = 41;

/// What a field envelope adds to its plaintext, in bytes: header and tag.
pub const FIELD_OVERHEAD: usize = 57;

/// What stands before the context in a field's associated data, in bytes: suite and key id.
pub const FIELD_AAD_PREFIX: usize = 17;

/// Longest plaintext of a field, in bytes: 16 MiB. Longer data is a document.
pub const MAX_FIELD_PLAINTEXT: usize = 16 << 20;

/// Longest field envelope, in bytes.
pub const MAX_FIELD_ENVELOPE: usize = MAX_FIELD_PLAINTEXT + FIELD_OVERHEAD;

/// Longest associated data of a field, in bytes.
pub const MAX_FIELD_AAD: usize = FIELD_AAD_PREFIX + crate::MAX_CONTEXT;

const _: () = assert!(FIELD_OVERHEAD == FIELD_HEADER + TAG_LEN);
const _: () = assert!(FIELD_HEADER == 1 + KeyId::LEN + Epoch::LEN + Count::LEN);
const _: () = assert!(FIELD_AAD_PREFIX == 1 + KeyId::LEN);

/// How a field is encrypted; the first byte of its envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Suite {
    /// XAES-256-GCM (c2sp.org/XAES-256-GCM) under the field key, nonce = epoch then count.
    Xaes256Gcm = 1,
    /// AES-256-GCM (SP 800-38D) under a key of the epoch that HKDF-Expand-SHA-256 derives, nonce = count.
    Aes256GcmHkdf = 2,
}

impl Suite {
    /// Every suite that this release writes and reads.
    pub const ALL: [Self; 2] = [Self::Xaes256Gcm, Self::Aes256GcmHkdf];

    /// The byte on the wire.
    #[must_use]
    #[inline]
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::Xaes256Gcm => 1,
            Self::Aes256GcmHkdf => 2,
        }
    }
}

impl TryFrom<u8> for Suite {
    type Error = Error;

    #[inline]
    fn try_from(byte: u8) -> Result<Self, Error> {
        match byte {
            1 => Ok(Self::Xaes256Gcm),
            2 => Ok(Self::Aes256GcmHkdf),
            _ => Err(ErrorKind::UnknownSuite.into()),
        }
    }
}

/// A field envelope, borrowed from the bytes it was read from.
///
/// ```
/// use phiseal_format::{FIELD_OVERHEAD, FieldEnvelope, Suite};
///
/// let mut bytes = vec![0; FIELD_OVERHEAD + 5];
/// bytes[0] = 1;
/// let envelope = FieldEnvelope::parse(&bytes)?;
/// assert_eq!(envelope.suite(), Suite::Xaes256Gcm);
/// assert_eq!(envelope.ciphertext().len(), 5);
/// # Ok::<(), phiseal_format::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FieldEnvelope<'a> {
    suite: Suite,
    prefix: &'a [u8; FIELD_AAD_PREFIX],
    key_id: &'a [u8; 16],
    nonce: &'a [u8; 24],
    epoch: &'a [u8; 12],
    count: &'a [u8; 12],
    ciphertext: &'a [u8],
    tag: &'a [u8; TAG_LEN],
}

impl<'a> FieldEnvelope<'a> {
    /// Reads an envelope that fills all of `bytes`; nothing is allocated and no key is looked at.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownSuite`], [`ErrorKind::Truncated`] below [`FIELD_OVERHEAD`] bytes, [`ErrorKind::TooLong`]
    /// above [`MAX_FIELD_ENVELOPE`] bytes.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        const SHORT: ErrorKind = ErrorKind::Truncated;
        let (first, after_suite) = bytes.split_first().ok_or(SHORT)?;
        let suite = Suite::try_from(*first)?;
        if bytes.len() > MAX_FIELD_ENVELOPE {
            return Err(ErrorKind::TooLong.into());
        }
        let prefix = bytes.first_chunk().ok_or(SHORT)?;
        let (key_id, after_key_id) = after_suite.split_first_chunk().ok_or(SHORT)?;
        let nonce = after_key_id.first_chunk().ok_or(SHORT)?;
        let (epoch, after_epoch) = after_key_id.split_first_chunk().ok_or(SHORT)?;
        let (count, body) = after_epoch.split_first_chunk().ok_or(SHORT)?;
        let (ciphertext, tag) = body.split_last_chunk().ok_or(SHORT)?;
        Ok(Self { suite, prefix, key_id, nonce, epoch, count, ciphertext, tag })
    }

    /// How the field is encrypted.
    #[must_use]
    #[inline]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// Which data key it is encrypted under.
    #[must_use]
    #[inline]
    pub const fn key_id(&self) -> KeyId {
        KeyId::from_bytes(*self.key_id)
    }

    /// The first half of the nonce.
    #[must_use]
    #[inline]
    pub const fn epoch(&self) -> Epoch {
        Epoch::from_bytes(*self.epoch)
    }

    /// The second half of the nonce.
    #[must_use]
    #[inline]
    pub const fn count(&self) -> Count {
        Count::from_bytes(*self.count)
    }

    /// Epoch and count together, as XAES-256-GCM takes them: 24 bytes.
    #[must_use]
    #[inline]
    pub const fn nonce(&self) -> &'a [u8; 24] {
        self.nonce
    }

    /// The encrypted bytes, as long as the plaintext.
    #[must_use]
    #[inline]
    pub const fn ciphertext(&self) -> &'a [u8] {
        self.ciphertext
    }

    /// The authentication tag.
    #[must_use]
    #[inline]
    pub const fn tag(&self) -> &'a [u8; TAG_LEN] {
        self.tag
    }

    /// Suite and key id, the first [`FIELD_AAD_PREFIX`] bytes of the associated data; the context follows them.
    #[must_use]
    #[inline]
    pub const fn aad_prefix(&self) -> &'a [u8; FIELD_AAD_PREFIX] {
        self.prefix
    }

    /// Everything before the ciphertext.
    #[must_use]
    pub const fn header(&self) -> FieldHeader {
        FieldHeader {
            suite: self.suite,
            key_id: self.key_id(),
            epoch: self.epoch(),
            count: self.count(),
        }
    }

    /// Prints the envelope; the bytes it was read from, again.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut header = [0; FIELD_HEADER];
        self.header().write(&mut header);
        [&header, self.ciphertext, self.tag].concat()
    }
}

impl fmt::Debug for FieldEnvelope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FieldEnvelope")
            .field("suite", &self.suite)
            .field("key_id", &self.key_id())
            .field("ciphertext_len", &self.ciphertext.len())
            .finish_non_exhaustive()
    }
}

/// What stands before the ciphertext of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldHeader {
    /// How the field is encrypted.
    pub suite: Suite,
    /// Which data key it is encrypted under.
    pub key_id: KeyId,
    /// The first half of the nonce.
    pub epoch: Epoch,
    /// The second half of the nonce.
    pub count: Count,
}

impl FieldHeader {
    /// Writes the header's 41 bytes.
    #[inline]
    pub fn write(&self, out: &mut [u8; FIELD_HEADER]) {
        let [suite, rest @ ..] = out;
        *suite = self.suite.to_byte();
        if let Some((key_id, rest)) = rest.split_first_chunk_mut()
            && let Some((epoch, rest)) = rest.split_first_chunk_mut()
            && let Some(count) = rest.first_chunk_mut()
        {
            *key_id = *self.key_id.as_bytes();
            *epoch = *self.epoch.as_bytes();
            *count = *self.count.as_bytes();
        }
    }

    /// Suite and key id, the first [`FIELD_AAD_PREFIX`] bytes of the associated data; the context follows them.
    #[must_use]
    #[inline]
    pub fn aad_prefix(&self) -> [u8; FIELD_AAD_PREFIX] {
        let mut prefix = [0; FIELD_AAD_PREFIX];
        let [suite, key_id @ ..] = &mut prefix;
        *suite = self.suite.to_byte();
        *key_id = *self.key_id.as_bytes();
        prefix
    }
}
