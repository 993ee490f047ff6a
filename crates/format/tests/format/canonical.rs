//! One value, one encoding: parse then print is the identity, and no mutant parses to an equal value.

use crate::support::{built, raw_of, stands_alone};
use phiseal_format::{
    Count, DomainId, EncodedContext, EncryptionContext, EnvironmentId, Epoch, Error, FIELD_HEADER,
    FieldEnvelope, FieldHeader, KekId, KekVersion, KeyId, SubjectTag, Suite, WrapAlgorithm,
    WrappedKey, text,
};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::cell::Cell;
use std::fmt::Debug;

/// Mutants of each structure: 10^5, and 10^6 where the full numbers are asked for.
fn cases() -> u32 {
    if std::env::var_os("PHISEAL_FULL").is_some_and(|value| value == "1") {
        1_000_000
    } else {
        100_000
    }
}

/// How many mutants were another value and how many none.
#[derive(Debug, Default)]
struct Tally {
    accepted: Cell<u32>,
    refused: Cell<u32>,
}

/// Parses what `values` prints, and a mutant of it, `cases` times. `parse` gives a value and its print.
fn canonical<V: Debug + PartialEq>(
    cases: u32,
    values: impl Strategy<Value = Vec<u8>>,
    parse: impl Fn(&[u8]) -> Result<(V, Vec<u8>), Error>,
) -> Result<Tally, String> {
    let (max_local_rejects, max_global_rejects) = (cases, cases);
    let config = Config {
        cases,
        max_local_rejects,
        max_global_rejects,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let tally = Tally::default();
    let run = runner.run(&(values, mutations()), |(bytes, mutation)| {
        let (value, printed) =
            parse(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&printed, &bytes);
        let mutant = mutation.apply(&bytes);
        prop_assume!(mutant != bytes);
        let count = match parse(&mutant) {
            Ok((other, printed)) => {
                prop_assert_ne!(other, value);
                prop_assert_eq!(printed, mutant);
                &tally.accepted
            }
            Err(_) => &tally.refused,
        };
        count.set(count.get() + 1);
        Ok(())
    });
    run.map(|()| tally).map_err(|error| error.to_string())
}

/// Runs the full number and asserts it.
#[track_caller]
fn assert_canonical<V: Debug + PartialEq>(
    values: impl Strategy<Value = Vec<u8>>,
    parse: impl Fn(&[u8]) -> Result<(V, Vec<u8>), Error>,
) {
    let tally = canonical(cases(), values, parse).unwrap();
    assert_eq!(tally.accepted.get() + tally.refused.get(), cases());
    assert!(tally.accepted.get() > cases() / 1000, "{tally:?}");
    assert!(tally.refused.get() > cases() / 1000, "{tally:?}");
}

#[test]
fn field_envelopes_have_one_encoding() {
    assert_canonical(fields(), |bytes| {
        let envelope = FieldEnvelope::parse(bytes)?;
        Ok((
            (envelope.header(), envelope.ciphertext().to_vec(), *envelope.tag()),
            envelope.to_bytes(),
        ))
    });
}

#[test]
fn contexts_have_one_encoding() {
    assert_canonical(contexts(), |bytes| {
        let context = EncodedContext::parse(bytes)?;
        let components: Vec<_> =
            context.components().map(|part| (part.tag(), part.value().to_vec())).collect();
        Ok((components.clone(), raw_of(&components)))
    });
}

#[test]
fn encryption_contexts_have_one_encoding() {
    assert_canonical(encryption_contexts(), |bytes| {
        let context = EncryptionContext::parse(bytes)?;
        Ok((context.components().collect::<Vec<_>>(), context.as_bytes().to_vec()))
    });
}

#[test]
fn wrapped_keys_have_one_encoding() {
    assert_canonical(wrapped_keys(), |bytes| {
        WrappedKey::parse(bytes).map(|key| (key.clone(), key.to_bytes()))
    });
}

#[test]
fn texts_have_one_encoding() {
    let texts = prop::collection::vec(any::<u8>(), 0..64)
        .prop_map(|bytes| text::encode(&bytes).into_bytes());
    assert_canonical(texts, |bytes| {
        let decoded = text::decode(&String::from_utf8_lossy(bytes))?;
        Ok((decoded.clone(), text::encode(&decoded).into_bytes()))
    });
}

#[test]
fn a_parser_that_drops_trailing_bytes_is_caught() {
    let lenient = |bytes: &[u8]| {
        let mut cursor = phiseal_format::Cursor::new(bytes);
        let key = phiseal_format::WrappedKeyRef::read(&mut cursor)?.to_wrapped_key();
        Ok((key.clone(), key.to_bytes()))
    };
    canonical(10_000, wrapped_keys(), lenient).unwrap_err();
}

#[test]
fn a_parser_that_ignores_case_is_caught() {
    let ids = any::<[u8; 16]>().prop_map(|bytes| KeyId::from_bytes(bytes).to_string().into_bytes());
    let strict = |bytes: &[u8]| {
        let id: KeyId = String::from_utf8_lossy(bytes).parse()?;
        Ok((id, id.to_string().into_bytes()))
    };
    let lenient = |bytes: &[u8]| {
        let id: KeyId = String::from_utf8_lossy(bytes).to_lowercase().parse()?;
        Ok((id, bytes.to_vec()))
    };
    canonical(10_000, ids.clone(), strict).unwrap();
    canonical(10_000, ids, lenient).unwrap_err();
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(10_000) })]

    #[test]
    fn no_context_is_an_encryption_context(
        context in contexts(),
        wrap in encryption_contexts(),
    ) {
        prop_assert!(EncryptionContext::parse(&context).is_err());
        prop_assert!(EncodedContext::parse(&wrap).is_err());
    }

    #[test]
    fn components_may_be_given_in_any_order(parts in components().prop_shuffle(), domain in any::<[u8; 16]>()) {
        let domain = DomainId::from_bytes(domain);
        let mut sorted = parts.clone();
        sorted.sort();
        let encoded = built(&parts).encode(&domain).unwrap();
        prop_assert_eq!(&encoded, &built(&sorted).encode(&domain).unwrap());
        sorted.push((2, domain.as_bytes().to_vec()));
        sorted.sort();
        prop_assert_eq!(encoded.as_bytes(), raw_of(&sorted));
        let mut after = vec![9];
        built(&[(3, vec![1])]).encode_into(&domain, &mut after).unwrap();
        prop_assert_eq!(after.len(), 1 + 1 + 21 + 6);
    }

    #[test]
    fn a_successor_is_one_more_modulo_2_to_96(count in any::<[u8; 12]>()) {
        let number = |count: Count| count.as_bytes().iter().fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
        let count = Count::from_bytes(count);
        prop_assert_eq!(number(count.successor()), (number(count) + 1) % (1 << 96));
    }

    #[test]
    fn ids_print_and_parse(bytes in any::<[u8; 16]>()) {
        let id = KeyId::from_bytes(bytes);
        prop_assert_eq!(id.to_string(), hex::encode(bytes));
        prop_assert_eq!(id.to_string().parse(), Ok(id));
    }
}

