//! LEN: the length of a padded field tells nothing but its class.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

use phiseal::{Context, ErrorKind, FieldCipher, Suite};
use phiseal_format::FIELD_HEADER;
use phiseal_tests::forge;
use phiseal_tests::numbers::{Dice, figure};
use phiseal_tests::warm::{Warm, matrix};
use std::collections::BTreeSet;

fn plain() -> Context {
    Context::of_record("patient 17").field("surname")
}

fn padded(class: u32) -> Context {
    plain().padded_to(class)
}

/// The lengths of the envelopes of `count` values of 1 to 64 bytes, each of which is opened again.
fn lengths(cipher: &FieldCipher, context: &Context, count: usize) -> BTreeSet<usize> {
    let mut dice = Dice::new(11);
    let bound = cipher.bind(context).unwrap();
    let mut seen = BTreeSet::new();
    let mut sizes = BTreeSet::new();
    for _ in 0..count {
        let length = 1 + dice.below(64);
        let mut value = dice.bytes(length);
        // Values that end as padding does, or might.
        match dice.below(4) {
            0 => value[length - 1] = 0x80,
            1 => value[length - 1] = 0,
            _ => {}
        }
        sizes.insert(length);
        let sealed = cipher.seal_bound(&value, &bound).unwrap();
        assert_eq!(sealed.as_bytes().len(), cipher.sealed_len(length, &bound).unwrap());
        seen.insert(sealed.as_bytes().len());
        assert_eq!(
            cipher.open_bound::<Vec<u8>>(sealed.as_bytes(), &bound).unwrap().expose_secret(),
            &value
        );
    }
    assert_eq!(sizes.len(), 64, "every length was tried");
    seen
}

#[test]
fn values_of_1_to_64_bytes_give_one_length() {
    let mut sealed = 0;
    for (index, (engine, suite)) in matrix().enumerate() {
        let cipher = Warm::new(engine, suite).cipher();
        let count = if index == 0 { 10_000 } else { figure(2_000, 10_000) };
        assert_eq!(lengths(&cipher, &padded(64), count), [64 + 1 + 57].into());
        sealed += count;
    }
    assert_eq!(sealed, figure(20_000, 60_000));
}

/// The control: unpadded, the same values give sixty-four lengths; padded to less than the longest, two.
#[test]
fn lengths_that_show_are_noticed_control() {
    let cipher = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm).cipher();
    assert_eq!(lengths(&cipher, &plain(), 10_000).len(), 64);
    assert_eq!(lengths(&cipher, &padded(32), 10_000), [32 + 1 + 57, 64 + 1 + 57].into());
}

