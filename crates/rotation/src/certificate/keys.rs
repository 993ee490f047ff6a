//! The keys that the act was about.

use super::Digest;
use super::text::{maybe_seconds, parsed, seconds};
use core::str::FromStr;
use phiseal_format::{KekId, WrappedKey};
use phiseal_keys::{KeyState, KeyVersion};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The versions of the domain's key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "what callers build")]
pub struct Keys {
    /// The primary version before.
    pub primary_before: u32,
    /// The primary version after.
    pub primary_after: u32,
    /// Those versions that the act was about, in ascending order.
    pub versions: Vec<Version>,
}

/// One version.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "what callers build")]
pub struct Version {
    /// Its number.
    pub number: u32,
    /// Its state before; none when it was made by the act.
    #[serde(with = "maybe_state")]
    pub state_before: Option<KeyState>,
    /// Its state after.
    #[serde(with = "state")]
    pub state_after: KeyState,
    /// The 32-byte id of its key.
    pub key_id: Digest,
    /// When it was made, in seconds since 1970.
    #[serde(with = "seconds")]
    pub created: u64,
    /// When it became the primary, last if more than once; none when it never was.
    #[serde(with = "maybe_seconds")]
    pub activated: Option<u64>,
    /// When another took its place as the primary; none when it is the primary or never was.
    #[serde(with = "maybe_seconds")]
    pub replaced: Option<u64>,
    /// What wrapped it before.
    pub wraps_before: Vec<Wrap>,
    /// What wraps it after.
    pub wraps_after: Vec<Wrap>,
}

impl Version {
    /// What a keyset says of a version before the act, if it was there, and after it.
    #[must_use]
    pub fn new(before: Option<&KeyVersion>, after: &KeyVersion) -> Self {
        let wraps = |version: &KeyVersion| version.wraps().iter().map(Wrap::from).collect();
        Self {
            number: after.number(),
            state_before: before.map(KeyVersion::state),
            state_after: after.state(),
            key_id: Digest::from_bytes(*after.key_id().as_bytes()),
            created: after.created(),
            activated: after.activated(),
            replaced: after.replaced(),
            wraps_before: before.map(wraps).unwrap_or_default(),
            wraps_after: wraps(after),
        }
    }
}

/// By what a version is wrapped.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "what callers build")]
pub struct Wrap {
    /// The KEK.
    #[serde(with = "parsed")]
    pub kek: KekId,
    /// The version of the KEK.
    pub version: u32,
}

impl From<&WrappedKey> for Wrap {
    fn from(wrapped: &WrappedKey) -> Self {
        Self { kek: wrapped.kek_id().clone(), version: wrapped.kek_version().0 }
    }
}

/// A state by its name.
struct Named(KeyState);

impl FromStr for Named {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let state = KeyState::ALL.into_iter().find(|state| state.to_string() == text);
        state.map(Self).ok_or(())
    }
}

mod state {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        state: &KeyState,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(state)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<KeyState, D::Error> {
        parsed::deserialize(deserializer).map(|Named(state)| state)
    }
}

pub(super) mod maybe_state {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        state: &Option<KeyState>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        state.map(|state| state.to_string()).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<KeyState>, D::Error> {
        let text: Option<String> = Option::deserialize(deserializer)?;
        text.map(|text| match text.parse() {
            Ok(Named(state)) => Ok(state),
            Err(()) => Err(D::Error::custom("not the state of a key")),
        })
        .transpose()
    }
}
