use crate::{Error, ErrorKind};
use core::fmt;
use core::str::FromStr;

/// Longest name of a key-encryption key, in bytes.
pub const MAX_KEK_ID: usize = 255;

/// The name of a key-encryption key in its backend: 1 to 255 visible ASCII characters, opaque to this crate.
///
/// ```
/// use phiseal_format::{ErrorKind, KekId};
///
/// let id = KekId::try_from("pkcs11:token=clinic;object=kek-2026")?;
/// assert_eq!(id.as_str(), "pkcs11:token=clinic;object=kek-2026");
/// assert_eq!(KekId::try_from("two words").unwrap_err().kind(), ErrorKind::Text);
/// # Ok::<(), phiseal_format::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KekId(Box<str>);

impl KekId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The borrowed form.
    #[must_use]
    pub fn as_kek_ref(&self) -> KekRef<'_> {
        KekRef(&self.0)
    }
}

impl TryFrom<&str> for KekId {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        KekRef::try_from(text).map(KekRef::to_kek_id)
    }
}

impl TryFrom<String> for KekId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        KekRef::try_from(text.as_str())?;
        Ok(Self(text.into_boxed_str()))
    }
}

impl FromStr for KekId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::try_from(text)
    }
}

impl AsRef<str> for KekId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KekId({self})")
    }
}

/// A [`KekId`] borrowed from the bytes it was read from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KekRef<'a>(&'a str);

impl<'a> KekRef<'a> {
    /// The name as text.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// An owned copy.
    #[must_use]
    pub fn to_kek_id(self) -> KekId {
        KekId(self.0.into())
    }
}

impl<'a> TryFrom<&'a str> for KekRef<'a> {
    type Error = Error;

    fn try_from(text: &'a str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(ErrorKind::Empty.into());
        }
        if text.len() > MAX_KEK_ID {
            return Err(ErrorKind::TooLong.into());
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ErrorKind::Text.into());
        }
        Ok(Self(text))
    }
}

impl<'a> TryFrom<&'a [u8]> for KekRef<'a> {
    type Error = Error;

    fn try_from(bytes: &'a [u8]) -> Result<Self, Error> {
        str::from_utf8(bytes).map_err(|_| ErrorKind::Text.into()).and_then(Self::try_from)
    }
}

impl PartialEq<KekId> for KekRef<'_> {
    fn eq(&self, other: &KekId) -> bool {
        self.0 == other.as_str()
    }
}

impl PartialEq<KekRef<'_>> for KekId {
    fn eq(&self, other: &KekRef<'_>) -> bool {
        self.as_str() == other.0
    }
}

impl fmt::Display for KekRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for KekRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KekRef({self})")
    }
}

/// The version of a key-encryption key that wrapped; 0 when the backend shows none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KekVersion(pub u32);

impl KekVersion {
    /// The backend shows no versions.
    pub const UNSEEN: Self = Self(0);
}

impl fmt::Display for KekVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
