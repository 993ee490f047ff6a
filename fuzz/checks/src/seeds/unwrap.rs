//! Wrapped keys: the published ones, and masks over those that `unwrap` wraps itself.

use super::Inputs;
use crate::unwrap::{KW, KWP, XAES};

/// RFC 3394, 4.3.
const KW_OF_16_BYTES: [u8; 24] = [
    0x64, 0xe8, 0xc3, 0xf9, 0xce, 0x0f, 0x5b, 0xa2, 0x63, 0xe9, 0x77, 0x79, 0x05, 0x81, 0x8a, 0x2a,
    0x93, 0xc8, 0x19, 0x1e, 0x7d, 0x6e, 0x8a, 0xe7,
];

/// The second vector of c2sp.org/XAES-256-GCM.
const XAES_WITH_AAD: [u8; 52] = *b"ABCDEFGHIJKLMNOPQRSTUVWX\
    \x98\x6e\xc1\x83\x25\x93\xdf\x54\x43\xa1\x79\x43\x7f\xd0\x83\xbf\
    \x3f\xdb\x41\xab\xd7\x40\xa2\x1f\x71\xeb\x76\x9d";

const CHANGED: u8 = 1 << 3;
const CUT: u8 = 2 << 3;

pub(super) fn wraps() -> Inputs {
    let input = |first: u8, choices: u8, bytes: &[u8]| [&[first, choices], bytes].concat();
    vec![
        ("valid-key-wrap", input(0, 0, &KW)),
        ("valid-key-wrap-of-16-bytes", input(0, 0, &KW_OF_16_BYTES)),
        ("valid-key-wrap-unchanged", input(CHANGED, 0, &[])),
        ("valid-padded-key-wrap", input(1, 0, &*KWP)),
        ("valid-xaes", input(2, 0, &XAES)),
        ("valid-xaes-with-associated-data", input(2, 3, &XAES_WITH_AAD)),
        ("valid-memory", input(3 | CHANGED, 0, &[])),
        ("valid-local", input(4 | CHANGED, 0, &[])),
        ("refused-key-wrap-changed", input(CHANGED, 0, &[1])),
        ("refused-key-wrap-cut", input(0, 0, &KW[..32])),
        ("refused-key-wrap-of-8-bytes", input(0, 0, &KW[..16])),
        ("refused-key-wrap-buffer", input(0, 1, &KW)),
        ("refused-padded-as-not-padded", input(0, 0, &*KWP)),
        ("refused-not-padded-as-padded", input(1, 0, &KW)),
        ("refused-padded-changed", input(1 | CHANGED, 0, &[0, 0, 0, 1])),
        ("refused-xaes-other-associated-data", input(2, 1, &XAES)),
        ("refused-xaes-other-key", input(2, 2, &XAES)),
        ("refused-xaes-changed", input(2 | CHANGED, 0, &[1])),
        ("refused-memory-algorithm", input(3 | CHANGED, 1, &[])),
        ("refused-memory-version", input(3 | CHANGED, 2, &[])),
        ("refused-memory-foreign", input(3 | CHANGED, 4, &[])),
        ("refused-local-context", input(4 | CHANGED, 8, &[])),
        ("refused-local-key-id", input(4 | CHANGED, 16, &[])),
        ("refused-local-changed", input(4 | CHANGED, 0, &[0, 1])),
        ("refused-local-cut", input(4 | CUT, 0, &[0; 71])),
        ("refused-local-nothing", input(4, 0, &[])),
    ]
}
