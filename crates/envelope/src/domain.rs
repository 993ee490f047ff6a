use crate::cipher::FieldCipher;
use crate::flight::{Flight, Leader, Ticket};
use crate::guard::{Guard, Guarded};
use crate::loaded::{self, Loaded};
use crate::options::Options;
use crate::people::People;
use crate::phi::{Phi, Plaintext};
use crate::sealed::Sealed;
use crate::subject::Subject;
use arc_swap::ArcSwapOption;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use phiseal_format::{Context, DomainId, KeyId, SubjectTag};
use phiseal_keys::{
    Clock, Error, ErrorKind, KeyState, KeyStore, Keyset, Moment, Reader, Rewrapped,
};
use std::sync::Arc;

/// A named scope of data with keys of its own, such as `clinic/patients`: what an application holds.
///
/// Cheap to clone, meant to be kept and shared. While its keys are warm nothing here waits or does I/O. Of the callers
/// that come when a look at the key store or the KEK is due, one looks and the others go on with what they have.
#[derive(Clone)]
pub struct Domain {
    inner: Arc<Inner>,
    reading: Option<Arc<Guarded>>,
}

struct Inner {
    store: Arc<KeyStore>,
    name: Box<str>,
    options: Arc<Options>,
    loaded: ArcSwapOption<Loaded>,
    flight: Flight,
    looked_for_foreign: AtomicU64,
    looked_at: AtomicU64,
    people: People,
}

impl Inner {
    /// What judges this reader, where the options have a policy.
    fn reading(&self, reader: Option<Reader>) -> Option<Arc<Guarded>> {
        let policy = self.options.reveals.clone()?;
        Some(Arc::new(Guarded::new(Guard::new(policy, reader, self.store.clone()))))
    }
}

impl Domain {
    /// Opens the domain, or makes it when there is none and the options say so.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a name that [`Keyset::check_name`] refuses; [`ErrorKind::NotFound`];
    /// [`ErrorKind::Tampered`]; and what store and backend answer.
    pub async fn connect(
        store: Arc<KeyStore>,
        name: &str,
        options: Arc<Options>,
    ) -> Result<Self, Error> {
        let domain = Self::unopened(store, name, options)?;
        domain.ready().await?;
        Ok(domain)
    }

    /// A handle that has not looked at the key store yet; its first use does, once for all that share it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a name that [`Keyset::check_name`] refuses, and for a lease that is too long.
    pub fn unopened(
        store: Arc<KeyStore>,
        name: &str,
        options: Arc<Options>,
    ) -> Result<Self, Error> {
        Keyset::check_name(name)?;
        if options.lease > Keyset::LONGEST_LEASE {
            return Err(Error::new(ErrorKind::Invalid, "a lease is at most ten minutes"));
        }
        let inner = Arc::new(Inner {
            store,
            name: name.into(),
            people: People::new(options.subjects),
            options,
            loaded: ArcSwapOption::empty(),
            flight: Flight::default(),
            looked_for_foreign: AtomicU64::new(0),
            looked_at: AtomicU64::new(0),
        });
        let reading = inner.reading(inner.store.reader().cloned());
        Ok(Self { inner, reading })
    }

    /// The same domain in the hands of `reader`, for whom its [policy](Options::reveals) judges what is opened and revealed here:
    /// a cheap handle, for one request. Without a policy nothing is judged.
    #[must_use]
    pub fn read_by(&self, reader: Reader) -> Self {
        Self { inner: self.inner.clone(), reading: self.inner.reading(Some(reader)) }
    }

    /// The same domain with nothing that judges openings: for what opens and shows nobody, as a rotation does.
    ///
    /// # Security
    ///
    /// What is opened here is neither refused nor written down. It is not to reach whoever handles requests. A reader who is
    /// [named](Domain::read_by) for it is judged again.
    #[must_use]
    pub fn assume_allowed(&self) -> Self {
        Self { inner: self.inner.clone(), reading: None }
    }

    /// Whether keys are at hand.
    #[must_use]
    pub fn is_opened(&self) -> bool {
        self.inner.loaded.load().is_some()
    }

    /// The domain's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The domain's keyset as it was at the last look at the key store.
    ///
    /// # Errors
    ///
    /// As [`Domain::ready`].
    pub async fn keyset(&self) -> Result<Keyset, Error> {
        Ok(self.current().await?.keyset().clone())
    }

