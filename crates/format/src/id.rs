use crate::{Error, ErrorKind, hex};
use core::fmt;
use core::str::FromStr;

/// One fixed-length opaque value: bytes in memory and on the wire, lower hex for people.
macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $length]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $length;

            /// Takes the bytes as they are.
            #[must_use]
            #[inline]
            pub const fn from_bytes(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }

            /// The bytes as they stand on the wire.
            #[must_use]
            #[inline]
            pub const fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }
        }

        impl From<[u8; $length]> for $name {
            fn from(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = Error;

            fn try_from(bytes: &[u8]) -> Result<Self, Error> {
                bytes.try_into().map(Self).map_err(|_| ErrorKind::Length.into())
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                hex::parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                hex::write(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

opaque! {
    /// The first 16 bytes of a data key's 32-byte id, as envelopes carry it.
    ///
    /// The id of a data key is derived from the key itself ([`label::KEY_ID`](crate::label::KEY_ID)), so it names
    /// one key and no other.
    ///
    /// ```
    /// use phiseal_format::{ErrorKind, KeyId};
    ///
    /// let id: KeyId = "000102030405060708090a0b0c0d0e0f".parse()?;
    /// assert_eq!(id.as_bytes()[15], 15);
    /// assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0e0f");
    ///
    /// let upper = "000102030405060708090A0B0C0D0E0F".parse::<KeyId>();
    /// assert_eq!(upper.unwrap_err().kind(), ErrorKind::Text);
    /// # Ok::<(), phiseal_format::Error>(())
    /// ```
    KeyId, 16
}

opaque! {
    /// The random id of a domain, a named scope of data with its own keyset: 16 bytes, opaque.
    DomainId, 16
}

opaque! {
    /// The random id of an environment, such as production or staging: 16 bytes, opaque.
    EnvironmentId, 16
}

opaque! {
    /// The opaque name of a person in an [`EncryptionContext`](crate::EncryptionContext): 16 bytes.
    ///
    /// # Security
    ///
    /// It goes to key services and their logs. It must be random, or a keyed hash; never a record number.
    SubjectTag, 16
}

opaque! {
    /// The first half of a field's 24-byte nonce: random, drawn once per sealing handle and epoch.
    Epoch, 12
}

opaque! {
    /// The second half of a field's 24-byte nonce: rises by one inside a block of messages.
    Count, 12
}

impl KeyId {
    /// The part of a data key's full 32-byte id that envelopes carry.
    #[must_use]
    pub fn of_full(full: &[u8; 32]) -> Self {
        let mut short = [0; 16];
        short.iter_mut().zip(full).for_each(|(short, full)| *short = *full);
        Self(short)
    }
}

impl Count {
    /// The count after this one, modulo 2^96.
    ///
    /// ```
    /// use phiseal_format::Count;
    ///
    /// let last = Count::from_bytes([0xff; 12]);
    /// assert_eq!(last.successor(), Count::from_bytes([0; 12]));
    /// ```
    #[must_use]
    #[inline]
    pub fn successor(self) -> Self {
        let [a, b, c, d, low @ ..] = self.0;
        let (low, carry) = u64::from_be_bytes(low).overflowing_add(1);
        let high = u32::from_be_bytes([a, b, c, d]).wrapping_add(u32::from(carry));
        let [a, b, c, d] = high.to_be_bytes();
        let [e, f, g, h, i, j, k, l] = low.to_be_bytes();
        Self([a, b, c, d, e, f, g, h, i, j, k, l])
    }
}
