//! XAES-256-GCM against its specification (c2sp.org/XAES-256-GCM): the two printed vectors and the accumulated digest
//! of 10,000 random ones; of 1,000,000 with `PHISEAL_FULL=1`.
#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

#[path = "support/every_engine.rs"]
mod every_engine;

use every_engine::every_engine;
use phiseal_primitives::{Engine, Error, Validation, Xaes256Gcm};
use shake::Shake128;
use shake::digest::{ExtendableOutput, Update, XofReader};

/// The engines that take a caller's nonce; of the others, that they refuse.
fn engines_that_seal() -> Vec<&'static dyn Engine> {
    let (sealing, approved_only): (Vec<&'static dyn Engine>, Vec<_>) =
        every_engine().iter().partition(|engine| engine.module().validation == Validation::None);
    for engine in approved_only {
        let refused = Xaes256Gcm::new(engine, &[1; 32]).seal(&[2; 24], b"", &mut [0; 8]);
        assert_eq!(refused, Err(Error::NotApproved), "{}", engine.name());
    }
    sealing
}

#[test]
fn the_printed_vectors() {
    let vectors = [
        ([1; 32], "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        (
            [3; 32],
            "c2sp.org/XAES-256-GCM",
            "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d",
        ),
    ];
    let nonce = b"ABCDEFGHIJKLMNOPQRSTUVWX";
    for engine in engines_that_seal() {
        for (key, aad, expected) in vectors {
            let xaes = Xaes256Gcm::new(engine, &key);
            let mut message = *b"XAES-256-GCM";
            let tag = xaes.seal(nonce, aad.as_bytes(), &mut message).unwrap();
            assert_eq!(
                hex::encode([&message[..], &tag[..]].concat()),
                expected,
                "{}",
                engine.name()
            );
            xaes.open(nonce, aad.as_bytes(), &mut message, &tag).unwrap();
            assert_eq!(&message, b"XAES-256-GCM");
        }
    }
}

/// Hashes the ciphertexts of `count` messages whose keys, nonces, plaintexts and associated data are read from one
/// SHAKE-128 stream. With `spoil` one bit of one ciphertext is changed before it is hashed.
fn accumulated(engine: &'static dyn Engine, count: usize, spoil: bool) -> String {
    let mut source = Shake128::default().finalize_xof();
    let mut digest = Shake128::default();
    for number in 0..count {
        let (mut key, mut nonce) = ([0; 32], [0; 24]);
        source.read(&mut key);
        source.read(&mut nonce);
        let plaintext = prefixed(&mut source);
        let aad = prefixed(&mut source);

        let xaes = Xaes256Gcm::new(engine, &key);
        let mut in_out = plaintext.clone();
        let mut tag = xaes.seal(&nonce, &aad, &mut in_out).unwrap();
        let mut opened = in_out.clone();
        xaes.open(&nonce, &aad, &mut opened, &tag).unwrap();
        assert!(opened == plaintext, "{}, message {number}", engine.name());

        tag[15] ^= u8::from(spoil && number == count / 2);
        digest.update(&in_out);
        digest.update(&tag);
    }
    let mut out = [0; 32];
    digest.finalize_xof().read(&mut out);
    hex::encode(out)
}

fn prefixed(source: &mut impl XofReader) -> Vec<u8> {
    let mut length = [0];
    source.read(&mut length);
    let mut bytes = vec![0; usize::from(length[0])];
    source.read(&mut bytes);
    bytes
}

const TEN_THOUSAND: &str = "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939";
const A_MILLION: &str = "2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15";

#[test]
fn the_accumulated_digest() {
    let full = std::env::var_os("PHISEAL_FULL").is_some_and(|value| value == "1");
    for engine in engines_that_seal() {
        assert_eq!(accumulated(engine, 10_000, false), TEN_THOUSAND, "{}", engine.name());
        if full {
            assert_eq!(accumulated(engine, 1_000_000, false), A_MILLION, "{}", engine.name());
        }
    }
}

#[test]
fn one_wrong_bit_in_ten_thousand_messages_changes_the_digest() {
    for engine in engines_that_seal() {
        assert_ne!(accumulated(engine, 10_000, true), TEN_THOUSAND, "{}", engine.name());
    }
}

#[test]
fn whatever_is_changed_is_refused_and_leaves_zeros() {
    for engine in engines_that_seal() {
        let xaes = Xaes256Gcm::new(engine, &[7; 32]);
        let (nonce, aad) = ([8; 24], b"context");
        let mut sealed = *b"thirty-two bytes of a wrapped key";
        let tag = xaes.seal(&nonce, aad, &mut sealed).unwrap();
        let mut refused = 0;
        let mut expect_refusal =
            |nonce: &[u8; 24], aad: &[u8], sealed: &[u8; 33], tag: &[u8; 16]| {
                let mut out = *sealed;
                assert_eq!(
                    xaes.open(nonce, aad, &mut out, tag),
                    Err(Error::Unauthenticated),
                    "{}",
                    engine.name()
                );
                assert_eq!(out, [0; 33]);
                refused += 1;
            };
        for bit in 0..24 * 8 {
            let mut nonce = nonce;
            nonce[bit / 8] ^= 1 << (bit % 8);
            expect_refusal(&nonce, aad, &sealed, &tag);
        }
        for bit in 0..33 * 8 {
            let mut sealed = sealed;
            sealed[bit / 8] ^= 1 << (bit % 8);
            expect_refusal(&nonce, aad, &sealed, &tag);
        }
        for bit in 0..16 * 8 {
            let mut tag = tag;
            tag[bit / 8] ^= 1 << (bit % 8);
            expect_refusal(&nonce, aad, &sealed, &tag);
        }
        expect_refusal(&nonce, b"contexT", &sealed, &tag);
        assert_eq!(refused, 192 + 264 + 128 + 1);
        let mut out = sealed;
        let other_key = Xaes256Gcm::new(engine, &[9; 32]);
        assert_eq!(other_key.open(&nonce, aad, &mut out, &tag), Err(Error::Unauthenticated));
    }
}
