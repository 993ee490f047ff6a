//! The KEK in a file: what a change leaves on the disk, and what it must leave alone.

use crate::support::{engine, kind};
use phiseal_backends::local::LocalKek;
use phiseal_format::KekVersion;
use phiseal_keys::{ErrorKind, KekAdminBackend, KekBackend, KeyState};
use pollster::block_on;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kek.json");
    (folder, path)
}

fn private(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// What is in a file that was opened before, from where it was read to on.
fn rest_of(mut file: File) -> String {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn the_key_of_a_destroyed_version_is_gone_from_the_folder() {
    let (folder, path) = folder();
    let kek = LocalKek::create(&path, engine()).unwrap();
    let old = File::open(&path).unwrap();
    let key = keys_in(&fs::read_to_string(&path).unwrap()).remove(0);
    block_on(kek.create_version()).unwrap();
    block_on(kek.set_state(KekVersion(1), KeyState::Deactivated)).unwrap();
    let second = File::open(&path).unwrap();
    assert!(everything_in(folder.path()).contains(&key));
    block_on(kek.destroy(KekVersion(1))).unwrap();
    assert!(!everything_in(folder.path()).contains(&key));
    // The blocks of the files that were replaced, through handles from before.
    for file in [old, second] {
        assert!(file.metadata().unwrap().len() > 200);
        assert!(!rest_of(file).contains(&key));
    }
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(keys_in(&fs::read_to_string(&path).unwrap()).len(), 1);
}

#[test]
fn what_a_killed_process_left_is_wiped_and_nothing_else() {
    let (folder, path) = folder();
    let kek = LocalKek::create(&path, engine()).unwrap();
    let private = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        private(&path, bytes);
        path
    };
    let leftover = private(".kek.json.0123456789abcdef.new", b"a version's key");
    let before = File::open(&leftover).unwrap();
    let half_done = folder.path().join(".kek.json.00000000000000ff.old");
    fs::hard_link(&path, &half_done).unwrap();
    let kept = [
        private(".kek.json.0123.new", b"kept"),
        private(".other.json.0123456789abcdef.new", b"kept"),
        private("kek.json.0123456789abcdef.new", b"kept"),
        private("victim", b"kept"),
    ];
    let link = folder.path().join(".kek.json.fedcba9876543210.new");
    symlink(&kept[3], &link).unwrap();

    block_on(kek.create_version()).unwrap();
    assert!(!leftover.exists() && !half_done.exists());
    assert_eq!(before.metadata().unwrap().len(), 15);
    assert_ne!(rest_of(before), "a version's key");
    for path in kept {
        assert_eq!(fs::read(&path).unwrap(), b"kept", "{path:?}");
    }
    assert_eq!(block_on(kek.describe()).unwrap().current, KekVersion(2));
}

/// A backup that is made of hard links keeps what it holds, until a version in it is destroyed.
#[test]
fn a_backup_of_hard_links_is_kept_until_a_destruction() {
    let (folder, path) = folder();
    let kek = LocalKek::create(&path, engine()).unwrap();
    let acts: [&dyn Fn(); 3] = [
        &|| assert!(block_on(kek.create_version()).is_ok()),
        &|| block_on(kek.set_state(KekVersion(1), KeyState::Suspended)).unwrap(),
        &|| block_on(kek.set_state(KekVersion(1), KeyState::Compromised)).unwrap(),
    ];
    let backup = |number: usize| {
        let backup = folder.path().join(format!("backup.{number}"));
        fs::hard_link(&path, &backup).unwrap();
        (fs::read(&backup).unwrap(), backup)
    };
    let mut backups = Vec::new();
    for (number, act) in acts.into_iter().enumerate() {
        backups.push(backup(number));
        act();
        assert_ne!(fs::read(&path).unwrap(), backups[number].0);
    }
    for (before, backup) in &backups {
        assert_eq!(&fs::read(backup).unwrap(), before);
        assert_eq!(fs::metadata(backup).unwrap().nlink(), 1);
        LocalKek::open(backup, engine()).unwrap();
    }

    let (before, last) = backup(3);
    block_on(kek.destroy(KekVersion(1))).unwrap();
    let now = fs::read(&last).unwrap();
    assert_eq!(now.len(), before.len());
    let key = keys_in(&String::from_utf8(before).unwrap()).remove(0);
    assert!(!String::from_utf8_lossy(&now).contains(&key[..16]));
    for (before, backup) in &backups {
        assert_eq!(&fs::read(backup).unwrap(), before);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 6);
}

/// A custodian who was killed in the middle of a destruction: the next act of any kind ends it.
#[test]
fn a_destruction_that_was_killed_is_finished() {
    let (folder, path) = folder();
    let kek = LocalKek::create(&path, engine()).unwrap();
    block_on(kek.create_version()).unwrap();
    block_on(kek.set_state(KekVersion(1), KeyState::Compromised)).unwrap();
    let before = fs::read(&path).unwrap();
    let key = keys_in(str::from_utf8(&before).unwrap()).remove(0);
    block_on(kek.destroy(KekVersion(1))).unwrap();

    let left = folder.path().join(".kek.json.0123456789abcdef.old");
    let backup = folder.path().join("backup");
    private(&left, &before);
    fs::hard_link(&left, &backup).unwrap();
    // Nobody made it writable, as nobody need write it.
    fs::set_permissions(&left, fs::Permissions::from_mode(0o400)).unwrap();
    block_on(kek.destroy(KekVersion(1))).unwrap();
    assert!(!left.exists());
    assert!(!everything_in(folder.path()).contains(&key));
}

/// Whoever can write the folder has another file wiped neither by a link of either kind, nor stops the custodian.
#[test]
fn what_is_planted_beside_the_file_is_not_wiped() {
    let (folder, path) = folder();
    let kek = LocalKek::create(&path, engine()).unwrap();
    let (_elsewhere, other) = self::folder();
    LocalKek::create(&other, engine()).unwrap();
    let victim = folder.path().join("victim");
    private(&victim, b"kept");
    let planted =
        |number: u64, ending: &str| folder.path().join(format!(".kek.json.{number:016x}.{ending}"));
    fs::hard_link(&victim, planted(1, "new")).unwrap();
    fs::hard_link(&victim, planted(2, "old")).unwrap();
    symlink(&victim, planted(3, "old")).unwrap();
    symlink(folder.path().join("nothing"), planted(4, "old")).unwrap();
    let other_link = folder.path().join("other.json");
    fs::copy(&other, &other_link).unwrap();
    fs::hard_link(&other_link, planted(5, "old")).unwrap();
    let pipe = planted(6, "new");
    let made = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status();
    assert!(made.unwrap().success());
    fs::create_dir(planted(7, "new")).unwrap();

    block_on(kek.create_version()).unwrap();
    block_on(kek.set_state(KekVersion(1), KeyState::Compromised)).unwrap();
    block_on(kek.destroy(KekVersion(1))).unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"kept");
    assert_eq!(fs::read(&other_link).unwrap(), fs::read(&other).unwrap());
    assert!(!folder.path().join("nothing").exists());
    assert_eq!([1, 2, 5].map(|number| planted(number, "old").exists()), [false; 3]);
    assert!(planted(7, "new").is_dir() && pipe.exists());
}

