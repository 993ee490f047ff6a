//! One person's keys as they are at hand.

use crate::cipher::FieldCipher;
use crate::loaded::{Loaded, read_only};
use crate::opening::OpeningKey;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use phiseal_format::KeyId;
use phiseal_keys::{Error, ErrorKind, KeyState, Moment, SubjectKey, VersionSet};
use std::sync::Arc;

/// A person's keys as they are at hand.
pub(crate) struct Person {
    cipher: Arc<FieldCipher>,
    /// The revision of the record that they are of.
    revision: u64,
    /// The current key, whether or not it is at hand.
    current: Current,
    /// The versions of the domain's key that wrap those that are at hand.
    domain_versions: Vec<u32>,
    /// When the person's record should be looked at again.
    look_at: AtomicU64,
}

/// What says whether a person's current key may seal.
#[derive(Debug)]
pub(crate) struct Current {
    /// Its id.
    pub(crate) key_id: KeyId,
    /// The version of the domain's key that wraps it.
    pub(crate) domain_version: u32,
    /// The versions that have ever wrapped it.
    pub(crate) wrapped_by: VersionSet,
}

impl From<&SubjectKey> for Current {
    fn from(key: &SubjectKey) -> Self {
        Self {
            key_id: key.key_id().short(),
            domain_version: key.domain_version(),
            wrapped_by: key.wrapped_by().clone(),
        }
    }
}

impl Person {
    pub(crate) const fn new(
        cipher: Arc<FieldCipher>,
        revision: u64,
        current: Current,
        domain_versions: Vec<u32>,
        look_at: Moment,
    ) -> Self {
        let look_at = AtomicU64::new(look_at.as_nanos());
        Self { cipher, revision, current, domain_versions, look_at }
    }

    pub(crate) const fn cipher(&self) -> &Arc<FieldCipher> {
        &self.cipher
    }

    /// The revision of the record that the keys are of.
    pub(crate) const fn revision(&self) -> u64 {
        self.revision
    }

    /// The current key.
    pub(crate) const fn current(&self) -> &Current {
        &self.current
    }

    /// Whether all versions of the domain's key that wrap what is at hand are there to be used.
    pub(crate) fn is_usable(&self, loaded: &Loaded) -> bool {
        self.domain_versions.iter().all(|version| loaded.subject_wrap(*version).is_ok())
    }

    /// When the person's record should be looked at again.
    pub(crate) fn look_at(&self) -> Moment {
        Moment::from_nanos(self.look_at.load(Ordering::Acquire))
    }

    /// Has the record looked at before a key is used again, and ends sealing at once unless it `may_seal`.
    pub(crate) fn look_again(&self, may_seal: bool) {
        self.look_at.store(0, Ordering::Release);
        if !may_seal {
            self.cipher.end_sealing();
        }
    }

    /// Whether what opens here also opens in `cipher`, so that what ends the one ends the other.
    pub(crate) fn shares_keys(&self, cipher: &FieldCipher) -> bool {
        let opens = |key| cipher.opening().iter().any(|other| Arc::ptr_eq(key, other));
        self.cipher.opening().iter().all(opens)
    }

    pub(crate) fn is_live(&self) -> bool {
        self.cipher.opening().iter().all(|key| key.deadline().check().is_ok())
    }

    /// What opens under the key of this id, unless it was revoked.
    pub(crate) fn opener(&self, id: KeyId) -> Option<&Arc<OpeningKey>> {
        self.cipher.opener(&id).filter(|opening| !opening.deadline().is_revoked())
    }
}

/// Until when a person's key seals: for as long as the domain may seal, and the key is not in wrong hands. It is if a version
/// is that wraps it or has ever wrapped it, and then it seals nothing until it is renewed.
pub(crate) fn may_seal(loaded: &Loaded, key: &Current, only_reads: bool) -> Result<Moment, Error> {
    if only_reads {
        return Err(read_only());
    }
    let leased = loaded.seals_until()?;
    let version = key.domain_version;
    match loaded.keyset().version(version).map(|version| version.state()) {
        Some(KeyState::Active | KeyState::Deactivated)
            if key.wrapped_by.is_exposed(loaded.keyset()) =>
        {
            Err(Error::new(
                ErrorKind::State,
                "a compromised version of the domain's key wrapped the person's key: renew it",
            ))
        }
        Some(KeyState::Active | KeyState::Deactivated) => {
            Ok(loaded.may_seal_until(version)?.min(leased))
        }
        _ => Err(Error::new(
            ErrorKind::State,
            "the version of the domain's key that wraps the person's key may not be used to seal",
        )),
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({:?} under {:?})", self.cipher, self.domain_versions)
    }
}
