//! Inputs about tokens.

use super::Inputs;

pub(super) fn tokens() -> Inputs {
    let token = |scheme: u8, rest: usize| [&[scheme][..], &[0x11; 16], &vec![0x22; rest]].concat();
    vec![
        ("valid-siv-empty", token(0x11, 16)),
        ("valid-siv", token(0x11, 16 + 11)),
        ("valid-hash", token(0x12, 32)),
        ("refused-nothing", Vec::new()),
        ("refused-siv-short", token(0x11, 15)),
        ("refused-hash-long", token(0x12, 33)),
        ("refused-field", token(0x01, 40)),
        ("refused-text", b"123-45-6789".to_vec()),
    ]
}

pub(super) fn values() -> Inputs {
    let of = |text: &str| text.as_bytes().to_vec();
    vec![
        ("valid-card", of("4000 0012 3456 7899")),
        ("valid-date", of("1980-01-31T10:00:00Z")),
        ("valid-zip", of("98101-1234")),
        ("refused-year-with-a-space", of(" 008")),
        ("refused-check-digit", of("4000 0012 3456 7898")),
        ("refused-phone", of("(206) 555-0123")),
        ("refused-name", of("  M\u{fc}LLER\u{a0}O'Brien \u{1e9e}\u{fb01}")),
        ("refused-long-date", of("January 31, 1980")),
        ("refused-not-utf-8", vec![0xff, 0xfe]),
    ]
}

pub(super) fn vault_records() -> Inputs {
    vec![
        ("valid-genuine", vec![2]),
        ("valid-masked-by-nothing", vec![2, 0, 0, 0, 0]),
        ("valid-masked-by-zeros", [&[2][..], &[0; 200]].concat()),
        ("refused-nothing", Vec::new()),
        ("refused-purged", vec![0]),
        ("refused-no-entry", vec![1]),
        ("refused-entry-of-another", [&[1][..], b"tok_00000000000000000000000000"].concat()),
        ("refused-entry-not-text", vec![1, 0xff, 0xfe]),
        ("refused-disabled", vec![2, 0, 1]),
        ("refused-of-a-person", vec![2, 0, 2]),
        ("refused-ended", [&[2][..], &[0; 17], &[1]].concat()),
        ("refused-record", [&[0, 1, 0][..], &[0; 16], &[1; 80]].concat()),
    ]
}
