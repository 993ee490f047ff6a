//! The keys that the manifest of a rotation names.

use super::{World, doctor, findings, objects, text};
use std::fs;
use std::time::Duration;

const SOURCE: &str = r#"
    [[source]]
    ndjson = "data/patients.ndjson"
    key = ["id"]
    sealed = [{ column = "ssn", domain = "clinic/patients", record = "mrn-{id}", field = "ssn" }]
"#;

/// A manifest in the world's folder that says this of its keys, and what the doctor says of it.
fn examined(world: &World, keys: &str, more: &[&str]) -> std::process::Output {
    let file = world.path("rotation.toml");
    fs::write(&file, format!("[keys]\n{keys}\n{SOURCE}")).unwrap();
    doctor(&[&["--json", "--manifest", file.to_str().unwrap()], more].concat())
}

#[test]
fn a_manifest_says_what_the_keys_are_from_its_own_folder() {
    let world = World::new();
    world.kek("new.json");
    let keys = "store = \"sqlite:keys/keys.db\"\nkek = \"local:custody/kek.json\"\n";
    let output = examined(&world, keys, &[]);
    let object = objects(&output)[0].clone();
    assert_eq!(findings(&object), Vec::<String>::new(), "{}", text(&output.stderr));
    assert_eq!(object["places"][0]["nearness"], "same device");
    for (more, found) in [
        ("also_wrap = [\"local:custody/new.json\"]", vec!["WrapsMissing"; 2]),
        ("also_unwrap = [\"local:custody/new.json\"]", vec![]),
        ("escrow = [\"local:custody/new.json\"]", vec!["WrapsMissing"; 2]),
    ] {
        let output = examined(&world, &format!("{keys}{more}\n"), &[]);
        let object = objects(&output)[0].clone();
        assert_eq!(findings(&object), found, "{more}");
        assert_eq!(object["keks"].as_array().unwrap().len(), 2, "{more}");
        assert_eq!(object["keks"][1]["escrow"], more.starts_with("escrow"), "{more}");
        assert_eq!(object["keks"][1]["wraps"], !more.starts_with("also_unwrap"), "{more}");
    }
}

#[test]
fn the_age_of_the_policy_counts_unless_another_one_is_said() {
    let world = World::new();
    let keys = "store = \"sqlite:keys/keys.db\"\nkek = \"local:custody/kek.json\"\n";
    // Ages are of whole seconds.
    std::thread::sleep(Duration::from_millis(1_100));
    for (policy, more, found) in [
        ("", &[][..], vec![]),
        ("[policy]\nmax_age_days = 0\n", &[], vec!["Overdue"]),
        ("[policy]\nmax_age_days = 1\n", &[], vec![]),
        ("[policy]\nmax_age_days = 0\n", &["--max-age", "40"], vec![]),
    ] {
        let output = examined(&world, &format!("{keys}{policy}"), more);
        assert_eq!(findings(&objects(&output)[0]), found, "{policy} {more:?}");
    }
}

#[test]
fn a_manifest_that_says_too_little_or_too_much_is_code_2() {
    let world = World::new();
    for (keys, what) in [
        ("", "the manifest names no store"),
        ("store = \"sqlite:keys/keys.db\"", "the manifest names no kek"),
        ("store = { env = \"NO_SUCH_STORE\" }\nkek = \"local:a\"", "is not set"),
        (
            "store = \"sqlite:keys/other.db\"\nkek = \"local:a\"",
            "keys/other.db: there is no such file",
        ),
        ("store = \"Canary7\"\nkek = \"local:a\"", "store: this is no address of a key store"),
        ("stor = \"Canary7\"", "there is no such key"),
    ] {
        let output = examined(&world, keys, &[]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{keys}: {said}");
        assert!(said.contains(what) && !said.contains("Canary7"), "{keys}: {said}");
        assert!(output.stdout.is_empty(), "{keys}");
    }
}