    /// A cipher to seal and open with, synchronously, after whatever look is due.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when store or backend do not answer and no key is at hand whose time is not over;
    /// [`ErrorKind::Denied`], [`ErrorKind::State`], [`ErrorKind::NotFound`] or [`ErrorKind::Tampered`] when the keys may
    /// not be used any more, with all of them dropped at once.
    pub async fn ready(&self) -> Result<Arc<FieldCipher>, Error> {
        let loaded = self.current().await?;
        if !loaded.cipher().sealing().is_some_and(|key| key.was_spent()) {
            return Ok(self.cipher(&loaded));
        }
        // Sealing needs a look. Opening does not, and is not stopped by one that fails.
        match self.renewed().await {
            Ok(renewed) => Ok(self.cipher(&renewed)),
            Err(error) if error.is_retryable() => Ok(self.cipher(&loaded)),
            Err(error) => Err(error),
        }
    }

    /// As [`Domain::ready`], after a look at the key store where the key of this id is not at hand: another process may have
    /// just made it. There is one such look a second, no more.
    ///
    /// # Errors
    ///
    /// As [`Domain::ready`].
    pub async fn ready_for(&self, id: KeyId) -> Result<Arc<FieldCipher>, Error> {
        let cipher = self.ready().await?;
        if cipher.opener(&id).is_some() || !self.may_look_for_foreign() {
            return Ok(cipher);
        }
        Ok(self.cipher(&*Box::pin(self.looked_anew()).await?))
    }

    /// As [`Domain::ready`], after a look at the key store if the last one was longer than `within` ago: what is to see a key that
    /// another process has just made. While the key store does not answer, what is at hand serves until its lease is over.
    ///
    /// # Errors
    ///
    /// As [`Domain::ready`].
    pub async fn ready_within(&self, within: Duration) -> Result<Arc<FieldCipher>, Error> {
        let (now, looked_at) = (self.clock().now(), &self.inner.looked_at);
        let last = looked_at.load(Ordering::Acquire);
        let is_due = last == 0 || now.since(Moment::from_nanos(last)) >= within;
        // Of those who find it due at the same moment one looks, and nobody tries again in that time where it failed.
        let leads = || {
            looked_at.compare_exchange(last, now.as_nanos(), Ordering::AcqRel, Ordering::Acquire)
        };
        if is_due
            && leads().is_ok()
            && let Err(error) = Box::pin(self.looked_anew()).await
            && !error.is_retryable()
        {
            return Err(error);
        }
        self.ready().await
    }

    /// The cipher at hand, without a look, where there is one: for what cannot wait. Its keys may be over.
    #[must_use]
    pub fn at_hand(&self) -> Option<Arc<FieldCipher>> {
        self.inner.loaded.load().as_ref().map(|loaded| self.cipher(loaded))
    }

    /// Seals `plaintext` as what `context` says.
    ///
    /// # Errors
    ///
    /// As [`FieldCipher::seal`] and [`Domain::ready`]; [`ErrorKind::Exhausted`] when the key has been used as often as it
    /// may be.
    pub async fn seal(
        &self,
        plaintext: impl AsRef<[u8]>,
        context: &Context,
    ) -> Result<Sealed, Error> {
        let mut loaded = self.current().await?;
        for _ in 0..LOOKS {
            // What has just been looked up can end at once, when somebody rotates again or uses the reserve up.
            match loaded.cipher().seal(plaintext.as_ref(), context) {
                Err(error) if error.kind() == ErrorKind::Stale => {
                    loaded = Box::pin(self.renewed_for_sealing()).await?;
                }
                sealed => return sealed,
            }
        }
        loaded.cipher().seal(plaintext.as_ref(), context)
    }

    /// Opens what was sealed as what `context` says.
    ///
    /// # Errors
    ///
    /// As [`FieldCipher::open`] and [`Domain::ready`].
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
    /// As [`FieldCipher::open_masked`] and [`Domain::ready`].
    pub async fn open_masked(&self, sealed: &Sealed, context: &Context) -> Result<String, Error> {
        self.opened(|cipher| cipher.open_masked(sealed, context)).await
    }

    /// The key of a person who has one.
    ///
    /// `subject` is what the application calls the person; it is stored nowhere, only a keyed digest of it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::State`] when it was shredded; and as [`Domain::ready`].
    pub async fn subject(&self, subject: &str) -> Result<Subject, Error> {
        Subject::connect(self.clone(), subject, false).await
    }

    /// The key of a person who has one, by the opaque tag that stands for the person ([`Subject::tag`]).
    ///
    /// # Errors
    ///
    /// As [`Domain::subject`].
    pub async fn subject_of_tag(&self, tag: SubjectTag) -> Result<Subject, Error> {
        let subject = Subject::of_tag(self.clone(), tag);
        subject.ready().await?;
        Ok(subject)
    }

    /// Whether new data is sealed under the key of this id, as the key store has it now: a look that no lease spares.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::State`] when the primary key may not seal; and what the key store answers.
    pub async fn seals_under(&self, id: KeyId) -> Result<bool, Error> {
        let keyset = self.key_store().keyset(self.name()).await?;
        Ok(keyset.sealing_version()?.key_id().short() == id)
    }

