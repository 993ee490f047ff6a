use crate::cipher::FieldCipher;
use crate::domain::Domain;
use crate::loaded::{Loaded, sealing_config};
use crate::opening::OpeningKey;
use crate::person::{Person, may_seal};
use crate::phi::{Phi, Plaintext};
use crate::sealed::Sealed;
use crate::sealing::SealingKey;
use core::fmt;
use phiseal_format::{Context, SubjectTag};
use phiseal_keys::{DataKey, Error, ErrorKind, FullKeyId, KeyState, Moment, SubjectRecord};
use std::sync::Arc;

/// One person's key in a domain. What is sealed here is lost when the key is shredded, and nothing else is.
#[derive(Clone)]
pub struct Subject {
    domain: Domain,
    tag: SubjectTag,
}

impl Subject {
    pub(crate) async fn connect(
        domain: Domain,
        subject: &str,
        create: bool,
    ) -> Result<Self, Error> {
        let loaded = domain.current().await?;
        let tag = domain.key_store().subject_tag(loaded.keyset(), subject)?;
        let handle = Self { domain, tag };
        match handle.person(&loaded).await {
            Err(error) if error.kind() == ErrorKind::NotFound && create => handle.create().await?,
            opened => opened?,
        };
        Ok(handle)
    }

    /// The opaque tag that stands for the person in the key store.
    #[must_use]
    pub const fn tag(&self) -> SubjectTag {
        self.tag
    }

    /// A cipher to seal and open with, synchronously, after whatever look is due.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::State`] when the person was shredded; and as [`Domain::ready`].
    pub async fn ready(&self) -> Result<Arc<FieldCipher>, Error> {
        let loaded = self.domain.current().await?;
        let person = self.person(&loaded).await?;
        if !person.cipher().sealing().is_some_and(|key| key.was_spent()) {
            return Ok(person.cipher().clone());
        }
        // The epochs are used up, or this is a forked child: the record is looked at, and the key sealed under anew.
        self.domain.people().look_again(self.tag);
        Ok(self.person(&loaded).await?.cipher().clone())
    }

    /// Seals `plaintext` under the person's key.
    ///
    /// # Errors
    ///
    /// As [`FieldCipher::seal`] and [`Subject::ready`].
    pub async fn seal(
        &self,
        plaintext: impl AsRef<[u8]>,
        context: &Context,
    ) -> Result<Sealed, Error> {
        match self.ready().await?.seal(plaintext.as_ref(), context) {
            Err(error) if error.kind() == ErrorKind::Stale => {
                self.renewed().await?.seal(plaintext.as_ref(), context)
            }
            sealed => sealed,
        }
    }

    /// Opens what was sealed under the person's key.
    ///
    /// # Errors
    ///
    /// As [`FieldCipher::open`] and [`Subject::ready`].
    pub async fn open<T: Plaintext>(
        &self,
        sealed: &Sealed,
        context: &Context,
    ) -> Result<Phi<T>, Error> {
        match self.ready().await?.open(sealed, context) {
            Err(error) if error.kind() == ErrorKind::Stale => {
                self.renewed().await?.open(sealed, context)
            }
            opened => opened,
        }
    }

    async fn renewed(&self) -> Result<Arc<FieldCipher>, Error> {
        let loaded = self.domain.renewed().await?;
        self.domain.people().look_again(self.tag);
        Ok(self.person(&loaded).await?.cipher().clone())
    }

