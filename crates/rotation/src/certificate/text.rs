//! How ids, hashes and times stand in JSON: as text, one text per value.

use core::fmt;
use core::str::FromStr;
use phiseal_audit::Time;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A SHA-256, or the 32-byte id of a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// These bytes.
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

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// Lower-case hexadecimal.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "not 64 lower-case hexadecimal digits";
        let (pairs, odd) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 32 || !odd.is_empty() {
            return Err(WRONG);
        }
        let mut bytes = [0; 32];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high).ok_or(WRONG)? << 4 | digit(*low).ok_or(WRONG)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        parsed::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed::deserialize(deserializer)
    }
}

const fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// What is written by its `Display` and read by its `FromStr`.
pub(super) mod parsed {
    use super::*;

    pub(crate) fn serialize<T: fmt::Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom("not the text of a value"))
    }
}

/// Seconds since 1970, as RFC 3339 writes them in UTC.
pub(super) mod seconds {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(at: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc_3339(*at))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        from_rfc_3339(&String::deserialize(deserializer)?)
            .ok_or_else(|| D::Error::custom("not a time in UTC"))
    }
}

/// The same, where there may be none.
pub(super) mod maybe_seconds {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        at: &Option<u64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        at.map(rfc_3339).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<u64>, D::Error> {
        let text: Option<String> = Option::deserialize(deserializer)?;
        text.map(|text| from_rfc_3339(&text).ok_or_else(|| D::Error::custom("not a time in UTC")))
            .transpose()
    }
}

/// `2026-03-01T09:30:00Z`; what RFC 3339 cannot write is the last second that it can.
pub(super) fn rfc_3339(at: u64) -> String {
    Time::from_millis(at.saturating_mul(1_000)).to_string().get(..19).unwrap_or_default().to_owned()
        + "Z"
}

fn from_rfc_3339(text: &str) -> Option<u64> {
    let time = Time::from_str(&[text.strip_suffix('Z')?, ".000Z"].concat()).ok()?;
    Some(time.as_millis() / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (at, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_772_357_400, "2026-03-01T09:30:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc_3339(at), text);
            assert_eq!(from_rfc_3339(text), Some(at));
        }
        assert_eq!(rfc_3339(u64::MAX), "9999-12-31T23:59:59Z");
        for text in
            ["", "Z", "2026-03-01T09:30:00", "2026-02-29T00:00:00Z", "2026-03-01T09:30:00.5Z"]
        {
            assert_eq!(from_rfc_3339(text), None, "{text}");
        }
    }

    #[test]
    fn a_digest_has_one_text() {
        let digest = Digest::from_bytes(core::array::from_fn(|at| u8::try_from(at * 8).unwrap()));
        let text = digest.to_string();
        assert_eq!(text.parse(), Ok(digest));
        for other in
            [text.to_uppercase(), format!("{text}0"), text[1..].to_owned(), text.replace('f', "g")]
        {
            assert!(other.parse::<Digest>().is_err(), "{other}");
        }
    }
}
