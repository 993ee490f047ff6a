//! Vaulted tokens: drawn at random, and looked up.

mod entry;
mod form;
mod found;
mod kind;
mod making;
mod purging;
mod random;
mod record;
mod renewal;
mod stored;
mod walk;
mod writes;

pub use form::VaultedForm;
pub use kind::Vaulted;
pub use renewal::{VaultCensus, VaultRenewed};
pub use stored::{EntryStanding, StoredToken, VaultPart, VaultRecord, VaultWrite};

use crate::Column;
use core::fmt;
use core::sync::atomic::AtomicBool;
use entry::Places;
use found::{Found, unknown};
use phiseal_envelope::{Domain, Phi, Plaintext, RevealForm, Subject};
use phiseal_format::{Context, SubjectTag};
use phiseal_keys::{Clock, Error, ErrorKind, Reader, RecordKind, Store};
use record::Header;
use std::sync::Arc;
use walk::Walk;

/// A column of vaulted tokens.
///
/// ```
/// # pollster::block_on(async {
/// # use phiseal_backends::memory::MemoryKek;
/// # use phiseal_envelope::{Domain, Options};
/// # use phiseal_keys::{Keks, KeyStore, KeyStoreConfig};
/// # use phiseal_stores::MemoryStore;
/// # use std::sync::Arc;
/// # let engine = phiseal_primitives::default_engine();
/// # let keks = Keks::later(Arc::new(MemoryKek::new(engine)?), engine);
/// # let keys = KeyStore::open(Arc::new(MemoryStore::new()), keks, KeyStoreConfig::new(engine)).await?;
/// # let domain = Domain::connect(keys.into(), "clinic/tokens", Options::new(engine).into()).await?;
/// # let storage = Arc::new(MemoryStore::new());
/// use phiseal_envelope::Phi;
/// use phiseal_tokens::{Cardinality, Vault, Vaulted, VaultedForm};
///
/// let kind = Vaulted::new(VaultedForm::number(12)?, &Cardinality::of(1_000_000))?;
/// let numbers = Vault::open(storage, &domain, "record number", kind).await?;
/// let token = numbers.tokenize("MRN-001029").await?;
/// assert_eq!(token.len(), 12);
/// assert_eq!(numbers.tokenize("MRN-001029").await?, token);
/// let value: Phi<String> = numbers.reveal(&token).await?;
/// assert_eq!(value.expose_secret(), "MRN-001029");
/// # Ok::<(), phiseal_keys::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Vault {
    store: Arc<dyn Store>,
    column: Column<Vaulted>,
    /// What values are sealed as, but for token and record.
    context: Context,
    places: Places,
    /// Through which tokens are revealed. What else is opened here is shown nobody, and by the column's domain.
    reading: Domain,
    /// Whether the value before had no token: then the next one is taken to have none either, which saves a look.
    last_was_new: Arc<AtomicBool>,
}

impl Vault {
    /// The column of this name, with the keys of `domain` and its tokens in `store`, which is not the one of the keys.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] for a store that holds keys; [`ErrorKind::Malformed`] for a name that is too long; and as
    /// [`Domain::ready`].
    pub async fn open(
        store: Arc<dyn Store>,
        domain: &Domain,
        name: &str,
        kind: Vaulted,
    ) -> Result<Self, Error> {
        Self::connect(store, domain, Context::of_field(name), kind).await
    }

    /// The same of one tenant, whose tokens are another's never.
    ///
    /// # Errors
    ///
    /// As [`Vault::open`].
    pub async fn open_of_tenant(
        store: Arc<dyn Store>,
        domain: &Domain,
        tenant: impl AsRef<[u8]> + Send,
        name: &str,
        kind: Vaulted,
    ) -> Result<Self, Error> {
        let context = Context::of_tenant(tenant).field(name);
        Self::connect(store, domain, context, kind).await
    }

