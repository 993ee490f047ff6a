//! WRONGKEY: what a backend says of itself is bounded, and it is held to it.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

use phiseal::backends::memory::MemoryKek;
use phiseal::{
    EncryptionContext, EnvironmentId, Error, ErrorKind, KekAdminBackend, KekBackend, KekId,
    KekVersion,
};
use phiseal_conformance::Faults;
use phiseal_format::MAX_WRAPPED;
use phiseal_keys::{DataKey, Kek, KekInfo, WrappingKey};
use phiseal_tests::world::{DOMAIN, World, what};
use pollster::block_on;
use std::sync::{Arc, Mutex};

/// A right KEK that describes itself as a test says.
#[derive(Clone, Debug)]
struct Described {
    kek: Arc<Faults<Arc<MemoryKek>>>,
    info: Arc<Mutex<KekInfo>>,
}

impl Described {
    fn new(kek: Arc<MemoryKek>) -> Self {
        let info = Arc::new(Mutex::new(block_on(kek.describe()).unwrap()));
        let (kek, said) = (Arc::new(Faults::new(kek)), info.clone());
        kek.after_describe(move |_, _| Ok(said.lock().unwrap().clone()));
        Self { kek, info }
    }

    fn with_max_wrapped(max_wrapped: usize) -> Self {
        let described = Self::new(Arc::new(MemoryKek::new(phiseal::default_engine()).unwrap()));
        described.info.lock().unwrap().max_wrapped = max_wrapped;
        described
    }

    fn connect(&self) -> Result<Kek, Error> {
        block_on(Kek::connect(self.kek.clone(), phiseal::default_engine()))
    }
}

fn kind<T>(outcome: Result<T, Error>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}

fn context() -> EncryptionContext {
    EncryptionContext::store_key(&EnvironmentId::from_bytes([7; 16]))
}

#[test]
fn a_kek_that_describes_wraps_of_an_impossible_length_is_refused() {
    for (max_wrapped, expected) in [
        (0, Some(ErrorKind::Faulty)),
        (1, None),
        (MAX_WRAPPED, None),
        (MAX_WRAPPED + 1, Some(ErrorKind::Faulty)),
        (usize::MAX, Some(ErrorKind::Faulty)),
    ] {
        let kek = Described::with_max_wrapped(max_wrapped).connect();
        assert_eq!(kind(kek), expected, "{max_wrapped}");
    }
}

#[test]
fn a_wrap_that_is_longer_than_was_described_is_refused() {
    let key = DataKey::generate(phiseal::default_engine()).unwrap();
    for (max_wrapped, expected) in
        [(WrappingKey::WRAPPED, None), (WrappingKey::WRAPPED - 1, Some(ErrorKind::Faulty))]
    {
        let kek = Described::with_max_wrapped(max_wrapped).connect().unwrap();
        assert_eq!(kind(block_on(kek.generate_key(&context()))), expected, "{max_wrapped}");
        assert_eq!(kind(block_on(kek.wrap_key(&key, &context()))), expected, "{max_wrapped}");
    }
}

#[test]
fn a_kek_that_is_suddenly_another_one_is_refused() {
    let backend = Described::with_max_wrapped(MAX_WRAPPED);
    let kek = backend.connect().unwrap();
    backend.info.lock().unwrap().current = KekVersion(2);
    assert_eq!(block_on(kek.describe()).unwrap().current, KekVersion(2), "the control: rotated");
    backend.info.lock().unwrap().id = KekId::try_from("another:kek").unwrap();
    assert_eq!(kind(block_on(kek.describe())), Some(ErrorKind::Faulty));
}

/// Somebody rotates the KEK between the question which version is the current one and the first wrap.
#[test]
fn a_kek_that_is_rotated_while_keys_are_rewrapped_is_a_conflict_and_nothing_is_stored() {
    let world = World::of_default_engine();
    let backend = Described::new(world.kek.clone());
    let process = phiseal::blocking::Phiseal::open_with(
        world.builder(),
        world.store.clone(),
        backend.kek.clone(),
    )
    .unwrap();
    let domain = process.domain(DOMAIN).unwrap();
    let sealed = domain.seal("plain", &what()).unwrap();
    backend.info.lock().unwrap().current = block_on(world.kek.create_version()).unwrap();
    block_on(world.kek.create_version()).unwrap();
    let rows = world.store.rows();
    assert_eq!(kind(domain.rewrap()), Some(ErrorKind::Conflict));
    assert!(world.store.rows() == rows, "something was stored");

    *backend.info.lock().unwrap() = block_on(world.kek.describe()).unwrap();
    assert_eq!(domain.rewrap().unwrap().rewrapped, 1, "the control");
    assert!(domain.open::<String>(&sealed, &what()).is_ok(), "the control");
}
