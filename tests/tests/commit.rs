//! COMMIT, DOWN and PASS: one envelope, one key; one envelope, one meaning; what was never sealed is never returned.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

use phiseal::{Context, Engine, ErrorKind, FieldCipher, Sealed, Suite};
use phiseal_tests::forge;
use phiseal_tests::ghash::{KnownKey, collide};
use phiseal_tests::numbers::Dice;
use phiseal_tests::spy::SpyKek;
use phiseal_tests::warm::{Warm, matrix};
use std::collections::BTreeMap;

const ATTACKS: usize = 100;

/// Whether the bare key opens it, and as what.
fn bare(
    key: &KnownKey,
    nonce: &[u8; 12],
    aad: &[u8],
    ciphertext: &[u8],
    tag: &[u8; 16],
) -> Option<Vec<u8>> {
    let mut out = vec![0; ciphertext.len()];
    key.key().open_into(nonce, aad, ciphertext, tag, &mut out).ok().map(|()| out)
}

/// The control of the next test: AES-256-GCM alone is open to the attack, on every engine, every time.
#[test]
fn one_ciphertext_opens_under_two_keys_of_bare_gcm_control() {
    let mut dice = Dice::new(3);
    for engine in phiseal::engines() {
        let mut succeeded = 0;
        for attack in 0..ATTACKS {
            let nonce = dice.array();
            let keys: [[u8; 32]; 2] = [dice.array(), dice.array()];
            let known = keys.map(|key| KnownKey::new(*engine, &key, &nonce));
            // What the first key's reader is to see; the second's sees noise.
            let mut ciphertext =
                *b"take two tablets in the morning and one at night, with food.    ";
            known[0].key().seal_in_place(&nonce, &[], &mut ciphertext).unwrap();
            let tag = collide([&known[0], &known[1]], [&[], &[]], &mut ciphertext, attack % 4);
            let opened = known.each_ref().map(|key| bare(key, &nonce, &[], &ciphertext, &tag));
            if let [Some(first), Some(second)] = opened
                && first != second
            {
                succeeded += 1;
            }
        }
        assert_eq!(succeeded, ATTACKS, "{}", engine.name());
    }
}

/// A reader with a domain of its own under a data key that the attacker chose.
struct Reader {
    data_key: [u8; 32],
    cipher: std::sync::Arc<FieldCipher>,
    domain: phiseal::DomainId,
}

impl Reader {
    fn new(engine: &'static dyn Engine, suite: Suite, data_key: [u8; 32]) -> Self {
        let kek = SpyKek::new(engine, [0x4b; 32]);
        kek.prepare([[0x53; 32], data_key]);
        let warm = Warm::under(kek, engine, suite);
        assert_eq!(warm.kek.last_data_key(), data_key);
        let domain = warm.domain.keyset().unwrap().domain();
        Self { data_key, cipher: warm.cipher(), domain }
    }

    fn opens(&self, envelope: &[u8]) -> Result<(), ErrorKind> {
        let bound = self.cipher.bind(&place()).unwrap();
        let opened = self.cipher.open_bound::<Vec<u8>>(envelope, &bound);
        opened.map(|_| ()).map_err(|error| error.kind())
    }
}

fn place() -> Context {
    Context::of_record("patient 17").field("prescription")
}

/// The same attack on two readers of fields. The ciphertext is valid under the epoch keys of both, each with the
/// associated data that its reader would build; the key id in the header stops it.
#[test]
fn no_envelope_opens_under_two_keys() {
    for (engine, suite) in matrix() {
        let mut dice = Dice::new(4);
        let readers = [[0xa1; 32], [0xb2; 32]].map(|key| Reader::new(engine, suite, key));
        let contexts = readers.each_ref().map(|reader| place().encode(&reader.domain).unwrap());
        let (mut bare_successes, mut one, mut both) = (0, 0, 0);
        for attack in 0..ATTACKS {
            let named = attack % 2;
            let (epoch, count) = (dice.array::<12>(), dice.array::<12>());
            let known = readers.each_ref().map(|reader| {
                KnownKey::new(
                    engine,
                    &forge::epoch_key(engine, &reader.data_key, suite, &epoch),
                    &count,
                )
            });
            let prefix = forge::prefix(engine, &readers[named].data_key, suite);
            let aads =
                contexts.each_ref().map(|context| [&prefix[..], context.as_bytes()].concat());
            let mut ciphertext = dice.bytes(64);
            let tag =
                collide([&known[0], &known[1]], [&aads[0], &aads[1]], &mut ciphertext, attack % 4);
            let opened = [0, 1].map(|of| bare(&known[of], &count, &aads[of], &ciphertext, &tag));
            bare_successes += usize::from(opened.iter().all(Option::is_some));

            let envelope = [&prefix[..], &epoch, &count, &ciphertext, &tag].concat();
            let results = readers.each_ref().map(|reader| reader.opens(&envelope));
            assert_eq!(results[named], Ok(()), "the envelope is good under the key that it names");
            assert_eq!(results[1 - named], Err(ErrorKind::Foreign));
            let opened = results.iter().filter(|result| result.is_ok()).count();
            one += usize::from(opened == 1);
            both += usize::from(opened == 2);

            let mut renamed = envelope;
            renamed[..17].copy_from_slice(&forge::prefix(
                engine,
                &readers[1 - named].data_key,
                suite,
            ));
            assert_eq!(readers[1 - named].opens(&renamed), Err(ErrorKind::Unauthenticated));
        }
        assert_eq!(
            (bare_successes, one, both),
            (ATTACKS, ATTACKS, 0),
            "{} {suite:?}",
            engine.name()
        );
    }
}

