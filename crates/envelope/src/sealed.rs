use core::fmt;
use core::str::FromStr;
use phiseal_format::{FieldEnvelope, KeyId, Suite, text};
use phiseal_keys::Error;

/// A sealed field: opaque bytes, or strict text that begins with `phi1.`.
///
/// Having one means that the bytes have the form of an envelope, not that they open.
///
/// ```
/// use phiseal_envelope::Sealed;
///
/// assert!(Sealed::try_from(&b"123-45-6789"[..]).is_err());
/// assert!("123-45-6789".parse::<Sealed>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// What has just been sealed.
    pub(crate) const fn from_sealed(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, 57 more than the plaintext.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, given away.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The id of the key that it was sealed under, first 16 bytes.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        FieldEnvelope::parse(&self.0)
            .map_or(KeyId::from_bytes([0; 16]), |envelope| envelope.key_id())
    }

    /// The suite that it was sealed with.
    #[must_use]
    pub fn suite(&self) -> Suite {
        FieldEnvelope::parse(&self.0).map_or(Suite::Xaes256Gcm, |envelope| envelope.suite())
    }
}

impl TryFrom<&[u8]> for Sealed {
    type Error = Error;

    fn try_from(bytes: &[u8]) -> Result<Self, Error> {
        FieldEnvelope::parse(bytes)?;
        Ok(Self(bytes.to_vec()))
    }
}

impl TryFrom<Vec<u8>> for Sealed {
    type Error = Error;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Error> {
        FieldEnvelope::parse(&bytes)?;
        Ok(Self(bytes))
    }
}

impl AsRef<[u8]> for Sealed {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for Sealed {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::try_from(text::decode(text)?)
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::encode(&self.0))
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes under {})", self.0.len(), self.key_id())
    }
}

#[cfg(feature = "serde")]
mod serde {
    use super::{Sealed, fmt};
    use serde::de::{Error, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Text in formats that people read, bytes in others.
    impl Serialize for Sealed {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            if serializer.is_human_readable() {
                serializer.collect_str(self)
            } else {
                serializer.serialize_bytes(&self.0)
            }
        }
    }

    /// What is read instead of a sealed field may be plaintext that was never sealed. Formats quote what they did not
    /// expect (`invalid type: integer ...`), so nothing of their errors is passed on but that there was one.
    impl<'de> Deserialize<'de> for Sealed {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let sealed = if deserializer.is_human_readable() {
                deserializer.deserialize_str(Text)
            } else {
                deserializer.deserialize_byte_buf(Bytes)
            };
            sealed.map_err(|_| D::Error::custom("not a sealed field"))
        }
    }

    struct Text;
    struct Bytes;

    impl Visitor<'_> for Text {
        type Value = Sealed;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a sealed field as text")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Sealed, E> {
            text.parse().map_err(|_| E::custom("not a sealed field"))
        }
    }

    impl Visitor<'_> for Bytes {
        type Value = Sealed;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a sealed field as bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Sealed, E> {
            Sealed::try_from(bytes).map_err(|_| E::custom("not a sealed field"))
        }

        fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Sealed, E> {
            Sealed::try_from(bytes).map_err(|_| E::custom("not a sealed field"))
        }
    }
}
