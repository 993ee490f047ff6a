use arc_swap::ArcSwapOption;
use core::fmt;
use core::time::Duration;
use phiseal_envelope::{ColumnGuard, ColumnKeys, ColumnSecrets, Domain, FieldCipher};
use phiseal_format::{Context, KeyId, TokenUse};
use phiseal_keys::{Error, ErrorKind, Reader};
use std::sync::Arc;

/// A column of tokens, or of entries of an index: what kind they are, and which keys they are made with.
///
/// The keys are of the domain, its tenant where there is one, and the column's name: equal values in two columns have
/// nothing in common, in columns of one name (and kind, domain and tenant) they have equal tokens, so that tables can be
/// joined by them. Cheap to clone, meant to be kept and shared.
///
/// ```
/// # pollster::block_on(async {
/// # use phiseal_backends::memory::MemoryKek;
/// # use phiseal_envelope::{Domain, Options};
/// # use phiseal_keys::{Keks, KeyStore, KeyStoreConfig};
/// # use std::sync::Arc;
/// # let engine = phiseal_primitives::default_engine();
/// # let keks = Keks::later(Arc::new(MemoryKek::new(engine)?), engine);
/// # let store = KeyStore::open(Arc::new(phiseal_stores::MemoryStore::new()), keks, KeyStoreConfig::new(engine)).await?;
/// # let domain = Domain::connect(store.into(), "clinic/tokens", Options::new(engine).into()).await?;
/// use phiseal_tokens::{Cardinality, Column, Format, FormatPreserving};
///
/// let kind = FormatPreserving::new(Format::digits(9).separated_by("-"), Cardinality::SSN)?;
/// let ssn = Column::new(&domain, "ssn", kind);
/// let token = ssn.tokenize("123-45-6789").await?;
/// assert_eq!(token.len(), 11);
/// assert_eq!(ssn.reveal(&token).await?.expose_secret(), "123-45-6789");
/// # Ok::<(), phiseal_keys::Error>(()) }).unwrap();
/// ```
pub struct Column<K: Kind>(Arc<Inner<K>>);

struct Inner<K: Kind> {
    domain: Domain,
    context: Context,
    kind: Arc<K>,
    kept: ArcSwapOption<Kept<Keyed<K>>>,
    /// Shared by the handles of all readers.
    keys: Arc<ArcSwapOption<Kept<ColumnKeys<K::Key>>>>,
}

/// What was made of a cipher's keys.
struct Kept<T> {
    of: Arc<FieldCipher>,
    made: Arc<T>,
}

impl<T> Kept<T> {
    /// What was made of this cipher's keys, if that is what is kept.
    fn of(kept: &ArcSwapOption<Self>, cipher: &Arc<FieldCipher>) -> Option<Arc<T>> {
        let kept = kept.load();
        kept.as_ref().filter(|kept| kept.of.has_keys_of(cipher)).map(|kept| kept.made.clone())
    }
}

