//! What the types hold, print and leave out.

use crate::support::{
    DOMAIN, ENVIRONMENT, SUBJECT, context, encryption_contexts, field, wrapped_key,
};
use phiseal_format::{
    Context, Cursor, EncryptionContext, FieldEnvelope, KekId, KekVersion, KeyId, Suite,
    WrapAlgorithm, WrappedKey, WrappedKeyRef, label, tag, write,
};

#[test]
fn a_field_envelope_gives_back_its_parts() {
    let bytes = field(Suite::Aes256GcmHkdf, 5);
    let envelope = FieldEnvelope::parse(&bytes).unwrap();
    assert_eq!(envelope.suite(), Suite::Aes256GcmHkdf);
    assert_eq!(envelope.key_id(), KeyId::from_bytes([0x1d; 16]));
    assert_eq!(envelope.epoch().as_bytes(), &[0xe0; 12]);
    assert_eq!(envelope.count().as_bytes(), &[0xc0; 12]);
    assert_eq!(envelope.nonce()[..12], [0xe0; 12]);
    assert_eq!(envelope.nonce()[12..], [0xc0; 12]);
    assert_eq!(envelope.ciphertext(), [0xcc; 5]);
    assert_eq!(envelope.tag(), &[0x7a; 16]);
    assert_eq!(envelope.aad_prefix()[..], bytes[..17]);
    assert_eq!(envelope.header().aad_prefix(), *envelope.aad_prefix());
    assert_eq!(envelope.to_bytes(), bytes);
}

#[test]
fn a_key_id_is_the_first_half_of_the_full_one() {
    let full: [u8; 32] = std::array::from_fn(|place| u8::try_from(place).unwrap());
    assert_eq!(KeyId::of_full(&full).as_bytes()[..], full[..16]);
}

#[test]
fn bytes_on_the_wire_name_one_suite_and_one_algorithm() {
    let suites: Vec<_> = (0..=255).filter_map(|byte| Suite::try_from(byte).ok()).collect();
    assert_eq!(suites, Suite::ALL);
    assert_eq!(suites.iter().map(|suite| suite.to_byte()).collect::<Vec<_>>(), [1, 2]);
    let algorithms: Vec<_> =
        (0..=255).filter_map(|byte| WrapAlgorithm::try_from(byte).ok()).collect();
    assert_eq!(algorithms, WrapAlgorithm::ALL);
    assert_eq!(
        algorithms.iter().map(|known| known.to_byte()).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6, 7]
    );
}

#[test]
fn no_debug_of_a_context_shows_a_value() {
    let canary = "PATIENT-CANARY";
    let context = Context::of_tenant(canary)
        .record(canary)
        .field(canary)
        .usage(canary)
        .application(130, canary);
    let encoded = context.encode(&DOMAIN).unwrap();
    let faulty = context.clone().tenant(canary);
    for shown in [
        format!("{context:?} {context:#?}"),
        format!("{encoded:?} {encoded:#?}"),
        format!("{faulty:?} {:?}", faulty.encode(&DOMAIN).unwrap_err()),
        format!("{:?} {:?}", context.components(), encoded.components().next().unwrap()),
    ] {
        assert!(!shown.contains("CANARY"), "{shown}");
        assert!(!shown.contains("80, 65, 84"), "{shown}");
        assert!(!shown.contains(&hex::encode(canary)), "{shown}");
    }
    assert!(format!("{encoded:?}").contains("1(14 bytes)"));
    assert_eq!(encoded.value(tag::RECORD), Some(canary.as_bytes()));
}

#[test]
fn no_debug_of_a_key_or_envelope_shows_its_bytes() {
    let key = WrappedKey::parse(&wrapped_key()).unwrap();
    let shown = format!("{key:?}");
    assert!(shown.contains("local:5f2c") && shown.contains("wrapped_len: 72"), "{shown}");
    assert!(!shown.contains("60, 60") && !shown.contains("3c3c"), "{shown}");
    let bytes = field(Suite::Xaes256Gcm, 5);
    let shown = format!("{:?}", FieldEnvelope::parse(&bytes).unwrap());
    assert!(shown.contains("ciphertext_len: 5"), "{shown}");
    assert!(!shown.contains("204, 204") && !shown.contains("cccc"), "{shown}");
}

#[test]
fn a_context_knows_its_components() {
    let encoded = context().encode(&DOMAIN).unwrap();
    assert_eq!(
        encoded.components().map(|part| part.tag()).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6, 7, 128, 255]
    );
    assert_eq!(
        context().components().map(|part| part.tag()).collect::<Vec<_>>(),
        [1, 3, 4, 5, 6, 7, 128, 255]
    );
    assert_eq!(encoded.value(tag::DOMAIN), Some(DOMAIN.as_bytes().as_slice()));
    assert_eq!(encoded.value(tag::ROW_VERSION), Some(41_u64.to_be_bytes().as_slice()));
    assert_eq!(encoded.value(255), Some([].as_slice()));
    assert_eq!(encoded.value(254), None);
    assert_eq!(encoded.padding(), Some(16));
    assert_eq!(crate::support::encoded().padding(), None);
}

#[test]
fn a_context_that_fails_to_encode_appends_nothing() {
    let mut out = vec![7];
    context().tenant("again").encode_into(&DOMAIN, &mut out).unwrap_err();
    assert_eq!(out, [7]);
}

