//! A person's keys as the store keeps them.

mod bytes;

use crate::{Error, ErrorKind, FullKeyId, Keyset, VersionSet, WrappingKey};
use core::fmt;
use phiseal_format::{KeyId, SubjectTag, WrapAlgorithm};

/// A person's keys as the store keeps them.
#[derive(Clone, PartialEq, Eq)]
pub struct SubjectRecord {
    pub(in crate::key_store) tag: SubjectTag,
    pub(in crate::key_store) revision: u64,
    pub(in crate::key_store) state: SubjectState,
}

/// Whether a person's keys are there.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectState {
    /// They are.
    Active {
        /// The keys, oldest first, one to [`SubjectRecord::MAX_KEYS`]. The last is the current one, which seals.
        keys: Vec<SubjectKey>,
        /// The ids of keys that were dropped, oldest first: of so many as there is room for, the last ones.
        dropped: Vec<FullKeyId>,
    },
    /// They were destroyed; nothing that was sealed under any of them opens again.
    Shredded {
        /// The ids of the keys that were, dropped ones first, one to [`SubjectRecord::MAX_IDS`].
        key_ids: Vec<FullKeyId>,
        /// When, in seconds since 1970.
        since: u64,
    },
}

/// One of a person's keys, wrapped by a version of the domain's key.
#[derive(Clone, PartialEq, Eq)]
pub struct SubjectKey {
    number: u32,
    state: SubjectKeyState,
    key_id: FullKeyId,
    domain_version: u32,
    created: u64,
    wrapped_by: VersionSet,
    algorithm: WrapAlgorithm,
    wrap: [u8; WrappingKey::WRAPPED],
}

/// The state of one of a person's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SubjectKeyState {
    /// The current one: it seals and opens.
    Active,
    /// A newer one took its place: it opens.
    Retired,
    /// A newer one took its place because this one is, or may be, in wrong hands: it opens, so that data can be resealed.
    Compromised,
}

impl SubjectRecord {
    /// The most keys that a person has at one time.
    pub const MAX_KEYS: usize = 8;
    /// The most key ids of one person that are remembered, those of dropped keys included.
    pub const MAX_IDS: usize = 64;

    /// The person's opaque tag, which says nothing of who it is.
    #[must_use]
    pub const fn tag(&self) -> SubjectTag {
        self.tag
    }

    /// How often the record has been written.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether the keys are there.
    #[must_use]
    pub const fn state(&self) -> &SubjectState {
        &self.state
    }

    /// The person's keys, oldest first; none of somebody who was shredded.
    #[must_use]
    pub fn keys(&self) -> &[SubjectKey] {
        match &self.state {
            SubjectState::Active { keys, .. } => keys,
            SubjectState::Shredded { .. } => &[],
        }
    }

    /// The key that seals.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::State`] when the person was shredded.
    pub fn current(&self) -> Result<&SubjectKey, Error> {
        self.keys().last().ok_or_else(shredded)
    }

    /// The person's key of this id, if it is there.
    #[must_use]
    pub fn by_key_id(&self, id: &KeyId) -> Option<&SubjectKey> {
        self.keys().iter().find(|key| key.key_id.short() == *id)
    }

    /// The ids of keys that the person had: of those that were dropped, or, of somebody who was shredded, of all.
    #[must_use]
    pub fn gone(&self) -> &[FullKeyId] {
        match &self.state {
            SubjectState::Active { dropped, .. } => dropped,
            SubjectState::Shredded { key_ids, .. } => key_ids,
        }
    }

    /// With a newer key as the current one. Of the others, those that `is_compromised` finds are compromised.
    pub(in crate::key_store) fn with_key(
        &self,
        new: SubjectKey,
        is_compromised: impl Fn(&SubjectKey) -> bool,
    ) -> Result<SubjectState, Error> {
        let SubjectState::Active { keys, dropped } = &self.state else { return Err(shredded()) };
        if keys.len() >= Self::MAX_KEYS {
            return Err(Error::new(
                ErrorKind::Exhausted,
                "the person has as many keys as there may be: drop those that nothing is under any more",
            ));
        }
        let known = keys.iter().map(|key| &key.key_id).chain(dropped);
        if known.into_iter().any(|known| known.short() == new.key_id.short()) {
            return Err(Error::new(ErrorKind::Faulty, "a key was made that was there already"));
        }
        let mut keys = keys.clone();
        for key in &mut keys {
            if is_compromised(key) {
                key.state = SubjectKeyState::Compromised;
            } else if key.state == SubjectKeyState::Active {
                key.state = SubjectKeyState::Retired;
            }
        }
        keys.push(new);
        Ok(SubjectState::Active { keys, dropped: dropped.clone() })
    }

