//! Every truncation of each structure, and extensions by 1 to 64 bytes.

use crate::support::{DOMAIN, context, encryption_contexts, field, kind, wrapped_key};
use phiseal_format::{
    EncodedContext, EncryptionContext, ErrorKind, FIELD_OVERHEAD, FieldEnvelope, Suite, WrappedKey,
    text,
};

/// Every proper prefix of `bytes`, then `bytes` with 1 to 64 bytes of four kinds after it.
fn cuts_and_extensions(bytes: &[u8]) -> (Vec<&[u8]>, Vec<Vec<u8>>) {
    let cuts = (0..bytes.len()).map(|length| &bytes[..length]).collect();
    let tails = [0x00, 0x01, 0x80, 0xff]
        .into_iter()
        .flat_map(|byte| (1..=64).map(move |length| vec![byte; length]));
    (cuts, tails.map(|tail| [bytes, &tail].concat()).collect())
}

#[test]
fn a_wrapped_key_is_refused_cut_or_extended() {
    let bytes = wrapped_key();
    let (cuts, extensions) = cuts_and_extensions(&bytes);
    assert_eq!((cuts.len(), extensions.len()), (91, 256));
    for cut in cuts {
        assert_eq!(kind(WrappedKey::parse(cut)), ErrorKind::Truncated, "{} bytes", cut.len());
    }
    for extension in extensions {
        assert_eq!(
            kind(WrappedKey::parse(&extension)),
            ErrorKind::Trailing,
            "{} bytes",
            extension.len()
        );
    }
}

#[test]
fn an_encryption_context_is_refused_cut_or_extended() {
    let mut counts = (0, 0);
    for context in encryption_contexts() {
        let (cuts, extensions) = cuts_and_extensions(context.as_bytes());
        for cut in cuts {
            let expected = match cut.len() {
                1 => ErrorKind::Empty,
                length if is_edge(context.as_bytes(), length) => ErrorKind::Missing,
                _ => ErrorKind::Truncated,
            };
            assert_eq!(kind(EncryptionContext::parse(cut)), expected, "{} bytes", cut.len());
            counts.0 += 1;
        }
        for extension in extensions {
            EncryptionContext::parse(&extension).unwrap_err();
            counts.1 += 1;
        }
    }
    assert_eq!(counts, (75 + 47 + 138, 3 * 256));
}

#[test]
fn a_context_is_refused_or_another_context_cut_or_extended() {
    let whole = context().encode(&DOMAIN).unwrap();
    let (cuts, extensions) = cuts_and_extensions(whole.as_bytes());
    let (mut accepted, mut refused) = (0, 0);
    for bytes in cuts.into_iter().map(<[u8]>::to_vec).chain(extensions) {
        match EncodedContext::parse(&bytes) {
            Ok(other) => {
                assert_eq!(other.as_bytes(), bytes);
                assert_ne!(other, whole);
                assert!(is_edge(whole.as_bytes(), bytes.len()), "{} bytes", bytes.len());
                accepted += 1;
            }
            Err(_) => refused += 1,
        }
    }
    // The edges after domain, record, field, use, row version, length class and the first application component.
    assert_eq!((accepted, refused), (7, whole.as_bytes().len() - 7 + 256));
}

#[test]
fn a_field_envelope_is_refused_below_its_overhead_and_another_one_above() {
    for suite in Suite::ALL {
        let bytes = field(suite, 33);
        let whole = FieldEnvelope::parse(&bytes).unwrap();
        let (cuts, extensions) = cuts_and_extensions(&bytes);
        assert_eq!((cuts.len(), extensions.len()), (90, 256));
        for cut in cuts {
            match FieldEnvelope::parse(cut) {
                Ok(shorter) => {
                    assert!(cut.len() >= FIELD_OVERHEAD);
                    assert_ne!(shorter, whole);
                    assert_eq!(shorter.to_bytes(), cut);
                }
                Err(error) => {
                    assert!(cut.len() < FIELD_OVERHEAD);
                    assert_eq!(error.kind(), ErrorKind::Truncated);
                }
            }
        }
        for extension in extensions {
            let longer = FieldEnvelope::parse(&extension).unwrap();
            assert_ne!(longer, whole);
            assert_eq!(longer.to_bytes(), extension);
        }
    }
}

#[test]
fn a_text_is_refused_or_another_value_cut_or_extended() {
    let bytes = field(Suite::Xaes256Gcm, 5);
    let whole = text::encode(&bytes);
    let (mut accepted, mut refused) = (0, 0);
    let cuts = (0..whole.len()).map(|length| whole[..length].to_owned());
    let extensions = "AQ_ =\n"
        .chars()
        .flat_map(|tail| (1..=64).map(move |times| tail.to_string().repeat(times)));
    for changed in cuts.chain(extensions.map(|tail| whole.clone() + &tail)) {
        match text::decode(&changed) {
            Ok(other) => {
                assert_ne!(other, bytes);
                assert_eq!(text::encode(&other), changed);
                accepted += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Text);
                refused += 1;
            }
        }
    }
    assert_eq!(accepted + refused, whole.len() + 6 * 64);
    assert!(accepted > 0 && refused > 3 * 64, "{accepted} accepted, {refused} refused");
}

/// Whether a component of `bytes` ends at `length`.
fn is_edge(bytes: &[u8], length: usize) -> bool {
    let mut edge = 1;
    while edge < length {
        let [_, a, b, c, d] = bytes[edge..edge + 5] else { return false };
        edge += 5 + usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap();
    }
    edge == length
}
