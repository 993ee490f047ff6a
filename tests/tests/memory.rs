//! MEM, CORE and DEST: keys leave memory when they are dropped or destroyed, and are in no core dump while they are used.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's own functions fail by panicking"
)]

use phiseal::backends::local::LocalKek;
use phiseal::blocking::Phiseal;
use phiseal::stores::SqliteStore;
use phiseal::{Engine, Sealed};
use phiseal_format::FieldEnvelope;
use phiseal_keys::{DataKey, Purpose, RecordKind, Store, WrappingKey, derive};
use phiseal_primitives::xaes::derive_subkey;
use phiseal_tests::numbers::figure;
use phiseal_tests::processes::{Hits, Needles, Talking, run};
use phiseal_tests::world::{DOMAIN, derived_keys, parse_store_key};
use pollster::block_on;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const CHILD: &str = env!("CARGO_BIN_EXE_phiseal-tests-child");

/// Keys whose bytes an engine keeps itself, as the first two round keys of an expanded AES-256 key.
const EXPANDED: &str = "epoch key";

fn bytes_of(text: &str) -> [u8; 32] {
    hex::decode(text).unwrap().try_into().unwrap()
}

/// Every key of the store in `folder`, found in this process by opening it as the other one did.
fn needles(engine: &'static dyn Engine, folder: &Path, sealed: &[Sealed]) -> Needles {
    let mut needles = Needles::new();
    let document: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("kek.json")).unwrap()).unwrap();
    let mut keks = Vec::new();
    find_keys(&document, &mut keks);
    assert_eq!(keks.len(), 1, "one version of the KEK");
    let kek = keks[0];
    needles.add("KEK", &kek);
    for label in
        ["phiseal/v1 local kek wrap", "phiseal/v1 local kek fips wrap", "phiseal/v1 local kek mac"]
    {
        let mut derived = [0; 32];
        engine.hkdf_expand(&kek, &[label.as_bytes(), &[0]], &mut derived).unwrap();
        needles.add(label, &derived);
    }

    let path = folder.join("keys.db");
    let backend = LocalKek::open(folder.join("kek.json"), engine).unwrap();
    let builder = phiseal::Builder::new().engine(engine).existing();
    let phiseal = Phiseal::open_with(builder, SqliteStore::open(&path).unwrap(), backend).unwrap();
    let store = phiseal.key_store();
    let record =
        block_on(SqliteStore::open(&path).unwrap().read(RecordKind::StoreKey, b"store key"))
            .unwrap();
    let (environment, id, wrapped) = parse_store_key(&record.unwrap().bytes);
    let context = phiseal::EncryptionContext::store_key(&environment);
    let store_key =
        block_on(store.keks().connected().next().unwrap().unwrap_key(&wrapped, &context, &id))
            .unwrap();
    needles.add("store key", store_key.expose_secret());
    for kind in [RecordKind::Keyset, RecordKind::Subject, RecordKind::Usage] {
        let mac = store_key.derive(engine, Purpose::StoreMac, &[kind.to_byte()]).unwrap();
        needles.add(format!("MAC key of {kind:?}"), mac.expose_secret());
    }
    let tags = store_key.derive(engine, Purpose::SubjectTag, &[]).unwrap();
    needles.add("key of subject tags", tags.expose_secret());

    let keyset = block_on(store.keyset(DOMAIN)).unwrap();
    let tag = store.subject_tag(&keyset, "ada").unwrap();
    let record = block_on(store.find_subject(&keyset, tag)).unwrap().unwrap();
    let mut add = |owner: &str, key: &DataKey| {
        for (name, bytes) in derived_keys(engine, key) {
            needles.add(format!("{owner}: {name}"), &bytes);
        }
        for sealed in sealed {
            let envelope = FieldEnvelope::parse(sealed.as_bytes()).unwrap();
            if envelope.key_id() == key.id(engine).unwrap().short() {
                needles.add(format!("{owner}: {EXPANDED}"), &epoch_key(engine, key, &envelope));
            }
        }
    };
    for version in keyset.versions() {
        let key = block_on(store.unwrap(&keyset, version)).unwrap();
        add(&format!("version {}", version.number()), &key);
        let wrap_key = WrappingKey::of_subjects(engine, &key).unwrap();
        let wrapped = record.current().unwrap();
        if let Ok(key) = store.unwrap_subject(&keyset, tag, wrapped, &wrap_key) {
            add("ada", &key);
        }
    }
    let named = |part: &str| needles.names().iter().filter(|name| name.contains(part)).count();
    assert_eq!((named("version "), named("ada: "), named(EXPANDED)), (5 + 5 + 1, 5 + 1, 2));
    needles
}

