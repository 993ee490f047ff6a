use crate::{Error, ErrorKind, KeyId};
use core::fmt;

/// What a deterministic token that opens adds to its plaintext, in bytes: scheme, key id, synthetic IV.
pub const TOKEN_OVERHEAD: usize = TOKEN_PREFIX + 16;

/// How long a deterministic token that does not open is, in bytes: scheme, key id, code.
pub const TOKEN_CODE: usize = TOKEN_PREFIX + 32;

/// What stands before the rest of a deterministic token, in bytes: scheme and key id.
pub const TOKEN_PREFIX: usize = 1 + KeyId::LEN;

/// Longest plaintext of a deterministic token, in bytes: 64 KiB.
pub const MAX_TOKEN_PLAINTEXT: usize = 64 << 10;

/// What a key of a column is for; the first parameter of its derivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum TokenUse {
    /// Format-preserving tokens: the key of FF1 (SP 800-38G).
    FormatPreserving = 1,
    /// Deterministic tokens that open: the first half of AES-SIV's key (RFC 5297, 2.4), of S2V.
    SivMac = 2,
    /// Deterministic tokens that open: the second half, of the counter mode.
    SivCipher = 3,
    /// Deterministic tokens that do not open: a key of HMAC-SHA-256.
    Hash = 4,
    /// Entries of a blind index: a key of HMAC-SHA-256.
    BlindIndex = 5,
    /// Names the generation of a blind index: its first eight bytes stand before each entry.
    IndexGeneration = 6,
    /// By how many days a person's dates are shifted: a key of HMAC-SHA-256.
    DateShift = 7,
    /// What finds the vaulted token of a value: a key of HMAC-SHA-256.
    VaultIndex = 8,
}

impl TokenUse {
    /// The byte of the derivation.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        self as u8
    }
}

/// How a deterministic token is made; its first byte, which no field envelope begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum TokenScheme {
    /// AES-SIV with two keys of 256 bits (RFC 5297); the header is scheme and key id. It opens.
    Siv = 0x11,
    /// HMAC-SHA-256 over scheme, key id and value. It does not open.
    Hash = 0x12,
}

impl TokenScheme {
    /// Every scheme that this release writes and reads.
    pub const ALL: [Self; 2] = [Self::Siv, Self::Hash];

    /// The byte on the wire.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        self as u8
    }
}

impl TryFrom<u8> for TokenScheme {
    type Error = Error;

    fn try_from(byte: u8) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.to_byte() == byte)
            .ok_or_else(|| ErrorKind::UnknownSuite.into())
    }
}

/// A deterministic token, borrowed from the bytes it was read from.
///
/// ```
/// use phiseal_format::{TOKEN_OVERHEAD, TokenRef, TokenScheme};
///
/// let mut bytes = vec![0; TOKEN_OVERHEAD + 5];
/// bytes[0] = 0x11;
/// let token = TokenRef::parse(&bytes)?;
/// assert_eq!(token.scheme(), TokenScheme::Siv);
/// assert_eq!(token.body().len(), 16 + 5);
/// # Ok::<(), phiseal_format::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenRef<'a> {
    scheme: TokenScheme,
    prefix: &'a [u8; TOKEN_PREFIX],
    key_id: KeyId,
    body: &'a [u8],
}

impl<'a> TokenRef<'a> {
    /// Reads a token that fills all of `bytes`; nothing is allocated and no key is looked at.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownSuite`] for another first byte; [`ErrorKind::Truncated`] and [`ErrorKind::TooLong`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let scheme = TokenScheme::try_from(*bytes.first().ok_or(ErrorKind::Truncated)?)?;
        let (shortest, longest) = match scheme {
            TokenScheme::Siv => (TOKEN_OVERHEAD, TOKEN_OVERHEAD + MAX_TOKEN_PLAINTEXT),
            TokenScheme::Hash => (TOKEN_CODE, TOKEN_CODE),
        };
        if bytes.len() < shortest {
            return Err(ErrorKind::Truncated.into());
        }
        if bytes.len() > longest {
            return Err(ErrorKind::TooLong.into());
        }
        let (prefix, body) = bytes.split_first_chunk().ok_or(ErrorKind::Truncated)?;
        let (_, key_id) = prefix.split_last_chunk().ok_or(ErrorKind::Truncated)?;
        Ok(Self { scheme, prefix, key_id: KeyId::from_bytes(*key_id), body })
    }

    /// How the token is made.
    #[must_use]
    pub const fn scheme(&self) -> TokenScheme {
        self.scheme
    }

    /// Under which data key.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Scheme and key id, which are authenticated.
    #[must_use]
    pub const fn prefix(&self) -> &'a [u8; TOKEN_PREFIX] {
        self.prefix
    }

    /// Synthetic IV and ciphertext, or the code.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }
}

impl fmt::Debug for TokenRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenRef({:?} under {}, {} bytes)", self.scheme, self.key_id, self.body.len())
    }
}

/// What a token under `key_id` begins with.
#[must_use]
pub fn token_prefix(scheme: TokenScheme, key_id: KeyId) -> [u8; TOKEN_PREFIX] {
    let mut prefix = [scheme.to_byte(); TOKEN_PREFIX];
    let (_, id) = prefix.split_at_mut(1);
    id.copy_from_slice(key_id.as_bytes());
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FieldEnvelope, Suite};

    #[test]
    fn no_token_is_an_envelope_and_no_envelope_is_a_token() {
        for scheme in TokenScheme::ALL {
            assert!(Suite::try_from(scheme.to_byte()).is_err());
            let bytes =
                [token_prefix(scheme, KeyId::from_bytes([7; 16])).as_slice(), &[0; 64]].concat();
            assert_eq!(FieldEnvelope::parse(&bytes).unwrap_err().kind(), ErrorKind::UnknownSuite);
        }
        for first in 0..=u8::MAX {
            let bytes = [first; TOKEN_CODE];
            assert_eq!(TokenRef::parse(&bytes).is_ok(), first == 0x11 || first == 0x12, "{first}");
        }
    }

    #[test]
    fn lengths_are_checked() {
        let kind = |scheme: u8, length: usize| {
            TokenRef::parse(&vec![scheme; length])
                .map(|token| token.body().len())
                .map_err(|error| error.kind())
        };
        assert_eq!(kind(0x11, 0), Err(ErrorKind::Truncated));
        assert_eq!(kind(0x11, 32), Err(ErrorKind::Truncated));
        assert_eq!(kind(0x11, 33), Ok(16));
        assert_eq!(kind(0x11, 33 + MAX_TOKEN_PLAINTEXT), Ok(16 + MAX_TOKEN_PLAINTEXT));
        assert_eq!(kind(0x11, 34 + MAX_TOKEN_PLAINTEXT), Err(ErrorKind::TooLong));
        assert_eq!(kind(0x12, 48), Err(ErrorKind::Truncated));
        assert_eq!(kind(0x12, 49), Ok(32));
        assert_eq!(kind(0x12, 50), Err(ErrorKind::TooLong));
    }

    #[test]
    fn a_token_names_its_key() {
        let id = KeyId::from_bytes(*b"\x00\x01\x02\x03 sixteen b\xff\xfe");
        let prefix = token_prefix(TokenScheme::Siv, id);
        let bytes = [prefix.as_slice(), &[9; 20]].concat();
        let token = TokenRef::parse(&bytes).unwrap();
        assert_eq!((token.key_id(), token.prefix(), token.body()), (id, &prefix, &[9; 20][..]));
        assert!(format!("{token:?}").starts_with("TokenRef(Siv under 000102"));
    }
}