#[test]
fn a_class_begins_after_each_multiple() {
    let cipher = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm).cipher();
    for (length, expected) in
        [(0, 64), (1, 64), (63, 64), (64, 64), (65, 128), (128, 128), (129, 192)]
    {
        let sealed = cipher.seal(vec![0; length], &padded(64)).unwrap();
        assert_eq!(sealed.as_bytes().len(), expected + 1 + 57, "{length}");
        assert_eq!(
            cipher.open::<Vec<u8>>(&sealed, &padded(64)).unwrap().expose_secret().len(),
            length
        );
    }
    // The longest: padded, 16 MiB and no more.
    let class = 16 << 20;
    let bound = cipher.bind(&padded(class - 1)).unwrap();
    assert_eq!(cipher.sealed_len(5, &bound).unwrap(), (16 << 20) + 57);
    for class in [class, u32::MAX] {
        let bound = cipher.bind(&padded(class)).unwrap();
        assert_eq!(cipher.sealed_len(5, &bound).unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(cipher.seal("value", &padded(class)).unwrap_err().kind(), ErrorKind::Invalid);
    }
    assert_eq!(cipher.seal("value", &padded(0)).unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn a_field_opens_only_as_padded_as_it_was() {
    let contexts = [plain(), padded(1), padded(16), padded(32), padded(64), padded(128)];
    let mut refused = 0;
    for (engine, suite) in matrix() {
        let cipher = Warm::new(engine, suite).cipher();
        for length in [0, 1, 16, 63, 64, 65] {
            for (sealed_as, context) in contexts.iter().enumerate() {
                let sealed = cipher.seal(vec![0x80; length], context).unwrap();
                for (opened_as, other) in contexts.iter().enumerate() {
                    let opened = cipher.open::<Vec<u8>>(&sealed, other);
                    if opened_as == sealed_as {
                        assert_eq!(*opened.unwrap().expose_secret(), vec![0x80; length]);
                    } else {
                        assert_eq!(opened.unwrap_err().kind(), ErrorKind::Unauthenticated);
                        refused += 1;
                    }
                }
            }
        }
    }
    assert_eq!(refused, 6 * 6 * contexts.len() * (contexts.len() - 1));
}

#[test]
fn padding_works_in_buffers_of_the_caller() {
    for (engine, suite) in matrix() {
        let cipher = Warm::new(engine, suite).cipher();
        let bound = cipher.bind(&padded(64)).unwrap();
        let mut envelope = [0xa5; 64 + 1 + 57 + 9];
        let length = cipher.seal_into(b"value", &bound, &mut envelope).unwrap();
        assert_eq!((length, &envelope[length..]), (64 + 1 + 57, &[0xa5; 9][..]));

        let mut out = [0xa5; 65];
        assert_eq!(cipher.open_into(&envelope[..length], &bound, &mut out).unwrap(), 5);
        assert_eq!(&out[..5], b"value");
        assert_eq!(out[5..], [&[0x80][..], &[0; 59]].concat());
        assert_eq!(
            cipher.open_into(&envelope[..length], &bound, &mut [0; 64]).unwrap_err().kind(),
            ErrorKind::Invalid
        );
        assert_eq!(cipher.open_in_place(&bound, &mut envelope[..length]).unwrap(), b"value");

        let mut buffer = [0x5a; 64 + 57];
        assert_eq!(
            cipher.seal_in_place(&bound, &mut buffer).unwrap_err().kind(),
            ErrorKind::Unsupported
        );
        assert_eq!(buffer, [0x5a; 64 + 57], "nothing was done to it");
    }
}

/// What a holder of the key might write by mistake: authentic, under a context that names a class, but padded otherwise.
#[test]
fn what_is_authentic_but_padded_otherwise_is_refused() {
    let mut refused = 0;
    for (engine, suite) in matrix() {
        let warm = Warm::new(engine, suite);
        let (cipher, key) = (warm.cipher(), warm.kek.last_data_key());
        let bound = cipher.bind(&padded(16)).unwrap();
        let context = padded(16).encode(&warm.domain.keyset().unwrap().domain()).unwrap();
        let sealed =
            |body: &[u8]| forge::seal(engine, &key, suite, &[9; 24], context.as_bytes(), body);
        assert_eq!(
            cipher
                .open_bound::<String>(&sealed(&forge::pad(b"value", 16)), &bound)
                .unwrap()
                .expose_secret(),
            "value"
        );

        let otherwise = [
            Vec::new(),
            vec![0; 17],
            b"value".to_vec(),
            b"sixteen letters.\x00".to_vec(),
            b"sixteen letters.\x81".to_vec(),
            forge::pad(b"value", 8),
            forge::pad(b"value", 15),
            forge::pad(b"value", 17),
            forge::pad(b"value", 32),
        ];
        for body in otherwise {
            let envelope = sealed(&body);
            let mut out = vec![0xa5; body.len()];
            let error = cipher.open_into(&envelope, &bound, &mut out).unwrap_err();
            assert_eq!(
                (error.kind(), &out),
                (ErrorKind::Malformed, &vec![0; body.len()]),
                "{body:?}"
            );
            let mut buffer = envelope.clone();
            assert_eq!(
                cipher.open_in_place(&bound, &mut buffer).unwrap_err().kind(),
                ErrorKind::Malformed
            );
            assert_eq!(buffer[FIELD_HEADER..FIELD_HEADER + body.len()], vec![0; body.len()]);
            assert_eq!(
                cipher.open_bound::<Vec<u8>>(&envelope, &bound).unwrap_err().kind(),
                ErrorKind::Malformed
            );
            refused += 1;
        }
    }
    assert_eq!(refused, 6 * 9);
}
