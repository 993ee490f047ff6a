//! Inputs of the targets that seal and open fields.

use super::Inputs;

const CHANGED: u8 = 1 << 3;
const CUT: u8 = 2 << 3;

/// Masks over the envelopes that `field_open` seals itself.
pub(super) fn opened() -> Inputs {
    let mask = |first: u8, second: u8, mask: &[u8]| [&[first, second], mask].concat();
    let at = |place: usize| {
        let mut mask = vec![0; place];
        mask.push(1);
        mask
    };
    vec![
        ("valid-empty", mask(CHANGED, 0, &[])),
        ("valid-short", mask(1 | CHANGED, 0, &[0; 68])),
        ("valid-long-by-ring", mask(2 | CHANGED, 1, &[])),
        ("valid-padded", mask(3 | CHANGED, 0, &[])),
        ("valid-suite-2", mask(4 | CHANGED, 1, &[])),
        ("valid-not-utf-8", mask(5 | CHANGED, 0, &[])),
        ("valid-older-key", mask(6 | CHANGED, 0, &[])),
        ("valid-cut-nowhere", mask(1 | CUT, 0, &[0; 57 + 11])),
        ("refused-foreign", mask(7 | CHANGED, 0, &[])),
        ("refused-other-record", mask(1 | CHANGED, 2 << 1, &[])),
        ("refused-as-padded", mask(1 | CHANGED, 3 << 1, &[])),
        ("refused-other-domain", mask(1 | CHANGED, 5 << 1, &[])),
        ("refused-other-suite", mask(1 | CHANGED, 0, &[3])),
        ("refused-no-suite", mask(1 | CHANGED, 0, &[1])),
        ("refused-key-id", mask(1 | CHANGED, 0, &at(1))),
        ("refused-epoch", mask(1 | CHANGED, 0, &at(17))),
        ("refused-count", mask(1 | CHANGED, 1, &at(40))),
        ("refused-ciphertext", mask(1 | CHANGED, 0, &at(41))),
        ("refused-tag", mask(1 | CHANGED, 1, &at(57 + 10))),
        ("refused-appended", mask(1 | CHANGED, 0, &[0; 57 + 12])),
        ("refused-cut", mask(1 | CUT, 0, &[0; 57 + 10])),
        ("refused-cut-before-its-tag", mask(1 | CUT, 0, &[0; 50])),
        ("refused-own-making", mask(0, 0, &super::format::field_envelopes()[1].1)),
    ]
}

/// A tag and a value.
type Component<'a> = (u8, &'a [u8]);

/// Contexts and plaintexts for `seal_roundtrip`.
pub(super) fn messages() -> Inputs {
    let message = |choices: u8, components: &[Component<'_>], rest: &[u8]| {
        let mut bytes = vec![choices, u8::try_from(components.len()).unwrap()];
        for (tag, value) in components {
            bytes.extend([*tag, u8::try_from(value.len()).unwrap()]);
            bytes.extend(*value);
        }
        bytes.extend(rest);
        bytes
    };
    let (tenant, record, field): (Component<'_>, Component<'_>, Component<'_>) =
        ((1, b"north"), (3, b"mrn-1029"), (4, b"ssn"));
    let version: Component<'_> = (6, &[0, 0, 0, 0, 0, 0, 0, 7]);
    let long = |tag: u8| -> Component<'_> { (tag, &[b'x'; 255]) };
    let (padded, padded_more, too_long) = (1 << 3, 2 << 3, 3 << 3);
    vec![
        ("valid-one-component", message(0, &[record], b"123-45-6789")),
        ("valid-nothing-sealed", message(1, &[field], b"")),
        ("valid-suite-2", message(2, &[record, field], b"123-45-6789")),
        ("valid-opened-by-ring", message(4, &[tenant, record, field], b"123-45-6789")),
        ("valid-everything", message(7, &[(255, b""), version, (5, b"care"), tenant, field], b"x")),
        ("valid-padded", message(padded, &[record, field], b"\x10123-45-6789")),
        (
            "valid-padded-by-ring",
            message(padded_more | 1, &[record, field], b"\x01\x00123-45-6789"),
        ),
        (
            "valid-longest-context",
            message(0, &[long(1), long(3), long(4), (5, &[b'x'; 217])], b"x"),
        ),
        (
            "refused-context-too-long",
            message(0, &[long(1), long(3), long(4), (5, &[b'x'; 218])], b"x"),
        ),
        ("refused-no-component", message(0, &[], b"123-45-6789")),
        ("refused-duplicate", message(0, &[record, field, record], b"123-45-6789")),
        ("refused-domain", message(0, &[record, (2, &[0; 16])], b"123-45-6789")),
        ("refused-reserved", message(0, &[record, (100, b"")], b"123-45-6789")),
        ("refused-row-version-alone", message(0, &[version], b"123-45-6789")),
        ("refused-class-of-zero", message(padded, &[record], b"\x00123-45-6789")),
        ("refused-class-too-long", message(too_long, &[record], b"\x00123-45-6789")),
    ]
}

/// Sealed fields in each form for `sealed_text`.
pub(super) fn sealed() -> Inputs {
    // Suite 1, then 56 zeros.
    let text = format!("phi1.AQAA{}", "A".repeat(72));
    let mut bytes = vec![1];
    bytes.resize(57, 0);
    let of = |text: &str| text.as_bytes().to_vec();
    vec![
        ("valid-bytes", bytes.clone()),
        ("valid-text", of(&text)),
        ("valid-json", format!("\"{text}\"").into_bytes()),
        ("valid-json-with-escape", format!(" \"\\u0070{}\" ", &text[1..]).into_bytes()),
        ("refused-bytes-too-short", bytes[..56].to_vec()),
        ("refused-text-without-prefix", of(&text[5..])),
        ("refused-text-of-no-suite", of(&text.replacen("AQAA", "AAAA", 1))),
        ("refused-json-of-plaintext", of("\"123-45-6789\"")),
        ("refused-json-number", of("123456789")),
        ("refused-json-fraction", of("-98.6")),
        ("refused-json-boolean", of("true")),
        ("refused-json-null", of("null")),
        ("refused-json-list", of("[\"123-45-6789\"]")),
        ("refused-json-object", of("{\"ssn\":\"123-45-6789\"}")),
        ("refused-json-cut", of("\"phi1.AQAA")),
    ]
}
