//! A custodian's signing key in a file.

use crate::support::{engine, kind};
use phiseal_backends::custodian::{Cost, CustodianKey, Passphrase};
use phiseal_backends::local::LocalKek;
use phiseal_keys::{Error, ErrorKind, Signer};
use phiseal_primitives::ed25519::VerifyingKey;
use pollster::block_on;
use std::error::Error as _;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
const NAME: &str = "clinic.example/alice";

/// Written by a program in another language, over another cryptographic library.
const V1: &str = include_str!("vectors/custodian_v1.json");
const V1_PUBLIC: &str = "2543b92ff1095511476adc8369db6ddc933665a11978dda1404ee1066ca9559d";
const V1_SIGNATURE: &str = "a6036f2ac8322f531410f1a1ef7f543e0d2b7122de19099afabd7c608d4c8541\
    e978d952df5d459351ad975e16ab8517f987d96e4d82d424edaff4163221780d";

fn passphrase() -> Passphrase {
    Passphrase::from_bytes(b"correct horse battery staple".to_vec()).unwrap()
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alice.json");
    (folder, path)
}

fn generate(path: &Path) -> Result<CustodianKey, Error> {
    CustodianKey::generate(path, NAME, &passphrase(), CHEAP, engine())
}

fn open(path: &Path) -> Result<CustodianKey, Error> {
    CustodianKey::open(path, &passphrase(), engine())
}

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_key_signs_after_it_was_made_and_after_it_was_opened() {
    let (folder, path) = folder();
    let made = generate(&path).unwrap();
    let opened = open(&path).unwrap();
    assert_eq!((opened.name(), opened.verifying_key()), (NAME, made.verifying_key()));
    let public = VerifyingKey::from_bytes(&made.verifying_key()).unwrap();
    for key in [&made, &opened] {
        let signature = block_on(key.sign(b"a message")).unwrap();
        public.verify(b"a message", &signature).unwrap();
        assert!(public.verify(b"a massage", &signature).is_err());
    }
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    let other = generate(&folder.path().join("bob.json")).unwrap();
    assert_ne!(other.verifying_key(), made.verifying_key());
    assert_eq!(format!("{made:?} {opened:#?}"), "CustodianKey CustodianKey");
}

#[test]
fn a_file_of_version_1_opens() {
    let (_folder, path) = folder();
    private(&path, V1);
    let key = open(&path).unwrap();
    assert_eq!(key.name(), "clinic.example/\"zo\u{eb}\"");
    assert_eq!(hex(&key.verifying_key()), V1_PUBLIC);
    assert_eq!(hex(&block_on(key.sign(b"a message")).unwrap()), V1_SIGNATURE);
}

#[test]
fn no_file_is_written_over() {
    let (_folder, path) = folder();
    let made = generate(&path).unwrap();
    let before = fs::read(&path).unwrap();
    let error = generate(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.source().unwrap().to_string().contains("alice.json"));
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(open(&path).unwrap().verifying_key(), made.verifying_key());
    let nowhere = path.with_file_name("none").join("alice.json");
    assert_eq!(kind(generate(&nowhere)), Some(ErrorKind::NotFound));
    assert_eq!(kind(open(&nowhere)), Some(ErrorKind::NotFound));
}

#[test]
fn the_wrong_passphrase_opens_nothing() {
    let (_folder, path) = folder();
    generate(&path).unwrap();
    for wrong in ["correct horse battery stapl", "correct horse battery staple ", "x"] {
        let wrong = Passphrase::from_bytes(wrong.into()).unwrap();
        let refused = CustodianKey::open(&path, &wrong, engine());
        assert_eq!(kind(refused), Some(ErrorKind::Unauthenticated));
    }
    open(&path).unwrap();
    let short = Passphrase::from_bytes(b"14 bytes long.".to_vec()).unwrap();
    let other = path.with_file_name("short.json");
    let refused = CustodianKey::generate(&other, NAME, &short, CHEAP, engine());
    assert_eq!(kind(refused), Some(ErrorKind::Invalid));
    let too_dear = Cost { memory_kib: Cost::MAX_MEMORY_KIB + 1, ..CHEAP };
    let refused = CustodianKey::generate(&other, NAME, &passphrase(), too_dear, engine());
    assert_eq!(kind(refused), Some(ErrorKind::Invalid));
    assert!(!other.exists());
}

