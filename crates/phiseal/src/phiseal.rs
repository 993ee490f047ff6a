use core::fmt;
use phiseal_envelope::{Domain, NoncePolicy, Options, RevealPolicy};
use phiseal_keys::{
    Clock, Error, ErrorKind, FullKeyId, KekBackend, Keks, KeyStore, KeyStoreConfig, Reader, Store,
    require_locked_memory,
};
use phiseal_primitives::{Engine, default_engine};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A key store and the KEK that guards it: where an application begins.
///
/// ```
/// # fn main() -> Result<(), phiseal::Error> { pollster::block_on(async {
/// use phiseal::backends::memory::MemoryKek;
/// use phiseal::stores::MemoryStore;
/// use phiseal::{Phi, Phiseal, context};
///
/// let phi = Phiseal::open(MemoryStore::new(), MemoryKek::new(phiseal::default_engine())?).await?;
/// let patients = phi.domain("clinic/patients").await?;
///
/// let what = context!(record = "mrn-1029", field = "ssn");
/// let ssn = patients.seal("123-45-6789", &what).await?;
/// let plain: Phi<String> = patients.open(&ssn, &what).await?;
/// assert_eq!(plain.expose_secret(), "123-45-6789");
/// # Ok(()) }) }
/// ```
#[derive(Clone)]
pub struct Phiseal(Arc<Inner>);

struct Inner {
    store: Arc<KeyStore>,
    options: Arc<Options>,
    domains: Mutex<HashMap<String, Domain>>,
}

impl Phiseal {
    /// Opens a key store under a KEK with the defaults, or sets it up when it is empty.
    ///
    /// # Errors
    ///
    /// As [`Builder::open`].
    pub async fn open(store: impl Store, kek: impl KekBackend) -> Result<Self, Error> {
        Builder::new().open(store, kek).await
    }

    /// What [`Phiseal::open`] does, with other choices than the defaults.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// A domain by its name, made when there is none. Cheap when it was asked for before.
    ///
    /// # Errors
    ///
    /// As [`Domain::connect`].
    pub async fn domain(&self, name: &str) -> Result<Domain, Error> {
        let domain = self.shared(name)?;
        if domain.is_opened() {
            return Ok(domain);
        }
        match domain.ready().await {
            Ok(_) => Ok(domain),
            Err(error) => {
                // A name that is none is not kept; one that is gets another attempt, together with whoever waits.
                if !error.is_retryable() {
                    self.forget(name);
                }
                Err(error)
            }
        }
    }

    /// The names of all domains in the store, in ascending order.
    ///
    /// # Errors
    ///
    /// As [`KeyStore::domains`].
    pub async fn domains(&self) -> Result<Vec<String>, Error> {
        self.0.store.domains().await
    }

    /// The key store, for custodians' programs.
    #[must_use]
    pub fn key_store(&self) -> &Arc<KeyStore> {
        &self.0.store
    }

    /// The one handle that all who ask for this domain share, so that however many they are, one of them looks.
    fn shared(&self, name: &str) -> Result<Domain, Error> {
        let mut domains = self.0.domains.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(domain) = domains.get(name) {
            return Ok(domain.clone());
        }
        let domain = Domain::unopened(self.0.store.clone(), name, self.0.options.clone())?;
        domains.insert(name.to_owned(), domain.clone());
        Ok(domain)
    }

    fn forget(&self, name: &str) {
        let mut domains = self.0.domains.lock().unwrap_or_else(PoisonError::into_inner);
        if domains.get(name).is_some_and(|domain| !domain.is_opened()) {
            domains.remove(name);
        }
    }
}

impl fmt::Debug for Phiseal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phiseal").field("store", &self.0.store).finish_non_exhaustive()
    }
}

type Change = Box<dyn FnOnce(&mut Options) + Send>;
type Join = fn(Keks, Keks) -> Keks;

