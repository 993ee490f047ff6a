//! The KEK in a file: its contract, and several handles and custodians on one file.

use crate::support::{assert_no_swap_opens, connect, engine, generate, kind, opens};
use phiseal_backends::local::{Cost, LocalKek, Passphrase};
use phiseal_conformance::kek::Fixture;
use phiseal_format::KekVersion;
use phiseal_keys::{ErrorKind, KekAdminBackend, KekBackend, KeyState};
use pollster::block_on;
use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Cheap, so that the tests are quick.
const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kek.json");
    (folder, path)
}

/// A folder that goes when the thread of this test ends.
fn kept_for_this_test() -> PathBuf {
    thread_local! {
        static FOLDERS: RefCell<Vec<tempfile::TempDir>> = const { RefCell::new(Vec::new()) };
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_path_buf();
    FOLDERS.with_borrow_mut(|folders| folders.push(folder));
    path
}

fn passphrase() -> Passphrase {
    Passphrase::from_bytes(b"correct horse battery staple".to_vec()).unwrap()
}

fn open(path: &Path) -> Arc<LocalKek> {
    Arc::new(LocalKek::open(path, engine()).unwrap())
}

mod plain {
    use super::*;

    fn fixture() -> Fixture {
        let folder = kept_for_this_test();
        let [backend, other] =
            ["a", "b"].map(|name| Arc::new(LocalKek::create(folder.join(name), engine()).unwrap()));
        Fixture::new(engine(), backend.clone(), other).with_admin(backend)
    }

    phiseal_conformance::kek_backend_tests!(fixture);
}

mod with_passphrase {
    use super::*;

    fn fixture() -> Fixture {
        let folder = kept_for_this_test();
        let [backend, other] = ["a", "b"].map(|name| {
            Arc::new(
                LocalKek::create_with_passphrase(folder.join(name), &passphrase(), CHEAP, engine())
                    .unwrap(),
            )
        });
        Fixture::new(engine(), backend.clone(), other).with_admin(backend)
    }

    phiseal_conformance::kek_backend_tests!(fixture);
}

#[test]
fn no_wrapped_key_opens_in_the_place_of_another() {
    let (_folder, path) = folder();
    let kek = connect(&Arc::new(LocalKek::create(&path, engine()).unwrap()));
    assert_no_swap_opens(&kek, false);
    assert_no_swap_opens(&kek, true);
}

#[test]
fn what_one_process_sealed_another_opens() {
    let (_folder, path) = folder();
    let first = Arc::new(LocalKek::open_or_create(&path, engine()).unwrap());
    let sealed = generate(&connect(&first), 1);
    let id = connect(&first).info().id.as_str().to_owned();
    drop(first);
    assert!(
        id.strip_prefix("local:")
            .is_some_and(|hex| hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit())),
        "{id}"
    );
    let again = Arc::new(LocalKek::open_or_create(&path, engine()).unwrap());
    assert_eq!(connect(&again).info().id.as_str(), id);
    opens(&connect(&again), &sealed).unwrap();
}

