//! One person's key as it is at hand.

use crate::cipher::FieldCipher;
use crate::loaded::{Loaded, read_only};
use crate::opening::OpeningKey;
use crate::sealing::SealingKey;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use phiseal_format::KeyId;
use phiseal_keys::{Error, ErrorKind, KeyState, Moment};
use std::sync::Arc;

/// A person's key as it is at hand.
pub(crate) struct Person {
    cipher: Arc<FieldCipher>,
    domain_version: u32,
    /// When the person's record should be looked at again.
    look_at: AtomicU64,
}

impl Person {
    pub(crate) const fn new(
        cipher: Arc<FieldCipher>,
        domain_version: u32,
        look_at: Moment,
    ) -> Self {
        Self { cipher, domain_version, look_at: AtomicU64::new(look_at.as_nanos()) }
    }

    pub(crate) const fn cipher(&self) -> &Arc<FieldCipher> {
        &self.cipher
    }

    /// The version of the domain's key that wraps the person's.
    pub(crate) const fn domain_version(&self) -> u32 {
        self.domain_version
    }

    /// When the person's record should be looked at again.
    pub(crate) fn look_at(&self) -> Moment {
        Moment::from_nanos(self.look_at.load(Ordering::Acquire))
    }

    /// Has the record looked at before the key is used again, and ends sealing at once unless it `may_seal`.
    pub(crate) fn look_again(&self, may_seal: bool) {
        self.look_at.store(0, Ordering::Release);
        if !may_seal {
            self.cipher.sealing().into_iter().for_each(|key| key.deadline().revoke());
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

    /// What opens and seals under the key of this id, unless it was revoked.
    pub(crate) fn keys_of(
        &self,
        id: KeyId,
    ) -> Option<(&Arc<OpeningKey>, Option<&Arc<SealingKey>>)> {
        let opening = self.cipher.opener(&id)?;
        (!opening.deadline().is_revoked()).then(|| (opening, self.cipher.sealing()))
    }
}

/// Until when a person's key seals: for as long as the domain may seal and the version that wraps it is not in wrong hands.
pub(crate) fn may_seal(
    loaded: &Loaded,
    domain_version: u32,
    only_reads: bool,
) -> Result<Moment, Error> {
    if only_reads {
        return Err(read_only());
    }
    let leased = loaded.seals_until()?;
    match loaded.keyset().version(domain_version).map(|version| version.state()) {
        Some(KeyState::Active | KeyState::Deactivated) => {
            Ok(loaded.may_seal_until(domain_version)?.min(leased))
        }
        _ => Err(Error::new(
            ErrorKind::State,
            "the version of the domain's key that wraps the person's key may not be used to seal",
        )),
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({:?} under {})", self.cipher, self.domain_version)
    }
}
