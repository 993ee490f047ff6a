//! The frozen vectors, with every engine: what must open opens and is made again byte for byte, what must be refused is
//! refused for its reason.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's own functions fail by panicking")]

use phiseal_format::{EncodedContext, FieldEnvelope, Suite};
use phiseal_keys::{DataKey, ErrorKind, Purpose, derive};
use phiseal_primitives::{Engine, Xaes256Gcm};
use phiseal_tests::forge;
use serde_json::Value;
use std::collections::BTreeMap;

const POSITIVE: usize = 104;
const NEGATIVE: usize = 252;

fn file() -> Value {
    let value: Value = serde_json::from_str(include_str!("../vectors/field_v1.json")).unwrap();
    assert_eq!(value["format"], "phiseal field v1");
    value
}

fn bytes(entry: &Value, name: &str) -> Vec<u8> {
    hex::decode(entry[name].as_str().unwrap_or_else(|| panic!("{entry}: {name}"))).unwrap()
}

fn array<const N: usize>(entry: &Value, name: &str) -> [u8; N] {
    bytes(entry, name).try_into().unwrap()
}

/// The context's bytes: those that are given, or the components in their order.
fn context(entry: &Value) -> Vec<u8> {
    if entry.get("context_bytes").is_some() {
        return bytes(entry, "context_bytes");
    }
    let mut out = vec![1];
    for component in entry["context"].as_array().unwrap() {
        let value = hex::decode(component[1].as_str().unwrap()).unwrap();
        out.push(u8::try_from(component[0].as_u64().unwrap()).unwrap());
        out.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
        out.extend(value);
    }
    out
}

/// Opens an entry as a reader of the format's documentation would.
fn open(engine: &dyn Engine, entry: &Value) -> Result<Vec<u8>, &'static str> {
    let context = context(entry);
    let parsed = EncodedContext::parse(&context).map_err(|error| error.kind().name())?;
    let padded =
        forge::open(engine, &array(entry, "data_key"), &bytes(entry, "envelope"), &context)?;
    match parsed.padding() {
        None => Ok(padded),
        Some(class) => forge::unpad(&padded, usize::try_from(class).unwrap()).ok_or("padding"),
    }
}

/// An entry made again from its parts.
fn seal(engine: &dyn Engine, entry: &Value) -> Vec<u8> {
    let suite = Suite::try_from(u8::try_from(entry["suite"].as_u64().unwrap()).unwrap()).unwrap();
    let context = context(entry);
    let plaintext = bytes(entry, "plaintext");
    let padded = match EncodedContext::parse(&context).unwrap().padding() {
        None => plaintext,
        Some(class) => forge::pad(&plaintext, usize::try_from(class).unwrap()),
    };
    forge::seal(engine, &array(entry, "data_key"), suite, &array(entry, "nonce"), &context, &padded)
}

#[test]
fn what_must_open_opens_and_is_made_again() {
    let file = file();
    let entries = file["vectors"].as_array().unwrap();
    let (mut opened, mut padded) = (0, 0);
    for engine in phiseal::engines() {
        for entry in entries {
            let name = &entry["name"];
            let id = forge::key_id(*engine, &array(entry, "data_key"));
            assert_eq!(id.as_slice(), bytes(entry, "key_id"), "{name}");
            assert_eq!(
                open(*engine, entry),
                Ok(bytes(entry, "plaintext")),
                "{name}, {}",
                engine.name()
            );
            assert_eq!(seal(*engine, entry), bytes(entry, "envelope"), "{name}, {}", engine.name());
            padded +=
                usize::from(EncodedContext::parse(&context(entry)).unwrap().padding().is_some());
            opened += 1;
        }
    }
    assert_eq!((opened, phiseal::engines().len()), (3 * POSITIVE, 3));
    assert_eq!(padded, 3 * 22);
}

#[test]
fn what_must_be_refused_is_refused_for_its_reason() {
    let file = file();
    let entries = file["negative"].as_array().unwrap();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for engine in phiseal::engines() {
        for entry in entries {
            let (name, expected) = (&entry["name"], entry["error"].as_str().unwrap());
            assert_eq!(open(*engine, entry), Err(expected), "{name}, {}", engine.name());
            *kinds.entry(expected.to_owned()).or_default() += 1;
        }
    }
    assert_eq!(kinds.values().sum::<usize>(), 3 * NEGATIVE);
    assert_eq!(kinds["unauthenticated"], 3 * 126);
    assert_eq!(kinds["foreign_key"], 3 * 10);
    assert_eq!(kinds["padding"], 3 * 18);
}

/// Data keys and derivations of the library are those of the documentation; a key of zeros is refused before it is used.
#[test]
fn data_keys_derive_what_the_vectors_need() {
    let file = file();
    let (mut checked, mut zeros) = (0, 0);
    for engine in phiseal::engines() {
        for entry in file["vectors"].as_array().unwrap() {
            let raw: [u8; 32] = array(entry, "data_key");
            let key = match DataKey::from_backend(&raw) {
                Ok(key) => key,
                Err(error) => {
                    assert_eq!((raw, error.kind()), ([0; 32], ErrorKind::Faulty));
                    zeros += 1;
                    continue;
                }
            };
            let envelope = bytes(entry, "envelope");
            let envelope = FieldEnvelope::parse(&envelope).unwrap();
            let id = key.id(*engine).unwrap();
            assert_eq!(id.as_bytes().as_slice(), bytes(entry, "key_id"));
            assert_eq!(id.short(), envelope.key_id());

            let suite = envelope.suite();
            let field_key = key.derive(*engine, Purpose::Field, &[suite.to_byte()]).unwrap();
            let epoch = envelope.epoch();
            let expected = forge::epoch_key(*engine, &raw, suite, epoch.as_bytes());
            if suite == Suite::Xaes256Gcm {
                // The whole construction, by its published name.
                let mut body = envelope.ciphertext().to_vec();
                let aad = [envelope.aad_prefix(), context(entry).as_slice()].concat();
                Xaes256Gcm::new(*engine, field_key.expose_secret())
                    .open(envelope.nonce(), &aad, &mut body, envelope.tag())
                    .unwrap();
                assert!(body.starts_with(&bytes(entry, "plaintext")));
            } else {
                let epoch_key =
                    derive(*engine, &field_key, Purpose::Epoch, epoch.as_bytes()).unwrap();
                assert_eq!(*epoch_key.expose_secret(), expected);
            }
            checked += 1;
        }
    }
    assert_eq!((checked, zeros), (3 * (POSITIVE - 2), 3 * 2));
}

/// The control: one bit of a frozen envelope, of its key or of its context, and it opens no more.
#[test]
fn a_changed_vector_is_noticed_control() {
    let file = file();
    let mut changed = 0;
    for entry in file["vectors"].as_array().unwrap() {
        for name in ["envelope", "data_key"] {
            let mut entry = entry.clone();
            let mut value = bytes(&entry, name);
            *value.last_mut().unwrap() ^= 1;
            entry[name] = hex::encode(value).into();
            assert!(open(phiseal::default_engine(), &entry).is_err());
            changed += 1;
        }
    }
    assert_eq!(changed, 2 * POSITIVE);
}
