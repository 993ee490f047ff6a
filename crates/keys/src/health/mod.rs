//! What a custodian wants to know of a key store before it matters: facts, what follows from them, and both in words.

mod display;
mod finding;

use crate::{Error, FullKeyId, KekInfo, KeyState};
use core::time::Duration;
use phiseal_format::{EnvironmentId, KekId, KekVersion, WrappedKey};
use phiseal_primitives::Module;

pub use finding::{Finding, FindingKind};

/// How a key store and its KEKs were at one moment: see [`KeyStore::health`](crate::KeyStore::health).
///
/// Its `Display` is made for a custodian to read, and ends with what [`Health::findings`] makes of it. It holds ids, names of
/// domains, counts and times; no key, no wrap, nobody's name.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Health {
    /// The random id of the store.
    pub environment: EnvironmentId,
    /// The engine's name.
    pub engine: &'static str,
    /// The cryptographic module behind it.
    pub module: Module,
    /// Whether every secret of this process so far lies in locked memory that core dumps leave out.
    pub memory_is_locked: bool,
    /// The age from which a primary is overdue, as the caller said.
    pub max_age: Option<Duration>,
    /// Every KEK of the store, in the order in which they are asked.
    pub keks: Vec<KekHealth>,
    /// The wraps of the key that authenticates the store.
    pub store_key: Wraps,
    /// Every domain, by name in ascending order.
    pub domains: Vec<DomainHealth>,
}

/// One KEK of the store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KekHealth {
    /// Its id; unknown while it has not answered since the store was opened.
    pub id: Option<KekId>,
    /// Whether it wraps new keys; it only unwraps otherwise.
    pub wraps: bool,
    /// Whether it is an escrow key, which wraps new keys and is not asked to unwrap.
    pub escrow: bool,
    /// What it answered, or why it did not.
    pub answer: Result<KekAnswer, Error>,
}

/// What a KEK answered that was reached.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KekAnswer {
    /// What it says of itself: its current version, the states of its versions, whether it runs in FIPS mode.
    pub info: KekInfo,
    /// How long `describe` took.
    pub described_in: Duration,
    /// How long a trial took, or why it failed. A KEK that wraps is given a random key to wrap and unwrap, which is thrown
    /// away; an escrow key wraps it only. One that only unwraps opens its own wrap of the store key; without one, it is not tried.
    pub trial: Option<Result<Duration, Error>>,
}

/// The keys of one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DomainHealth {
    /// The domain's name.
    pub name: String,
    /// The number of the version that new data is sealed under.
    pub primary: u32,
    /// Every version, ascending.
    pub versions: Vec<VersionHealth>,
}

/// One version of a domain's data key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionHealth {
    /// Its number.
    pub number: u32,
    /// Its state.
    pub state: KeyState,
    /// The id of its key.
    pub key_id: FullKeyId,
    /// How long ago it was made, by the wall clocks of the machine that made it and of this one.
    pub age: Duration,
    /// Its wraps; none once it is destroyed.
    pub wraps: Wraps,
    /// How many messages have been reserved under it: never fewer than were sealed, and more by up to 2^24 for each time that
    /// a process made itself ready to seal. 0: nothing was ever sealed under it. Nobody writes down when a key was last
    /// used, what was opened, or what was sealed under the keys of persons.
    pub reserved_uses: u64,
}

/// The wraps of one key, by what is to be done about them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wraps {
    /// All of them.
    pub total: usize,
    /// By a KEK that wraps, but not of its current version. Unknown, and not counted, where it shows no versions.
    pub outdated: usize,
    /// Of a version that its KEK no longer opens, or no longer lists.
    pub lost: usize,
    /// By a KEK that only unwraps.
    pub leaving: usize,
    /// By a KEK whose id is none of those that are known.
    pub unknown: usize,
    /// By a KEK that wraps and did not answer now.
    pub unchecked: usize,
    /// KEKs that wrap, and of which there is no wrap.
    pub missing: usize,
}

impl DomainHealth {
    /// The version that new data is sealed under.
    #[must_use]
    pub fn primary_version(&self) -> Option<&VersionHealth> {
        self.versions.iter().find(|version| version.number == self.primary)
    }

    /// The wraps of all versions.
    #[must_use]
    pub fn wraps(&self) -> Wraps {
        self.versions.iter().fold(Wraps::default(), |sum, version| sum.and(version.wraps))
    }
}

impl Wraps {
    /// What `keks` make of the wraps of a key that is not destroyed.
    pub(crate) fn of(wraps: &[WrappedKey], keks: &[KekHealth]) -> Self {
        let mut counted = Self { total: wraps.len(), ..Self::default() };
        for wrap in wraps {
            let Some(kek) = keks.iter().find(|kek| kek.id.as_ref() == Some(wrap.kek_id())) else {
                counted.unknown += 1;
                continue;
            };
            match &kek.answer {
                Ok(answer) if is_lost(&answer.info, wrap.kek_version()) => counted.lost += 1,
                _ if !kek.wraps => counted.leaving += 1,
                Ok(KekAnswer { info, .. }) => {
                    let shown = info.current != KekVersion::UNSEEN;
                    counted.outdated += usize::from(shown && !info.is_current(wrap));
                }
                Err(_) => counted.unchecked += 1,
            }
        }
        let wrapping = || keks.iter().filter(|kek| kek.wraps);
        let has_none = |id: &KekId| wraps.iter().all(|wrap| wrap.kek_id() != id);
        let nameless = wrapping().filter(|kek| kek.id.is_none()).count();
        counted.missing = wrapping().filter_map(|kek| kek.id.as_ref()).filter(|id| has_none(id)).count()
            // Any of the unknown ones may be of a KEK whose id is not known.
            + nameless.saturating_sub(counted.unknown);
        counted
    }

    fn and(self, other: Self) -> Self {
        Self {
            total: self.total + other.total,
            outdated: self.outdated + other.outdated,
            lost: self.lost + other.lost,
            leaving: self.leaving + other.leaving,
            unknown: self.unknown + other.unknown,
            unchecked: self.unchecked + other.unchecked,
            missing: self.missing + other.missing,
        }
    }
}

/// Whether the KEK lists its versions and this one is not among those that open.
fn is_lost(info: &KekInfo, version: KekVersion) -> bool {
    let opens = |state: KeyState| state.allows(crate::KeyUse::Open);
    !info.versions.is_empty() && !info.state(version).is_some_and(opens)
}
