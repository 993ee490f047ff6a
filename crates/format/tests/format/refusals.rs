//! Each kind of error, by a test that changes one thing of something good.

use crate::support::{
    DOMAIN, context, encoded, encryption_contexts, field, kind, raw, with_byte, with_domain,
    wrapped_key,
};
use phiseal_format::{
    Context, Cursor, DomainId, EncodedContext, EncryptionContext, ErrorKind, FieldEnvelope, KekId,
    KekVersion, KeyId, MAX_CONTEXT, MAX_FIELD_ENVELOPE, MAX_KEK_ID, MAX_WRAPPED, Suite,
    WrapAlgorithm, WrappedKey, text, write,
};
use std::collections::BTreeSet;

/// Makes a test of each line, and a list of the kinds they hit.
macro_rules! refused {
    ($($name:ident: $kind:ident = $result:expr;)+) => {
        $(
            #[test]
            fn $name() {
                assert_eq!(kind($result), ErrorKind::$kind);
            }
        )+

        const HIT: &[ErrorKind] = &[$(ErrorKind::$kind),+];
    };
}

refused! {
    field_of_no_bytes: Truncated = FieldEnvelope::parse(&[]);
    field_one_byte_short: Truncated = FieldEnvelope::parse(&field(Suite::Xaes256Gcm, 0)[..56]);
    field_suite_0: UnknownSuite = FieldEnvelope::parse(&with_byte(field(Suite::Xaes256Gcm, 5), 0, 0));
    field_suite_3: UnknownSuite = FieldEnvelope::parse(&with_byte(field(Suite::Xaes256Gcm, 5), 0, 3));
    field_suite_255: UnknownSuite = FieldEnvelope::parse(&with_byte(field(Suite::Aes256GcmHkdf, 5), 0, 255));
    field_given_as_text: UnknownSuite = FieldEnvelope::parse(text::encode(&field(Suite::Xaes256Gcm, 5)).as_bytes());
    field_one_byte_too_long: TooLong = FieldEnvelope::parse(&field(Suite::Xaes256Gcm, MAX_FIELD_ENVELOPE - 56));

    context_application_tag_127: Reserved = context().application(127, "x").encode(&DOMAIN);
    context_application_tag_0: Reserved = Context::of_application(0, "x").tenant("clinic").encode(&DOMAIN);
    context_application_tag_of_the_domain: Reserved = context().application(2, [0; 16]).encode(&DOMAIN);
    context_tenant_twice: Duplicate = context().tenant("clinic").encode(&DOMAIN);
    context_row_version_twice: Duplicate = context().row_version(41).encode(&DOMAIN);
    context_application_tag_twice: Duplicate = context().application(255, "").encode(&DOMAIN);
    context_one_byte_too_long: TooLong = Context::of_record([0; MAX_CONTEXT - 26]).encode(&DOMAIN);
    context_one_component_too_long: TooLong =
        Context::of_record([0; MAX_CONTEXT - 27 - 4]).usage("").encode(&DOMAIN);
    context_length_class_of_0: Length = Context::of_tenant("clinic").padded_to(0).encode(&DOMAIN);
    context_length_class_twice: Duplicate = context().padded_to(16).encode(&DOMAIN);
    context_first_fault_wins: Reserved = context().application(7, "").tenant("clinic").encode(&DOMAIN);

    context_bytes_none: Truncated = EncodedContext::parse(&[]);
    context_bytes_last_cut: Truncated = EncodedContext::parse(&encoded().as_bytes()[..32]);
    context_bytes_cut_after_a_tag: Truncated = EncodedContext::parse(&[encoded().as_bytes(), &[3]].concat());
    context_bytes_cut_in_a_length: Truncated = EncodedContext::parse(&[encoded().as_bytes(), &[3, 0, 0]].concat());
    context_bytes_version_0: UnknownVersion = EncodedContext::parse(&with_byte(encoded().as_bytes().to_vec(), 0, 0));
    context_bytes_version_2: UnknownVersion = EncodedContext::parse(&with_byte(encoded().as_bytes().to_vec(), 0, 2));
    context_bytes_tag_0: UnknownTag = EncodedContext::parse(&raw(&[(0, b""), (2, &[7; 16]), (3, b"")]));
    context_bytes_tag_8: UnknownTag = EncodedContext::parse(&with_domain(&[(3, b""), (8, b"")]));
    context_bytes_tag_127: UnknownTag = EncodedContext::parse(&with_domain(&[(3, b""), (127, b"")]));
    context_bytes_out_of_order: Order = EncodedContext::parse(&with_domain(&[(4, b"x"), (3, b"y")]));
    context_bytes_domain_before_tenant: Order = EncodedContext::parse(&with_domain(&[(1, b"x")]));
    context_bytes_record_twice: Duplicate = EncodedContext::parse(&with_domain(&[(3, b"x"), (3, b"x")]));
    context_bytes_domain_twice: Duplicate = EncodedContext::parse(&with_domain(&[(2, &[0xd0; 16]), (3, b"x")]));
    context_bytes_domain_of_15: Length = EncodedContext::parse(&raw(&[(2, &[7; 15]), (3, b"")]));
    context_bytes_domain_of_17: Length = EncodedContext::parse(&raw(&[(2, &[7; 17]), (3, b"")]));
    context_bytes_row_version_of_7: Length = EncodedContext::parse(&with_domain(&[(6, &[0; 7])]));
    context_bytes_row_version_of_9: Length = EncodedContext::parse(&with_domain(&[(6, &[0; 9])]));
    context_bytes_length_class_of_3: Length = EncodedContext::parse(&with_domain(&[(3, b""), (7, &[0, 0, 1])]));
    context_bytes_length_class_of_5: Length = EncodedContext::parse(&with_domain(&[(3, b""), (7, &[0, 0, 0, 0, 1])]));
    context_bytes_length_class_0: Length = EncodedContext::parse(&with_domain(&[(3, b""), (7, &[0; 4])]));
    context_bytes_only_domain_and_length_class: Empty = EncodedContext::parse(&with_domain(&[(7, &[0, 0, 0, 1])]));
    context_bytes_without_domain: Missing = EncodedContext::parse(&raw(&[(1, b"clinic")]));
    context_bytes_only_domain: Empty = EncodedContext::parse(&with_domain(&[]));
    context_bytes_only_version: Empty = EncodedContext::parse(&[1]);
    context_bytes_1025: TooLong = EncodedContext::parse(&with_domain(&[(3, &[0; MAX_CONTEXT - 26])]));
    context_bytes_length_1025: TooLong = EncodedContext::parse(&with_byte(with_byte(encoded().as_bytes().to_vec(), 4, 4), 5, 1));
    context_bytes_length_2_to_31: TooLong = EncodedContext::parse(&with_byte(encoded().as_bytes().to_vec(), 2, 0x80));

    encryption_context_is_no_context: Missing = EncodedContext::parse(encryption_contexts()[0].as_bytes());
    context_is_no_encryption_context: Missing = EncryptionContext::parse(encoded().as_bytes());
    encryption_context_none: Truncated = EncryptionContext::parse(&[]);
    encryption_context_only_version: Empty = EncryptionContext::parse(&[1]);
    encryption_context_version_2: UnknownVersion =
        EncryptionContext::parse(&with_byte(encryption_contexts()[1].as_bytes().to_vec(), 0, 2));
    encryption_context_purpose_v2: UnknownVersion =
        EncryptionContext::parse(&raw(&[(128, b"phiseal/v2 store key"), (129, &[0xe1; 16])]));
    encryption_context_without_environment: Missing = EncryptionContext::parse(&raw(&[(128, b"phiseal/v1 store key")]));
    encryption_context_without_domain: Missing = EncryptionContext::parse(&raw(&[
        (128, b"phiseal/v1 data key"), (129, &[0xe1; 16]), (131, &[0, 0, 0, 3]),
    ]));
    encryption_context_with_another_purposes_tag: UnknownTag =
        EncryptionContext::parse(&raw(&[(128, b"phiseal/v1 store key"), (129, &[0xe1; 16]), (130, &[0xd0; 16])]));
    encryption_context_with_a_subject_in_the_versions_place: UnknownTag = EncryptionContext::parse(&raw(&[
        (128, b"phiseal/v1 data key"), (129, &[0xe1; 16]), (130, &[0xd0; 16]), (132, &[0x5a; 16]),
    ]));
    encryption_context_with_an_unknown_tag: UnknownTag = EncryptionContext::parse(&raw(&[
        (128, b"phiseal/v1 store key"), (129, &[0xe1; 16]), (134, b""),
    ]));
    encryption_context_environment_of_15: Length =
        EncryptionContext::parse(&raw(&[(128, b"phiseal/v1 store key"), (129, &[0xe1; 15])]));
    encryption_context_version_of_8: Length = EncryptionContext::parse(&raw(&[
        (128, b"phiseal/v1 data key"), (129, &[0xe1; 16]), (130, &[0xd0; 16]), (131, &[0; 8]),
    ]));
    encryption_context_environment_twice: Duplicate = EncryptionContext::parse(&raw(&[
        (128, b"phiseal/v1 store key"), (129, &[0xe1; 16]), (129, &[0xe1; 16]),
    ]));
    encryption_context_out_of_order: Order = EncryptionContext::parse(&raw(&[
        (128, b"phiseal/v1 data key"), (129, &[0xe1; 16]), (130, &[0xd0; 16]), (129, &[0xe1; 16]),
    ]));

    wrapped_key_none: Truncated = WrappedKey::parse(&[]);
    wrapped_key_last_cut: Truncated = WrappedKey::parse(&wrapped_key()[..90]);
    wrapped_key_version_0: UnknownVersion = WrappedKey::parse(&with_byte(wrapped_key(), 0, 0));
    wrapped_key_version_2: UnknownVersion = WrappedKey::parse(&with_byte(wrapped_key(), 0, 2));
    wrapped_key_algorithm_0: UnknownAlgorithm = WrappedKey::parse(&with_byte(wrapped_key(), 1, 0));
    wrapped_key_algorithm_8: UnknownAlgorithm = WrappedKey::parse(&with_byte(wrapped_key(), 1, 8));
    wrapped_key_space_in_kek_id: Text = WrappedKey::parse(&with_byte(wrapped_key(), 3, b' '));
    wrapped_key_kek_id_not_utf_8: Text = WrappedKey::parse(&with_byte(wrapped_key(), 3, 0xff));
    wrapped_key_without_kek_id: Empty = WrappedKey::parse(&[&wrapped_key()[..2], &[0], &wrapped_key()[13..]].concat());
    wrapped_key_of_no_bytes: Empty = WrappedKey::parse(&[&wrapped_key()[..17], &[0, 0]].concat());
    wrapped_key_of_6145_bytes: TooLong =
        WrappedKey::parse(&[&wrapped_key()[..17], &[0x18, 0x01], &[0; MAX_WRAPPED + 1]].concat());
    wrapped_key_length_6145_without_them: TooLong = WrappedKey::parse(&[&wrapped_key()[..17], &[0x18, 0x01]].concat());
    wrapped_key_then_a_byte: Trailing = WrappedKey::parse(&[wrapped_key(), vec![0]].concat());
    wrapped_key_made_of_no_bytes: Empty = made(Vec::new());
    wrapped_key_made_of_6145_bytes: TooLong = made(vec![0; MAX_WRAPPED + 1]);

    kek_id_empty: Empty = KekId::try_from("");
    kek_id_of_256: TooLong = KekId::try_from("k".repeat(MAX_KEK_ID + 1));
    kek_id_with_a_space: Text = KekId::try_from("local 5f2c");
    kek_id_with_a_control: Text = KekId::try_from("local:5f2c\x7f");
    kek_id_with_an_umlaut: Text = KekId::try_from("schl\u{fc}ssel");

    key_id_of_15_bytes: Length = KeyId::try_from([0; 15].as_slice());
    key_id_of_31_digits: Length = "0".repeat(31).parse::<KeyId>();
    key_id_of_34_digits: Length = "0".repeat(34).parse::<KeyId>();
    key_id_in_upper_case: Text = "A".repeat(32).parse::<KeyId>();
    domain_id_with_a_sign: Text = ("+".to_owned() + &"0".repeat(31)).parse::<DomainId>();

    text_without_prefix: Text = text::decode("AAAA");
    text_into_too_short_a_buffer: Length = text::decode_into("phi1.AAAA", &mut [0; 2]);

    cursor_not_at_its_end: Trailing = Cursor::new(&[0]).finish();
    cursor_prefix_over_the_limit: TooLong = Cursor::new(&[0, 3, 1, 2, 3]).prefixed_u16(2);
    cursor_prefix_u32_over_the_limit: TooLong = Cursor::new(&[0xff; 64]).prefixed_u32(64);
    cursor_prefix_over_what_is_left: Truncated = Cursor::new(&[0, 3, 1, 2]).prefixed_u16(64);
    write_256_bytes_after_one_of_length: TooLong = write::push_prefixed_u8(&mut Vec::new(), &[0; 256]);
    write_2_to_16_bytes_after_two_of_length: TooLong = write::push_prefixed_u16(&mut Vec::new(), &[0; 1 << 16]);
}

