//! Changes of keysets and the end of persons' keys, by whoever may make them.

use super::KeyStore;
use crate::keks::Role;
use crate::{Authority, Error, ErrorKind, KeyState, KeyUse, Keyset, RecordKind};
use phiseal_format::{KekId, KekVersion, SubjectTag};

/// Changes of keysets, each one compare-and-swap that says who agreed to it: see [`KeyStore::changes`].
#[derive(Clone, Copy, Debug)]
pub struct Changes<'a> {
    store: &'a KeyStore,
    authority: Authority,
    roster: u64,
}

/// What [`Changes::rewrap`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rewrapped {
    /// Key versions that now have a wrap of the current KEK version.
    pub rewrapped: usize,
    /// Key versions that had one already.
    pub current: usize,
    /// The keyset's revision afterwards.
    pub revision: u64,
}

impl KeyStore {
    /// Changes of keysets by `authority`. Those of [`Authority::Custodians`] hold as long as the roster is the one that they
    /// were verified by: the record of this revision. Of the others there must be none.
    #[must_use]
    pub const fn changes(&self, authority: Authority, roster: u64) -> Changes<'_> {
        Changes { store: self, authority, roster }
    }

    /// The ids of all KEKs that a new key is wrapped by, in ascending order, each once.
    ///
    /// # Errors
    ///
    /// What the backends answer: all are needed.
    pub async fn wrapping_keks(&self) -> Result<Vec<KekId>, Error> {
        let described = self.keks.describe().await?;
        let mut ids: Vec<_> = described.into_iter().map(|it| it.info.id).collect();
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// A KEK of this store, whatever it is there for, that may open a wrap from before, which a backup holds: one that does not
    /// wrap, one that nobody asks to unwrap, and one that does not show that of its versions all but the current one are
    /// destroyed, and that there were others.
    ///
    /// That the current version has wrapped nothing of it cannot be seen from here.
    ///
    /// # Errors
    ///
    /// What the backends answer: all are needed.
    pub async fn kek_that_may_open(&self) -> Result<Option<KekId>, Error> {
        for (role, kek) in self.keks.each().await {
            let info = kek?.describe().await?;
            let others = || info.versions.iter().filter(|(version, _)| *version != info.current);
            let is_left = others().any(|(_, state)| *state != KeyState::Destroyed);
            // What is destroyed may not be listed.
            let had_others = others().next().is_some()
                || info.versions.first().is_some_and(|(version, _)| *version > KekVersion(1));
            if role != Role::Wraps || is_left || !had_others {
                return Ok(Some(info.id));
            }
        }
        Ok(None)
    }

    /// [`Changes::add_version`] by whoever holds this handle.
    ///
    /// # Errors
    ///
    /// As that.
    pub async fn add_version(&self, keyset: &Keyset) -> Result<Keyset, Error> {
        self.changes(Authority::Handle, 0).add_version(keyset).await
    }

    /// [`Changes::set_primary`] by whoever holds this handle.
    ///
    /// # Errors
    ///
    /// As that.
    pub async fn set_primary(&self, keyset: &Keyset, number: u32) -> Result<Keyset, Error> {
        self.changes(Authority::Handle, 0).set_primary(keyset, number).await
    }

    /// [`Changes::set_state`] by whoever holds this handle.
    ///
    /// # Errors
    ///
    /// As that.
    pub async fn set_state(
        &self,
        keyset: &Keyset,
        number: u32,
        state: KeyState,
    ) -> Result<Keyset, Error> {
        self.changes(Authority::Handle, 0).set_state(keyset, number, state).await
    }

    /// [`Changes::rewrap`] by whoever holds this handle, of the domain's keyset as it is now.
    ///
    /// # Errors
    ///
    /// As that, and as [`KeyStore::keyset`].
    pub async fn rewrap(&self, name: &str) -> Result<Rewrapped, Error> {
        let keyset = self.keyset(name).await?;
        self.changes(Authority::Handle, 0).rewrap(&keyset).await
    }
}

