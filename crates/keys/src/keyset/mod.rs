//! All versions of one domain's data key.

mod bytes;
mod version;

pub use version::KeyVersion;

use crate::{Authority, Error, ErrorKind, FullKeyId, KeyState, KeyUse};
use core::time::Duration;
use phiseal_format::{DomainId, EncryptionContext, EnvironmentId, KeyId, WrappedKey};

/// All versions of the data key of one domain; exactly one of them is the primary.
///
/// A keyset is a snapshot that nobody changes: every change makes the next one, a revision higher, and takes effect
/// when the [`KeyStore`](crate::KeyStore) has swapped it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyset {
    environment: EnvironmentId,
    domain: DomainId,
    name: String,
    revision: u64,
    authority: Authority,
    was_single: bool,
    primary: u32,
    versions: Vec<KeyVersion>,
}

impl Keyset {
    /// The most versions that a keyset may have.
    pub const MAX_VERSIONS: usize = 1_024;
    /// The most wraps that a version may have.
    pub const MAX_WRAPS: usize = 8;
    /// The longest that a process seals without a look at the keyset: ten minutes. When so much time has gone by since
    /// another version became the primary, nobody seals under the one before.
    pub const LONGEST_LEASE: Duration = Duration::from_secs(600);
    /// The longest name of a domain, in bytes.
    pub const MAX_NAME: usize = 255;

    /// The first snapshot of a new domain: one active version.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a name that [`Keyset::check_name`] refuses.
    pub fn first(
        environment: EnvironmentId,
        domain: DomainId,
        name: &str,
        key_id: FullKeyId,
        wraps: Vec<WrappedKey>,
        created: u64,
    ) -> Result<Self, Error> {
        Self::check_name(name)?;
        check_wraps(&wraps)?;
        let version = KeyVersion {
            number: 1,
            state: KeyState::Active,
            key_id,
            created,
            activated: created.max(1),
            replaced: 0,
            wraps,
        };
        Ok(Self {
            environment,
            domain,
            name: name.to_owned(),
            revision: 1,
            authority: Authority::Handle,
            was_single: false,
            primary: 1,
            versions: vec![version],
        })
    }

