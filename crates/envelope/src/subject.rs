use crate::cipher::FieldCipher;
use crate::domain::Domain;
use crate::loaded::Loaded;
use crate::person::Person;
use crate::phi::{Phi, Plaintext};
use crate::sealed::Sealed;
use core::fmt;
use phiseal_format::{Context, SubjectTag};
use phiseal_keys::{DataKey, Error, ErrorKind, Renewal, SubjectRecord};
use std::sync::Arc;

/// One person's keys in a domain: one seals, and those before it open. What is sealed here is lost when they are shredded, and
/// nothing else is.
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
        let handle = Self::of_tag(domain, tag);
        match handle.person(&loaded).await {
            Err(error) if error.kind() == ErrorKind::NotFound && create => handle.create().await?,
            opened => opened?,
        };
        Ok(handle)
    }

    /// A handle that has not looked at the key store yet.
    pub(crate) const fn of_tag(domain: Domain, tag: SubjectTag) -> Self {
        Self { domain, tag }
    }

    /// The domain whose key wraps the person's.
    #[must_use]
    pub const fn domain(&self) -> &Domain {
        &self.domain
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
            return Ok(self.cipher(&person));
        }
        // The epochs are used up, or this is a forked child: the record is looked at, and the key sealed under anew.
        self.domain.people().look_again(self.tag);
        Ok(self.cipher(&*self.person(&loaded).await?))
    }

    /// Seals `plaintext` under the person's current key.
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
            // The person's key was exposed, and may have been renewed elsewhere.
            Err(error) if error.kind() == ErrorKind::State && self.may_look_for_foreign() => {
                self.refresh().await?;
                self.ready().await?.seal(plaintext.as_ref(), context)
            }
            sealed => sealed,
        }
    }

    /// Opens what was sealed under one of the person's keys.
    ///
    /// # Errors
    ///
    /// As [`FieldCipher::open`] and [`Subject::ready`].
    pub async fn open<T: Plaintext>(
        &self,
        sealed: &Sealed,
        context: &Context,
    ) -> Result<Phi<T>, Error> {
        self.opened(|cipher| cipher.open(sealed, context)).await
    }

    /// Opens a text and shows of it what the policy's mask leaves.
    ///
    /// # Errors
    ///
    /// As [`FieldCipher::open_masked`] and [`Subject::ready`].
    pub async fn open_masked(&self, sealed: &Sealed, context: &Context) -> Result<String, Error> {
        self.opened(|cipher| cipher.open_masked(sealed, context)).await
    }

    /// Gives the person a new key, which seals from now on. The keys before it open, so that what is under them can be
    /// resealed, here and in other processes, which seal under them until their leases are over.
    ///
    /// No old key is needed and the KEK is not called: a person whose keys cannot be had is renewed all the same.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::State`] when the person was shredded; [`ErrorKind::Exhausted`] when the person has as many keys as there
    /// may be ([`SubjectRecord::MAX_KEYS`]): drop those that nothing is under; [`ErrorKind::Conflict`] when the record changed
    /// meanwhile; [`ErrorKind::Denied`] on a handle that only reads; and as [`Domain::ready`]. After
    /// [`ErrorKind::Unavailable`] the person may have the new key, or not.
    pub async fn renew(&self, why: Renewal) -> Result<(), Error> {
        let (loaded, version) = self.domain.for_new_keys().await?;
        let wrap_key = loaded.subject_wrap(version)?;
        let store = self.domain.key_store();
        let keyset = loaded.keyset();
        let renewed = store.renew_subject(keyset, self.tag, version, wrap_key, why).await;
        // Whether or not it was done just now: whoever seals has to look at the record again.
        self.domain.people().renewed(self.tag);
        let (key, _) = renewed?;
        self.settled(loaded, version, &key).await.map(drop)
    }

    /// Looks at the person's record now, whatever the lease allows: somebody else may have renewed the person.
    ///
    /// # Errors
    ///
    /// As [`Subject::ready`].
    pub async fn refresh(&self) -> Result<(), Error> {
        self.domain.people().look_again(self.tag);
        let loaded = self.domain.current().await?;
        self.person(&loaded).await.map(drop)
    }

    /// What `open` opens with the person's keys, and once more after the look that its failure asks for.
    async fn opened<T>(
        &self,
        open: impl Fn(&FieldCipher) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        match open(&*self.ready().await?) {
            Err(error) if error.kind() == ErrorKind::Stale => open(&*self.renewed().await?),
            // The person may have been renewed elsewhere.
            Err(error)
                if matches!(error.kind(), ErrorKind::Foreign | ErrorKind::State)
                    && self.may_look_for_foreign() =>
            {
                self.refresh().await?;
                open(&*self.ready().await?)
            }
            opened => opened,
        }
    }

    fn may_look_for_foreign(&self) -> bool {
        let now = self.domain.key_store().clock().now();
        self.domain.people().may_look_for_foreign(self.tag, now)
    }

    async fn renewed(&self) -> Result<Arc<FieldCipher>, Error> {
        let loaded = self.domain.renewed().await?;
        self.domain.people().look_again(self.tag);
        Ok(self.cipher(&*self.person(&loaded).await?))
    }

    fn cipher(&self, person: &Person) -> Arc<FieldCipher> {
        self.domain.cipher_of(person.cipher(), self.tag)
    }

    async fn create(&self) -> Result<Arc<Person>, Error> {
        let (loaded, version) = self.domain.for_new_keys().await?;
        let store = self.domain.key_store();
        let (began, removals) = (store.clock().now(), self.domain.people().removals());
        let wrap_key = loaded.subject_wrap(version)?;
        match store.create_subject(loaded.keyset(), self.tag, version, wrap_key).await {
            Ok((key, record)) => {
                let (loaded, moved) = self.settled(loaded, version, &key).await?;
                let record = moved.unwrap_or(record);
                match self.unwrapped(&loaded, Ok(Some(record)), began, removals) {
                    Err(error) if error.kind() == ErrorKind::Conflict => self.person(&loaded).await,
                    kept => kept,
                }
            }
            // Another process made it at the same time.
            Err(error) if error.kind() == ErrorKind::Conflict => self.person(&loaded).await,
            Err(error) => Err(error),
        }
    }

    /// Wraps the person's new key by what is the primary *after* the key was written: who destroys a version counts the
    /// keys under it when it is the primary no more, and so counts this one. The record, if that changed it.
    async fn settled(
        &self,
        mut loaded: Arc<Loaded>,
        mut version: u32,
        key: &DataKey,
    ) -> Result<(Arc<Loaded>, Option<SubjectRecord>), Error> {
        let (store, mut moved) = (self.domain.key_store(), None);
        while !store.is_primary(loaded.keyset(), version).await? {
            loaded =
                self.domain.renewed_until(|loaded| loaded.keyset().primary() != version).await?;
            let to = loaded.keyset().sealing_version()?.number();
            let wrap_key = loaded.subject_wrap(to)?;
            match store.move_subject(loaded.keyset(), self.tag, to, wrap_key, key).await {
                Ok(record) => (version, moved) = (to, Some(record)),
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        Ok((loaded, moved))
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject({:?})", self.tag)
    }
}