    /// The key of a person, made when there is none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::State`] when it was shredded; and as [`Domain::ready`].
    pub async fn subject_or_create(&self, subject: &str) -> Result<Subject, Error> {
        Subject::connect(self.clone(), subject, true).await
    }

    /// Wraps the domain's data keys under the KEK's current version. No data is touched.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Denied`] on a handle that only reads; as [`KeyStore::rewrap`].
    pub async fn rewrap(&self) -> Result<Rewrapped, Error> {
        self.may_write()?;
        let rewrapped = self.key_store().rewrap(self.name()).await?;
        self.renewed().await?;
        Ok(rewrapped)
    }

    /// Makes a new data key and seals under it from now on; the old one is deactivated: it opens, but does not seal.
    ///
    /// Data that is sealed already stays under the old key until it is resealed. Other processes seal under the old key
    /// until their lease is over.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when the keyset changed meanwhile; [`ErrorKind::Denied`] on a handle that only reads; and
    /// what store and backend answer.
    pub async fn rotate(&self) -> Result<Keyset, Error> {
        self.may_write()?;
        let keyset = self.key_store().keyset(self.name()).await?;
        let old = keyset.primary();
        let keyset = self.key_store().add_version(&keyset).await?;
        let newest = keyset.versions().last().map_or(old, |version| version.number());
        let keyset = self.key_store().set_primary(&keyset, newest).await?;
        let keyset = match keyset.version(old).map(|version| version.state()) {
            Some(KeyState::Active | KeyState::Suspended) => {
                self.key_store().set_state(&keyset, old, KeyState::Deactivated).await?
            }
            _ => keyset,
        };
        self.renewed_until(|loaded| loaded.keyset().revision() >= keyset.revision()).await?;
        Ok(keyset)
    }

    /// The opaque id that every ciphertext of the domain is bound to.
    ///
    /// # Errors
    ///
    /// As [`Domain::ready`].
    pub async fn id(&self) -> Result<DomainId, Error> {
        Ok(self.current().await?.keyset().domain())
    }

    /// Looks at the key store now, whatever the lease allows: somebody else may have rotated the domain.
    ///
    /// # Errors
    ///
    /// As [`Domain::ready`].
    pub async fn refresh(&self) -> Result<(), Error> {
        let newest = self.key_store().keyset(self.name()).await?.revision();
        self.renewed_until(|loaded| loaded.keyset().revision() >= newest).await.map(drop)
    }

    /// The key store that it is in.
    #[must_use]
    pub fn key_store(&self) -> &Arc<KeyStore> {
        &self.inner.store
    }

    pub(crate) fn options(&self) -> &Options {
        &self.inner.options
    }

    pub(crate) fn people(&self) -> &People {
        &self.inner.people
    }

    /// What `open` opens with the keys at hand, and once more after the look that its failure asks for.
    pub(crate) async fn opened<T>(
        &self,
        open: impl Fn(&FieldCipher) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let opened = |loaded: &Loaded| match &self.reading {
            None => open(loaded.cipher()),
            Some(reading) => open(&reading.before(loaded.cipher())),
        };
        match opened(&*self.current().await?) {
            Err(error)
                if matches!(error.kind(), ErrorKind::Foreign | ErrorKind::State)
                    && self.may_look_for_foreign() =>
            {
                opened(&*Box::pin(self.looked_anew()).await?)
            }
            Err(error) if error.kind() == ErrorKind::Stale => opened(&*self.renewed().await?),
            opened => opened,
        }
    }

    /// What is loaded, with whatever judges openings before it.
    fn cipher(&self, loaded: &Loaded) -> Arc<FieldCipher> {
        self.reading
            .as_ref()
            .map_or_else(|| loaded.cipher().clone(), |reading| reading.before(loaded.cipher()))
    }

    /// A person's cipher, with whatever judges openings before it.
    pub(crate) fn cipher_of(
        &self,
        bare: &Arc<FieldCipher>,
        person: SubjectTag,
    ) -> Arc<FieldCipher> {
        let guarded = |reading: &Arc<Guarded>| {
            Arc::new(FieldCipher::guarded(bare, reading.guard(), Some(person)))
        };
        self.reading.as_ref().map_or_else(|| bare.clone(), guarded)
    }

    pub(crate) fn may_write(&self) -> Result<(), Error> {
        if self.options().read_only { Err(loaded::read_only()) } else { Ok(()) }
    }

    fn clock(&self) -> &dyn Clock {
        &**self.inner.store.clock()
    }

    /// What is loaded, after whatever look is due.
    pub(crate) async fn current(&self) -> Result<Arc<Loaded>, Error> {
        match self.inner.loaded.load_full() {
            Some(loaded) if self.clock().coarse() < loaded.look_at() => Ok(loaded),
            // In a box, so that the future of a seal or open is small, which is moved at every call.
            loaded => Box::pin(self.looked(loaded)).await,
        }
    }

