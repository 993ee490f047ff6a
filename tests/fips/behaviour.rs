//! What an engine in FIPS mode does and what it refuses.

use phiseal_primitives::{AwsLcRs, Engine, Error, Validation, Xaes256Gcm, default_engine, engine};

#[test]
fn the_default_engine_is_the_module_in_fips_mode() {
    assert_eq!(default_engine().name(), "aws-lc-rs");
    assert_eq!(default_engine().module().name, "AWS-LC FIPS");
    assert_ne!(default_engine().module().validation, Validation::None);
    let other = engine("rustcrypto").unwrap();
    assert_eq!(other.module().validation, Validation::None);
}

#[test]
fn a_nonce_of_the_caller_s_is_refused_and_the_message_is_untouched() {
    let key = AwsLcRs.aes_256_gcm(&[1; 32]).unwrap();
    let mut message = [7; 40];
    assert_eq!(key.seal_in_place(&[2; 12], b"aad", &mut message), Err(Error::NotApproved));
    assert_eq!(message, [7; 40]);
}

#[test]
fn xaes_256_gcm_seals_nothing_but_opens_what_another_engine_sealed() {
    let mut message = [7; 40];
    let approved = Xaes256Gcm::new(&AwsLcRs, &[1; 32]);
    assert_eq!(approved.seal(&[2; 24], b"aad", &mut message), Err(Error::NotApproved));
    let tag = Xaes256Gcm::new(engine("rustcrypto").unwrap(), &[1; 32])
        .seal(&[2; 24], b"aad", &mut message)
        .unwrap();
    approved.open(&[2; 24], b"aad", &mut message, &tag).unwrap();
    assert_eq!(message, [7; 40]);
}

#[test]
fn the_module_s_nonces_differ_and_every_length_goes_there_and_back() {
    let key = AwsLcRs.aes_256_gcm(&[1; 32]).unwrap();
    let mut nonces = std::collections::HashSet::new();
    for length in 0..=300 {
        let mut message = vec![7; length];
        let (nonce, tag) = key.seal_in_place_with_own_nonce(b"aad", &mut message).unwrap();
        assert!(nonces.insert(nonce));
        let mut apart = vec![0; length];
        key.open_into(&nonce, b"aad", &message, &tag, &mut apart).unwrap();
        key.open_in_place(&nonce, b"aad", &mut message, &tag).unwrap();
        assert_eq!((&message, &apart), (&vec![7; length], &vec![7; length]));
    }
    assert_eq!(nonces.len(), 301);
}

#[test]
fn random_bytes_come_from_the_module() {
    let (mut first, mut second) = ([0; 32], [0; 32]);
    AwsLcRs.fill_random(&mut first).unwrap();
    AwsLcRs.fill_random(&mut second).unwrap();
    assert_ne!(first, second);
    assert_ne!(first, [0; 32]);
}
