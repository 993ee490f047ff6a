//! The KEK in a file: an older or another file in the place of the one that a handle has read.

use crate::support::{engine, kind};
use phiseal_backends::local::{Cost, LocalKek, Passphrase};
use phiseal_format::KekVersion;
use phiseal_keys::{ErrorKind, KekAdminBackend, KekBackend, KeyState};
use pollster::block_on;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

fn passphrase() -> Passphrase {
    Passphrase::from_bytes(b"correct horse battery staple".to_vec()).unwrap()
}

fn open(path: &Path, protected: bool) -> LocalKek {
    let kek = if protected {
        LocalKek::open_with_passphrase(path, &passphrase(), engine())
    } else {
        LocalKek::open(path, engine())
    };
    kek.unwrap()
}

/// A folder with a key file of one version, with or without a passphrase.
fn kek_file(protected: bool) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kek.json");
    if protected {
        LocalKek::create_with_passphrase(&path, &passphrase(), CHEAP, engine()).unwrap();
    } else {
        LocalKek::create(&path, engine()).unwrap();
    }
    (folder, path)
}

fn set(kek: &LocalKek, version: u32, state: KeyState) {
    block_on(kek.set_state(KekVersion(version), state)).unwrap();
}

/// The handle refuses these bytes in the place of the file and leaves them as they are; then it goes on with `good`.
fn assert_noticed(what: &str, kek: &LocalKek, path: &Path, bytes: &[u8], good: &[u8]) {
    fs::write(path, bytes).unwrap();
    assert_eq!(kind(block_on(kek.describe())), Some(ErrorKind::Tampered), "{what}");
    assert_eq!(kind(block_on(kek.create_version())), Some(ErrorKind::Tampered), "{what}");
    assert_eq!(fs::read(path).unwrap(), bytes, "{what}");
    fs::write(path, good).unwrap();
    block_on(kek.describe()).unwrap();
}

#[test]
fn every_older_file_is_noticed() {
    use KeyState::{Active, Compromised, Deactivated, Suspended};
    for protected in [false, true] {
        let (_folder, path) = kek_file(protected);
        let kek = open(&path, protected);
        let mut older = vec![("new", fs::read(&path).unwrap())];
        let steps: [(&str, &dyn Fn()); 7] = [
            ("suspended", &|| set(&kek, 1, Suspended)),
            ("active again", &|| set(&kek, 1, Active)),
            ("with a second version", &|| assert!(block_on(kek.create_version()).is_ok())),
            ("deactivated", &|| set(&kek, 1, Deactivated)),
            ("compromised", &|| set(&kek, 1, Compromised)),
            ("destroyed", &|| block_on(kek.destroy(KekVersion(1))).unwrap()),
            ("the second one deactivated", &|| set(&kek, 2, Deactivated)),
        ];
        let mut noticed = 0;
        for (what, step) in steps {
            step();
            let now = fs::read(&path).unwrap();
            for (then, bytes) in &older {
                assert_noticed(&format!("{then} after {what}"), &kek, &path, bytes, &now);
                noticed += 1;
            }
            older.push((what, now));
        }
        assert_eq!(noticed, 28);
        // Who has not seen a later one cannot know.
        fs::write(&path, &older[0].1).unwrap();
        block_on(open(&path, protected).describe()).unwrap();
    }
}

/// Files of the same KEK that another custodian changed elsewhere, from a copy.
#[test]
fn a_history_that_parted_is_noticed() {
    for protected in [false, true] {
        let (folder, path) = kek_file(protected);
        let kek = open(&path, protected);
        let copy = folder.path().join("copy.json");
        fs::copy(&path, &copy).unwrap();
        let elsewhere = open(&copy, protected);
        set(&kek, 1, KeyState::Deactivated);
        let here = fs::read(&path).unwrap();

        set(&elsewhere, 1, KeyState::Compromised);
        let same_revision = fs::read(&copy).unwrap();
        assert_noticed("the same revision", &kek, &path, &same_revision, &here);

        fs::write(&copy, &here).unwrap();
        let elsewhere = open(&copy, protected);
        block_on(elsewhere.create_version()).unwrap();
        let successor = fs::read(&copy).unwrap();
        block_on(kek.create_version()).unwrap();
        let here = fs::read(&path).unwrap();
        assert_noticed("another second version", &kek, &path, &successor, &here);
        set(&elsewhere, 2, KeyState::Deactivated);
        assert_noticed("the same, later", &kek, &path, &fs::read(&copy).unwrap(), &here);
    }
}

/// At a higher revision than the handle has seen, but with a version that is active again.
#[test]
fn a_state_that_comes_back_is_noticed_at_any_revision() {
    for protected in [false, true] {
        for retired in [KeyState::Deactivated, KeyState::Compromised] {
            let (folder, path) = kek_file(protected);
            let copy = folder.path().join("copy.json");
            fs::copy(&path, &copy).unwrap();
            let (kek, elsewhere) = (open(&path, protected), open(&copy, protected));
            set(&kek, 1, retired);
            for state in [KeyState::Suspended, KeyState::Active, KeyState::Suspended] {
                set(&elsewhere, 1, state);
            }
            let here = fs::read(&path).unwrap();
            let back = fs::read(&copy).unwrap();
            assert_noticed("suspended again", &kek, &path, &back, &here);
            set(&elsewhere, 1, KeyState::Active);
            let back = fs::read(&copy).unwrap();
            assert_noticed("active again", &kek, &path, &back, &here);
            // The control: the same file at the end of a history that leads there.
            set(&elsewhere, 1, retired);
            fs::write(&path, fs::read(&copy).unwrap()).unwrap();
            block_on(kek.describe()).unwrap();
        }
    }
}

/// A handle has the key of its passphrase already; whoever opens the file next derives it as the file says.
#[test]
fn another_salt_or_cost_is_noticed() {
    let (_folder, path) = kek_file(true);
    let kek = open(&path, true);
    let here = fs::read_to_string(&path).unwrap();
    let salt = here.split_once("\"salt\": \"").unwrap().1.split_once('"').unwrap().0;
    let other_salt: String = salt.chars().rev().collect();
    let mut noticed = 0;
    for (from, to) in [
        (salt, other_salt.as_str()),
        ("\"memory_kib\": 64", "\"memory_kib\": 65"),
        ("\"passes\": 1", "\"passes\": 2"),
        ("\"lanes\": 1", "\"lanes\": 2"),
    ] {
        let changed = here.replacen(from, to, 1);
        assert_ne!(changed, here, "{from}");
        assert_noticed(from, &kek, &path, changed.as_bytes(), here.as_bytes());
        noticed += 1;
    }
    assert_eq!(noticed, 4);
}

#[test]
fn another_kek_and_another_protection_are_noticed() {
    let (_folder, path) = kek_file(false);
    let kek = open(&path, false);
    let here = fs::read(&path).unwrap();
    for protected in [false, true] {
        let (_other_folder, other) = kek_file(protected);
        let other_kek = open(&other, protected);
        for _ in 0..3 {
            block_on(other_kek.create_version()).unwrap();
        }
        assert_noticed("another KEK", &kek, &path, &fs::read(&other).unwrap(), &here);
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    block_on(kek.create_version()).unwrap();
}