    /// Without the keys of these ids, none of which can be sealed under at the time `now`.
    pub(in crate::key_store) fn without(
        &self,
        ids: &[FullKeyId],
        now: u64,
    ) -> Result<SubjectState, Error> {
        let SubjectState::Active { keys, dropped } = &self.state else { return Err(shredded()) };
        let current = self.current()?;
        if ids.contains(&current.key_id) {
            return Err(Error::new(
                ErrorKind::State,
                "a person's current key is not dropped: renew it first",
            ));
        }
        let is_known =
            |id: &&FullKeyId| keys.iter().any(|key| key.key_id == **id) || dropped.contains(*id);
        if !ids.iter().all(|id| is_known(&id)) {
            return Err(Error::new(ErrorKind::NotFound, "the person has no such key"));
        }
        // A key was the current one until the next one that is there was made, or longer ago.
        let ended = keys.iter().zip(keys.iter().skip(1)).map(|(key, next)| (key, next.created));
        let longest = Keyset::LONGEST_LEASE.as_secs();
        let may_seal = |created: u64| now < created.saturating_add(longest);
        if ended.into_iter().any(|(key, end)| ids.contains(&key.key_id) && may_seal(end)) {
            return Err(Error::new(
                ErrorKind::State,
                "a process may still seal under the key: wait for the longest lease, then count again",
            ));
        }
        let (gone, kept): (Vec<_>, Vec<_>) =
            keys.iter().cloned().partition(|key| ids.contains(&key.key_id));
        let mut dropped = dropped.clone();
        dropped.extend(gone.iter().map(|key| key.key_id));
        let too_many = dropped.len().saturating_sub(MAX_DROPPED);
        dropped.drain(..too_many);
        Ok(SubjectState::Active { keys: kept, dropped })
    }

    /// Without any key.
    pub(in crate::key_store) fn shredded(&self, since: u64) -> Option<SubjectState> {
        let SubjectState::Active { keys, dropped } = &self.state else { return None };
        let key_ids = dropped.iter().copied().chain(keys.iter().map(|key| key.key_id)).collect();
        Some(SubjectState::Shredded { key_ids, since })
    }

    /// With another wrap of the key of this id.
    pub(in crate::key_store) fn rewrapped(
        &self,
        id: &FullKeyId,
        to: u32,
        (algorithm, wrap): (WrapAlgorithm, [u8; WrappingKey::WRAPPED]),
    ) -> Result<Self, Error> {
        let mut next = self.clone();
        let SubjectState::Active { keys, .. } = &mut next.state else { return Err(shredded()) };
        let key = keys
            .iter_mut()
            .find(|key| key.key_id == *id)
            .ok_or(Error::new(ErrorKind::NotFound, "the person has no such key"))?;
        key.wrapped_by = key.wrapped_by.with(to);
        key.domain_version = to;
        key.algorithm = algorithm;
        key.wrap = wrap;
        Ok(next)
    }
}

impl SubjectKey {
    /// A new key.
    pub(in crate::key_store) fn new(
        number: u32,
        key_id: FullKeyId,
        domain_version: u32,
        created: u64,
        (algorithm, wrap): (WrapAlgorithm, [u8; WrappingKey::WRAPPED]),
    ) -> Self {
        let (state, wrapped_by) = (SubjectKeyState::Active, VersionSet::of(domain_version));
        Self { number, state, key_id, domain_version, created, wrapped_by, algorithm, wrap }
    }

    /// Its number among the person's, from 1, never used again.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> SubjectKeyState {
        self.state
    }

    /// Its id.
    #[must_use]
    pub const fn key_id(&self) -> &FullKeyId {
        &self.key_id
    }

    /// The version of the domain's key that wraps it.
    #[must_use]
    pub const fn domain_version(&self) -> u32 {
        self.domain_version
    }

    /// When it was made, in seconds since 1970 by the clock of the machine that made it.
    #[must_use]
    pub const fn created(&self) -> u64 {
        self.created
    }

    /// The versions of the domain's key that have ever wrapped it.
    #[must_use]
    pub const fn wrapped_by(&self) -> &VersionSet {
        &self.wrapped_by
    }

    /// How it is wrapped.
    #[must_use]
    pub const fn algorithm(&self) -> WrapAlgorithm {
        self.algorithm
    }

    /// The wrap, as [`WrappingKey`] says.
    #[must_use]
    pub const fn wrap(&self) -> &[u8; WrappingKey::WRAPPED] {
        &self.wrap
    }

    /// Whether a version that is compromised wraps it or has ever wrapped it: whoever has that version, and saw the key
    /// store then, has this key too. Another wrap is no remedy; another key is.
    #[must_use]
    pub fn is_exposed(&self, keyset: &Keyset) -> bool {
        self.wrapped_by.is_exposed(keyset)
    }
}

pub(in crate::key_store) fn shredded() -> Error {
    Error::new(
        ErrorKind::State,
        "the person's key was shredded: nothing sealed under it opens again",
    )
}

impl fmt::Debug for SubjectRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectRecord({:?}, {:?})", self.tag, self.state)
    }
}

impl fmt::Debug for SubjectState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active { keys, dropped } => write!(f, "Active({keys:?}, dropped {dropped:?})"),
            Self::Shredded { key_ids, since } => {
                write!(f, "Shredded({key_ids:?}, since {since})")
            }
        }
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, state, key_id, domain_version, .. } = self;
        write!(f, "{number}: {key_id}, {state:?}, under {domain_version}")
    }
}

/// Room for the ids of dropped keys beside those of keys that are there.
const MAX_DROPPED: usize = SubjectRecord::MAX_IDS - SubjectRecord::MAX_KEYS;