    /// Refuses what is not a domain's name: 1 to 255 bytes of printable ASCII without spaces.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`].
    pub fn check_name(name: &str) -> Result<(), Error> {
        if name.is_empty()
            || name.len() > Self::MAX_NAME
            || !name.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a domain's name is 1 to 255 printable ASCII characters, no spaces",
            ));
        }
        Ok(())
    }

    /// The environment (one key store) that the keyset belongs to.
    #[must_use]
    pub const fn environment(&self) -> EnvironmentId {
        self.environment
    }

    /// The domain's opaque id, which every ciphertext of the domain is bound to.
    #[must_use]
    pub const fn domain(&self) -> DomainId {
        self.domain
    }

    /// The domain's name, as the application wrote it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How often the keyset has been written.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Every version, in ascending order.
    #[must_use]
    pub fn versions(&self) -> &[KeyVersion] {
        &self.versions
    }

    /// The version of this number.
    #[must_use]
    pub fn version(&self, number: u32) -> Option<&KeyVersion> {
        self.versions.iter().find(|version| version.number == number)
    }

    /// The version whose key has this id.
    #[must_use]
    pub fn by_key_id(&self, id: &KeyId) -> Option<&KeyVersion> {
        self.versions.iter().find(|version| version.key_id.short() == *id)
    }

    /// The number of the primary version, which new data is sealed under.
    #[must_use]
    pub const fn primary(&self) -> u32 {
        self.primary
    }

    /// The version that may seal now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::State`] when the primary may not: suspended, say, or compromised.
    pub fn sealing_version(&self) -> Result<&KeyVersion, Error> {
        let version = self.version(self.primary).ok_or(no_version())?;
        version.state.require(KeyUse::Seal)?;
        Ok(version)
    }

    /// The versions that may open now.
    pub fn opening_versions(&self) -> impl Iterator<Item = &KeyVersion> {
        self.versions.iter().filter(|version| version.state.allows(KeyUse::Open))
    }

    /// The number that the next version gets.
    #[must_use]
    pub fn next_number(&self) -> u32 {
        self.versions.last().map_or(1, |last| last.number.saturating_add(1))
    }

    /// What the wrap of version `number` is bound to.
    #[must_use]
    pub fn wrap_context(&self, number: u32) -> EncryptionContext {
        EncryptionContext::data_key(&self.environment, &self.domain, number)
    }

    /// With one more version, pre-active, numbered [`Keyset::next_number`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Exhausted`] at [`Keyset::MAX_VERSIONS`], or when no number is left; [`ErrorKind::Conflict`] when the
    /// key is there already.
    pub fn with_version(
        &self,
        key_id: FullKeyId,
        wraps: Vec<WrappedKey>,
        created: u64,
    ) -> Result<Self, Error> {
        check_wraps(&wraps)?;
        if self.versions.len() >= Self::MAX_VERSIONS {
            return Err(Error::new(
                ErrorKind::Exhausted,
                "the keyset has as many versions as it may have",
            ));
        }
        if self.by_key_id(&key_id.short()).is_some() {
            return Err(Error::new(ErrorKind::Conflict, "the keyset has a key of this id already"));
        }
        let number = self.next_number();
        if self.version(number).is_some() {
            return Err(Error::new(ErrorKind::Exhausted, "no version number is left"));
        }
        let mut next = self.next_revision()?;
        next.versions.push(KeyVersion {
            number,
            state: KeyState::PreActive,
            key_id,
            created,
            activated: 0,
            replaced: 0,
            wraps,
        });
        Ok(next)
    }

    /// With version `number` as the primary from `now` on, in seconds since 1970; it becomes active if it was pre-active.
    /// The old primary keeps its state.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::State`] when that version could not seal.
    pub fn with_primary(&self, number: u32, now: u64) -> Result<Self, Error> {
        let mut next = self.next_revision()?;
        let version = next.version_mut(number)?;
        if version.state == KeyState::PreActive {
            version.state = KeyState::Active;
        }
        version.state.require(KeyUse::Seal)?;
        if number != self.primary {
            version.activated = now.max(1);
            version.replaced = 0;
            next.version_mut(self.primary)?.replaced = now.max(1);
            next.primary = number;
        }
        Ok(next)
    }

    /// With one more version, which is the primary from `now` on, in one revision. If the keys before it are `exposed`, each
    /// that is not destroyed is compromised from now on; otherwise the old primary keeps its state.
    ///
    /// # Errors
    ///
    /// As [`Keyset::with_version`].
    pub fn rotated(
        &self,
        key_id: FullKeyId,
        wraps: Vec<WrappedKey>,
        now: u64,
        exposed: bool,
    ) -> Result<Self, Error> {
        let number = self.next_number();
        let mut next = self.with_version(key_id, wraps, now)?.with_primary(number, now)?;
        if exposed {
            let earlier = next.versions.iter_mut().filter(|version| version.number != number);
            for version in earlier.filter(|it| it.state.can_become(KeyState::Compromised)) {
                version.state = KeyState::Compromised;
            }
        }
        next.revision = self.next_revision()?.revision;
        Ok(next)
    }

    /// Who agreed to the last change.
    #[must_use]
    pub const fn authority(&self) -> Authority {
        self.authority
    }

    /// Whether a single custodian has ever changed it alone, against the rule.
    #[must_use]
    pub const fn was_single(&self) -> bool {
        self.was_single
    }

    pub(crate) fn agreed_by(mut self, authority: Authority) -> Self {
        self.was_single |= matches!(authority, Authority::SingleCustodian { .. });
        self.authority = authority;
        self
    }

    /// With version `number` in state `state`. Destroying a version drops its wraps.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::State`] for a transition that [`KeyState`] does not allow, and for
    /// deactivating or destroying the primary, before another one is.
    pub fn with_state(&self, number: u32, state: KeyState) -> Result<Self, Error> {
        let mut next = self.next_revision()?;
        if number == self.primary && matches!(state, KeyState::Deactivated | KeyState::Destroyed) {
            return Err(Error::new(
                ErrorKind::State,
                "the primary cannot be retired: make another version the primary first",
            ));
        }
        let version = next.version_mut(number)?;
        if !version.state.can_become(state) {
            return Err(Error::new(
                ErrorKind::State,
                "a key cannot go from its state to that one (SP 800-57, section 7)",
            ));
        }
        version.state = state;
        if state == KeyState::Destroyed {
            version.wraps.clear();
        }
        Ok(next)
    }

    /// With other wraps of the same data keys: `(number, wraps)` for each version that changes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::State`] for a destroyed version; [`ErrorKind::Invalid`] for no wraps or
    /// more than [`Keyset::MAX_WRAPS`].
    pub fn with_wraps(&self, changed: Vec<(u32, Vec<WrappedKey>)>) -> Result<Self, Error> {
        let mut next = self.next_revision()?;
        for (number, wraps) in changed {
            check_wraps(&wraps)?;
            let version = next.version_mut(number)?;
            version.state.require(KeyUse::Rewrap)?;
            version.wraps = wraps;
        }
        Ok(next)
    }

    /// Whether `later` can have come after this: the same domain, and each version with its key in a state that its
    /// state here leads to.
    pub(crate) fn leads_to(&self, later: &Self) -> bool {
        self.domain == later.domain
            && self.versions.iter().all(|then| {
                later
                    .version(then.number)
                    .is_some_and(|now| now.key_id == then.key_id && then.state.leads_to(now.state))
            })
    }

    fn next_revision(&self) -> Result<Self, Error> {
        let revision = self
            .revision
            .checked_add(1)
            .ok_or(Error::new(ErrorKind::Exhausted, "no revision is left"))?;
        Ok(Self { revision, ..self.clone() })
    }

    fn version_mut(&mut self, number: u32) -> Result<&mut KeyVersion, Error> {
        self.versions.iter_mut().find(|version| version.number == number).ok_or(no_version())
    }
}

fn no_version() -> Error {
    Error::new(ErrorKind::NotFound, "the keyset has no such version")
}

fn check_wraps(wraps: &[WrappedKey]) -> Result<(), Error> {
    match wraps.len() {
        1..=Keyset::MAX_WRAPS => Ok(()),
        _ => Err(Error::new(ErrorKind::Invalid, "a key version has one to eight wraps")),
    }
}
