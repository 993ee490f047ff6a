//! The engines against each other, on random input: the same bytes, and each opens what another sealed.
//!
//! With one engine compiled in these are round trips; the comparison needs a build with two or three.

#[path = "support/every_engine.rs"]
mod every_engine;

use every_engine::every_engine;
use phiseal_primitives::{Aes256Gcm, Engine, Error, Random, Validation, danger::Seeded};
use proptest::collection::vec;
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// Short fields, block edges, and lengths at which the engines' bulk loops take over.
fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => vec(any::<u8>(), 0..=64),
        2 => prop::sample::select(vec![15_usize, 16, 17, 31, 32, 33, 127, 128, 129, 255, 256, 257, 511, 512, 513])
            .prop_flat_map(|length| vec(any::<u8>(), length)),
        1 => vec(any::<u8>(), 0..=2048),
    ]
}

fn parts() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(vec(any::<u8>(), 0..=80), 0..=4)
}

fn slices(parts: &[Vec<u8>]) -> Vec<&[u8]> {
    parts.iter().map(Vec::as_slice).collect()
}

fn approved_only(engine: &dyn Engine) -> bool {
    engine.module().validation != Validation::None
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn aes_256_gcm_is_one_function(
        key in any::<[u8; 32]>(),
        nonce in any::<[u8; 12]>(),
        aad in vec(any::<u8>(), 0..=96),
        plaintext in message(),
    ) {
        let keys: Vec<_> = every_engine().iter().map(|engine| (*engine, engine.aes_256_gcm(&key).unwrap())).collect();
        let mut sealed: Option<(Vec<u8>, [u8; 16])> = None;
        for (engine, key) in &keys {
            let mut in_out = plaintext.clone();
            if approved_only(*engine) {
                prop_assert_eq!(key.seal_in_place(&nonce, &aad, &mut in_out), Err(Error::NotApproved));
                continue;
            }
            let tag = key.seal_in_place(&nonce, &aad, &mut in_out).unwrap();
            match &sealed {
                None => sealed = Some((in_out, tag)),
                Some(first) => prop_assert_eq!(first, &(in_out, tag), "{}", engine.name()),
            }
        }
        if let Some((ciphertext, tag)) = &sealed {
            for (engine, key) in &keys {
                let mut in_place = ciphertext.clone();
                prop_assert_eq!(key.open_in_place(&nonce, &aad, &mut in_place, tag), Ok(()), "{}", engine.name());
                prop_assert_eq!(&in_place, &plaintext);
                let mut apart = vec![0xaa; ciphertext.len()];
                prop_assert_eq!(key.open_into(&nonce, &aad, ciphertext, tag, &mut apart), Ok(()), "{}", engine.name());
                prop_assert_eq!(&apart, &plaintext);
            }
        }
    }

    #[test]
    fn what_one_engine_seals_under_its_own_nonce_every_engine_opens(
        key in any::<[u8; 32]>(),
        aad in vec(any::<u8>(), 0..=96),
        plaintext in message(),
    ) {
        let keys: Vec<_> = every_engine().iter().map(|engine| (*engine, engine.aes_256_gcm(&key).unwrap())).collect();
        for (sealer, sealing_key) in &keys {
            let mut ciphertext = plaintext.clone();
            let (nonce, tag) = sealing_key.seal_in_place_with_own_nonce(&aad, &mut ciphertext).unwrap();
            for (opener, opening_key) in &keys {
                let mut in_out = ciphertext.clone();
                let opened = opening_key.open_in_place(&nonce, &aad, &mut in_out, &tag);
                prop_assert_eq!(opened, Ok(()), "{} sealed, {} opens", sealer.name(), opener.name());
                prop_assert_eq!(&in_out, &plaintext);
            }
        }
    }

    #[test]
    fn hkdf_is_one_function(
        salt in vec(any::<u8>(), 0..=80),
        ikm in vec(any::<u8>(), 0..=80),
        info in parts(),
        length in 0_usize..=200,
    ) {
        let mut first: Option<([u8; 32], Vec<u8>, Vec<u8>)> = None;
        for engine in every_engine() {
            let (mut prk, mut okm) = ([0; 32], vec![0; length]);
            engine.hkdf_extract(&salt, &ikm, &mut prk);
            engine.hkdf_expand(&prk, &slices(&info), &mut okm).unwrap();
            let mut joined = vec![0; length];
            engine.hkdf_expand(&prk, &[&info.concat()], &mut joined).unwrap();
            prop_assert_eq!(&okm, &joined, "{}: parts of the info are not concatenated", engine.name());
            let (mut long, mut joined) = (vec![0; length], vec![0; length]);
            engine.hkdf_expand_sha_512(&prk, &slices(&info), &mut long).unwrap();
            engine.hkdf_expand_sha_512(&prk, &[&info.concat()], &mut joined).unwrap();
            prop_assert_eq!(&long, &joined, "{}: parts of the info are not concatenated", engine.name());
            match &first {
                None => first = Some((prk, okm, long)),
                Some(first) => prop_assert_eq!(first, &(prk, okm, long), "{}", engine.name()),
            }
        }
    }

    #[test]
    fn hmac_and_sha_256_are_one_function(key in vec(any::<u8>(), 0..=200), data in parts()) {
        let mut first: Option<([u8; 32], [u8; 32])> = None;
        for engine in every_engine() {
            let both = (engine.hmac_sha_256(&key, &slices(&data)), engine.sha_256(&slices(&data)));
            let joined = (engine.hmac_sha_256(&key, &[&data.concat()]), engine.sha_256(&[&data.concat()]));
            prop_assert_eq!(both, joined, "{}: parts of the data are not concatenated", engine.name());
            match &first {
                None => first = Some(both),
                Some(first) => prop_assert_eq!(first, &both, "{}", engine.name()),
            }
        }
    }
}

