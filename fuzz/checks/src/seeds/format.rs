//! Inputs of the parsers of `phiseal-format`.

use super::Inputs;

pub(super) fn field_envelopes() -> Inputs {
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

pub(super) fn contexts() -> Inputs {
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

pub(super) fn encryption_contexts() -> Inputs {
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

/// Version, algorithm, name, the KEK's version (4), what is wrapped.
pub(super) fn wrapped_key(version: u8, algorithm: u8, kek: &[u8], wrapped: &[u8]) -> Vec<u8> {
    let mut bytes = vec![version, algorithm, u8::try_from(kek.len()).unwrap()];
    bytes.extend(kek);
    bytes.extend(4_u32.to_be_bytes());
    bytes.extend(u16::try_from(wrapped.len()).unwrap().to_be_bytes());
    bytes.extend(wrapped);
    bytes
}

pub(super) fn wrapped_keys() -> Inputs {
    let key = wrapped_key;
    let trailing = [key(1, 2, b"local:5f2c", &[0x99; 72]), vec![0]].concat();
    vec![
        ("valid-local", key(1, 2, b"local:5f2c", &[0x99; 72])),
        ("valid-service", key(1, 1, b"arn:aws:kms:eu-west-1:111122223333:key/1", &[0x99; 184])),
        ("valid-key-wrap", key(1, 4, b"pkcs11:token=a;object=b", &[0x99; 72])),
        ("valid-shortest", key(1, 6, b"k", &[0])),
        ("valid-recovery", key(1, 7, b"recovery:09", &[0x99; 80])),
        ("refused-version-2", key(2, 2, b"local:5f2c", &[0x99; 72])),
        ("refused-algorithm-0", key(1, 0, b"local:5f2c", &[0x99; 72])),
        ("refused-algorithm-8", key(1, 8, b"local:5f2c", &[0x99; 72])),
        ("refused-space-in-name", key(1, 2, b"local 5f2c", &[0x99; 72])),
        ("refused-no-name", key(1, 2, b"", &[0x99; 72])),
        ("refused-nothing-wrapped", key(1, 2, b"local:5f2c", &[])),
        ("refused-6145-bytes", key(1, 2, b"k", &[0x99; 6145])),
        ("refused-trailing-byte", trailing),
    ]
}

pub(super) fn texts() -> Inputs {
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
