//! The committed inputs, byte by byte as the format's documentation lays them out.
//!
//! They are written out here without the format's own printers, so that a change of the bytes turns the corpus red.
//! `cargo run --package phiseal-fuzz-checks --example write_seeds` in `fuzz/` writes them.

/// A committed input: its target, its file's name, its bytes.
///
/// A name that begins with `valid-` promises that the target accepts it, `refused-` that it does not. An input that
/// once crashed a target is committed under any other name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// The target's name.
    pub target: &'static str,
    /// The file's name in the target's folder of the corpus.
    pub name: &'static str,
    /// What the file holds.
    pub bytes: Vec<u8>,
}

/// Every committed input that did not come from a crash.
pub fn seeds() -> Vec<Seed> {
    let of = |target: &'static str, all: Vec<(&'static str, Vec<u8>)>| {
        all.into_iter().map(move |(name, bytes)| Seed { target, name, bytes })
    };
    of("context", contexts())
        .chain(of("encryption_context", encryption_contexts()))
        .chain(of("field_envelope", field_envelopes()))
        .chain(of("text", texts()))
        .chain(of("wrapped_key", wrapped_keys()))
        .collect()
}

fn field_envelopes() -> Vec<(&'static str, Vec<u8>)> {
    let envelope = |suite: u8, ciphertext: &[u8]| {
        [&[suite][..], &[0x11; 16], &[0x22; 12], &[0x33; 12], ciphertext, &[0x44; 16]].concat()
    };
    vec![
        ("valid-suite-1-empty", envelope(1, b"")),
        ("valid-suite-1", envelope(1, b"ciphertext of 32 bytes, no less.")),
        ("valid-suite-2", envelope(2, b"x")),
        ("refused-suite-0", envelope(0, b"x")),
        ("refused-suite-3", envelope(3, b"x")),
        ("refused-truncated", envelope(1, b"")[..56].to_vec()),
    ]
}

/// Version byte, then `tag u8 | length u32 | bytes` for each component.
fn components(all: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![1];
    for (tag, value) in all {
        bytes.push(*tag);
        bytes.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
        bytes.extend(*value);
    }
    bytes
}

fn contexts() -> Vec<(&'static str, Vec<u8>)> {
    let domain: (u8, &[u8]) = (2, &[0x55; 16]);
    let version = 7_u64.to_be_bytes();
    let all: [(u8, &[u8]); 9] = [
        (1, b"clinic"),
        domain,
        (3, b"patient/42"),
        (4, b"birthDate"),
        (5, b"care"),
        (6, &version),
        (7, &[0, 0, 0, 64]),
        (128, b""),
        (255, b"own"),
    ];
    vec![
        ("valid-row-version", components(&[domain, (6, &version)])),
        ("valid-tenant", components(&[(1, b"clinic"), domain])),
        ("valid-everything", components(&all)),
        ("valid-longest", components(&[(1, &[b'x'; 1024 - 1 - 21 - 5]), domain])),
        ("refused-too-long", components(&[(1, &[b'x'; 1024 - 1 - 21 - 4]), domain])),
        ("refused-no-domain", components(&[(1, b"clinic"), (4, b"birthDate")])),
        ("refused-domain-alone", components(&[domain])),
        ("refused-order", components(&[(3, b"patient/42"), domain])),
        ("refused-duplicate", components(&[(1, b"a"), (1, b"a"), domain])),
        ("refused-tag-8", components(&[domain, (4, b"a"), (8, &[0, 0, 0, 64])])),
        ("refused-length-class-of-zero", components(&[domain, (4, b"a"), (7, &[0; 4])])),
        ("refused-length-class-alone", components(&[domain, (7, &[0, 0, 0, 64])])),
        ("refused-row-version-of-7-bytes", components(&[domain, (4, b"a"), (6, &version[1..])])),
        ("refused-huge-length", vec![1, 1, 0xff, 0xff, 0xff, 0xff]),
    ]
}

