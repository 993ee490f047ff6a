//! Key files of version 1, written by another program, with a key that was wrapped by it: they open in every release.

use crate::support::{engine, kind};
use phiseal_backends::local::{LocalKek, Passphrase};
use phiseal_format::{
    EncryptionContext, EnvironmentId, KekId, KekVersion, WrapAlgorithm, WrappedKey,
};
use phiseal_keys::{Error, ErrorKind, KekAdminBackend, KekBackend};
use pollster::block_on;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const PLAIN: &str = include_str!("vectors/local_v1_plain.json");
const PROTECTED: &str = include_str!("vectors/local_v1_passphrase.json");

/// The key a0 to bf for the store key of environment 07..07, under version 2 and the nonce 80 to 97.
const WRAPPED: &str = "808182838485868788898a8b8c8d8e8f9091929394959697e57b1f95a260c0fccec0cbad70ec0fb4\
    67dce832d375e6c5ff45dd0a7273320c1062a985da9c383272955481bc880add";

#[test]
fn files_of_version_1_open() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain.json");
    write(&plain, PLAIN);
    assert_opens(LocalKek::open(&plain, engine()));

    let protected = folder.path().join("protected.json");
    write(&protected, PROTECTED);
    let passphrase = Passphrase::from_bytes(b"correct horse battery staple".to_vec()).unwrap();
    assert_opens(LocalKek::open_with_passphrase(&protected, &passphrase, engine()));
}

fn assert_opens(kek: Result<LocalKek, Error>) {
    let kek = kek.unwrap();
    let id = KekId::try_from("local:101112131415161718191a1b1c1d1e1f").unwrap();
    let info = block_on(kek.describe()).unwrap();
    assert_eq!((&info.id, info.current), (&id, KekVersion(3)));

    let context = EncryptionContext::store_key(&EnvironmentId::from_bytes([7; 16]));
    let bytes: Vec<u8> = WRAPPED
        .as_bytes()
        .chunks(2)
        .map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap())
        .collect();
    let wrapped = |version| {
        WrappedKey::new(WrapAlgorithm::Xaes256Gcm, id.clone(), KekVersion(version), bytes.clone())
            .unwrap()
    };
    let opened = block_on(kek.unwrap_key(&wrapped(2), &context)).unwrap();
    assert_eq!(opened.key.expose_secret().to_vec(), (0xa0..0xc0).collect::<Vec<u8>>());
    assert_eq!(kind(block_on(kek.unwrap_key(&wrapped(1), &context))), Some(ErrorKind::State));
    assert_eq!(
        kind(block_on(kek.unwrap_key(&wrapped(3), &context))),
        Some(ErrorKind::Unauthenticated)
    );

    // It is also written in this release's own way, and read again.
    assert_eq!(block_on(kek.create_version()).unwrap(), KekVersion(4));
    block_on(kek.unwrap_key(&wrapped(2), &context)).unwrap();
}

/// What is written is what the other program would have written, but for the random nonces.
#[test]
fn the_text_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain.json");
    write(&path, PLAIN);
    let kek = LocalKek::open(&path, engine()).unwrap();
    block_on(kek.create_version()).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let up_to_the_new_version = PLAIN.rsplit_once("\n  ],\n").unwrap().0;
    let up_to_the_new_version = up_to_the_new_version.replace(": 258,", ": 259,");
    assert!(
        text.starts_with(&format!("{up_to_the_new_version},\n    {{\n      \"version\": 4,\n")),
        "{text}"
    );
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
