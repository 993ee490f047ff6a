//! The concrete key store that callers hold, on top of a [`Store`] that is not trusted.

mod changes;
mod custody;
mod drill;
mod emergencies;
mod health;
mod keysets;
mod restored;
mod seal;
mod store_key;
mod subject_record;
mod subject_renewal;
mod subject_scan;
mod subjects;
mod usage;

use crate::{
    Clock, Erasure, Error, ErrorKind, FullKeyId, Keks, Keyset, Reader, Record, RecordKind, Secret,
    Store, SystemClock,
};
use core::fmt;
use phiseal_format::{DomainId, EnvironmentId};
use phiseal_primitives::Engine;
use seal::{MacKeys, TAG};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

pub use changes::{Changes, Rewrapped};
pub use subject_record::{SubjectKey, SubjectKeyState, SubjectRecord, SubjectState};
pub use subject_renewal::{Renewal, SubjectsRenewed};
pub use subject_scan::{SubjectsPage, SubjectsRewrapped, SubjectsWith};

/// Keysets, subject keys and usage counts in a [`Store`], each authenticated under a key that the KEK guards.
///
/// Whoever can write the store can make it unavailable, but cannot make it lie: a record that was changed, moved,
/// revived or rolled back below what this process has seen is [`ErrorKind::Tampered`]. Not noticed without a checkpoint
/// kept elsewhere: the store, or a single record of it, put back to an older state that this process has seen no newer of.
pub struct KeyStore {
    store: Arc<dyn Store>,
    keks: Keks,
    engine: &'static dyn Engine,
    clock: Arc<dyn Clock>,
    reader: Option<Reader>,
    environment: EnvironmentId,
    store_key: FullKeyId,
    macs: MacKeys,
    subject_tag: Secret,
    seen: Mutex<HashMap<(RecordKind, Vec<u8>), Seen>>,
    keysets: Mutex<HashMap<String, Keyset>>,
}

/// The newest of a record that this process has seen: its revision, and its MAC, as one revision is of one record only.
type Seen = (u64, Option<[u8; TAG]>);

/// How a key store is opened.
#[derive(Debug)]
#[non_exhaustive]
pub struct KeyStoreConfig {
    /// The engine for all derivations and authentication.
    pub engine: &'static dyn Engine,
    /// The clock for creation times, leases and lifetimes.
    pub clock: Arc<dyn Clock>,
    /// Who holds this handle, and for which use.
    pub reader: Option<Reader>,
    /// The id of the store key, from an earlier [`KeyStore::store_key`], kept in the application's configuration.
    /// Required where anybody can make a wrap ([`KekInfo::public_wraps`](crate::KekInfo::public_wraps)) of a KEK that may be
    /// asked to unwrap; an escrow key is not.
    pub store_key: Option<FullKeyId>,
    /// Whether a store that is empty is set up; otherwise it is [`ErrorKind::NotFound`].
    pub create: bool,
}

impl KeyStoreConfig {
    /// The machine's clock, no reader, nothing pinned; a store that is empty is set up.
    #[must_use]
    pub fn new(engine: &'static dyn Engine) -> Self {
        Self {
            engine,
            clock: Arc::new(SystemClock::new()),
            reader: None,
            store_key: None,
            create: true,
        }
    }
}

impl KeyStore {
    /// Opens the store, or sets it up when it is empty: one backend call, or two.
    ///
    /// `keks` are the KEKs that may unwrap what the store holds: of a list, the first makes every new wrap; [`Keks`] has
    /// more.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] without a KEK, with more than eight that wrap or with one twice; [`ErrorKind::Unsupported`] for a public-key KEK without a pinned store key;
    /// [`ErrorKind::Tampered`] when the store key is not the pinned one; [`ErrorKind::Foreign`] when none of the KEKs
    /// wrapped it; and what store and backend answer.
    pub async fn open(
        store: Arc<dyn Store>,
        keks: impl Into<Keks>,
        config: KeyStoreConfig,
    ) -> Result<Self, Error> {
        let keks = keks.into();
        keks.connect().await?;
        let opened = store_key::open_or_create(&*store, &keks, &config).await?;
        Ok(Self {
            macs: MacKeys::derive(config.engine, &opened.key)?,
            subject_tag: opened.key.derive(config.engine, crate::Purpose::SubjectTag, &[])?,
            store,
            keks,
            engine: config.engine,
            clock: config.clock,
            reader: config.reader,
            environment: opened.environment,
            store_key: opened.id,
            seen: Mutex::default(),
            keysets: Mutex::default(),
        })
    }

    /// The random id of this store, which every wrap in it is bound to.
    #[must_use]
    pub const fn environment(&self) -> EnvironmentId {
        self.environment
    }