#[test]
fn a_file_that_others_can_reach_or_that_is_none_is_refused() {
    let (_folder, path) = folder();
    generate(&path).unwrap();
    for mode in [0o644, 0o640, 0o620, 0o602, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(kind(open(&path)), Some(ErrorKind::Denied), "{mode:o}");
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        open(&path).unwrap();
    }
    let link = path.with_file_name("link.json");
    symlink(&path, &link).unwrap();
    open(&link).unwrap();
    assert_eq!(kind(open(path.parent().unwrap())), Some(ErrorKind::Malformed));
    let kek = path.with_file_name("kek.json");
    LocalKek::create_with_passphrase(&kek, &passphrase(), CHEAP, engine()).unwrap();
    assert_eq!(kind(open(&kek)), Some(ErrorKind::Malformed), "the file of a KEK");
    let refused = LocalKek::open_with_passphrase(&path, &passphrase(), engine());
    assert_eq!(kind(refused), Some(ErrorKind::Malformed), "the other way round");
}

#[test]
fn names_are_those_of_keys_of_signed_notes() {
    let (folder, _) = folder();
    let named = |number: usize, name: &str| {
        let path = folder.path().join(number.to_string());
        CustodianKey::generate(&path, name, &passphrase(), CHEAP, engine())
            .and_then(|_| open(&path))
            .map(|key| key.name().to_owned())
    };
    let long = "x".repeat(255);
    for (number, name) in
        ["a", "zo\u{eb}", "\"quoted\\\"", "<b>", "\u{1f511}", &long].into_iter().enumerate()
    {
        assert_eq!(named(number, name).unwrap(), name);
    }
    let too_long = "x".repeat(256);
    for name in ["", " ", "a b", "a+b", "a\tb", "a\u{a0}b", "a\u{7f}", &too_long] {
        assert_eq!(kind(named(1_000, name)), Some(ErrorKind::Invalid), "{name:?}");
    }
}

/// Each character but the line end, replaced by another.
#[test]
fn every_change_of_the_file_is_noticed() {
    let (_folder, path) = folder();
    private(&path, V1);
    open(&path).unwrap();
    let (mut unauthenticated, mut others) = (0, 0);
    for (at, character) in V1.char_indices() {
        // White space outside of texts may be of any sort, as in any JSON.
        if character.is_whitespace() {
            continue;
        }
        let with = if character == '1' { "2" } else { "1" };
        let mut changed = V1.to_owned();
        changed.replace_range(at..at + character.len_utf8(), with);
        private(&path, &changed);
        match kind(open(&path)) {
            Some(ErrorKind::Unauthenticated) => unauthenticated += 1,
            Some(ErrorKind::Malformed | ErrorKind::Unsupported | ErrorKind::Invalid) => others += 1,
            other => panic!("{other:?} for {at}: {changed}"),
        }
    }
    assert!(unauthenticated > 200 && others > 100, "{unauthenticated} and {others}");

    for (what, from, to, expected) in [
        (
            "an unknown member",
            "\"version\": 1,",
            "\"version\": 1, \"more\": 1,",
            ErrorKind::Malformed,
        ),
        (
            "a member twice",
            "\"version\": 1,",
            "\"version\": 1, \"version\": 1,",
            ErrorKind::Malformed,
        ),
        ("a newer version", "\"version\": 1,", "\"version\": 2,", ErrorKind::Unsupported),
        ("no name", "  \"name\": \"clinic.example/\\\"zo\u{eb}\\\"\",\n", "", ErrorKind::Malformed),
        ("another derivation", "argon2id", "argon2xx", ErrorKind::Unsupported),
        (
            "a cost out of bounds",
            "\"memory_kib\": 64",
            "\"memory_kib\": 4294967295",
            ErrorKind::Invalid,
        ),
        ("another cost", "\"passes\": 1", "\"passes\": 2", ErrorKind::Unauthenticated),
        ("another name", "clinic.example", "klinik.example", ErrorKind::Unauthenticated),
        ("digits in capitals", "2543b9", "2543B9", ErrorKind::Malformed),
    ] {
        let changed = V1.replacen(from, to, 1);
        assert_ne!(changed, V1, "{what}");
        private(&path, &changed);
        assert_eq!(kind(open(&path)), Some(expected), "{what}");
    }
    private(&path, &format!("{V1}{}", " ".repeat(1 << 20)));
    assert_eq!(kind(open(&path)), Some(ErrorKind::Malformed), "over 1 MiB");
}

/// The seed is 32 bytes that nobody has, not even those who have the file.
#[test]
fn the_seed_is_not_in_the_file() {
    let (_folder, path) = folder();
    private(&path, V1);
    let key = open(&path).unwrap();
    let seed: Vec<u8> = (0x40..0x60).collect();
    let same =
        phiseal_primitives::ed25519::SigningKey::from_seed(&seed.clone().try_into().unwrap());
    assert_eq!(
        *same.verifying_key().as_bytes(),
        key.verifying_key(),
        "the control: it is the seed"
    );
    assert!(!V1.contains(&hex(&seed)) && !V1.contains(&hex(&seed[..16])));
}
