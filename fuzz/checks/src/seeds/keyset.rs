//! Keysets: `0x01 | environment 16 | domain 16 | name u16 + bytes | revision u64 | authority | single u8 | primary u32 |
//! versions u16 | versions`.

use super::Inputs;
use super::format::wrapped_key;

/// `number u32 | state u8 | key id 32 | created u64 | activated u64 | replaced u64 | wraps u8 | { wrapped key u16 + bytes }`;
/// one that never was the primary, until [`keyset`] makes it so.
fn version(number: u32, state: u8, wraps: usize) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.push(state);
    bytes.extend([u8::try_from(number % 251).unwrap(); 32]);
    bytes.extend(CREATED.to_be_bytes());
    bytes.extend([0; 16]);
    bytes.push(u8::try_from(wraps).unwrap());
    for _ in 0..wraps {
        let wrap = wrapped_key(1, 2, b"local:5f2c", &[0x99; 72]);
        bytes.extend(u16::try_from(wrap.len()).unwrap().to_be_bytes());
        bytes.extend(wrap);
    }
    bytes
}

const CREATED: u64 = 1_700_000_000;
const ACTIVATED: core::ops::Range<usize> = 45..53;
const REPLACED: core::ops::Range<usize> = 53..61;

fn with_time(mut version: Vec<u8>, place: core::ops::Range<usize>, time: u64) -> Vec<u8> {
    version[place].copy_from_slice(&time.to_be_bytes());
    version
}

fn keyset(name: &[u8], revision: u64, primary: u32, versions: &[Vec<u8>]) -> Vec<u8> {
    let activated = versions.iter().map(|version| {
        let is_primary = version.starts_with(&primary.to_be_bytes());
        if is_primary {
            with_time(version.clone(), ACTIVATED, CREATED + 1)
        } else {
            version.clone()
        }
    });
    let versions: Vec<_> = activated.collect();
    agreed(name, revision, &[0, 0], primary, &versions)
}

fn agreed(
    name: &[u8],
    revision: u64,
    authority: &[u8],
    primary: u32,
    versions: &[Vec<u8>],
) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend([0x66; 16]);
    bytes.extend([0x55; 16]);
    bytes.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
    bytes.extend(name);
    bytes.extend(revision.to_be_bytes());
    bytes.extend(authority);
    bytes.extend(primary.to_be_bytes());
    bytes.extend(u16::try_from(versions.len()).unwrap().to_be_bytes());
    bytes.extend(versions.concat());
    bytes
}

const NAME: &[u8] = b"clinic/patients";
const ACTIVE: u8 = 2;
const DEACTIVATED: u8 = 4;
const DESTROYED: u8 = 6;

pub(super) fn keysets() -> Inputs {
    let of = |primary: u32, versions: &[Vec<u8>]| keyset(b"clinic/patients", 7, primary, versions);
    let active = version(1, ACTIVE, 1);
    let every_state: Vec<_> = (1..=6)
        .zip(1..=6)
        .map(|(number, state)| version(number, state, usize::from(state != DESTROYED)))
        .collect();
    let newest = || active.clone();
    let still = |number| with_time(version(number, ACTIVE, 1), ACTIVATED, CREATED + 1);
    let never = |number| with_time(version(number, ACTIVE, 1), REPLACED, CREATED + 2);
    let replaced = |number| with_time(still(number), REPLACED, CREATED + 2);
    let by = |authority: &[u8]| agreed(NAME, 7, authority, 1, &[still(1)]);
    vec![
        ("valid-one-version", of(1, &[newest()])),
        ("valid-every-state", of(2, &every_state)),
        ("valid-eight-wraps", of(1, &[version(1, ACTIVE, 8)])),
        ("valid-suspended-primary", of(1, &[version(1, 3, 1)])),
        ("valid-compromised-primary", of(1, &[version(1, 5, 1)])),
        ("valid-last-number", of(u32::MAX, &[version(u32::MAX, ACTIVE, 1)])),
        ("valid-last-revision", keyset(b"clinic/patients", u64::MAX, 1, &[newest()])),
        ("valid-longest-name", keyset(&[b'x'; 255], 7, 1, &[newest()])),
        ("valid-replaced", of(2, &[replaced(1), version(2, ACTIVE, 1)])),
        ("valid-agreed", by(&[&[2][..], &[0x77; 32], &[0]].concat())),
        ("valid-agreed-once-by-one", by(&[&[2][..], &[0x77; 32], &[1]].concat())),
        ("valid-by-one", by(&[&[1][..], &[0x77; 32], &[1]].concat())),
        ("refused-by-one-unmarked", by(&[&[1][..], &[0x77; 32], &[0]].concat())),
        ("refused-by-one-without-request", by(&[1, 1])),
        ("refused-mark-2", by(&[0, 2])),
        ("refused-authority-3", by(&[3, 0])),
        ("refused-agreed-without-request", by(&[2, 0])),
        ("refused-primary-replaced", of(1, &[replaced(1)])),
        ("refused-primary-never-activated", agreed(NAME, 7, &[0, 0], 1, &[newest()])),
        ("refused-replaced-never-activated", of(2, &[never(1), version(2, ACTIVE, 1)])),
        ("refused-activated-never-replaced", of(2, &[still(1), version(2, ACTIVE, 1)])),
        ("refused-name-too-long", keyset(&[b'x'; 256], 7, 1, &[newest()])),
        ("refused-no-name", keyset(b"", 7, 1, &[newest()])),
        ("refused-space-in-name", keyset(b"clinic patients", 7, 1, &[newest()])),
        ("refused-revision-0", keyset(b"clinic/patients", 0, 1, &[newest()])),
        ("refused-no-version", of(1, &[])),
        ("refused-number-0", of(0, &[version(0, ACTIVE, 1)])),
        ("refused-no-primary", of(2, &[newest()])),
        ("refused-pre-active-primary", of(1, &[version(1, 1, 1)])),
        ("refused-deactivated-primary", of(1, &[version(1, DEACTIVATED, 1)])),
        ("refused-destroyed-primary", of(1, &[version(1, DESTROYED, 0)])),
        ("refused-state-0", of(1, &[version(1, 0, 1)])),
        ("refused-state-7", of(1, &[version(1, 7, 1)])),
        ("refused-order", of(1, &[version(2, ACTIVE, 1), newest()])),
        ("refused-one-key-twice", of(1, &[newest(), version(252, ACTIVE, 1)])),
        ("refused-no-wraps", of(1, &[version(1, ACTIVE, 0)])),
        ("refused-nine-wraps", of(1, &[version(1, ACTIVE, 9)])),
        ("refused-wraps-of-a-destroyed-key", of(1, &[newest(), version(2, DESTROYED, 1)])),
        ("refused-truncated", of(1, &[active[..active.len() - 1].to_vec()])),
        ("refused-trailing-byte", of(1, &[newest(), vec![0]])),
        ("refused-format-version-2", [&[2], &of(1, &[newest()])[1..]].concat()),
    ]
}
