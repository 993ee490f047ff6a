//! MEM: keys that went through a token and its module leave the memory of the process when they are dropped.

use crate::support::Soft;
use crate::{BOTH, CHILD, Setting, TOKENS, arguments};
use phiseal::backends::pkcs11::WrapMechanism;
use phiseal::blocking::Phiseal;
use phiseal::stores::SqliteStore;
use phiseal::{EncryptionContext, RecordKind, Store};
use phiseal_tests::numbers::figure;
use phiseal_tests::processes::{Hits, Needles, Talking};
use phiseal_tests::world::{DOMAIN, derived_keys, parse_store_key};
use pollster::block_on;
use std::path::Path;
use std::sync::PoisonError;

/// Every key of the store in `folder`, found in this process by opening it as the other one did.
fn needles(setting: &Setting, folder: &Path) -> Needles {
    let engine = phiseal::default_engine();
    let mut needles = Needles::new();
    let path = folder.join("keys.db");
    let builder = setting.builder().existing();
    let kek = setting.kek.inner().clone();
    let phiseal = Phiseal::open_with(builder, SqliteStore::open(&path).unwrap(), kek).unwrap();
    let store = phiseal.key_store();
    let record = SqliteStore::open(&path).unwrap();
    let record = block_on(record.read(RecordKind::StoreKey, b"store key")).unwrap().unwrap();
    let (environment, id, wrapped) = parse_store_key(&record.bytes);
    let context = EncryptionContext::store_key(&environment);
    let kek = store.keks().connected().next().unwrap();
    let store_key = block_on(kek.unwrap_key(&wrapped, &context, &id)).unwrap();
    needles.add("store key", store_key.expose_secret());
    let keyset = block_on(store.keyset(DOMAIN)).unwrap();
    for version in keyset.versions() {
        let key = block_on(store.unwrap(&keyset, version)).unwrap();
        for (name, bytes) in derived_keys(engine, &key) {
            needles.add(format!("version {}: {name}", version.number()), &bytes);
        }
    }
    assert_eq!(needles.names().len(), 1 + 2 * 5);
    needles
}

/// What is in the memory of a process that has used a token, and after it dropped what `then` says.
fn alive_and_gone(soft: Soft, mechanism: WrapMechanism, then: &str) -> Option<(Hits, Hits)> {
    let turn = TOKENS.read().unwrap_or_else(PoisonError::into_inner);
    let setting = Setting::with(soft, mechanism, Box::new(turn))?;
    let folder = tempfile::tempdir().unwrap();
    let arguments = arguments(&setting, &["hold", then]);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut child = Talking::start(CHILD, &arguments, folder.path());
    child.hear("alive");
    let needles = needles(&setting, folder.path());
    let alive = needles.in_process(child.id());
    child.go_on();
    child.hear("gone");
    let gone = needles.in_process(child.id());
    assert!(child.end().success());
    // The control: the same search finds what is still in use.
    assert!(alive.of("version 2: field key of suite 1") >= 2, "{soft:?}: {alive:#?}");
    Some((alive, gone))
}

/// With the token dropped, and with its threads and sessions still there.
///
/// For AES key wrap a data key is an object on the token for a moment. SoftHSM wipes it; what kryoptic leaves of it in
/// memory of its own is told, not judged.
#[test]
fn keys_that_went_through_a_token_are_nowhere_in_the_memory_of_the_process() {
    for _ in 0..figure(1, 10) {
        for soft in BOTH {
            for mechanism in [WrapMechanism::AesGcm, WrapMechanism::AesKeyWrap] {
                for then in ["drop", "keep"] {
                    let Some((_, gone)) = alive_and_gone(soft, mechanism, then) else { return };
                    if (soft, mechanism) == (Soft::Kryoptic, WrapMechanism::AesKeyWrap) {
                        println!("{soft:?} {mechanism:?} {then}: found after drop: {gone:?}");
                        assert!(gone.0.keys().all(|name| !name.contains("field")), "{gone:#?}");
                    } else {
                        assert_eq!(gone.all(), 0, "{soft:?} {mechanism:?} {then}: {gone:#?}");
                    }
                }
            }
        }
    }
}

/// A process that goes on without having dropped anything is caught.
#[test]
fn keys_that_went_through_a_token_control() {
    for soft in BOTH {
        let held = alive_and_gone(soft, WrapMechanism::AesGcm, "forget");
        let Some((_, gone)) = held else { return };
        assert!(gone.of("version 2: field key of suite 1") >= 2, "{soft:?}: {gone:#?}");
    }
}
