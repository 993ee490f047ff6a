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

    phiseal_conformance::kek_backend_tests!("local", fixture);
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

    phiseal_conformance::kek_backend_tests!("local-passphrase", fixture);
}

/// A file that was opened elsewhere and handed over, and that is in no folder any more.
#[test]
#[cfg(target_os = "linux")]
fn a_file_that_is_handed_over_as_a_descriptor_opens() {
    use std::os::fd::AsRawFd;
    let (_folder, path) = folder();
    let id = block_on(LocalKek::create(&path, engine()).unwrap().describe()).unwrap().id;
    let file = std::fs::File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(LocalKek::open(&path, engine()).unwrap_err().kind(), ErrorKind::NotFound);
    let here = LocalKek::open(format!("/proc/self/fd/{}", file.as_raw_fd()), engine()).unwrap();
    assert_eq!(block_on(here.describe()).unwrap().id, id);
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