fn encryption_contexts() -> Vec<(&'static str, Vec<u8>)> {
    let environment: (u8, &[u8]) = (129, &[0x66; 16]);
    let domain: (u8, &[u8]) = (130, &[0x55; 16]);
    let version: (u8, &[u8]) = (131, &[0, 0, 0, 3]);
    let data_key: (u8, &[u8]) = (128, b"phiseal/v1 data key");
    let subject: [(u8, &[u8]); 6] = [
        (128, b"phiseal/v1 subject key"),
        environment,
        domain,
        version,
        (132, &[0x77; 16]),
        (133, &[0x88; 32]),
    ];
    vec![
        ("valid-data-key", components(&[data_key, environment, domain, version])),
        ("valid-store-key", components(&[(128, b"phiseal/v1 store key"), environment])),
        ("valid-subject-key", components(&subject)),
        ("refused-subject-key-without-key-id", components(&subject[..5])),
        (
            "refused-unknown-purpose",
            components(&[(128, b"phiseal/v2 data key"), environment, domain, version]),
        ),
        (
            "refused-data-key-with-subject",
            components(&[data_key, environment, domain, version, subject[4]]),
        ),
        ("refused-context-of-a-field", components(&[(1, b"clinic"), (2, &[0x55; 16])])),
    ]
}

fn wrapped_keys() -> Vec<(&'static str, Vec<u8>)> {
    let key = |version: u8, algorithm: u8, kek: &[u8], wrapped: &[u8]| {
        let mut bytes = vec![version, algorithm, u8::try_from(kek.len()).unwrap()];
        bytes.extend(kek);
        bytes.extend(4_u32.to_be_bytes());
        bytes.extend(u16::try_from(wrapped.len()).unwrap().to_be_bytes());
        bytes.extend(wrapped);
        bytes
    };
    let trailing = [key(1, 2, b"local:5f2c", &[0x99; 72]), vec![0]].concat();
    vec![
        ("valid-local", key(1, 2, b"local:5f2c", &[0x99; 72])),
        ("valid-service", key(1, 1, b"arn:aws:kms:eu-west-1:111122223333:key/1", &[0x99; 184])),
        ("valid-key-wrap", key(1, 4, b"pkcs11:token=a;object=b", &[0x99; 72])),
        ("valid-shortest", key(1, 6, b"k", &[0])),
        ("refused-version-2", key(2, 2, b"local:5f2c", &[0x99; 72])),
        ("refused-algorithm-0", key(1, 0, b"local:5f2c", &[0x99; 72])),
        ("refused-algorithm-7", key(1, 7, b"local:5f2c", &[0x99; 72])),
        ("refused-space-in-name", key(1, 2, b"local 5f2c", &[0x99; 72])),
        ("refused-no-name", key(1, 2, b"", &[0x99; 72])),
        ("refused-nothing-wrapped", key(1, 2, b"local:5f2c", &[])),
        ("refused-6145-bytes", key(1, 2, b"k", &[0x99; 6145])),
        ("refused-trailing-byte", trailing),
    ]
}

fn texts() -> Vec<(&'static str, Vec<u8>)> {
    let of = |text: &str| text.as_bytes().to_vec();
    vec![
        ("valid-nothing", of("phi1.")),
        ("valid-one-byte", of("phi1.AA")),
        ("valid-both-odd-symbols", of("phi1.-_8")),
        ("valid-three-bytes", of("phi1.AQID")),
        ("refused-padding", of("phi1.AA==")),
        ("refused-unused-bits", of("phi1.AB")),
        ("refused-other-alphabet", of("phi1.+/8")),
        ("refused-length", of("phi1.A")),
        ("refused-prefix", of("PHI1.AA")),
        ("refused-line-end", of("phi1.AQID\n")),
        ("refused-not-utf-8", vec![b'p', b'h', b'i', b'1', b'.', 0xff]),
    ]
}
