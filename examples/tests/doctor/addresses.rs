//! Stores and KEKs that are not named by a path.

use super::{World, doctor, findings, objects, text};

#[test]
fn a_path_stands_for_a_store_in_sqlite_and_a_passphrase_may_be_said_with_its_kek() {
    let world = World::new();
    let store = format!("sqlite:{}", world.path("keys/keys.db").display());
    let kek = world.kek_argument("kek.json");
    let output = doctor(&["--json", "--store", &store, "--kek", &kek]);
    assert_eq!(findings(&objects(&output)[0]), Vec::<String>::new());
    assert_eq!(objects(&output)[0]["places"].as_array().unwrap().len(), 1);
    // Of a KEK that has none.
    let locked = format!("{kek}?passphrase-env=DOCTOR_PASSPHRASE");
    let output = doctor(&["--store", &store, "--kek", &locked]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stdout));
}

#[test]
fn an_escrow_key_wraps_and_is_not_asked_to_unwrap() {
    let world = World::new();
    world.kek("escrow.json");
    let escrow = world.kek_argument("escrow.json");
    assert_eq!(world.findings(&["--escrow", &escrow]), ["WrapsMissing", "WrapsMissing"]);
    let output = world.examine(&["--escrow", &escrow]);
    let keks = objects(&output)[0]["keks"].as_array().unwrap().clone();
    let roles: Vec<_> = keks.iter().map(|kek| kek["escrow"].as_bool().unwrap()).collect();
    assert_eq!(roles, [false, true]);
}

/// What is not built in says so, and nothing of an address is shown that is no file.
#[test]
fn an_address_is_not_shown() {
    let world = World::new();
    let (store, kek) = (world.path("keys/keys.db"), world.kek_argument("kek.json"));
    let store = store.to_str().unwrap();
    let built_in = |feature: &str| super::FEATURES.contains(&(feature, true));
    let database = "postgres://role:Canary7@127.0.0.1:1/Canary7";
    for (feature, arguments) in [
        ("aws-kms", ["--store", store, "--kek", "aws-kms:Canary7"]),
        ("pkcs11", ["--store", store, "--kek", "pkcs11:token=Canary7"]),
        ("recovery", ["--store", store, "--kek", "recovery:missing.pub"]),
        ("transit", ["--store", store, "--kek", "transit+https://Canary7"]),
        ("postgres", ["--store", database, "--kek", &kek]),
    ] {
        let output = doctor(&arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{feature}: {said}");
        let says = said.contains(&format!("build with the feature {feature}"));
        assert_eq!(says, !built_in(feature), "{feature}: {said}");
        assert!(!said.contains("Canary7") && output.stdout.is_empty(), "{feature}: {said}");
    }
}