#[test]
fn the_successor_carries_over_every_byte() {
    for zeros in 1..12 {
        let mut before = [0xff; 12];
        before[..12 - zeros].fill(0);
        let mut after = [0; 12];
        after[11 - zeros] = 1;
        assert_eq!(Count::from_bytes(before).successor(), Count::from_bytes(after));
    }
}

/// One change to a string of bytes.
#[derive(Clone, Debug)]
struct Mutation {
    operation: u8,
    place: Index,
    other: Index,
    byte: u8,
}

fn mutations() -> impl Strategy<Value = Mutation> {
    (0..8_u8, any::<Index>(), any::<Index>(), any::<u8>())
        .prop_map(|(operation, place, other, byte)| Mutation { operation, place, other, byte })
}

impl Mutation {
    fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let mut mutant = bytes.to_vec();
        let (place, other) = (self.place.index(bytes.len()), self.other.index(bytes.len()));
        match self.operation {
            0 => mutant[place] ^= 1 << (self.byte % 8),
            1 => mutant[place] = self.byte,
            2 => mutant.insert(place, self.byte),
            3 => drop(mutant.remove(place)),
            4 => mutant.truncate(place),
            5 => mutant.extend(std::iter::repeat_n(self.byte, 1 + other % 24)),
            6 => mutant.swap(place, other),
            _ => mutant[place] = mutant[place].wrapping_add(if self.byte < 128 { 1 } else { 255 }),
        }
        mutant
    }
}

