//! The frozen vectors, as far as they concern bytes: what parses, prints and is refused before any cryptography.

use crate::support::{built, raw_of};
use phiseal_format::{
    Count, DomainId, EncodedContext, Epoch, Error, ErrorKind, FIELD_HEADER, FIELD_OVERHEAD,
    FieldEnvelope, FieldHeader, KeyId, Suite,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Kinds that only a key can find.
const OF_CRYPTOGRAPHY: [&str; 3] = ["foreign_key", "padding", "unauthenticated"];

fn file() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/field_v1.json");
    let value: Value =
        serde_json::from_slice(&std::fs::read(path).expect("the vectors")).expect("JSON");
    assert_eq!(value["format"], "phiseal field v1");
    value
}

fn entries(part: &str) -> Vec<Value> {
    file()[part].as_array().expect("a list").clone()
}

fn bytes(entry: &Value, name: &str) -> Vec<u8> {
    let text = entry[name].as_str().expect("a string");
    assert_eq!(text, text.to_lowercase());
    hex::decode(text).expect("hex")
}

/// The components of an entry as they stand.
fn components(entry: &Value) -> Vec<(u8, Vec<u8>)> {
    let part = |part: &Value| {
        let tag = u8::try_from(part[0].as_u64().expect("a tag")).expect("a byte");
        (tag, hex::decode(part[1].as_str().expect("a value")).expect("hex"))
    };
    entry["context"].as_array().expect("a list").iter().map(part).collect()
}

/// The context of an entry through the builder, which takes everything but the domain.
fn context(entry: &Value) -> EncodedContext {
    let mut parts = components(entry);
    parts.reverse();
    let domain = parts.extract_if(.., |(tag, _)| *tag == 2).next().expect("a domain").1;
    built(&parts)
        .encode(&DomainId::try_from(domain.as_slice()).expect("a domain"))
        .expect("a context")
}

#[test]
fn what_opens_parses_and_prints() {
    let vectors = entries("vectors");
    assert_eq!(vectors.len(), 104);
    let mut sizes: BTreeMap<usize, BTreeSet<u8>> = BTreeMap::new();
    let mut padded = 0;
    for entry in &vectors {
        let name = entry["name"].as_str().expect("a name");
        let envelope_bytes = bytes(entry, "envelope");
        let envelope = FieldEnvelope::parse(&envelope_bytes).expect(name);
        let full_id: [u8; 32] = bytes(entry, "key_id").try_into().expect("32 bytes");
        assert_eq!(u64::from(envelope.suite().to_byte()), entry["suite"], "{name}");
        assert_eq!(envelope.key_id(), KeyId::of_full(&full_id), "{name}");
        assert_eq!(envelope.nonce().as_slice(), bytes(entry, "nonce"), "{name}");
        assert_eq!(envelope_bytes.len(), envelope.ciphertext().len() + FIELD_OVERHEAD, "{name}");
        assert_eq!(envelope.to_bytes(), envelope_bytes, "{name}");

        let context = context(entry);
        let plaintext = bytes(entry, "plaintext").len();
        let sealed =
            match context.padding().map(|class| usize::try_from(class).expect("a short class")) {
                Some(class) => plaintext.div_ceil(class).max(1) * class + 1,
                None => plaintext,
            };
        assert_eq!(envelope.ciphertext().len(), sealed, "{name}");
        sizes.entry(plaintext).or_default().insert(envelope.suite().to_byte());
        padded += usize::from(context.padding().is_some());
        assert_eq!(context.as_bytes(), raw_of(&components(entry)), "{name}");
        assert_eq!(EncodedContext::parse(context.as_bytes()).expect(name), context, "{name}");
    }
    assert_eq!(padded, 22);
    for size in [0, 1, 15, 16, 17, 31, 32, 33, 64, 255, 256, 4096] {
        assert_eq!(sizes.get(&size).map(BTreeSet::len), Some(Suite::ALL.len()), "{size} bytes");
    }
}

#[test]
fn a_header_is_written_as_the_vectors_have_it() {
    let vectors = entries("vectors");
    for entry in &vectors {
        let nonce = bytes(entry, "nonce");
        let header = FieldHeader {
            suite: Suite::try_from(
                u8::try_from(entry["suite"].as_u64().expect("a suite")).expect("a byte"),
            )
            .expect("known"),
            key_id: KeyId::try_from(&bytes(entry, "key_id")[..16]).expect("16 bytes"),
            epoch: Epoch::try_from(&nonce[..12]).expect("12 bytes"),
            count: Count::try_from(&nonce[12..]).expect("12 bytes"),
        };
        let mut out = [0; FIELD_HEADER];
        header.write(&mut out);
        assert_eq!(out.as_slice(), &bytes(entry, "envelope")[..FIELD_HEADER]);
    }
    assert_eq!(vectors.len(), 104);
}

#[test]
fn what_is_refused_is_refused_for_its_reason() {
    let negative = entries("negative");
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for entry in &negative {
        let (name, error) =
            (entry["name"].as_str().expect("a name"), entry["error"].as_str().expect("a kind"));
        let envelope_bytes = bytes(entry, "envelope");
        let envelope = FieldEnvelope::parse(&envelope_bytes);
        let found: Option<ErrorKind> = if entry.get("context_bytes").is_some() {
            envelope.expect(name);
            Some(refusal(EncodedContext::parse(&bytes(entry, "context_bytes")), name))
        } else {
            assert_eq!(context(entry).as_bytes(), raw_of(&components(entry)), "{name}");
            envelope.map(|_| ()).err().map(Error::kind)
        };
        match found {
            Some(kind) => assert_eq!(kind.name(), error, "{name}"),
            None => {
                assert!(OF_CRYPTOGRAPHY.contains(&error), "{name} parses");
                let ours = FieldEnvelope::parse(&envelope_bytes)
                    .expect(name)
                    .key_id()
                    .as_bytes()
                    .as_slice()
                    == &bytes(entry, "key_id")[..16];
                assert_eq!(ours, error != "foreign_key", "{name}");
            }
        }
        *counts.entry(error.to_owned()).or_default() += 1;
    }
    let expected = [
        ("duplicate", 6),
        ("empty", 6),
        ("foreign_key", 10),
        ("length", 16),
        ("missing", 2),
        ("order", 6),
        ("padding", 18),
        ("too_long", 8),
        ("truncated", 30),
        ("unauthenticated", 126),
        ("unknown_suite", 12),
        ("unknown_tag", 6),
        ("unknown_version", 6),
    ];
    let expected: BTreeMap<_, _> = expected.map(|(kind, count)| (kind.to_owned(), count)).into();
    assert_eq!(counts, expected);
}

#[test]
fn names_are_distinct() {
    let names: BTreeSet<_> = ["vectors", "negative"]
        .into_iter()
        .flat_map(entries)
        .map(|entry| entry["name"].to_string())
        .collect();
    assert_eq!(names.len(), 104 + 252);
}

#[track_caller]
fn refusal<T>(result: Result<T, Error>, name: &str) -> ErrorKind {
    match result {
        Ok(_) => panic!("{name}: accepted"),
        Err(error) => error.kind(),
    }
}