impl Changes<'_> {
    /// Makes a new version that is the primary at once: two backend calls and one write. If the keys before it are `exposed`,
    /// each that is not destroyed is compromised from then on.
    ///
    /// # Errors
    ///
    /// As [`Changes::add_version`].
    pub async fn rotate(&self, keyset: &Keyset, exposed: bool) -> Result<Keyset, Error> {
        self.check_authority(Some(keyset)).await?;
        let context = keyset.wrap_context(keyset.next_number());
        let (_, key_id, wraps) = self.store.new_data_key(&context).await?;
        let next = keyset.rotated(key_id, wraps, self.store.clock.wall(), exposed)?;
        self.replace(keyset, next).await
    }

    /// Makes a new version, pre-active: two backend calls, as the new wrap is opened before it is stored.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Denied`] for an authority that is not enough; [`ErrorKind::Tampered`] when custodians changed the keyset last
    /// and the roster is gone; as [`Keyset::with_version`]; [`ErrorKind::Conflict`] when the keyset changed meanwhile;
    /// [`ErrorKind::Faulty`] when the backend makes a key that is in this store already; and what store and backend answer.
    pub async fn add_version(&self, keyset: &Keyset) -> Result<Keyset, Error> {
        let context = keyset.wrap_context(keyset.next_number());
        let (_, key_id, wraps) = self.store.new_data_key(&context).await?;
        let next = keyset.with_version(key_id, wraps, self.store.clock.wall())?;
        self.replace(keyset, next).await
    }

    /// Makes version `number` the primary, active if it was pre-active.
    ///
    /// # Errors
    ///
    /// As [`Keyset::with_primary`]; [`ErrorKind::Conflict`] when the keyset changed meanwhile; and what the store
    /// answers.
    pub async fn set_primary(&self, keyset: &Keyset, number: u32) -> Result<Keyset, Error> {
        self.replace(keyset, keyset.with_primary(number, self.store.clock.wall())?).await
    }

    /// Moves version `number` to `state`. Destroying one drops its wraps, whose bytes are gone from the medium after
    /// [`KeyStore::erase`].
    ///
    /// # Errors
    ///
    /// As [`Keyset::with_state`]; [`ErrorKind::State`] for destroying a version while any but the primary wraps persons'
    /// keys, which [`KeyStore::rewrap_subjects`] moves to it, and for destroying a compromised one while persons seal under keys
    /// that it has wrapped, which [`KeyStore::renew_subjects`] ends; [`ErrorKind::Conflict`] when the keyset changed
    /// meanwhile; and what the store answers.
    pub async fn set_state(
        &self,
        keyset: &Keyset,
        number: u32,
        state: KeyState,
    ) -> Result<Keyset, Error> {
        let next = keyset.with_state(number, state)?;
        if state == KeyState::Destroyed
            && let Some(held) = self.store.subjects_hold(keyset, number).await?
        {
            return Err(held);
        }
        self.replace(keyset, next).await
    }

    /// Wraps every version's data key under the current version of every KEK that wraps, and under nothing else, where that
    /// is not so already. Data is not touched.
    ///
    /// Afterwards no other KEK opens this keyset: one that was given to unwrap only can be retired, and one that was added
    /// opens all of it. Each new wrap is opened before an old one is given up, but for those of escrow keys, which nobody here
    /// can open: a wrap by one that the keyset has stays as it is. All KEKs that wrap are needed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when the keyset changed meanwhile: nothing is lost, do it again; and what store and
    /// backend answer.
    pub async fn rewrap(&self, keyset: &Keyset) -> Result<Rewrapped, Error> {
        self.check_authority(Some(keyset)).await?;
        let described = self.store.keks.describe().await?;
        let mut changed = Vec::new();
        let mut current = 0;
        for version in
            keyset.versions().iter().filter(|version| version.state().allows(KeyUse::Rewrap))
        {
            let context = keyset.wrap_context(version.number());
            let (wraps, id) = (version.wraps(), version.key_id());
            match self.store.keks.rewrap(&described, wraps, &context, id).await? {
                Some(wraps) => changed.push((version.number(), wraps)),
                None => current += 1,
            }
        }
        let rewrapped = changed.len();
        let mut revision = keyset.revision();
        if rewrapped > 0 {
            revision = self.replace(keyset, keyset.with_wraps(changed)?).await?.revision();
        }
        Ok(Rewrapped { rewrapped, current, revision })
    }

    /// Wraps the store's own key under the current version of every KEK that wraps, as [`KeyStore::rewrap_store_key`] does.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Denied`] for an authority that is not enough; and as that.
    pub async fn rewrap_store_key(&self) -> Result<bool, Error> {
        self.check_authority(None).await?;
        self.store.rewrap_own_key().await
    }

    /// Destroys all of a person's keys, as [`KeyStore::shred_subject`] does.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Denied`] for an authority that is not enough; and as that.
    pub async fn shred_subject(&self, keyset: &Keyset, tag: SubjectTag) -> Result<(), Error> {
        self.check_authority(Some(keyset)).await?;
        self.store.shred(keyset, tag).await
    }

    /// Refuses what would be refused if it changed `keyset`, and changes nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Denied`]; [`ErrorKind::Conflict`] when the keyset changed meanwhile; and what the store answers.
    pub async fn check(&self, keyset: &Keyset) -> Result<(), Error> {
        self.check_authority(Some(keyset)).await?;
        if self.store.keyset(keyset.name()).await? == *keyset {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Conflict, "the keys changed meanwhile"))
    }

    async fn replace(&self, old: &Keyset, next: Keyset) -> Result<Keyset, Error> {
        self.check_authority(Some(old)).await?;
        let (next, name) = (next.agreed_by(self.authority), old.name().as_bytes());
        let body = next.to_bytes()?;
        self.store.write_sealed(RecordKind::Keyset, name, old.revision(), body).await?;
        self.store.note_keyset(&next)?;
        Ok(next)
    }

    /// Refuses what the roster, or its absence, does not allow.
    async fn check_authority(&self, keyset: Option<&Keyset>) -> Result<(), Error> {
        let roster = self.store.roster().await?;
        let authority = keyset.map(Keyset::authority);
        let had_custodians = matches!(authority, Some(Authority::Custodians { .. }));
        // Whoever can write the store, and has no key of it, could end the rule by taking the roster away.
        if roster.is_none() && had_custodians {
            return Err(Error::new(
                ErrorKind::Tampered,
                "custodians changed these keys, and the key store has no roster of them any more",
            ));
        }
        let refused = match (self.authority, roster.map(|roster| roster.revision)) {
            (Authority::Custodians { .. }, Some(now)) if now == self.roster => return Ok(()),
            (Authority::Handle | Authority::SingleCustodian { .. }, None) => return Ok(()),
            (Authority::Custodians { .. }, _) => "the roster of custodians has changed meanwhile",
            (_, Some(_)) => "the key store has custodians: a change of keys needs their approval",
        };
        Err(Error::new(ErrorKind::Denied, refused))
    }
}