/// SHA-256 of the empty string and of "abc" (FIPS 180-4): what the engines agree on is the right function.
#[test]
fn sha_256_is_sha_256() {
    for engine in every_engine() {
        let of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(engine.sha_256(&[])), of_nothing, "{}", engine.name());
        assert_eq!(hex::encode(engine.sha_256(&[b"a", b"", b"bc"])), of_abc, "{}", engine.name());
    }
}

#[test]
fn hkdf_gives_255_blocks_and_no_byte_more() {
    for engine in every_engine() {
        let mut longest = vec![0; 255 * 32];
        assert_eq!(
            engine.hkdf_expand(&[1; 32], &[b"info"], &mut longest),
            Ok(()),
            "{}",
            engine.name()
        );
        assert!(longest.chunks(32).all(|block| block != [0; 32]));
        let mut longest = vec![0; 255 * 64];
        assert_eq!(engine.hkdf_expand_sha_512(&[1; 32], &[b"info"], &mut longest), Ok(()));
        assert!(longest.chunks(64).all(|block| block != [0; 64]));
        let mut over = vec![0xaa; 255 * 64 + 1];
        let refused = engine.hkdf_expand_sha_512(&[1; 32], &[b"info"], &mut over);
        assert_eq!(refused, Err(Error::Length), "{}", engine.name());
        assert!(over.iter().all(|byte| *byte == 0));
        let mut over = vec![0xaa; 255 * 32 + 1];
        assert_eq!(
            engine.hkdf_expand(&[1; 32], &[b"info"], &mut over),
            Err(Error::Length),
            "{}",
            engine.name()
        );
        assert!(over.iter().all(|byte| *byte == 0));
    }
}

#[test]
fn own_nonces_differ() {
    for engine in every_engine() {
        let key = engine.aes_256_gcm(&[1; 32]).unwrap();
        let mut nonces = std::collections::HashSet::new();
        for _ in 0..10_000 {
            let (nonce, _) = key.seal_in_place_with_own_nonce(b"", &mut [0; 4]).unwrap();
            nonces.insert(nonce);
        }
        assert_eq!(nonces.len(), 10_000, "{}", engine.name());
    }
}

/// CVE-2023-42811: a failed open left the unauthenticated plaintext in the caller's buffer.
#[test]
fn a_failed_open_leaves_zeros_in_ten_thousand_cases() {
    const CASES: usize = 10_000;
    let random = Seeded::new(ChaCha20Rng::seed_from_u64(0x5ea1));
    for engine in every_engine() {
        let mut refused = 0;
        for case in 0..CASES {
            let mut raw = [0; 32 + 8];
            random.fill(&mut raw).unwrap();
            let (key, choice) = raw.split_at(32);
            let key = engine.aes_256_gcm(key.try_into().unwrap()).unwrap();
            let length = [1, 15, 16, 17, 255, 1024][case % 6] + usize::from(choice[0] % 16);
            let mut plaintext = vec![0; length];
            random.fill(&mut plaintext).unwrap();
            let mut ciphertext = plaintext.clone();
            let (mut nonce, mut tag) =
                key.seal_in_place_with_own_nonce(b"context", &mut ciphertext).unwrap();
            let mut aad = b"context".to_vec();
            let bit = 1 << (choice[1] % 8);
            match choice[2] % 6 {
                0 => ciphertext[usize::from(choice[3]) % length] ^= bit,
                1 => tag[usize::from(choice[3]) % 16] ^= bit,
                2 => nonce[usize::from(choice[3]) % 12] ^= bit,
                3 => aad[usize::from(choice[3]) % 7] ^= bit,
                4 => aad.push(choice[3]),
                _ => drop(aad.pop()),
            }
            refused +=
                assert_refused_with_zeros(*engine, key.as_ref(), (&nonce, &aad, &ciphertext, &tag));
        }
        assert_eq!(refused, 2 * CASES, "{}", engine.name());
    }
}

fn assert_refused_with_zeros(
    engine: &dyn Engine,
    key: &dyn Aes256Gcm,
    (nonce, aad, ciphertext, tag): (&[u8; 12], &[u8], &[u8], &[u8; 16]),
) -> usize {
    let mut in_place = ciphertext.to_vec();
    let mut apart = vec![0xaa; ciphertext.len()];
    let opened = [
        (key.open_in_place(nonce, aad, &mut in_place, tag), in_place),
        (key.open_into(nonce, aad, ciphertext, tag, &mut apart), apart),
    ];
    for (result, out) in &opened {
        assert_eq!(*result, Err(Error::Unauthenticated), "{}", engine.name());
        assert!(
            out.iter().all(|byte| *byte == 0),
            "{}: the output does not hold zeros",
            engine.name()
        );
    }
    opened.len()
}

#[test]
fn an_output_of_another_length_is_refused_and_zeroed() {
    for engine in every_engine() {
        let key = engine.aes_256_gcm(&[1; 32]).unwrap();
        let mut ciphertext = [5; 32];
        let (nonce, tag) = key.seal_in_place_with_own_nonce(b"", &mut ciphertext).unwrap();
        for length in [0, 31, 33, 48] {
            let mut out = vec![0xaa; length];
            assert_eq!(key.open_into(&nonce, b"", &ciphertext, &tag, &mut out), Err(Error::Length));
            assert!(out.iter().all(|byte| *byte == 0), "{}", engine.name());
        }
        let mut out = [0; 32];
        assert_eq!(key.open_into(&nonce, b"", &ciphertext, &tag, &mut out), Ok(()));
        assert_eq!(out, [5; 32]);
    }
}