    /// The id of the key that authenticates this store, to be pinned in the configuration.
    #[must_use]
    pub const fn store_key(&self) -> FullKeyId {
        self.store_key
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &'static dyn Engine {
        self.engine
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Who holds this handle, and for which use.
    #[must_use]
    pub const fn reader(&self) -> Option<&Reader> {
        self.reader.as_ref()
    }

    /// The KEKs.
    #[must_use]
    pub const fn keks(&self) -> &Keks {
        &self.keks
    }

    /// Makes the bytes of replaced records unrecoverable, as far as the store can, and says how far that is: after
    /// persons were shredded or a version destroyed, once for all of them.
    ///
    /// # Errors
    ///
    /// What the store answers.
    pub async fn erase(&self) -> Result<Erasure, Error> {
        self.store.erase().await
    }

    /// What was written under `id`, authenticated, for whoever wrote it.
    async fn record_of(&self, kind: RecordKind, id: &[u8]) -> Result<Option<Record>, Error> {
        let found = self.read_sealed(kind, id).await?;
        Ok(found.map(|(revision, bytes)| Record { revision, bytes }))
    }

    /// The ids of at most `limit` records after the id `after`, as the store lists them.
    async fn ids_of(
        &self,
        kind: RecordKind,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let page = self.store.scan(kind, after, limit).await?;
        Ok(page.into_iter().map(|(id, _)| id).collect())
    }

    /// The body of an authenticated record and its revision.
    ///
    /// What was seen before the read began is what it must not fall behind: a write that another thread finishes
    /// meanwhile is no reason to call what was read tampered with.
    async fn read_sealed(
        &self,
        kind: RecordKind,
        id: &[u8],
    ) -> Result<Option<(u64, Vec<u8>)>, Error> {
        let seen = self.last_seen(kind, id);
        let Some(record) = self.store.read(kind, id).await? else {
            return if seen.0 == 0 {
                Ok(None)
            } else {
                Err(Error::new(
                    ErrorKind::Tampered,
                    "a record that was there is gone from the key store",
                ))
            };
        };
        let revision = record.revision;
        let now = (revision, record.bytes.last_chunk().copied());
        let body = self.macs.open(self.engine, kind, id, revision, record.bytes)?;
        if revision < seen.0 || revision == seen.0 && now != seen {
            return Err(Error::new(
                ErrorKind::Tampered,
                "the key store holds an older or another record than it did before",
            ));
        }
        self.note_seen(kind, id, now);
        Ok(Some((revision, body)))
    }

    async fn write_sealed(
        &self,
        kind: RecordKind,
        id: &[u8],
        expected: u64,
        body: Vec<u8>,
    ) -> Result<(), Error> {
        let revision = expected
            .checked_add(1)
            .ok_or(Error::new(ErrorKind::Exhausted, "no revision is left"))?;
        // Whatever the store would say: what goes on from an older record would bring it back as a new one.
        if expected < self.last_seen(kind, id).0 {
            return Err(Error::new(ErrorKind::Conflict, "the record changed since it was read"));
        }
        let bytes = self.macs.seal(self.engine, kind, id, revision, body)?;
        self.store.write(kind, id, expected, &bytes).await?;
        self.note_seen(kind, id, (revision, bytes.last_chunk().copied()));
        Ok(())
    }

    fn last_seen(&self, kind: RecordKind, id: &[u8]) -> Seen {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&(kind, id.to_vec())).copied().unwrap_or_default()
    }

    /// The ids of this kind that begin so and that this process has read or written.
    fn seen(&self, kind: RecordKind, prefix: &[u8]) -> HashSet<Vec<u8>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let ids = seen.keys().filter(|(of, id)| *of == kind && id.starts_with(prefix));
        ids.map(|(_, id)| id.clone()).collect()
    }

    /// Remembers the highest revision seen.
    fn note_seen(&self, kind: RecordKind, id: &[u8], now: Seen) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_kept =
            |kind| matches!(kind, RecordKind::Keyset | RecordKind::Roster | RecordKind::Emergency);
        if !is_kept(kind) && seen.len() >= SEEN {
            // Persons and counts are many: what is forgotten here may be rolled back unnoticed, as if the process were new.
            seen.retain(|(kind, _), _| is_kept(*kind));
        }
        let last = seen.entry((kind, id.to_vec())).or_default();
        *last = now.max(*last);
    }

    /// A new random domain id.
    fn new_domain_id(&self) -> Result<DomainId, Error> {
        let mut id = [0; 16];
        self.engine.fill_random(&mut id)?;
        Ok(DomainId::from_bytes(id))
    }

    /// Refuses a keyset that is authentic, but not what was asked for.
    fn check_keyset(&self, keyset: &Keyset, name: &str, revision: u64) -> Result<(), Error> {
        if keyset.environment() != self.environment
            || keyset.name() != name
            || keyset.revision() != revision
        {
            return Err(Error::new(
                ErrorKind::Tampered,
                "the key store answered with another keyset than the one asked for",
            ));
        }
        self.note_keyset(keyset)
    }

    /// Remembers the newest keyset, and refuses one whose history parted from it.
    fn note_keyset(&self, keyset: &Keyset) -> Result<(), Error> {
        let mut keysets = self.keysets.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = keysets.get(keyset.name());
        if newest.is_some_and(|newest| newest.revision() >= keyset.revision()) {
            return Ok(());
        }
        if newest.is_some_and(|newest| !newest.leads_to(keyset)) {
            return Err(Error::new(
                ErrorKind::Tampered,
                "the key store holds a keyset that cannot have come after the one before",
            ));
        }
        keysets.insert(keyset.name().to_owned(), keyset.clone());
        Ok(())
    }
}

/// How many records' revisions are remembered before those of persons and counts are forgotten.
const SEEN: usize = 1 << 16;

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyStore")
            .field("store", &self.store)
            .field("keks", &self.keks)
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}