    async fn looked(&self, loaded: Option<Arc<Loaded>>) -> Result<Arc<Loaded>, Error> {
        let Some(loaded) = loaded.filter(|loaded| loaded.is_live(self.clock().coarse())) else {
            return self.loaded_first().await;
        };
        // A look is due, but what is at hand may still be used: one caller looks, and no failure of it stops anybody,
        // unless it says that the keys may not be used any more.
        match self.inner.flight.try_lead(self.clock()) {
            None => Ok(loaded),
            Some(leader) => match self.load(leader).await {
                Err(error) if !ends_use(&error) => Ok(loaded),
                looked => looked,
            },
        }
    }

    /// Nothing is at hand: everybody waits for one load.
    async fn loaded_first(&self) -> Result<Arc<Loaded>, Error> {
        loop {
            match self.inner.flight.board(self.clock()).await {
                Ticket::Lead(leader) => return self.load(leader).await,
                Ticket::Landed(outcome) => {
                    outcome?;
                    if let Some(loaded) = self.inner.loaded.load_full() {
                        return Ok(loaded);
                    }
                }
            }
        }
    }

    /// A look at the key store now, or what a look that is under way brings.
    pub(crate) async fn renewed(&self) -> Result<Arc<Loaded>, Error> {
        Box::pin(self.loaded_first()).await
    }

    /// A look that begins now: one that is under way may have begun before the key was made that is looked for.
    async fn looked_anew(&self) -> Result<Arc<Loaded>, Error> {
        match self.inner.flight.board(self.clock()).await {
            Ticket::Lead(leader) => self.load(leader).await,
            Ticket::Landed(_) => self.loaded_first().await,
        }
    }

    /// A look now, and others while what they bring does not fit: one that was under way may have begun too early.
    pub(crate) async fn renewed_until(
        &self,
        fits: impl Fn(&Loaded) -> bool + Send,
    ) -> Result<Arc<Loaded>, Error> {
        let mut loaded = self.renewed().await?;
        for _ in 1..LOOKS {
            if fits(&loaded) {
                break;
            }
            loaded = self.renewed().await?;
        }
        Ok(loaded)
    }

    pub(crate) async fn renewed_for_sealing(&self) -> Result<Arc<Loaded>, Error> {
        let loaded = self.renewed().await?;
        loaded.reserve(self.key_store(), self.options()).await?;
        Ok(loaded)
    }

    async fn load(&self, leader: Leader<'_>) -> Result<Arc<Loaded>, Error> {
        // Read by the leader: what was loaded before it led may have been revoked since.
        let before = self.inner.loaded.load_full();
        let began = self.clock().now();
        let outcome =
            loaded::load(self.key_store(), &self.inner.name, self.options(), before.as_ref()).await;
        match &outcome {
            Ok(loaded) => {
                self.inner.loaded.store(Some(loaded.clone()));
                self.inner.looked_at.fetch_max(began.as_nanos(), Ordering::Release);
                if !before.is_some_and(|before| Arc::ptr_eq(&before, loaded)) {
                    self.people().follow(loaded);
                }
                // What cannot be reserved now is asked for again, and reported, by the first seal that needs it.
                let _ = loaded.reserve(self.key_store(), self.options()).await;
            }
            Err(error) if !ends_use(error) => {}
            Err(_) => {
                if let Some(loaded) = self.inner.loaded.swap(None) {
                    loaded.revoke();
                }
                self.people().clear();
            }
        }
        leader.land(outcome.as_ref().map(|_| ()), self.clock());
        outcome
    }

    /// A key that is unknown, or may not be used, may be one that another process has just made, or put to use again:
    /// worth one look a second, no more.
    pub(crate) fn may_look_for_foreign(&self) -> bool {
        const EVERY: Duration = Duration::from_secs(1);
        let now = self.clock().now();
        let looked_for = &self.inner.looked_for_foreign;
        let last = looked_for.load(Ordering::Relaxed);
        let due = last == 0 || now.since(Moment::from_nanos(last)) >= EVERY;
        // Of those who find it due at the same moment, one looks.
        due && looked_for
            .compare_exchange(last, now.as_nanos(), Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}

/// Whether an error says that keys at hand may not be used any more, and not only that it could not be found out.
fn ends_use(error: &Error) -> bool {
    !error.is_retryable() && !matches!(error.kind(), ErrorKind::Memory | ErrorKind::Random)
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Domain")
            .field("name", &self.inner.name)
            .field("loaded", &self.inner.loaded.load())
            .finish_non_exhaustive()
    }
}

/// How often the key store is looked at for one call, at most.
pub(crate) const LOOKS: usize = 8;
