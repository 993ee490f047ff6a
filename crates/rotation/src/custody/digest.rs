use core::fmt;
use core::str::FromStr;
use phiseal_format::hex;
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::Engine;

/// A SHA-256 (FIPS 180-4); in text 64 digits of lower-case hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of these bytes.
    #[must_use]
    pub fn of(engine: &dyn Engine, bytes: &[u8]) -> Self {
        Self(engine.sha_256(&[bytes]))
    }

    /// Takes the bytes as they are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || Error::new(ErrorKind::Malformed, "a SHA-256 is 64 hex digits");
        hex::parse(text).map(Self).map_err(|_| malformed())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::text(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}