#[test]
fn every_kind_is_hit() {
    let names = |kinds: &[ErrorKind]| kinds.iter().map(|kind| kind.name()).collect::<BTreeSet<_>>();
    assert_eq!(names(HIT), names(&ErrorKind::ALL));
    assert_eq!(names(HIT).len(), 14);
}

#[test]
fn what_the_refusals_change_is_accepted_unchanged() {
    for suite in Suite::ALL {
        assert_eq!(
            FieldEnvelope::parse(&field(suite, 5)).map(|envelope| envelope.ciphertext().len()),
            Ok(5)
        );
    }
    let longest = field(Suite::Xaes256Gcm, MAX_FIELD_ENVELOPE - 57);
    assert_eq!(
        FieldEnvelope::parse(&longest).map(|envelope| envelope.ciphertext().len()),
        Ok(16 << 20)
    );
    assert!(context().encode(&DOMAIN).is_ok());
    assert_eq!(
        Context::of_record([0; MAX_CONTEXT - 27])
            .encode(&DOMAIN)
            .map(|bytes| bytes.as_bytes().len()),
        Ok(1024)
    );
    assert_eq!(EncodedContext::parse(encoded().as_bytes()), Ok(encoded()));
    assert_eq!(EncodedContext::parse(&raw(&[(1, b"clinic"), (2, &[0xd0; 16])])), Ok(encoded()));
    assert!(
        EncodedContext::parse(&with_domain(&[(3, b""), (7, &[0, 0, 0, 1]), (128, b"")])).is_ok()
    );
    for context in encryption_contexts() {
        assert_eq!(EncryptionContext::parse(context.as_bytes()), Ok(context));
    }
    assert_eq!(WrappedKey::parse(&wrapped_key()).map(|key| key.to_bytes()), Ok(wrapped_key()));
    assert_eq!(made(vec![0; MAX_WRAPPED]).map(|key| key.wrapped().len()), Ok(MAX_WRAPPED));
    assert!(made(vec![0]).is_ok());
    assert_eq!(KekId::try_from("k".repeat(MAX_KEK_ID)).map(|id| id.as_str().len()), Ok(MAX_KEK_ID));
    assert_eq!("0".repeat(32).parse::<KeyId>(), Ok(KeyId::from_bytes([0; 16])));
}

#[test]
fn sentences_are_lower_case_without_full_stop_and_distinct() {
    let sentences: BTreeSet<_> =
        ErrorKind::ALL.iter().map(|kind| phiseal_format::Error::from(*kind).to_string()).collect();
    assert_eq!(sentences.len(), ErrorKind::ALL.len());
    for sentence in sentences {
        assert!(sentence.starts_with(|first: char| first.is_ascii_lowercase()), "{sentence}");
        assert!(!sentence.ends_with('.'), "{sentence}");
    }
}

#[test]
fn an_error_is_at_most_one_word() {
    assert!(size_of::<phiseal_format::Error>() <= size_of::<usize>());
    assert!(size_of::<Option<phiseal_format::Error>>() <= size_of::<usize>());
}

fn made(wrapped: Vec<u8>) -> Result<WrappedKey, phiseal_format::Error> {
    WrappedKey::new(
        WrapAlgorithm::Service,
        KekId::try_from("arn:aws:kms:key/1")?,
        KekVersion::UNSEEN,
        wrapped,
    )
}