/// The 64-digit hex texts of a JSON document that are keys.
fn find_keys(value: &serde_json::Value, keys: &mut Vec<[u8; 32]>) {
    match value {
        serde_json::Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(text) if name == "key" => keys.push(bytes_of(text)),
                    _ => find_keys(value, keys),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| find_keys(item, keys)),
        _ => {}
    }
}

fn epoch_key(engine: &'static dyn Engine, key: &DataKey, envelope: &FieldEnvelope<'_>) -> [u8; 32] {
    let field_key = key.derive(engine, Purpose::Field, &[envelope.suite().to_byte()]).unwrap();
    let epoch = envelope.epoch();
    let mut subkey = [0; 32];
    match envelope.suite() {
        phiseal::Suite::Xaes256Gcm => {
            derive_subkey(field_key.expose_secret(), epoch.as_bytes(), &mut subkey)
        }
        _ => {
            subkey = *derive(engine, &field_key, Purpose::Epoch, epoch.as_bytes())
                .unwrap()
                .expose_secret()
        }
    }
    subkey
}

fn envelopes(said: &str) -> Vec<Sealed> {
    said.split(' ').map(|text| text.parse().unwrap()).collect()
}

/// What is in the memory of a process while its keys are warm, and after it dropped them.
fn alive_and_gone(engine: &'static dyn Engine, then: &str) -> (Needles, Hits, Hits) {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Talking::start(CHILD, &["hold", engine.name(), then], folder.path());
    let sealed = envelopes(&child.hear("alive"));
    let needles = needles(engine, folder.path(), &sealed);
    let alive = needles.in_process(child.id());
    child.go_on();
    child.hear("gone");
    let gone = needles.in_process(child.id());
    assert!(child.end().success());
    (needles, alive, gone)
}

#[test]
fn dropped_keys_are_nowhere_in_the_memory_of_the_process() {
    let runs = figure(5, 50);
    let engine = phiseal::default_engine();
    for run in 0..runs {
        let (needles, alive, gone) = alive_and_gone(engine, "drop");
        assert_eq!(gone.all(), 0, "run {run}: {gone:#?}");
        // The control: the same search finds what is still in use.
        for name in
            needles.names().iter().filter(|name| name.contains("field key") || name.contains("KEK"))
        {
            assert!(alive.of(name) >= 2, "{name} is in use: {alive:#?}");
        }
        assert!(alive.of(&format!("ada: {EXPANDED}")) >= 2, "{alive:#?}");
    }
}

/// A process that goes on without having dropped anything is caught.
#[test]
fn dropped_keys_control() {
    let (needles, _, gone) = alive_and_gone(phiseal::default_engine(), "forget");
    for name in needles.names().iter().filter(|name| name.contains("field key")) {
        assert!(gone.of(name) >= 2, "{name}: {gone:#?}");
    }
}

/// DEST: where a version is destroyed, its keys leave the memory of a process that goes on.
#[test]
fn a_destroyed_version_is_nowhere_in_the_memory_of_a_process_that_goes_on() {
    for run in 0..figure(3, 50) {
        let (needles, alive, gone) = alive_and_gone(phiseal::default_engine(), "destroy");
        for name in needles.names().iter().filter(|name| name.starts_with("version 1: ")) {
            assert_eq!(gone.of(name), 0, "run {run}, {name}: {gone:#?}");
        }
        let field_key = "version 1: field key of suite 1";
        assert!(alive.of(field_key) >= 2, "the control: it was there: {alive:#?}");
        let in_use = "version 2: field key of suite 1";
        assert!(gone.of(in_use) >= 2, "the control: the process has its other keys: {gone:#?}");
    }
}

/// What the other engines leave behind is told, not judged: their libraries do not wipe their keys.
#[test]
fn what_other_engines_leave_in_memory_is_told() {
    let others = phiseal::engines()
        .iter()
        .filter(|engine| engine.name() != phiseal::default_engine().name());
    let mut told = 0;
    for engine in others {
        let (needles, alive, gone) = alive_and_gone(*engine, "drop");
        assert!(alive.of("version 2: field key of suite 1") >= 2, "the control: {alive:#?}");
        println!(
            "{}: {} of {} keys' halves found after drop: {gone:?}",
            engine.name(),
            gone.all(),
            needles.names().len()
        );
        told += 1;
    }
    assert_eq!(told, phiseal::engines().len() - 1);
}

