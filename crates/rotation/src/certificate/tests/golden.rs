//! The committed files of version 1: what they say is said in every release, and another program reads them.

use super::super::*;
use super::facts::*;
use phiseal_audit::note::Note;
use pollster::block_on;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/certificate")
}

fn all() -> [(&'static str, Certificate); 5] {
    [
        ("rotation", rotation()),
        ("destruction", destruction()),
        ("unfinished", unfinished()),
        ("shredding", shredding()),
        ("indexed", indexed()),
    ]
}

fn note(json: &[u8]) -> Note {
    let mut note = None;
    for (name, seed) in [("clinic.example/alice", 1), ("clinic.example/bob", 2)] {
        let (key, signer) = (key(name, seed), signer(seed));
        note = Some(block_on(sign(json, note.as_ref(), &key, &signer, engine())).unwrap());
    }
    note.unwrap()
}

/// To write them, run with `PHISEAL_WRITE_GOLDEN=1`. The JSON and the signatures are never to change; the page may.
#[test]
fn the_files_are_as_they_were() {
    for (name, certificate) in all() {
        let json = certificate.to_json(engine()).unwrap();
        let files = [
            (format!("{name}.json"), json.clone()),
            (format!("{name}.json.sig"), note(&json).to_string().into_bytes()),
            (format!("{name}.html"), certificate.to_html(engine()).unwrap().into_bytes()),
        ];
        for (file, bytes) in files {
            let path = folder().join(&file);
            if std::env::var_os("PHISEAL_WRITE_GOLDEN").is_some() {
                fs::write(&path, &bytes).unwrap();
            }
            assert!(fs::read(&path).unwrap() == bytes, "{file} is another one now");
        }
    }
}

#[test]
fn the_files_are_read_and_verified() {
    let keys = [key("clinic.example/alice", 1), key("clinic.example/bob", 2)];
    for (name, certificate) in all() {
        let json = fs::read(folder().join(format!("{name}.json"))).unwrap();
        let note = fs::read(folder().join(format!("{name}.json.sig"))).unwrap();
        let verified = verify(&json, &note, &keys, engine()).unwrap();
        assert_eq!(verified.certificate, certificate);
        assert_eq!(verified.signers.len(), 2);
    }
}

/// `tests/python/certificate_reader.py`, under the interpreter that `PHISEAL_PYTHON` names, which has PyPI's `cryptography`.
#[test]
fn another_program_verifies_them() {
    let python = match std::env::var("PHISEAL_PYTHON") {
        Ok(python) => python,
        Err(_) if std::env::var_os("PHISEAL_LOCAL").is_some_and(|value| value == "1") => {
            println!("left out under PHISEAL_LOCAL=1: certificates read by the reader in Python");
            return;
        }
        Err(_) => panic!(
            "PHISEAL_PYTHON names no interpreter with PyPI's cryptography: `cargo xtask test` provides it"
        ),
    };
    let reader =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/python/certificate_reader.py");
    let ask = |json: &Path, note: &Path, keys: &[String]| {
        let mut command = Command::new(&python);
        command.arg(&reader).arg(json).arg(note).args(keys).env("PYTHONDONTWRITEBYTECODE", "1");
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let keys = [
        key("clinic.example/alice", 1),
        key("clinic.example/bob", 2),
        key("clinic.example/chen", 3),
    ];
    let lines = keys.map(|key| key.to_string());
    let outside = tempfile::tempdir().unwrap();
    for (name, certificate) in all() {
        let json = folder().join(format!("{name}.json"));
        let note = folder().join(format!("{name}.json.sig"));
        let status = match certificate.status() {
            Status::Finished => "finished",
            Status::ErasurePending => "erasure-pending",
            Status::NotFinished => "not-finished",
        };
        let expected = format!("{status}\nclinic.example/alice\nclinic.example/bob\n");
        assert_eq!(ask(&json, &note, &lines), (true, expected), "{name}");
        assert!(!ask(&json, &note, &lines[2..]).0, "by nobody who is known");
        let changed = outside.path().join("changed.json");
        let text = fs::read_to_string(&json).unwrap().replacen("clinic", "klinik", 1);
        fs::write(&changed, text).unwrap();
        assert!(!ask(&changed, &note, &lines).0, "another certificate");
    }
}