/// A handle that holds both keys opens under the one that is named, and under no other name.
#[test]
fn no_envelope_opens_under_two_versions_of_one_domain() {
    for (engine, suite) in matrix() {
        let kek = SpyKek::new(engine, [0x4b; 32]);
        let keys = [[0xa1; 32], [0xb2; 32]];
        kek.prepare([[0x53; 32], keys[0], keys[1]]);
        let warm = Warm::under(kek, engine, suite);
        warm.domain.rotate().unwrap();
        let cipher = warm.cipher();
        assert_eq!(cipher.opening_key_ids().count(), 2);
        let bound = cipher.bind(&place()).unwrap();
        let context = place().encode(&warm.domain.keyset().unwrap().domain()).unwrap();
        for (own, other) in [(0, 1), (1, 0)] {
            let mut envelope =
                forge::seal(engine, &keys[own], suite, &[9; 24], context.as_bytes(), b"5 mg");
            assert_eq!(
                cipher.open_bound::<String>(&envelope, &bound).unwrap().expose_secret(),
                "5 mg"
            );
            envelope[..17].copy_from_slice(&forge::prefix(engine, &keys[other], suite));
            let error = cipher.open_bound::<String>(&envelope, &bound).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        }
    }
}

#[test]
fn every_other_suite_byte_is_refused() {
    let mut refused = BTreeMap::new();
    for (engine, suite) in matrix() {
        let warm = Warm::new(engine, suite);
        let sealed = warm.domain.seal("123-45-6789", &place()).unwrap();
        let mut envelope = sealed.as_bytes().to_vec();
        assert_eq!(envelope[0], suite.to_byte());
        for byte in (0..=255).filter(|byte| *byte != suite.to_byte()) {
            envelope[0] = byte;
            let opened = Sealed::try_from(envelope.as_slice())
                .and_then(|sealed| warm.domain.open::<String>(&sealed, &place()));
            let kind = opened.map(|_| ()).unwrap_err().kind();
            let expected = if Suite::try_from(byte).is_ok() {
                ErrorKind::Unauthenticated
            } else {
                ErrorKind::Malformed
            };
            assert_eq!(kind, expected, "{byte}");
            *refused.entry(format!("{kind:?}")).or_insert(0) += 1;
        }
        envelope[0] = suite.to_byte();
        let restored = Sealed::try_from(envelope).unwrap();
        assert_eq!(
            warm.domain.open::<String>(&restored, &place()).unwrap().expose_secret(),
            "123-45-6789"
        );
    }
    assert_eq!(
        refused,
        [("Malformed".to_owned(), 6 * 254), ("Unauthenticated".to_owned(), 6)].into()
    );
}

#[test]
fn every_other_text_prefix_is_refused() {
    let warm = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm);
    let text = warm.domain.seal("123-45-6789", &place()).unwrap().to_string();
    assert!(text.parse::<Sealed>().is_ok());
    let body = text.strip_prefix("phi1.").unwrap();
    let mut prefixes: Vec<String> = [
        "",
        "phi0.",
        "phi2.",
        "phi9.",
        "phi10.",
        "phi01.",
        "phi.",
        "phi1",
        "phi1..",
        "phi1.phi1.",
        " phi1.",
        "phi1. ",
        "\u{feff}phi1.",
        "PHI1.",
        "Phi1.",
        "phi1:",
        "phi\u{ff11}.",
        "phi-1.",
        "ph1.",
        "hi1.",
        "data:phi1.",
    ]
    .map(String::from)
    .into();
    for place in 0..5 {
        for byte in (0..128).filter(|byte| *byte != b"phi1."[place]) {
            let mut prefix = *b"phi1.";
            prefix[place] = byte;
            prefixes.push(String::from_utf8(prefix.to_vec()).unwrap());
        }
    }
    let mut refused = 0;
    for prefix in &prefixes {
        let error = format!("{prefix}{body}").parse::<Sealed>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed, "{prefix:?}");
        refused += 1;
    }
    assert_eq!(refused, 21 + 5 * 127);
}