/// A kind of tokens or indexes that has keys.
///
/// Sealed: the kinds are those of this crate.
pub trait Kind: sealed::Sealed + fmt::Debug + Send + Sync + 'static {
    /// What one version of the keys is made into.
    #[doc(hidden)]
    type Key: Send + Sync;

    #[doc(hidden)]
    fn key(&self, secrets: &ColumnSecrets<'_>) -> Result<Self::Key, Error>;
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

impl<K: Kind> Column<K> {
    /// The column of this name in a domain.
    #[must_use]
    pub fn new(domain: &Domain, name: &str, kind: K) -> Self {
        Self::of(domain, Context::of_field(name), kind)
    }

    /// The same of one tenant, who shares no key with another.
    #[must_use]
    pub fn of_tenant(domain: &Domain, tenant: impl AsRef<[u8]>, name: &str, kind: K) -> Self {
        Self::of(domain, Context::of_tenant(tenant).field(name), kind)
    }

    pub(crate) fn of(domain: &Domain, context: Context, kind: K) -> Self {
        Self(Arc::new(Inner {
            domain: domain.clone(),
            context,
            kind: Arc::new(kind),
            kept: ArcSwapOption::empty(),
            keys: Arc::default(),
        }))
    }

    /// The same column in the hands of `reader`: [`Domain::read_by`].
    #[must_use]
    pub fn read_by(&self, reader: Reader) -> Self {
        self.in_domain(self.0.domain.read_by(reader))
    }

    /// The same with another handle of the same domain.
    fn in_domain(&self, domain: Domain) -> Self {
        Self(Arc::new(Inner {
            domain,
            context: self.0.context.clone(),
            kind: self.0.kind.clone(),
            kept: ArcSwapOption::empty(),
            keys: self.0.keys.clone(),
        }))
    }

    /// The same column with nothing that judges what is made and revealed: [`Domain::assume_allowed`].
    ///
    /// # Security
    ///
    /// As that: it is not to reach whoever handles requests.
    #[must_use]
    pub fn assume_allowed(&self) -> Self {
        self.in_domain(self.0.domain.assume_allowed())
    }

    /// What is made, and how.
    #[must_use]
    pub fn kind(&self) -> &K {
        &self.0.kind
    }

    /// The domain whose keys it has.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.0.domain
    }

    /// The kind with its keys, for use without waiting, after whatever look is due.
    ///
    /// # Errors
    ///
    /// As [`Domain::ready`]; [`ErrorKind::Malformed`] for a name or tenant that is too long.
    pub async fn ready(&self) -> Result<Arc<Keyed<K>>, Error> {
        self.keyed(self.0.domain.ready().await?)
    }

    /// As [`Column::ready`], after a look for the key of this id where it is not at hand.
    ///
    /// # Errors
    ///
    /// As [`Column::ready`].
    pub async fn ready_for(&self, id: KeyId) -> Result<Arc<Keyed<K>>, Error> {
        self.keyed(self.0.domain.ready_for(id).await?)
    }

    /// The kind with the keys at hand, without a look, where there are any: for what cannot wait. Their time may be over.
    #[must_use]
    pub fn at_hand(&self) -> Option<Arc<Keyed<K>>> {
        self.keyed(self.0.domain.at_hand()?).ok()
    }

    /// As [`Column::ready`], after a look at the key store if the last one was longer than `within` ago: for searches, which are to
    /// see what another process has just made under a new key. While the key store does not answer, what is at hand serves until
    /// its lease is over.
    ///
    /// # Errors
    ///
    /// As [`Column::ready`].
    pub async fn ready_within(&self, within: Duration) -> Result<Arc<Keyed<K>>, Error> {
        self.keyed(self.0.domain.ready_within(within).await?)
    }

    /// Does `what` with the keys as they were at most a second ago.
    pub(crate) async fn search<T>(
        &self,
        what: impl Fn(&Keyed<K>) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        what(&*self.ready_within(SEEN).await?)
    }

    /// Does `what` with the keys at hand, and once more with new ones where their time was over.
    pub(crate) async fn with<T>(
        &self,
        what: impl Fn(&Keyed<K>) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        match what(&*self.ready().await?) {
            Err(error) if error.kind() == ErrorKind::Stale => {
                self.0.domain.refresh().await?;
                what(&*self.ready().await?)
            }
            done => done,
        }
    }

    fn keyed(&self, cipher: Arc<FieldCipher>) -> Result<Arc<Keyed<K>>, Error> {
        if let Some(keyed) = Kept::of(&self.0.kept, &cipher) {
            return Ok(keyed);
        }
        let kind = self.0.kind.clone();
        let keys = match Kept::of(&self.0.keys, &cipher) {
            Some(keys) => keys,
            None => {
                let make = |secrets: &ColumnSecrets<'_>| kind.key(secrets);
                let keys = Arc::new(cipher.column_keys(&self.0.context, make)?);
                let kept = Kept { of: cipher.clone(), made: keys.clone() };
                self.0.keys.store(Some(Arc::new(kept)));
                keys
            }
        };
        let keyed = Arc::new(Keyed { kind, keys, guard: cipher.column_guard(&self.0.context) });
        self.0.kept.store(Some(Arc::new(Kept { of: cipher, made: keyed.clone() })));
        Ok(keyed)
    }
}

/// How long the name of a generation of entries is, in bytes.
pub(crate) const GENERATION: usize = 8;

/// The name of a generation: it follows from the key, the column and the definition of the index, so nobody has to number them.
pub(crate) fn generation(
    secrets: &ColumnSecrets<'_>,
    definition: &str,
) -> Result<[u8; GENERATION], Error> {
    let name = secrets.derive_by(TokenUse::IndexGeneration, definition)?;
    Ok(name.expose_secret().first_chunk().copied().unwrap_or_default())
}

/// How old what is known of other keys may be in a search.
const SEEN: Duration = Duration::from_secs(1);

impl<K: Kind> Clone for Column<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Kind> fmt::Debug for Column<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Column").field(&self.0.context).field(&self.0.kind).finish()
    }
}

/// A kind of tokens with the keys of a column, as they were at the last look: neither I/O nor waiting.
///
/// It works for as long as its keys may be used without a look at the key store; then every call fails with
/// [`ErrorKind::Stale`] until [`Column::ready`] has looked.
pub struct Keyed<K: Kind> {
    pub(crate) kind: Arc<K>,
    pub(crate) keys: Arc<ColumnKeys<K::Key>>,
    /// What judges what is revealed, and searched.
    pub(crate) guard: ColumnGuard,
}

impl<K: Kind> Keyed<K> {
    /// The id of the key that tokens and entries are made with now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stale`]; [`ErrorKind::State`] when the primary key may not be used for anything new;
    /// [`ErrorKind::Denied`] on a handle that only reads.
    pub fn key_id(&self) -> Result<KeyId, Error> {
        Ok(self.keys.newest()?.0)
    }
}

impl<K: Kind> fmt::Debug for Keyed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keyed").field(&self.kind).field(&self.keys).finish()
    }
}
