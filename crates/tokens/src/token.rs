use core::fmt;
use core::str::FromStr;
use phiseal_format::{KeyId, TokenRef, TokenScheme, text};
use phiseal_keys::Error;

/// A deterministic token: opaque bytes that name their key, or strict text that begins with `phi1.`.
///
/// Equal tokens are equal bytes and equal text, so that columns of either can be compared and joined.
///
/// ```
/// use phiseal_tokens::Token;
///
/// assert!("123-45-6789".parse::<Token>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(Vec<u8>);

impl Token {
    pub(crate) const fn made(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The id of the key that it was made under.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.parsed().map_or(KeyId::from_bytes([0; 16]), |token| token.key_id())
    }

    /// How it was made: what says whether it opens.
    #[must_use]
    pub fn scheme(&self) -> TokenScheme {
        self.parsed().map_or(TokenScheme::Hash, |token| token.scheme())
    }

    /// Its parts; that it has them was seen when it was made.
    pub(crate) fn parsed(&self) -> Result<TokenRef<'_>, Error> {
        Ok(TokenRef::parse(&self.0)?)
    }
}

impl TryFrom<Vec<u8>> for Token {
    type Error = Error;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Error> {
        TokenRef::parse(&bytes)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<&[u8]> for Token {
    type Error = Error;

    fn try_from(bytes: &[u8]) -> Result<Self, Error> {
        TokenRef::parse(bytes)?;
        Ok(Self(bytes.to_vec()))
    }
}

impl AsRef<[u8]> for Token {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for Token {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::try_from(text::decode(text)?)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::encode(&self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:?} under {}, {} bytes)", self.scheme(), self.key_id(), self.0.len())
    }
}
