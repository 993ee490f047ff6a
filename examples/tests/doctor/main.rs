//! The doctor as a custodian runs it: on a store of its own, on one that is well, and on those that are not.

#![expect(clippy::unwrap_used, reason = "a test's helper fails the test")]

mod addresses;
#[cfg(feature = "postgres")]
mod database;
#[cfg(feature = "manifest")]
mod manifest;
#[cfg(feature = "recovery")]
mod recovery;
#[cfg(feature = "pkcs11")]
mod token;

use phiseal::backends::local::{Cost, LocalKek, Passphrase};
use phiseal::blocking::Phiseal;
use phiseal::stores::SqliteStore;
use phiseal::{Builder, KekAdminBackend, default_engine};
use pollster::block_on;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

/// Those that these tests are built with and look at, so that all of them run one program.
const FEATURES: [(&str, bool); 4] = [
    ("manifest", cfg!(feature = "manifest")),
    ("pkcs11", cfg!(feature = "pkcs11")),
    ("postgres", cfg!(feature = "postgres")),
    ("recovery", cfg!(feature = "recovery")),
];

fn doctor(arguments: &[&str]) -> Output {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let features = FEATURES.iter().filter(|(_, built_in)| *built_in).map(|(feature, _)| *feature);
    let features = features.collect::<Vec<_>>().join(",");
    Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["run", "--quiet", "--package", "phiseal-examples", "--example", "doctor"])
        .args(["--features", &features, "--"])
        .args(arguments)
        .env("DOCTOR_PASSPHRASE", "fifteen bytes at least")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The value of a variable that the runner of the tests sets; none under `PHISEAL_LOCAL=1`.
#[cfg(any(feature = "pkcs11", feature = "postgres"))]
#[expect(clippy::print_stdout, reason = "it says what it leaves out")]
fn given(variable: &str) -> Option<String> {
    let value = std::env::var(variable).ok();
    if value.is_none() {
        let is_local = std::env::var("PHISEAL_LOCAL").as_deref() == Ok("1");
        assert!(is_local, "{variable} is not set: run cargo xtask test, or set PHISEAL_LOCAL=1");
        println!("left out under PHISEAL_LOCAL=1: what needs {variable}");
    }
    value
}

/// The objects that `--json` printed, one a line, nothing else.
fn objects(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The kinds of the findings, without that of the machine: how much memory may be locked is not the store's.
fn findings(object: &Value) -> Vec<String> {
    let kinds = object["findings"].as_array().unwrap().iter();
    let kinds = kinds.map(|finding| finding["kind"].as_str().unwrap().to_owned());
    kinds.filter(|kind| kind != "MemoryNotLocked").collect()
}

/// Keys and KEKs in folders of their own.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// A store of one domain under one KEK.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["keys", "custody", "data"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let world = Self { folder };
        let phi = Phiseal::open(world.store(), world.kek("kek.json")).unwrap();
        phi.domain("clinic/patients").unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(self.path("keys/keys.db")).unwrap()
    }

    fn kek(&self, name: &str) -> LocalKek {
        LocalKek::open_or_create(self.path("custody").join(name), default_engine()).unwrap()
    }

    fn kek_argument(&self, name: &str) -> String {
        format!("local:{}", self.path("custody").join(name).display())
    }

    /// What the doctor says of it with these arguments beside.
    fn examine(&self, more: &[&str]) -> Output {
        let (store, kek) = (self.path("keys/keys.db"), self.kek_argument("kek.json"));
        let arguments = ["--json", "--store", store.to_str().unwrap(), "--kek", &kek];
        doctor(&[&arguments[..], more].concat())
    }

    fn findings(&self, more: &[&str]) -> Vec<String> {
        let output = self.examine(more);
        let object = &objects(&output)[0];
        let expected = i32::from(object["well"] != true);
        assert_eq!(output.status.code(), Some(expected), "{}", text(&output.stderr));
        findings(object)
    }
}