/// The file by which custodians wait for each other is opened as what it is.
#[test]
fn a_lock_that_is_a_link_or_a_pipe_is_refused() {
    let (folder, path) = folder();
    let kek = LocalKek::create(&path, engine()).unwrap();
    let (lock, target) = (folder.path().join(".kek.json.lock"), folder.path().join("target"));
    symlink(&target, &lock).unwrap();
    assert_eq!(kind(block_on(kek.create_version())), Some(ErrorKind::Denied));
    assert!(!target.exists(), "a file was made through the link");
    private(&target, b"kept");
    assert_eq!(kind(block_on(kek.create_version())), Some(ErrorKind::Denied));

    fs::remove_file(&lock).unwrap();
    let made = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&lock).status();
    assert!(made.unwrap().success());
    let reader = fs::OpenOptions::new().read(true).write(true).open(&lock).unwrap();
    assert_eq!(kind(block_on(kek.create_version())), Some(ErrorKind::Malformed));
    drop(reader);
    fs::remove_file(&lock).unwrap();
    assert_eq!(block_on(kek.create_version()).unwrap(), KekVersion(2));
}

fn keys_in(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| {
            line.trim().strip_prefix("\"key\": \"")?.strip_suffix('"').map(str::to_owned)
        })
        .collect()
}

fn everything_in(folder: &Path) -> String {
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    files.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
}
