//! How ids, hashes and times stand in JSON: as text.

use core::fmt;
use core::str::FromStr;
use phiseal_audit::Time;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
}
