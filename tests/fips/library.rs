//! The whole library on the FIPS module: which suites and wraps it makes, what it opens, what it refuses.

use phiseal::backends::local::{Cost, LocalKek, Passphrase};
use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::{Domain, Phiseal};
use phiseal::stores::MemoryStore;
use phiseal::{
    Builder, Engine, ErrorKind, KekAdminBackend, KekBackend, Phi, Sealed, Suite, WrapAlgorithm,
    context, default_engine, engine,
};
use pollster::block_on;
use std::sync::Arc;

const DOMAIN: &str = "clinic/patients";
const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

fn what() -> phiseal::Context {
    context!(record = "mrn-1029", field = "ssn")
}

fn open(domain: &Domain, sealed: &Sealed) -> Result<String, ErrorKind> {
    let opened: Result<Phi<String>, _> = domain.open(sealed, &what());
    opened.map(|phi| phi.expose_secret().clone()).map_err(|error| error.kind())
}

/// The algorithm of each wrap of the domain's key.
fn wraps(domain: &Domain) -> Vec<WrapAlgorithm> {
    let keyset = domain.keyset().unwrap();
    let versions = keyset.versions().iter();
    versions.flat_map(|version| version.wraps()).map(|wrap| wrap.algorithm()).collect()
}

fn lenient() -> &'static dyn Engine {
    engine("rustcrypto").unwrap()
}

#[test]
fn a_record_and_its_keys_live_their_whole_life_on_the_module() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kek.json");
    let store = Arc::new(MemoryStore::new());
    let kek = Arc::new(LocalKek::create(&path, default_engine()).unwrap());
    assert_eq!(block_on(kek.describe()).unwrap().fips, Some(true));
    let phi = Phiseal::open(store.clone(), kek.clone()).unwrap();
    let domain = phi.domain(DOMAIN).unwrap();
    let sealed = domain.seal("123-45-6789", &what()).unwrap();
    assert_eq!(sealed.suite(), Suite::Aes256GcmHkdf);
    let ada = domain.subject_or_create("ada").unwrap();
    let hers = ada.seal("ada's", &what()).unwrap();
    assert_eq!(hers.suite(), Suite::Aes256GcmHkdf);

    block_on(kek.create_version()).unwrap();
    assert_eq!(domain.rewrap().unwrap().rewrapped, 1);
    assert!(block_on(phi.key_store().rewrap_store_key()).unwrap());
    domain.rotate().unwrap();
    assert_eq!(domain.rewrap_subjects().unwrap().rewrapped, 1);
    assert_eq!(wraps(&domain), [WrapAlgorithm::AesGcmHkdf; 2]);

    let kek = LocalKek::open(&path, default_engine()).unwrap();
    let again = Phiseal::open(store, kek).unwrap().domain(DOMAIN).unwrap();
    assert_eq!(open(&again, &sealed).as_deref(), Ok("123-45-6789"));
    let ada = again.subject("ada").unwrap();
    let opened: Phi<String> = ada.open(&hers, &what()).unwrap();
    assert_eq!(opened.expose_secret(), "ada's");
    again.shred_subject("ada").unwrap();
    let gone = ada.open::<String>(&hers, &what());
    assert_eq!(gone.map(|_| ()).unwrap_err().kind(), ErrorKind::State);
}

/// Argon2id is on no list of approved functions, and XAES-256-GCM takes a nonce of the caller's.
#[test]
fn a_key_file_with_a_passphrase_is_refused_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kek.json");
    let passphrase = || Passphrase::from_bytes(b"correct horse battery".to_vec()).unwrap();
    let refused = LocalKek::create_with_passphrase(&path, &passphrase(), CHEAP, default_engine());
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(!path.exists());
    LocalKek::create_with_passphrase(&path, &passphrase(), CHEAP, lenient()).unwrap();
    let refused = LocalKek::open_with_passphrase(&path, &passphrase(), default_engine());
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported);
}

/// A strict reader (the module) and a lenient one in one process, over one store and one KEK: what only the lenient one
/// may open is at hand all the time, and the strict one never gets it.
#[test]
fn what_another_engine_sealed_by_what_is_not_approved_is_refused_whoever_opened_it_before() {
    let store = Arc::new(MemoryStore::new());
    let kek = Arc::new(MemoryKek::new(default_engine()).unwrap());
    let of = |engine| {
        let phi = Phiseal::open_with(Builder::new().engine(engine), store.clone(), kek.clone());
        phi.unwrap().domain(DOMAIN).unwrap()
    };
    let (strict, lenient) = (of(default_engine()), of(lenient()));
    let values: Vec<(bool, Sealed)> = (0..100)
        .map(|n| {
            let approved = n % 2 == 0;
            let domain = if approved { &strict } else { &lenient };
            (approved, domain.seal(format!("value {n}"), &what()).unwrap())
        })
        .collect();
    let (mut served, mut refused) = (0, 0);
    for turn in 0..10_000_usize {
        let (approved, sealed) = &values[turn * 37 % values.len()];
        if turn % 3 != 0 {
            assert!(open(&lenient, sealed).is_ok(), "turn {turn}");
        }
        match open(&strict, sealed) {
            Ok(_) if *approved => served += 1,
            Err(ErrorKind::Unsupported) if !approved => refused += 1,
            other => panic!("turn {turn}, approved {approved}: {other:?}"),
        }
    }
    assert_eq!((served, refused), (5_000, 5_000));
}

#[test]
fn keys_that_were_wrapped_by_what_is_not_approved_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kek.json");
    let store = Arc::new(MemoryStore::new());
    let elsewhere = LocalKek::create(&path, lenient()).unwrap();
    let builder = Builder::new().engine(lenient());
    let phi = Phiseal::open_with(builder, store.clone(), elsewhere).unwrap();
    let domain = phi.domain(DOMAIN).unwrap();
    assert_eq!(wraps(&domain), [WrapAlgorithm::Xaes256Gcm]);
    let kek = LocalKek::open(&path, default_engine()).unwrap();
    let refused = Phiseal::open(store, kek);
    assert_eq!(refused.map(|_| ()).unwrap_err().kind(), ErrorKind::Unsupported);
}