/// A string that somebody might have stored before fields were sealed, or made to look like a sealed one.
fn never_sealed(dice: &mut Dice, own_key_id: &[u8; 16]) -> Vec<u8> {
    let length = dice.below(200);
    let noise = dice.bytes(length);
    let letters = noise.iter().map(|byte| b' ' + byte % 95).collect::<Vec<u8>>();
    match dice.below(10) {
        0 => letters,
        1 => noise,
        2 => [b"phi1.", letters.as_slice()].concat(),
        3 => phiseal_format::text::encode(&noise).into_bytes(),
        4 => phiseal_format::text::encode(&[&[1], noise.as_slice()].concat()).into_bytes(),
        5 => [&[1], noise.as_slice()].concat(),
        6 => [&[2], noise.as_slice()].concat(),
        7 => [&[1], &own_key_id[..], noise.as_slice()].concat(),
        8 => {
            let suite = 1 + u8::from(dice.coin());
            phiseal_format::text::encode(&[&[suite], &own_key_id[..], noise.as_slice()].concat())
                .into_bytes()
        }
        _ => format!("{:03}-{:02}-{:04}", dice.below(1000), dice.below(100), dice.below(10_000))
            .into_bytes(),
    }
}

#[test]
fn what_was_never_sealed_is_never_returned() {
    const STRINGS: usize = 10_000;
    let warm = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm);
    let cipher = warm.cipher();
    let bound = cipher.bind(&place()).unwrap();
    let own = *cipher.sealing_key_id().unwrap().as_bytes();
    let mut dice = Dice::new(5);
    let (mut returned, mut kinds) = (0, BTreeMap::new());
    for _ in 0..STRINGS {
        let plaintext = never_sealed(&mut dice, &own);
        let as_bytes = cipher.open_bound::<Vec<u8>>(&plaintext, &bound).map(|_| ());
        let as_sealed = Sealed::try_from(plaintext.as_slice())
            .and_then(|it| warm.domain.open::<Vec<u8>>(&it, &place()))
            .map(|_| ());
        let text = String::from_utf8_lossy(&plaintext);
        let as_text = text
            .parse::<Sealed>()
            .and_then(|it| warm.domain.open::<Vec<u8>>(&it, &place()))
            .map(|_| ());
        let as_json = serde_json::from_value::<Sealed>(text.as_ref().into());
        assert_eq!(as_json.is_ok(), text.parse::<Sealed>().is_ok());
        for opened in [as_bytes, as_sealed, as_text] {
            match opened {
                Ok(()) => returned += 1,
                Err(error) => *kinds.entry(format!("{:?}", error.kind())).or_insert(0) += 1,
            }
        }
    }
    assert_eq!(returned, 0);
    assert_eq!(kinds.values().sum::<usize>(), 3 * STRINGS);
    // The control: all that look like envelopes were tried against a key.
    assert_eq!(kinds.keys().collect::<Vec<_>>(), ["Foreign", "Malformed", "Unauthenticated"]);
    assert!(kinds.values().all(|count| *count > 500), "{kinds:?}");

    let sealed = warm.domain.seal("phi1.AAAA", &place()).unwrap();
    assert_eq!(warm.domain.open::<String>(&sealed, &place()).unwrap().expose_secret(), "phi1.AAAA");
}

#[test]
fn what_was_never_sealed_is_not_in_an_error() {
    for text in [
        "123-45-6789",
        "phi1.123-45-6789",
        "phi2.patient",
        "\u{1}patient of 57 bytes or more: padded, so that it parses 123456789",
    ] {
        let parsed = text.parse::<Sealed>().unwrap_err();
        let converted = serde_json::from_value::<Sealed>(text.into()).unwrap_err();
        for said in [
            parsed.to_string(),
            format!("{parsed:?}"),
            converted.to_string(),
            format!("{converted:?}"),
        ] {
            assert!(!said.contains("123") && !said.contains("patient"), "{said}");
        }
    }
}
