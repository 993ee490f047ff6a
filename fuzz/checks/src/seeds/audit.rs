//! Inputs of the parsers of audit logs.

use super::Inputs;

/// c2sp.org/signed-note, the example of "Verifier keys".
const NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

/// c2sp.org/tlog-checkpoint, the text of its example.
const CHECKPOINT: &str =
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

const RECORD: &str = r#"{"v":1,"seq":1,"time":"2026-03-01T09:30:00.250Z","prev":"0000000000000000","env":"09090909090909090909090909090909","class":"reveal","action":"open","outcome":"not-found","actor":"svc-billing","use":"treatment","domain":"01010101010101010101010101010101","key":"02020202020202020202020202020202","key_version":3,"kek":"kek-2026","kek_version":4,"request":"00030303030303030303030303030303","subject":"04040404040404040404040404040404","count":5,"took_us":1500}"#;

fn changed(text: &str, from: &str, to: &str) -> Vec<u8> {
    let changed = text.replacen(from, to, 1);
    assert_ne!(changed, text);
    changed.into()
}

pub(super) fn notes() -> Inputs {
    let unknown = "\u{2014} a AAAAAAA=\n";
    vec![
        ("valid-signed", NOTE.into()),
        ("valid-another-text", changed(NOTE, "an example", "another example")),
        ("valid-unknown-key", format!("text\n\n{unknown}").into()),
        ("valid-two-signatures", format!("{NOTE}{unknown}").into()),
        ("valid-empty-lines", format!("\n\na\n\n{unknown}").into()),
        (
            "refused-key-alone",
            b"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".into(),
        ),
        ("refused-no-signature", b"text\n\n".into()),
        ("refused-carriage-return", changed(NOTE, "\n", "\r\n")),
        ("refused-padding", changed(NOTE, "aQM=", "aQM")),
        ("refused-loose-bits", changed(NOTE, "aQM=", "aQN=")),
        ("refused-plus-in-name", changed(NOTE, "com/foo", "com+foo")),
        ("refused-not-utf-8", [b"\xff", NOTE.as_bytes()].concat()),
        ("refused-101-signatures", format!("text\n\n{}", unknown.repeat(101)).into()),
    ]
}

pub(super) fn checkpoints() -> Inputs {
    vec![
        ("valid-example", CHECKPOINT.into()),
        ("valid-empty-tree", changed(CHECKPOINT, "20852163", "0")),
        ("valid-extension", format!("{CHECKPOINT}more\n").into()),
        ("refused-leading-zero", changed(CHECKPOINT, "20852163", "020852163")),
        ("refused-over-64-bits", changed(CHECKPOINT, "20852163", "18446744073709551616")),
        ("refused-short-root", changed(CHECKPOINT, "q2I=", "")),
        ("refused-empty-line", format!("{CHECKPOINT}\n").into()),
        ("refused-note", format!("{CHECKPOINT}\n\u{2014} a AAAAAAA=\n").into()),
    ]
}

pub(super) fn records() -> Inputs {
    let least = RECORD.split(r#","actor""#).next().unwrap_or_default();
    vec![
        ("valid-everything", RECORD.into()),
        ("valid-least", format!("{least}}}").into()),
        ("valid-escapes", changed(RECORD, "kek-2026", r#"a\"\\b"#)),
        ("refused-line-end", format!("{RECORD}\n").into()),
        ("refused-two-lines", format!("{RECORD}\n{RECORD}\n").into()),
        ("refused-name", changed(RECORD, "svc-billing", "Jane Doe")),
        ("refused-unknown-member", changed(RECORD, r#""count":5"#, r#""count":5,"note":"x""#)),
        ("refused-version", changed(RECORD, r#""v":1"#, r#""v":2"#)),
        ("refused-30-february", changed(RECORD, "03-01", "02-30")),
        ("refused-number", changed(RECORD, r#""count":5"#, r#""count":5.0"#)),
        ("refused-no-use", changed(RECORD, r#","use":"treatment""#, "")),
    ]
}
