//! One store, one KEK and one clock, and any number of handles on them, as processes would have.

use crate::editable::EditableStore;
use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::Phiseal;
use phiseal::{Builder, Context, Engine, ManualClock, Options, context};
use phiseal_format::{Cursor, EncryptionContext, EnvironmentId, WrappedKey};
use phiseal_keys::{DataKey, Error, FullKeyId, Kek, Purpose, RecordKind};
use pollster::block_on;
use std::sync::Arc;

/// The name of the domain that most tests use.
pub const DOMAIN: &str = "clinic/patients";

/// What most tests seal their fields as.
#[must_use]
pub fn what() -> Context {
    context!(tenant = "north", record = "mrn-1029", field = "ssn")
}

/// One store, one KEK and one clock.
#[derive(Debug)]
pub struct World {
    /// The engine of every handle.
    pub engine: &'static dyn Engine,
    /// The clock of every handle.
    pub clock: ManualClock,
    /// The store.
    pub store: EditableStore,
    /// The KEK, with faults to inject.
    pub kek: Arc<MemoryKek>,
}

impl World {
    /// An empty store, and a KEK of one version.
    #[must_use]
    pub fn new(engine: &'static dyn Engine) -> Self {
        let kek = Arc::new(MemoryKek::new(engine).unwrap());
        let (clock, store) = (ManualClock::at(1_800_000_000), EditableStore::default());
        Self { engine, clock, store, kek }
    }

    /// The default engine's.
    #[must_use]
    pub fn of_default_engine() -> Self {
        Self::new(phiseal::default_engine())
    }

    /// The choices of a handle on this world.
    #[must_use]
    pub fn builder(&self) -> Builder {
        Builder::new().engine(self.engine).clock(self.clock.clone())
    }

    /// What another process would open.
    #[must_use]
    pub fn process(&self) -> Phiseal {
        self.open(self.builder()).unwrap()
    }

    /// What another process would open with other options.
    #[must_use]
    pub fn process_with(&self, change: impl FnOnce(&mut Options) + Send + 'static) -> Phiseal {
        self.open(self.builder().options(change)).unwrap()
    }

    /// Opens the store as `builder` says.
    ///
    /// # Errors
    ///
    /// As [`Builder::open`].
    pub fn open(&self, builder: Builder) -> Result<Phiseal, Error> {
        Phiseal::open_with(builder, self.store.clone(), self.kek.clone())
    }

    /// The KEK as the layer below the facade holds it.
    #[must_use]
    pub fn connected_kek(&self) -> Kek {
        block_on(Kek::connect(self.kek.clone(), self.engine)).unwrap()
    }

    /// The store's own key, which whoever only writes the store does not have.
    #[must_use]
    pub fn store_key(&self) -> DataKey {
        let (_, record) = self.store.only(RecordKind::StoreKey);
        let (environment, id, wrapped) = parse_store_key(&record.bytes);
        let context = EncryptionContext::store_key(&environment);
        block_on(self.connected_kek().unwrap_key(&wrapped, &context, &id)).unwrap()
    }

    /// The bytes of a row as the key store itself would write them: `body` and its MAC under the store's own key.
    #[must_use]
    pub fn authenticated(
        &self,
        kind: RecordKind,
        id: &[u8],
        revision: u64,
        body: &[u8],
    ) -> Vec<u8> {
        authenticated(self.engine, &self.store_key(), kind, id, revision, body)
    }
}

/// `body || HMAC-SHA-256(MAC key of the kind, length of id as u16 || id || revision as u64 || body)`.
#[must_use]
pub fn authenticated(
    engine: &'static dyn Engine,
    store_key: &DataKey,
    kind: RecordKind,
    id: &[u8],
    revision: u64,
    body: &[u8],
) -> Vec<u8> {
    let key = store_key.derive(engine, Purpose::StoreMac, &[kind.to_byte()]).unwrap();
    let length = u16::try_from(id.len()).unwrap().to_be_bytes();
    let tag =
        engine.hmac_sha_256(key.expose_secret(), &[&length, id, &revision.to_be_bytes(), body]);
    [body, &tag].concat()
}

/// `0x01 | environment 16 | key id 32 | wrapped key u16 + bytes`.
#[must_use]
pub fn parse_store_key(bytes: &[u8]) -> (EnvironmentId, FullKeyId, WrappedKey) {
    let mut cursor = Cursor::new(bytes);
    assert_eq!(cursor.u8().unwrap(), 1);
    let environment = EnvironmentId::from_bytes(*cursor.array().unwrap());
    let id = FullKeyId::from_bytes(*cursor.array().unwrap());
    let wrapped = WrappedKey::parse(cursor.prefixed_u16(7000).unwrap()).unwrap();
    cursor.finish().unwrap();
    (environment, id, wrapped)
}

/// Every key that the data key of a domain gives: for both suites the field key and the one that wraps
/// persons' keys.
///
/// # Panics
///
/// When the engine fails.
#[must_use]
pub fn derived_keys(engine: &'static dyn Engine, key: &DataKey) -> Vec<(&'static str, [u8; 32])> {
    let of = |purpose, parameters: &[u8]| {
        let secret = key.derive(engine, purpose, parameters).unwrap();
        *secret.expose_secret()
    };
    vec![
        ("data key", *key.expose_secret()),
        ("field key of suite 1", of(Purpose::Field, &[1])),
        ("field key of suite 2", of(Purpose::Field, &[2])),
        ("subject wrap key of suite 1", of(Purpose::SubjectWrap, &[1])),
        ("subject wrap key of suite 2", of(Purpose::SubjectWrap, &[2])),
    ]
}
