//! What a recovered key opens of a key store: facts, and both in words.

use crate::{Error, FullKeyId, KeyState};
use core::fmt::{self, Display, Formatter};
use phiseal_format::{EnvironmentId, KekId};

/// What a recovered key opens of a key store: see [`KeyStore::drill`](crate::KeyStore::drill).
///
/// Its `Display` is made for a custodian to read. It holds ids, names of domains and numbers of versions; no key, no wrap.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Drill {
    /// The random id of the store.
    pub environment: EnvironmentId,
    /// The key that was tried.
    pub kek: KekId,
    /// Whether it opens the key that authenticates the store, without which it opens nothing.
    pub store_key: Drilled,
    /// Every version that is not destroyed, by its domain's name and its number.
    pub versions: Vec<DrilledVersion>,
}

/// One version of a domain's data key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DrilledVersion {
    /// The domain's name.
    pub domain: String,
    /// The version's number.
    pub number: u32,
    /// Its state.
    pub state: KeyState,
    /// The id of its key.
    pub key_id: FullKeyId,
    /// Whether the recovered key opens it.
    pub outcome: Drilled,
}

/// What came of one key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Drilled {
    /// It was opened, and is the key that the store says it is.
    Opens,
    /// There is no wrap of it by the key that was tried: rewrap with that key as an escrow key.
    NoWrap,
    /// The wrap does not open, or what came out is another key.
    Fails(Error),
}

impl Drill {
    /// Whether the recovered key opens the store and every key in it.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.store_key.opens() && self.versions.iter().all(|version| version.outcome.opens())
    }

    /// The versions that it does not open.
    pub fn lacking(&self) -> impl Iterator<Item = &DrilledVersion> {
        self.versions.iter().filter(|version| !version.outcome.opens())
    }
}

impl Drilled {
    /// Whether it was opened.
    #[must_use]
    pub const fn opens(&self) -> bool {
        matches!(self, Self::Opens)
    }
}

impl Display for Drill {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "Recovery drill of key store {}", self.environment)?;
        writeln!(f, "  by {}", self.kek)?;
        writeln!(f, "  store key: {}", self.store_key)?;
        let opened = self.versions.len() - self.lacking().count();
        writeln!(f, "  {opened} of {} key versions open", self.versions.len())?;
        for version in self.lacking() {
            let DrilledVersion { domain, number, state, outcome, .. } = version;
            writeln!(f, "  - {domain}, version {number} ({state}): {outcome}")?;
        }
        Ok(())
    }
}

impl Display for Drilled {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opens => f.write_str("opens"),
            Self::NoWrap => f.write_str("has no wrap by this key"),
            Self::Fails(error) => write!(f, "does not open ({error})"),
        }
    }
}