#[test]
fn encryption_contexts_become_maps_of_strings() {
    let maps = encryption_contexts().map(|context| context.components().collect::<Vec<_>>());
    let part = |name, value: &str| (name, value.to_owned());
    let environment = part("environment", &"e1".repeat(16));
    let domain = part("domain", &"d0".repeat(16));
    assert_eq!(
        maps[0],
        [part("phiseal", "v1 data key"), environment.clone(), domain.clone(), part("version", "3")]
    );
    assert_eq!(maps[1], [part("phiseal", "v1 store key"), environment.clone()]);
    assert_eq!(
        maps[2],
        [
            part("phiseal", "v1 subject key"),
            environment,
            domain,
            part("version", "3"),
            part("subject", &"5a".repeat(16)),
            part("key", &"1d".repeat(32)),
        ]
    );
}

#[test]
fn encryption_contexts_have_these_bytes() {
    let expected = [
        "01",
        "80000000167068697365616c2f7631207375626a656374206b6579",
        "8100000010e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1",
        "8200000010d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0",
        "830000000400000003",
        "84000000105a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
        "85000000201d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d",
    ];
    let subject = EncryptionContext::subject_key(&ENVIRONMENT, &DOMAIN, 3, &SUBJECT, &[0x1d; 32]);
    assert_eq!(hex::encode(subject.as_bytes()), expected.concat());
}

#[test]
fn a_wrapped_key_has_these_bytes_and_parts() {
    let expected = [
        "01",                   // version
        "02",                   // algorithm
        "0a",                   // length of the KEK id
        "6c6f63616c3a35663263", // local:5f2c
        "00000007",             // KEK version
        "0048",                 // length of the wrapped key
        &"3c".repeat(72),
    ];
    let bytes = hex::decode(expected.concat()).unwrap();
    assert_eq!(wrapped_key(), bytes);
    let borrowed = WrappedKeyRef::parse(&bytes).unwrap();
    let owned = borrowed.to_wrapped_key();
    assert_eq!(owned.as_wrapped_key_ref(), borrowed);
    assert_eq!(
        (borrowed.algorithm(), owned.algorithm()),
        (WrapAlgorithm::Xaes256Gcm, WrapAlgorithm::Xaes256Gcm)
    );
    assert_eq!(borrowed.kek_id(), KekId::try_from("local:5f2c").unwrap());
    assert_eq!(owned.kek_id(), &borrowed.kek_id());
    assert_eq!((borrowed.kek_version(), owned.kek_version()), (KekVersion(7), KekVersion(7)));
    assert_eq!(
        (borrowed.wrapped(), owned.wrapped()),
        ([0x3c; 72].as_slice(), [0x3c; 72].as_slice())
    );
}

#[test]
fn the_longest_wrapped_key_returns_as_it_was() {
    let kek = KekId::try_from("k".repeat(255)).unwrap();
    let key = WrappedKey::new(WrapAlgorithm::Service, kek, KekVersion(u32::MAX), vec![0xab; 6144])
        .unwrap();
    let bytes = key.to_bytes();
    assert_eq!(bytes.len(), phiseal_format::MAX_WRAPPED_KEY);
    assert_eq!(WrappedKey::parse(&bytes), Ok(key));
}

#[test]
fn a_cursor_that_fails_takes_nothing() {
    let mut cursor = Cursor::new(&[0, 3, 1]);
    cursor.u32().unwrap_err();
    cursor.u64().unwrap_err();
    cursor.array::<4>().unwrap_err();
    cursor.bytes(4).unwrap_err();
    cursor.prefixed_u16(64).unwrap_err();
    cursor.prefixed_u16(2).unwrap_err();
    cursor.prefixed_u32(64).unwrap_err();
    assert_eq!(cursor.remaining(), 3);
    assert_eq!((cursor.u8(), cursor.u16()), (Ok(0), Ok(0x0301)));
    assert!(cursor.is_empty());
    cursor.u8().unwrap_err();
    cursor.finish().unwrap();
}

#[test]
fn a_cursor_reads_what_is_written() {
    let mut out = Vec::new();
    write::push_u8(&mut out, 0x12);
    write::push_u16(&mut out, 0x1234);
    write::push_u32(&mut out, 0x1234_5678);
    write::push_u64(&mut out, 0x1234_5678_9abc_def0);
    write::push_bytes(&mut out, b"raw");
    write::push_prefixed_u8(&mut out, &[8; 255]).unwrap();
    write::push_prefixed_u16(&mut out, &[16; 65535]).unwrap();
    write::push_prefixed_u32(&mut out, &[32; 65536]).unwrap();
    assert_eq!(out[..7], [0x12, 0x12, 0x34, 0x12, 0x34, 0x56, 0x78]);
    let mut cursor = Cursor::new(&out);
    assert_eq!(cursor.u8(), Ok(0x12));
    assert_eq!(cursor.u16(), Ok(0x1234));
    assert_eq!(cursor.u32(), Ok(0x1234_5678));
    assert_eq!(cursor.u64(), Ok(0x1234_5678_9abc_def0));
    assert_eq!(cursor.array(), Ok(b"raw"));
    assert_eq!(cursor.prefixed_u8(), Ok([8; 255].as_slice()));
    assert_eq!(cursor.prefixed_u16(65535), Ok([16; 65535].as_slice()));
    assert_eq!(cursor.prefixed_u32(65536), Ok([32; 65536].as_slice()));
    cursor.finish().unwrap();
}

#[test]
fn labels_are_distinct_and_none_begins_another() {
    for (place, label) in label::ALL.iter().enumerate() {
        assert!(label.starts_with("phiseal/v1 ") && !label.contains('\0'), "{label}");
        for (other_place, other) in label::ALL.iter().enumerate() {
            assert!(
                place == other_place || !label.starts_with(other),
                "{label} begins with {other}"
            );
        }
    }
    assert_eq!(label::ALL.len(), 10);
}