#[test]
fn a_store_of_its_own_before_and_after_a_rotation() {
    let output = doctor(&["--json"]);
    let looks = objects(&output);
    let found: Vec<_> = looks.iter().map(findings).collect();
    assert_eq!(found, [vec![], vec!["ToBeRewrapped".to_owned(); 3], vec![]]);
    let expected = i32::from(looks[2]["well"] != true);
    assert_eq!(output.status.code(), Some(expected), "{}", text(&output.stderr));
    let versions = |look: usize| looks[look]["keks"][0]["versions"].as_array().unwrap().len();
    assert_eq!([versions(0), versions(1), versions(2)], [1, 2, 2]);
    assert_eq!(looks[1]["domains"][1]["versions"][0]["wraps"]["outdated"], 1);
    assert_eq!(looks[2]["store_key"]["outdated"], 0);
}

#[test]
fn a_person_reads_it_too() {
    let output = doctor(&[]);
    let said = text(&output.stdout);
    for part in [
        "current version 2; versions: 1 active, 2 active",
        "Needs attention: ",
        "- Domain clinic/patients has 1 wrap of an older KEK version: rewrap it (KeyStore::rewrap).",
        "- The store key has 1 wrap of an older KEK version: rewrap it (KeyStore::rewrap_store_key).",
        "version 1, primary: active, 0 h old, 1 wrap",
        "is on the device of the key store",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_store_that_is_well_and_one_whose_kek_was_rotated() {
    let world = World::new();
    assert_eq!(world.findings(&[]), Vec::<String>::new());
    block_on(world.kek("kek.json").create_version()).unwrap();
    assert_eq!(world.findings(&[]), ["ToBeRewrapped", "ToBeRewrapped"]);
    let phi = Phiseal::open(world.store(), world.kek("kek.json")).unwrap();
    phi.domain("clinic/patients").unwrap().rewrap().unwrap();
    block_on(phi.key_store().rewrap_store_key()).unwrap();
    assert_eq!(world.findings(&[]), Vec::<String>::new());
}

#[test]
fn keks_that_come_and_go() {
    let world = World::new();
    world.kek("new.json");
    let (new, old) = (world.kek_argument("new.json"), world.kek_argument("kek.json"));
    assert_eq!(world.findings(&["--also-wrap", &new]), ["WrapsMissing", "WrapsMissing"]);
    assert_eq!(world.findings(&["--also-unwrap", &new]), Vec::<String>::new());

    let builder = Builder::new().also_unwrap_with(world.kek("kek.json"));
    let phi = Phiseal::open_with(builder, world.store(), world.kek("new.json")).unwrap();
    let store = world.path("keys/keys.db");
    let turned =
        ["--json", "--store", store.to_str().unwrap(), "--kek", &new, "--also-unwrap", &old];
    let leaving = || findings(&objects(&doctor(&turned))[0]);
    let both = ["KekLeaving", "WrapsMissing"];
    assert_eq!(leaving(), [both, both].concat());
    phi.domain("clinic/patients").unwrap().rewrap().unwrap();
    block_on(phi.key_store().rewrap_store_key()).unwrap();
    assert_eq!(leaving(), Vec::<String>::new());
}

#[test]
fn data_and_keks_that_lie_with_the_keys() {
    let world = World::new();
    let place = |output: &Output| {
        let objects = objects(output);
        let places = objects[0]["places"].as_array().unwrap();
        let last = places.last().unwrap();
        (last["nearness"].as_str().unwrap().to_owned(), last["needs_attention"].as_bool().unwrap())
    };
    let near = |file: PathBuf| {
        let output = world.examine(&["--data", file.to_str().unwrap()]);
        let (nearness, attention) = place(&output);
        if attention {
            assert_eq!(output.status.code(), Some(1));
        }
        (nearness, attention)
    };
    for name in ["data/clinic.db", "keys/clinic.db"] {
        fs::write(world.path(name), "").unwrap();
    }
    assert_eq!(near(world.path("data/clinic.db")), ("same device".to_owned(), false));
    assert_eq!(near(world.path("keys/clinic.db")), ("same folder".to_owned(), true));
    assert_eq!(near(world.path("keys/keys.db")), ("same file".to_owned(), true));
    assert_eq!(near(world.path("custody/../keys/keys.db")), ("same file".to_owned(), true));
    fs::hard_link(world.path("keys/keys.db"), world.path("data/linked.db")).unwrap();
    assert_eq!(near(world.path("data/linked.db")), ("same file".to_owned(), true));
    std::os::unix::fs::symlink(world.path("keys/clinic.db"), world.path("data/symbolic.db"))
        .unwrap();
    assert_eq!(near(world.path("data/symbolic.db")), ("same folder".to_owned(), true));
    fs::remove_file(world.path("data/linked.db")).unwrap();

    let beside = world.path("keys/kek.json");
    fs::rename(world.path("custody/kek.json"), &beside).unwrap();
    let (store, kek) = (world.path("keys/keys.db"), format!("local:{}", beside.display()));
    let output = doctor(&["--json", "--store", store.to_str().unwrap(), "--kek", &kek]);
    assert_eq!((place(&output), output.status.code()), (("same folder".to_owned(), true), Some(1)));
    assert!(
        text(&doctor(&["--store", store.to_str().unwrap(), "--kek", &kek]).stdout)
            .contains("- needs attention: The KEK ")
    );
}

#[test]
fn a_kek_under_a_passphrase() {
    let world = World::new();
    let passphrase = Passphrase::from_bytes(b"fifteen bytes at least".to_vec()).unwrap();
    let cost = Cost::default();
    let file = world.path("custody/locked.json");
    let kek = LocalKek::create_with_passphrase(&file, &passphrase, cost, default_engine()).unwrap();
    let store = world.path("keys/locked.db");
    Phiseal::open(SqliteStore::open(&store).unwrap(), kek).unwrap();
    let kek = world.kek_argument("locked.json");
    let given = ["--json", "--store", store.to_str().unwrap(), "--kek", &kek];
    let with = |name: &str| doctor(&[&given[..], &["--passphrase-env", name]].concat());
    assert_eq!(findings(&objects(&with("DOCTOR_PASSPHRASE"))[0]), Vec::<String>::new());
    for output in [with("NO_SUCH_PASSPHRASE"), doctor(&given)] {
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty() && text(&output.stderr).starts_with("doctor: "));
    }
}

#[test]
fn what_cannot_be_opened_is_code_2_and_made_by_nobody() {
    let world = World::new();
    world.kek("other.json");
    let missing = world.path("keys/missing.db");
    let (store, kek) = (world.path("keys/keys.db"), world.kek_argument("kek.json"));
    let (store, missing_store) = (store.to_str().unwrap(), missing.to_str().unwrap());
    let (no_kek, other) = (world.kek_argument("missing.json"), world.kek_argument("other.json"));
    let empty = world.path("keys/empty.db");
    drop(SqliteStore::open(&empty).unwrap());
    for (arguments, what) in [
        (&["--store", missing_store, "--kek", &kek][..], "missing.db"),
        (&["--store", store, "--kek", &no_kek], "missing.json"),
        (&["--store", store, "--kek", &other], "no KEK of this store wrapped the key"),
        (&["--store", empty.to_str().unwrap(), "--kek", &kek], "the key store is empty"),
        (&["--store", store, "--kek", &kek, "--data", "/no/such.db"], "/no/such.db"),
        (&["--store", store], "--store needs --kek"),
        (&["--kek", &kek], "name the key store"),
        (&["--store", store, "--kek", "aws:key"], "--kek: this is no address of a KEK"),
        (&["--store", "mysql://db/keys", "--kek", &kek], "--store: this is no address"),
        (&["--store", store, "--kek", &kek, "--escrow", "a"], "--escrow: this is no address"),
        (&["--manifest", "a.toml", "--kek", &kek], "--manifest says what the keys are"),
        (&["--manifest", "a.toml", "--store", store], "--manifest says what the keys are"),
        (&["--manifest", "/no/such.toml"], "manifest"),
        (&["--max-age", "soon"], "soon is no number of days"),
        (&["--jsn"], "unknown option --jsn"),
    ] {
        let output = doctor(arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{what}: {said}");
        assert!(said.contains(what) && output.stdout.is_empty(), "{what}: {said}");
    }
    assert!(!missing.exists() && !world.path("custody/missing.json").exists());
    assert_eq!(world.findings(&[]), Vec::<String>::new(), "the control");
}
