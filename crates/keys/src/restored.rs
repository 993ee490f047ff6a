//! Which stored values open under a restored key store: facts, and both in words.

use crate::Error;
use core::fmt::{self, Display, Formatter};
use phiseal_format::KeyId;

/// Which values open under this key store: see [`KeyStore::check_restored`](crate::KeyStore::check_restored).
///
/// Its `Display` is made for a custodian to read. It holds ids, names of domains, numbers of versions and counts.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Restored {
    /// Key versions that opened, by domain and number, and the values under each.
    pub open: Vec<RestoredVersion>,
    /// Key versions that are there and do not open, and why, by domain and number.
    pub closed: Vec<ClosedVersion>,
    /// Keys that this key store does not know, by id: it is older than the values, or another.
    pub missing: Vec<MissingKey>,
    /// Values that are no envelopes.
    pub not_envelopes: u64,
}

/// A key version that opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoredVersion {
    /// The domain's name.
    pub domain: String,
    /// The number of the version of its key.
    pub version: u32,
    /// How many values are sealed under it.
    pub values: u64,
    /// How many are sealed under persons' keys that it wraps.
    pub of_persons: u64,
}

/// A key version that is there and does not open, or a person's key under it that was destroyed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClosedVersion {
    /// The domain's name.
    pub domain: String,
    /// The number of the version of its key; none for persons' keys that were destroyed.
    pub version: Option<u32>,
    /// How many values are sealed under it, or under persons' keys that it wraps.
    pub values: u64,
    /// Why it does not open.
    pub why: Error,
}

/// A key that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingKey {
    /// The id that the values name.
    pub key_id: KeyId,
    /// How many values name it.
    pub values: u64,
}

impl Restored {
    /// Whether every value was an envelope whose key opened.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.closed.is_empty() && self.missing.is_empty() && self.not_envelopes == 0
    }

    /// How many values have a key that opened.
    #[must_use]
    pub fn values(&self) -> u64 {
        self.open.iter().map(|version| version.values + version.of_persons).sum()
    }
}

impl Display for Restored {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} values have a key that opens", self.values())?;
        for RestoredVersion { domain, version, values, of_persons } in &self.open {
            writeln!(
                f,
                "  {domain}, version {version}: {values} values, {of_persons} under persons' keys"
            )?;
        }
        for ClosedVersion { domain, version, values, why } in &self.closed {
            let which = match version {
                Some(version) => format!("version {version}"),
                None => "destroyed keys of persons".to_owned(),
            };
            writeln!(f, "  - {domain}, {which}: {values} values do not open ({why})")?;
        }
        for MissingKey { key_id, values } in &self.missing {
            writeln!(f, "  - key {key_id} is not in this key store: {values} values do not open")?;
        }
        if self.not_envelopes > 0 {
            writeln!(f, "  - {} values are no envelopes", self.not_envelopes)?;
        }
        Ok(())
    }
}