fn fields() -> impl Strategy<Value = Vec<u8>> {
    let parts = (
        any::<bool>(),
        any::<[u8; 16]>(),
        any::<[u8; 24]>(),
        prop::collection::vec(any::<u8>(), 16..64),
    );
    parts.prop_map(|(first, key_id, nonce, body)| {
        let mut header = [0; FIELD_HEADER];
        FieldHeader {
            suite: if first { Suite::Xaes256Gcm } else { Suite::Aes256GcmHkdf },
            key_id: KeyId::from_bytes(key_id),
            epoch: Epoch::try_from(&nonce[..12]).unwrap(),
            count: Count::try_from(&nonce[12..]).unwrap(),
        }
        .write(&mut header);
        [header.as_slice(), &body].concat()
    })
}

/// One to five components that an application may give, by tag; row version and length class not alone.
fn components() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    let tags = prop::sample::subsequence(vec![1_u8, 3, 4, 5, 6, 7, 128, 129, 200, 255], 1..=5);
    let tags =
        tags.prop_filter("nothing to begin with", |tags| tags.iter().any(|tag| stands_alone(*tag)));
    (tags, prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 5), any::<u64>())
        .prop_map(|(tags, values, version)| {
            let value = |tag, value| match tag {
                6 => version.to_be_bytes().to_vec(),
                7 => (version.to_be_bytes()[4..]).iter().map(|byte| byte | 1).collect(),
                _ => value,
            };
            tags.into_iter().zip(values).map(|(tag, bytes)| (tag, value(tag, bytes))).collect()
        })
}

fn contexts() -> impl Strategy<Value = Vec<u8>> {
    (components(), any::<[u8; 16]>()).prop_map(|(parts, domain)| {
        built(&parts).encode(&DomainId::from_bytes(domain)).unwrap().as_bytes().to_vec()
    })
}

fn encryption_contexts() -> impl Strategy<Value = Vec<u8>> {
    let parts = (
        0..3_u8,
        any::<[u8; 16]>(),
        any::<[u8; 16]>(),
        any::<u32>(),
        any::<[u8; 16]>(),
        any::<[u8; 32]>(),
    );
    parts.prop_map(|(purpose, environment, domain, version, subject, key_id)| {
        let (environment, domain) =
            (EnvironmentId::from_bytes(environment), DomainId::from_bytes(domain));
        let subject = SubjectTag::from_bytes(subject);
        let context = match purpose {
            0 => EncryptionContext::data_key(&environment, &domain, version),
            1 => EncryptionContext::store_key(&environment),
            _ => EncryptionContext::subject_key(&environment, &domain, version, &subject, &key_id),
        };
        context.as_bytes().to_vec()
    })
}

fn wrapped_keys() -> impl Strategy<Value = Vec<u8>> {
    let parts =
        (0..6_usize, "[!-~]{1,24}", any::<u32>(), prop::collection::vec(any::<u8>(), 1..96));
    parts.prop_map(|(algorithm, kek, version, wrapped)| {
        let kek = KekId::try_from(kek).unwrap();
        WrappedKey::new(WrapAlgorithm::ALL[algorithm], kek, KekVersion(version), wrapped)
            .unwrap()
            .to_bytes()
    })
}