/// Where the system puts the core dump of a process that dies in `folder`: the kernel's own, or gdb's where that pipes.
fn core_of(child: Talking, folder: &Path) -> (PathBuf, &'static str) {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    let by_kernel = !pattern.starts_with('|') && !pattern.contains('/');
    let mut child = child;
    if !by_kernel {
        let status = Command::new("gcore")
            .arg("-o")
            .arg(folder.join("core"))
            .arg(child.id().to_string())
            .output();
        let status = status
            .expect("this kernel pipes core dumps elsewhere, so gdb's gcore is needed")
            .status;
        assert!(status.success(), "gcore failed");
    }
    child.go_on();
    assert!(!child.end().success(), "it aborts");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let core =
        files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("core")).max();
    (core.expect("a core dump"), if by_kernel { "the kernel" } else { "gcore" })
}

#[test]
fn a_core_dump_of_a_process_with_warm_keys_holds_none_of_them() {
    let runs = figure(3, 20);
    let engine = phiseal::default_engine();
    for run in 0..runs {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Talking::start(CHILD, &["hold", engine.name(), "abort"], folder.path());
        let sealed = envelopes(&child.hear("alive"));
        let mut needles = needles(engine, folder.path(), &sealed);
        let alive = needles.in_process(child.id());
        assert!(alive.of("version 2: field key of suite 1") >= 2, "the control: warm: {alive:#?}");
        needles.add("planted copy", &engine.sha_256(&[b"planted copy"]));
        let (core, by) = core_of(child, folder.path());
        let hits = needles.in_file(&core);
        assert!(
            hits.of("planted copy") >= 2,
            "the control: ordinary memory is in the dump: {hits:#?}"
        );
        let mut expanded = 0;
        for name in needles.names().iter().filter(|name| *name != "planted copy") {
            if name.contains(EXPANDED) {
                expanded += hits.of(name);
            } else {
                assert_eq!(hits.of(name), 0, "run {run}, dumped by {by}: {hits:#?}");
            }
        }
        println!(
            "run {run}: dumped by {by}; expanded epoch keys in the engine's own memory: {expanded} halves"
        );
    }
}

/// The answers of a process that may, or may not, lock memory.
fn locking(how: &str) -> (Vec<String>, String) {
    let output = run(CHILD, &["locking", how], &std::env::temp_dir());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (logged, said): (Vec<_>, Vec<_>) =
        text.lines().map(str::to_owned).partition(|line| line.starts_with("log "));
    (logged, said.join("\n"))
}

#[test]
fn without_locked_memory_strict_refuses_and_best_effort_warns_once() {
    let refused = "outcome Memory: secrets cannot be kept in locked memory: raise RLIMIT_MEMLOCK";
    let (_, said) = locking("strict");
    assert!(said.starts_with(refused), "{said}");
    let (_, said) = locking("strict-before-any-secret");
    assert!(said.starts_with(refused), "{said}");

    let (logged, said) = locking("best-effort");
    assert_eq!(said, "outcome works\nsecrets works\nlocked false");
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert!(
        logged[0].starts_with("log WARN") && logged[0].contains("RLIMIT_MEMLOCK"),
        "{logged:?}"
    );
}

/// `fork` takes the locks away: a child locks the pages again, or says that they are not locked.
#[test]
fn a_forked_child_does_not_believe_in_its_parent_s_locks() {
    let (_, said) = locking("forked");
    assert_eq!(said, "outcome works\nsecret works\nlocked true true");
    let (_, said) = locking("forked-without-the-right");
    let refused = "Memory: secrets cannot be kept in locked memory: raise RLIMIT_MEMLOCK";
    let none = "Memory: no locked memory left for a secret";
    assert_eq!(said, format!("outcome {refused}\nsecret {none}\nlocked false false"));
}

#[test]
fn without_locked_memory_control() {
    let (logged, said) = locking("allowed");
    assert_eq!(said, "outcome works\nsecrets works\nlocked true", "this machine locks 64 KiB");
    assert_eq!(logged, Vec::<String>::new());
}