    async fn person(&self, loaded: &Arc<Loaded>) -> Result<Arc<Person>, Error> {
        let mut newer = None;
        loop {
            match self.looked_up(newer.as_ref().unwrap_or(loaded)).await {
                // Somebody was shredded while the record was read, and it may have been this person; or the domain's keys
                // changed, and the record is read with what is at hand of them now.
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    newer = Some(self.domain.current().await?);
                }
                looked_up => return looked_up,
            }
        }
    }

    async fn looked_up(&self, loaded: &Arc<Loaded>) -> Result<Arc<Person>, Error> {
        let store = self.domain.key_store();
        let removals = self.domain.people().removals();
        let known = self.domain.people().find(self.tag);
        if let Some(person) = &known
            && store.clock().coarse() < person.look_at()
        {
            return Ok(person.clone());
        }
        let began = store.clock().now();
        let found = match store.find_subject(loaded.keyset(), self.tag).await {
            // What is at hand serves out its lease.
            Err(error) if error.is_retryable() => {
                return known.filter(|person| person.is_live()).ok_or(error);
            }
            found => found,
        };
        // Another process rotated since this one looked, and made the person or moved the person's key: the version is not
        // known, or was not in use yet. Or it may be in use again.
        let state_in = |loaded: &Loaded, version| {
            loaded.keyset().version(version).map_or(KeyState::PreActive, |version| version.state())
        };
        let look_for = match &found {
            Ok(Some(record)) => {
                record.domain_version().ok().filter(|version| match state_in(loaded, *version) {
                    KeyState::PreActive => true,
                    KeyState::Suspended => self.domain.may_look_for_foreign(),
                    _ => false,
                })
            }
            _ => None,
        };
        let renewed = match look_for {
            Some(version) => {
                let in_use = |loaded: &Loaded| state_in(loaded, version) != KeyState::PreActive;
                match self.domain.renewed_until(in_use).await {
                    Ok(renewed) => renewed,
                    Err(error) if error.is_retryable() => {
                        return known.filter(|person| person.is_live()).ok_or(error);
                    }
                    Err(error) => return Err(error),
                }
            }
            None => loaded.clone(),
        };
        let is_new = known.is_none() && matches!(found, Ok(None));
        self.unwrapped(&renewed, found, began, removals).inspect_err(|error| {
            // Of somebody who was never there nobody has anything, and everybody else would have to look again.
            if !error.is_retryable() && !is_new {
                self.domain.people().remove(self.tag);
            }
        })
    }

    /// The person's key out of the record that was found.
    fn unwrapped(
        &self,
        loaded: &Loaded,
        found: Result<Option<SubjectRecord>, Error>,
        began: Moment,
        removals: u64,
    ) -> Result<Arc<Person>, Error> {
        let record =
            found?.ok_or(Error::new(ErrorKind::NotFound, "there is no key for this person"))?;
        let domain_version = record.domain_version()?;
        let wrap_key = loaded.subject_wrap(domain_version)?;
        let store = self.domain.key_store();
        let (key, key_id) = store.unwrap_subject(loaded.keyset(), &record, wrap_key)?;
        self.keep(loaded, domain_version, &key, &key_id, began, removals)
    }

    async fn create(&self) -> Result<Arc<Person>, Error> {
        self.domain.may_write()?;
        // Looked up now, whatever is left of the lease: a field that is sealed late under a retired version can be counted,
        // a person whom a destroyed version wraps is lost.
        let loaded = self.domain.renewed_until(|loaded| !has_ended(loaded)).await?;
        loaded.seals_until()?;
        let store = self.domain.key_store();
        let (began, removals) = (store.clock().now(), self.domain.people().removals());
        let version = loaded.keyset().sealing_version()?.number();
        let wrap_key = loaded.subject_wrap(version)?;
        match store.create_subject(loaded.keyset(), self.tag, version, wrap_key).await {
            Ok((key, key_id)) => {
                let (loaded, version) = self.settled(loaded, version, &key).await?;
                match self.keep(&loaded, version, &key, &key_id, began, removals) {
                    Err(error) if error.kind() == ErrorKind::Conflict => self.person(&loaded).await,
                    kept => kept,
                }
            }
            // Another process made it at the same time.
            Err(error) if error.kind() == ErrorKind::Conflict => self.person(&loaded).await,
            Err(error) => Err(error),
        }
    }

    /// What wraps the person's new key once it is the primary *after* the key was written: who destroys a version counts the
    /// persons under it when it is the primary no more, and so counts this one.
    async fn settled(
        &self,
        mut loaded: Arc<Loaded>,
        mut version: u32,
        key: &DataKey,
    ) -> Result<(Arc<Loaded>, u32), Error> {
        let store = self.domain.key_store();
        while !store.is_primary(loaded.keyset(), version).await? {
            loaded =
                self.domain.renewed_until(|loaded| loaded.keyset().primary() != version).await?;
            let to = loaded.keyset().sealing_version()?.number();
            let wrap_key = loaded.subject_wrap(to)?;
            match store.move_subject(loaded.keyset(), self.tag, to, wrap_key, key).await {
                Ok(()) => version = to,
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        Ok((loaded, version))
    }

    fn keep(
        &self,
        loaded: &Loaded,
        domain_version: u32,
        key: &DataKey,
        key_id: &FullKeyId,
        began: Moment,
        removals: u64,
    ) -> Result<Arc<Person>, Error> {
        /// Four epochs: a person's record is small.
        const EPOCHS: usize = 4;
        let (store, options) = (self.domain.key_store(), self.domain.options());
        let until = began.saturating_add(options.lease).min(loaded.until());
        let id = key_id.short();
        // The same key goes on in the ciphers that were handed out.
        let earlier = self.domain.people().find(self.tag);
        let earlier = earlier.as_deref().and_then(|person| person.keys_of(id));
        let opening = match &earlier {
            Some((opening, _)) => (*opening).clone(),
            None => {
                Arc::new(OpeningKey::new(store.engine(), store.clock().clone(), id, key, until)?)
            }
        };
        opening.renew(until);
        let earlier = earlier.and_then(|(_, sealing)| sealing);
        let sealing = may_seal(loaded, domain_version, options.read_only).and_then(|ends| {
            let sealing = match earlier {
                Some(earlier) if !earlier.is_used_up() && !earlier.deadline().is_revoked() => {
                    earlier.clone()
                }
                _ => {
                    let config = sealing_config(store, options, EPOCHS)?;
                    let field_key = opening.field_key(options.suite)?.clone();
                    Arc::new(SealingKey::new(config, id, field_key, until))
                }
            };
            sealing.deadline().set(until.min(ends));
            sealing.allow(u64::MAX);
            Ok(sealing)
        });
        if let Some(earlier) = earlier
            && !sealing.as_ref().is_ok_and(|sealing| Arc::ptr_eq(sealing, earlier))
        {
            earlier.deadline().revoke();
        }
        let cipher = Arc::new(FieldCipher::new(
            loaded.keyset().domain(),
            sealing,
            vec![opening],
            Vec::new(),
        ));
        let look_at = began.saturating_add(options.lease.mul_f64(0.75)).min(loaded.until());
        let person = Arc::new(Person::new(cipher, domain_version, look_at));
        if self.domain.people().insert(self.tag, person.clone(), removals) {
            Ok(person)
        } else {
            Err(Error::new(ErrorKind::Conflict, "a person was shredded meanwhile"))
        }
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject({:?})", self.tag)
    }
}

/// Whether a lease that was just looked up has ended already: somebody rotates again and again.
fn has_ended(loaded: &Loaded) -> bool {
    loaded.seals_until().is_err_and(|error| error.kind() == ErrorKind::Stale)
}
