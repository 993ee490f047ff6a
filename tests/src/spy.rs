//! A KEK and a store that tell what passes through them.

use phiseal_format::{EncryptionContext, KekId, KekVersion, WrapAlgorithm, WrappedKey};
use phiseal_keys::{
    BoxFuture, DataKey, Erasure, Error, ErrorKind, GeneratedKey, KekBackend, KekInfo, Record,
    RecordKind, RecordWrite, Store, UnwrappedKey,
};
use phiseal_primitives::{Engine, Xaes256Gcm};
use phiseal_stores::MemoryStore;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// A KEK whose bytes a test knows. It remembers every data key and can be told which ones to hand out; clones are one.
#[derive(Clone)]
pub struct SpyKek(Arc<Inner>);

struct Inner {
    engine: &'static dyn Engine,
    id: KekId,
    kek: [u8; 32],
    calls: AtomicU64,
    prepared: Mutex<VecDeque<[u8; 32]>>,
    seen: Mutex<Vec<[u8; 32]>>,
}

impl SpyKek {
    /// The KEK of these bytes.
    #[must_use]
    pub fn new(engine: &'static dyn Engine, kek: [u8; 32]) -> Self {
        let id = KekId::try_from(format!("spy:{:02x}{:02x}", kek[0], kek[1])).unwrap();
        Self(Arc::new(Inner {
            engine,
            id,
            kek,
            calls: AtomicU64::new(0),
            prepared: Mutex::default(),
            seen: Mutex::default(),
        }))
    }

    /// The next data keys that are generated are these, in order; random ones come after them.
    pub fn prepare(&self, keys: impl IntoIterator<Item = [u8; 32]>) {
        self.0.prepared.lock().unwrap().extend(keys);
    }

    /// Its bytes.
    #[must_use]
    pub fn kek(&self) -> [u8; 32] {
        self.0.kek
    }

    /// Every data key that it generated, in order: the first is the store's own key.
    #[must_use]
    pub fn data_keys(&self) -> Vec<[u8; 32]> {
        self.0.seen.lock().unwrap().clone()
    }

    /// The data key that it generated last.
    #[must_use]
    pub fn last_data_key(&self) -> [u8; 32] {
        *self.0.seen.lock().unwrap().last().unwrap()
    }

    /// How often it was called.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::SeqCst)
    }

    fn called(&self) {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
    }

    fn wrapped(&self, key: &DataKey, context: &EncryptionContext) -> Result<WrappedKey, Error> {
        let mut nonce = [0; 24];
        self.0.engine.fill_random(&mut nonce)?;
        let mut body = *key.expose_secret();
        let tag = Xaes256Gcm::new(self.0.engine, &self.0.kek).seal(
            &nonce,
            context.as_bytes(),
            &mut body,
        )?;
        let bytes = [&nonce[..], &body, &tag].concat();
        Ok(WrappedKey::new(WrapAlgorithm::Xaes256Gcm, self.0.id.clone(), KekVersion(1), bytes)?)
    }
}

impl KekBackend for SpyKek {
    fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>> {
        self.called();
        Box::pin(async { Ok(KekInfo::new(self.0.id.clone(), KekVersion(1))) })
    }

    fn generate_key<'a>(
        &'a self,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<GeneratedKey, Error>> {
        self.called();
        Box::pin(async {
            let prepared = self.0.prepared.lock().unwrap().pop_front();
            let key = match prepared {
                Some(bytes) => DataKey::from_backend(&bytes)?,
                None => DataKey::generate(self.0.engine)?,
            };
            self.0.seen.lock().unwrap().push(*key.expose_secret());
            let wrapped = self.wrapped(&key, context)?;
            Ok(GeneratedKey { key, wrapped })
        })
    }

    fn wrap_key<'a>(
        &'a self,
        key: &'a DataKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        self.called();
        Box::pin(async { self.wrapped(key, context) })
    }

    fn unwrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<UnwrappedKey, Error>> {
        self.called();
        Box::pin(async {
            let malformed = || Error::new(ErrorKind::Malformed, "not a wrap of this KEK");
            let (nonce, rest) =
                wrapped.wrapped().split_first_chunk::<24>().ok_or_else(malformed)?;
            let (body, tag) = rest.split_last_chunk::<16>().ok_or_else(malformed)?;
            let body: &[u8; 32] = body.try_into().map_err(|_| malformed())?;
            let key = DataKey::filled(|out| {
                *out = *body;
                Xaes256Gcm::new(self.0.engine, &self.0.kek).open(
                    nonce,
                    context.as_bytes(),
                    out,
                    tag,
                )
            })?;
            Ok(UnwrappedKey { key, kek_id: self.0.id.clone(), kek_version: KekVersion(1) })
        })
    }

    fn rewrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        phiseal_keys::rewrap_in_process(self, wrapped, context)
    }
}

impl fmt::Debug for SpyKek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpyKek({})", self.0.id.as_str())
    }
}

/// A store in memory that counts what is asked of it; clones are one.
#[derive(Clone, Debug, Default)]
pub struct SpyStore(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    store: MemoryStore,
    reads: AtomicU64,
    writes: AtomicU64,
}

impl SpyStore {
    /// How many records were read, or looked for in vain.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.0.reads.load(Ordering::SeqCst)
    }

    /// How often a record was written, or refused.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.0.writes.load(Ordering::SeqCst)
    }
}

impl Store for SpyStore {
    fn read<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Record>, Error>> {
        self.0.reads.fetch_add(1, Ordering::SeqCst);
        self.0.store.read(kind, id)
    }

    fn write<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
        expected: u64,
        bytes: &'a [u8],
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.0.writes.fetch_add(1, Ordering::SeqCst);
        self.0.store.write(kind, id, expected, bytes)
    }

    fn write_all<'a>(&'a self, writes: &'a [RecordWrite<'a>]) -> BoxFuture<'a, Result<(), Error>> {
        self.0.writes.fetch_add(writes.len() as u64, Ordering::SeqCst);
        self.0.store.write_all(writes)
    }

    fn scan<'a>(
        &'a self,
        kind: RecordKind,
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Vec<u8>, Record)>, Error>> {
        self.0.reads.fetch_add(1, Ordering::SeqCst);
        self.0.store.scan(kind, after, limit)
    }

    fn erase(&self) -> BoxFuture<'_, Result<Erasure, Error>> {
        self.0.store.erase()
    }
}