#[test]
fn a_file_is_created_once_and_privately() {
    let (folder, path) = folder();
    LocalKek::create(&path, engine()).unwrap();
    let before = fs::read(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(kind(LocalKek::create(&path, engine())), Some(ErrorKind::Conflict));
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(
        kind(LocalKek::create(folder.path().join("none/kek.json"), engine())),
        Some(ErrorKind::NotFound)
    );
    assert_eq!(
        kind(LocalKek::open(folder.path().join("none.json"), engine())),
        Some(ErrorKind::NotFound)
    );
}

#[test]
fn of_many_that_create_one_file_all_get_the_same_kek() {
    let (folder, path) = folder();
    let ids: Vec<_> = std::thread::scope(|scope| {
        let open = || {
            connect(&Arc::new(LocalKek::open_or_create(&path, engine()).unwrap())).info().id.clone()
        };
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_handle_sees_what_another_changed() {
    let (_folder, path) = folder();
    let custodian = Arc::new(LocalKek::create(&path, engine()).unwrap());
    let application = open(&path);
    let kek = connect(&application);
    let sealed = generate(&kek, 1);

    assert_eq!(block_on(custodian.create_version()).unwrap(), KekVersion(2));
    let newer = generate(&connect(&custodian), 2);
    opens(&kek, &newer).unwrap();
    assert_eq!(block_on(application.describe()).unwrap().current, KekVersion(2));
    assert_eq!(generate(&kek, 3).wrapped.kek_version(), KekVersion(2));

    block_on(custodian.set_state(KekVersion(1), KeyState::Suspended)).unwrap();
    assert_eq!(kind(opens(&kek, &sealed)), Some(ErrorKind::State));
    block_on(custodian.set_state(KekVersion(1), KeyState::Compromised)).unwrap();
    opens(&kek, &sealed).unwrap();
    block_on(custodian.destroy(KekVersion(1))).unwrap();
    assert_eq!(kind(opens(&kek, &sealed)), Some(ErrorKind::State));
    opens(&kek, &newer).unwrap();

    fs::remove_file(&path).unwrap();
    assert_eq!(kind(opens(&kek, &newer)), Some(ErrorKind::NotFound));
}

#[test]
fn custodians_at_the_same_time_lose_no_version() {
    let (_folder, path) = folder();
    LocalKek::create(&path, engine()).unwrap();
    let mut made: Vec<_> = std::thread::scope(|scope| {
        let custodian = || {
            let kek = open(&path);
            (0..5).map(|_| block_on(kek.create_version()).unwrap().0).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(custodian)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    made.sort_unstable();
    assert_eq!(made, (2..=41).collect::<Vec<_>>());
    assert_eq!(block_on(open(&path).describe()).unwrap().current, KekVersion(41));
}

/// Readers while the file is replaced and the old one overwritten: none ever sees half a file.
#[test]
fn readers_beside_a_custodian_see_whole_files() {
    let (_folder, path) = folder();
    let custodian = LocalKek::create(&path, engine()).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    let opened = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut opened = 0;
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                LocalKek::open(&path, engine()).unwrap();
                opened += 1;
            }
            opened
        });
        for _ in 0..40 {
            block_on(custodian.create_version()).unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        reader.join().unwrap()
    });
    assert!(opened > 0);
}

#[test]
fn the_key_of_a_destroyed_version_is_gone_from_the_folder() {
    let (folder, path) = folder();
    let kek = LocalKek::create(&path, engine()).unwrap();
    let old = fs::File::open(&path).unwrap();
    let key = keys_in(&fs::read_to_string(&path).unwrap()).remove(0);
    block_on(kek.create_version()).unwrap();
    block_on(kek.set_state(KekVersion(1), KeyState::Deactivated)).unwrap();
    let second = fs::File::open(&path).unwrap();
    assert!(everything_in(folder.path()).contains(&key));
    block_on(kek.destroy(KekVersion(1))).unwrap();
    assert!(!everything_in(folder.path()).contains(&key));
    // The blocks of the files that were replaced, through handles from before.
    for mut file in [old, second] {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
        assert!(bytes.len() > 200);
        assert!(!String::from_utf8_lossy(&bytes).contains(&key));
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
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    };
    let leftover = private(".kek.json.0123456789abcdef.new", b"a version's key");
    let before = fs::File::open(&leftover).unwrap();
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
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut { before }, &mut bytes).unwrap();
    assert_eq!(bytes.len(), 15);
    assert_ne!(bytes, b"a version's key");
    for path in kept {
        assert_eq!(fs::read(&path).unwrap(), b"kept", "{path:?}");
    }
    assert_eq!(block_on(open(&path).describe()).unwrap().current, KekVersion(2));
}

#[test]
fn a_link_is_followed_and_kept() {
    let (folder, path) = folder();
    LocalKek::create(&path, engine()).unwrap();
    let link = folder.path().join("link.json");
    symlink(&path, &link).unwrap();
    let kek = open(&link);
    block_on(kek.create_version()).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(block_on(open(&path).describe()).unwrap().current, KekVersion(2));
    assert_eq!(fs::metadata(&link).unwrap().ino(), fs::metadata(&path).unwrap().ino());
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