    async fn connect(
        store: Arc<dyn Store>,
        domain: &Domain,
        context: Context,
        kind: Vaulted,
    ) -> Result<Self, Error> {
        if !store.scan(RecordKind::StoreKey, None, 1).await?.is_empty() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the store holds keys: keep the vault in another one",
            ));
        }
        let column = Column::of(&domain.assume_allowed(), context.clone(), kind);
        let engine = domain.key_store().engine();
        let places = Places::new(engine, context.encode(&domain.id().await?)?.as_bytes());
        let reading = domain.clone();
        Ok(Self { store, column, context, places, reading, last_was_new: Arc::default() })
    }

    /// The same vault in the hands of `reader`: [`Domain::read_by`].
    #[must_use]
    pub fn read_by(&self, reader: Reader) -> Self {
        Self { reading: self.reading.read_by(reader), ..self.clone() }
    }

    /// The token of a value: the one that it has, or a new one. Of any number of callers at once, in any number of
    /// processes, all get the same.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::State`] when the value's token is disabled; [`ErrorKind::Invalid`] over 64 KiB; [`ErrorKind::Tampered`] when the
    /// vault names the token of another value; [`ErrorKind::Denied`] on a handle that only reads, and when a reader was named who may
    /// not search the column; [`ErrorKind::Conflict`] when others are quicker time after time; and what the vault's store answers.
    pub async fn tokenize(&self, value: impl AsRef<[u8]> + Send) -> Result<String, Error> {
        self.may_search().await?;
        self.token_of(value.as_ref(), None).await
    }

    /// As [`Vault::tokenize`], of a value that is about a person and sealed under the person's key: who is shredded takes it
    /// along. Equal values of two persons have two tokens.
    ///
    /// # Errors
    ///
    /// As [`Vault::tokenize`]; [`ErrorKind::State`] when the person was shredded; [`ErrorKind::Foreign`] for a person of another
    /// domain than the vault's.
    pub async fn tokenize_of(
        &self,
        person: &Subject,
        value: impl AsRef<[u8]> + Send,
    ) -> Result<String, Error> {
        self.may_search().await?;
        self.token_of(value.as_ref(), Some(person)).await
    }

    /// As [`Vault::tokenize`], for many values at once: what is new is written together, which takes the time of one.
    ///
    /// # Errors
    ///
    /// As [`Vault::tokenize`].
    pub async fn tokenize_all(
        &self,
        values: &[impl AsRef<[u8]> + Sync],
    ) -> Result<Vec<String>, Error> {
        let Some(first) = values.first() else { return Ok(Vec::new()) };
        self.may_search().await?;
        // What stands together in a table is new together, or known together.
        let mut made = self.made_together(values, None, self.is_new(first.as_ref()).await?).await;
        if made.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict) {
            made = self.made_together(values, None, false).await;
        }
        match made {
            // Somebody else was quicker with one of them: one by one, each finds what the others wrote.
            Err(error) if error.kind() == ErrorKind::Conflict => {
                let mut tokens = Vec::with_capacity(values.len());
                for value in values {
                    tokens.push(self.token_of(value.as_ref(), None).await?);
                }
                Ok(tokens)
            }
            made => made,
        }
    }

    /// The value of a token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] for a token that was never given out; [`ErrorKind::State`] for one that is disabled, has ended or was
    /// purged, or whose person was shredded; [`ErrorKind::Unauthenticated`] when the record was changed or moved;
    /// [`ErrorKind::Invalid`] for what is not of the tokens' form, and when the value is no `T`; [`ErrorKind::Denied`] when the
    /// reader may not see it.
    pub async fn reveal<T: Plaintext>(&self, token: &str) -> Result<Phi<T>, Error> {
        let found = self.usable(token).await?;
        self.opened_through(&self.reading, token, &found).await
    }

    /// Reveals a token and shows of its value what the policy's mask leaves.
    ///
    /// # Errors
    ///
    /// As [`Vault::reveal`]; [`ErrorKind::Invalid`] where there is no policy.
    pub async fn reveal_masked(&self, token: &str) -> Result<String, Error> {
        let found = self.usable(token).await?;
        let context = found.header.context(&self.context, token);
        match found.header.person {
            None => self.reading.open_masked(&found.sealed, &context).await,
            Some(tag) => {
                self.reading.subject_of_tag(tag).await?.open_masked(&found.sealed, &context).await
            }
        }
    }

    /// Holds a token back: it is not revealed, and its value gets no other, until it is [enabled](Vault::enable).
    ///
    /// # Errors
    ///
    /// As [`Vault::reveal`], but for a token that is disabled already.
    pub async fn disable(&self, token: &str) -> Result<(), Error> {
        self.changed(token, |header| Header { disabled: true, ..header }).await
    }

    /// Gives a disabled token back.
    ///
    /// # Errors
    ///
    /// As [`Vault::disable`].
    pub async fn enable(&self, token: &str) -> Result<(), Error> {
        self.changed(token, |header| Header { disabled: false, ..header }).await
    }

    /// Forgets a token and its value, for good. Their bytes are gone from the medium when the store has
    /// [erased](Store::erase) them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Invalid`] for what is not of the tokens' form; [`ErrorKind::Conflict`] when others change
    /// it time after time; and what the vault's store answers.
    pub async fn purge(&self, token: &str) -> Result<(), Error> {
        self.check_form(token)?;
        if self.store.read(RecordKind::Token, &self.places.token(token)).await?.is_none() {
            return Err(unknown());
        }
        self.forgotten(token).await.map(drop)
    }

    /// Forgets every token that has ended, and says how many those were.
    ///
    /// # Errors
    ///
    /// As [`Vault::purge`].
    pub async fn purge_ended(&self) -> Result<u64, Error> {
        let (now, mut purged) = (self.now(), 0);
        let mut tokens = self.walk(RecordKind::Token, self.places.tokens());
        while let Some((id, record)) = tokens.next().await? {
            // What is no record is no token that has ended; a census counts it.
            let is_over = Found::parse(record).is_ok_and(|found| found.header.is_over(now));
            if let (Some(token), true) = (self.places.token_at(&id), is_over) {
                purged += u64::from(self.forgotten(&token).await?);
            }
        }
        Ok(purged)
    }

    /// Forgets every token of a person, and says how many those were. A person who is shredded has tokens that nobody reveals;
    /// this takes what is left of them out of the vault.
    ///
    /// # Errors
    ///
    /// As [`Vault::purge`].
    pub async fn purge_person(&self, person: SubjectTag) -> Result<u64, Error> {
        self.forget_person(person).await
    }

    /// The domain whose keys it has.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.reading
    }

    /// Refuses a reader who was named and may not search the column: to have the token of a value that one has guessed is to look
    /// for it.
    async fn may_search(&self) -> Result<(), Error> {
        let guard = self.reading.ready().await?.column_guard(&self.context);
        guard.make(RevealForm::Index, || Ok(()))
    }

    fn clock(&self) -> &dyn Clock {
        &**self.column.domain().key_store().clock()
    }

    fn now(&self) -> u64 {
        self.clock().wall()
    }

    /// All records of one kind whose ids begin with `prefix`, but for those that were purged.
    fn walk(&self, kind: RecordKind, prefix: Vec<u8>) -> Walk<'_> {
        Walk::new(&*self.store, kind, prefix)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("column", &self.column).field("store", &self.store).finish()
    }
}
