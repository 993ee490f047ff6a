//! Masks over the records that `store_records` makes itself.

use super::Inputs;

const CHANGED: u8 = 1 << 5;
const CUT: u8 = 2 << 5;

/// What is asked for.
const STORE_KEY: u8 = 0;
const KEYSET: u8 = 1;
const SUBJECT: u8 = 2;
const USAGE: u8 = 3;

/// What the answer is made of.
const OWN: [u8; 4] = [0, 1 << 2, 3 << 2, 4 << 2];
const OLDER_KEYSET: u8 = 2 << 2;
const NOTHING: u8 = 5 << 2;

/// Choices of the second byte.
const NEWER: u8 = 1;
const OLDER: u8 = 2;
const PINNED: u8 = 1 << 2;
const RING: u8 = 1 << 3;

pub(super) fn answers() -> Inputs {
    let own = |kind: u8| kind | OWN[usize::from(kind)] | CHANGED;
    let plain = |first: u8, second: u8| vec![first, second];
    let at = |kind: u8, second: u8, place: usize| {
        let mut input = vec![own(kind), second];
        input.resize(2 + place, 0);
        input.push(1);
        input
    };
    // Version, environment, key id, length; then version, algorithm, length of the name, name.
    let wrapped = 1 + 16 + 32 + 2;
    let kek_version = wrapped + 3 + "memory:".len() + 32 + 3;
    vec![
        ("valid-store-key", plain(own(STORE_KEY), 0)),
        ("valid-store-key-pinned", plain(own(STORE_KEY), PINNED | RING)),
        ("valid-keyset", plain(own(KEYSET), 0)),
        ("valid-subject", plain(own(SUBJECT), 0)),
        ("valid-usage", plain(own(USAGE), 0)),
        ("refused-store-key-format", at(STORE_KEY, 0, 0)),
        ("refused-store-key-environment", at(STORE_KEY, 0, 1)),
        ("refused-store-key-id", at(STORE_KEY, 0, 17)),
        ("refused-store-key-pinned-id", at(STORE_KEY, PINNED, 17)),
        ("refused-store-key-length", at(STORE_KEY, 0, 50)),
        ("refused-store-key-algorithm", at(STORE_KEY, RING, wrapped + 1)),
        ("refused-store-key-foreign", at(STORE_KEY, 0, wrapped + 3)),
        ("refused-store-key-kek-version", at(STORE_KEY, 0, kek_version)),
        ("refused-store-key-wrap", at(STORE_KEY, 0, kek_version + 3)),
        ("refused-store-key-cut", vec![STORE_KEY | CUT, 0, 0, 0, 0]),
        ("refused-store-key-gone", plain(STORE_KEY | NOTHING, 0)),
        ("refused-keyset-primary", at(KEYSET, 0, 1 + 16 + 16 + 2 + 15 + 8 + 3)),
        ("refused-keyset-tag", at(KEYSET, 0, 90)),
        ("refused-keyset-rolled-back", plain(KEYSET | OLDER_KEYSET | CHANGED, OLDER)),
        ("refused-keyset-older-as-new", plain(KEYSET | OLDER_KEYSET | CHANGED, NEWER)),
        ("refused-keyset-gone", plain(KEYSET | NOTHING, 0)),
        ("refused-keyset-empty", plain(KEYSET | OWN[1], 0)),
        ("refused-subject-state", at(SUBJECT, 0, 1)),
        ("refused-subject-newer", plain(own(SUBJECT), NEWER)),
        ("refused-subject-gone", plain(SUBJECT | NOTHING, 0)),
        ("refused-subject-of-usage", plain(SUBJECT | OWN[3] | CHANGED, 0)),
        ("refused-usage-count", at(USAGE, 0, 7)),
        ("refused-usage-older", plain(own(USAGE), OLDER)),
        ("refused-usage-gone", plain(USAGE | NOTHING, 0)),
    ]
}