/// The choices that an application may make when it opens a key store. None of them is needed.
pub struct Builder {
    config: KeyStoreConfig,
    changes: Vec<Change>,
    strict: bool,
    /// The other KEKs, and how each joins those before it.
    others: Vec<(Arc<dyn KekBackend>, Join)>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .field("strict", &self.strict)
            .finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        let config = KeyStoreConfig::new(default_engine());
        Self { config, changes: Vec::new(), strict: false, others: Vec::new() }
    }

    /// Another engine than the default one. It sets the suite and the nonce policy that go with it.
    #[must_use]
    pub fn engine(mut self, engine: &'static dyn Engine) -> Self {
        self.config.engine = engine;
        self
    }

    /// Other options for all domains; `change` is called with the defaults of the engine.
    #[must_use]
    pub fn options(mut self, change: impl FnOnce(&mut Options) + Send + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// Refuses what is otherwise met with a warning: memory that cannot be locked. Nonces are drawn for each message.
    #[must_use]
    pub const fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Who holds the handle, and for which use.
    #[must_use]
    pub fn reader(mut self, reader: Reader) -> Self {
        self.config.reader = Some(reader);
        self
    }

    /// What judges who may see what, and writes it down, in all domains: then a handle opens nothing unless a reader was named
    /// for it, here or by [`Domain::read_by`]. The feature `access` has one that reads a policy file.
    #[must_use]
    pub fn reveals(self, policy: Arc<dyn RevealPolicy>) -> Self {
        self.options(|options| options.reveals = Some(policy))
    }

    /// Another clock than the machine's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.config.clock = Arc::new(clock);
        self
    }

    /// The id that the store's own key must have, from [`KeyStore::store_key`]. Where the KEK is a public key, it is
    /// required.
    #[must_use]
    pub const fn store_key(mut self, id: FullKeyId) -> Self {
        self.config.store_key = Some(id);
        self
    }

    /// Refuses to set up an empty store or to make a domain that does not exist.
    #[must_use]
    pub fn existing(mut self) -> Self {
        self.config.create = false;
        self.options(|options| options.create = false)
    }

    /// Only opens: seals nothing, makes nothing, never writes to the key store.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.config.create = false;
        self.options(|options| options.read_only = true)
    }

    /// One more KEK that wraps every key of the store, so that any one of them opens it: another region, an HSM that is
    /// kept for the day when the service is lost. New keys need all of them; opening the store and what it holds needs one.
    /// What was made before it was added gets its wraps by [`Domain::rewrap`] and
    /// [`KeyStore::rewrap_store_key`].
    #[must_use]
    pub fn also_wrap_with(mut self, kek: impl KekBackend) -> Self {
        self.others.push((Arc::new(kek), |keks, kek| keks.and_wrap_with(kek)));
        self
    }

    /// One more KEK that may unwrap what the store holds, such as the one before this one. New wraps are not made by it.
    #[must_use]
    pub fn also_unwrap_with(mut self, kek: impl KekBackend) -> Self {
        self.others.push((Arc::new(kek), |keks, kek| keks.and_unwrap_with(kek)));
        self
    }

    /// A KEK that wraps every key of the store and is never asked to unwrap: the public half of a recovery key
    /// (`backends::recovery`), whose private half opens the store on the day when every other KEK is gone. What was made
    /// before it was added gets its wraps as with [`Builder::also_wrap_with`]; rewrapping without it takes them away.
    #[must_use]
    pub fn also_escrow_to(mut self, kek: impl KekBackend) -> Self {
        self.others.push((Arc::new(kek), |keks, kek| keks.and_escrow_to(kek)));
        self
    }

    /// Opens the store, or sets it up when it is empty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Memory`] when strict and memory cannot be locked; as [`Kek::connect`](crate::Kek::connect) and [`KeyStore::open`].
    pub async fn open(self, store: impl Store, kek: impl KekBackend) -> Result<Phiseal, Error> {
        let Self { config, changes, strict, others } = self;
        let mut options = Options::new(config.engine);
        changes.into_iter().for_each(|change| change(&mut options));
        if strict {
            require_locked_memory()?;
            if options.nonces == NoncePolicy::PerBlock {
                options.nonces = NoncePolicy::PerMessage;
            }
        }
        if options.lease.is_zero() || options.key_time.is_zero() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a lease or key time of zero would make every call wait",
            ));
        }
        let mut keks = Keks::later(Arc::new(kek), config.engine);
        for (other, join) in others {
            keks = join(keks, Keks::later(other, config.engine));
        }
        let store = KeyStore::open(Arc::new(store), keks, config).await?;
        Ok(Phiseal(Arc::new(Inner {
            store: Arc::new(store),
            options: Arc::new(options),
            domains: Mutex::default(),
        })))
    }
}
