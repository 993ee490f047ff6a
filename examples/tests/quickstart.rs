//! The main job as a user runs it: on the project's file, on a bad one, on real ones.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helper fails the test")]

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn quickstart(arguments: &[&str]) -> Output {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["run", "--quiet", "--package", "phiseal-examples", "--example", "quickstart", "--"])
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The objects that `--json` printed, one a line, nothing else.
fn objects(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn step<'a>(objects: &'a [Value], name: &str) -> &'a Value {
    objects.iter().find(|object| object["step"] == name).unwrap_or_else(|| panic!("no step {name}"))
}

fn file(lines: &[&str]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(lines.join("\n").as_bytes()).unwrap();
    file
}

const JANE: &str = r#"{"resourceType":"Patient","id":"p1","name":[{"family":"Canarydoe","given":["Jane"]}],"birthDate":"1980-04-02"}"#;
const JOHN: &str =
    r#"{"resourceType":"Patient","id":"p2","name":[{"family":"Canaryroe","given":["John"]}]}"#;

#[test]
fn the_projects_own_patients_from_sealing_to_shredding() {
    let output = quickstart(&["--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let objects = objects(&output);
    let sealed = step(&objects, "seal");
    assert_eq!((&sealed["patients"], &sealed["bad_lines"]), (&200.into(), &0.into()));
    let cells = sealed["cells"].as_u64().unwrap();
    assert!(cells > 1_000);
    let opened = step(&objects, "open");
    assert_eq!((opened["cells"].as_u64(), opened["failed"].as_u64()), (Some(cells), Some(0)));
    let refused: Vec<_> = objects.iter().filter(|object| object["step"] == "refuse").collect();
    assert_eq!(refused.len(), 3);
    assert!(
        refused
            .iter()
            .all(|object| object["kind"] == "Unauthenticated" || object["kind"] == "Foreign")
    );
    let rewrapped = step(&objects, "rewrap");
    assert_eq!(
        (&rewrapped["kek_version_before"], &rewrapped["kek_version_after"]),
        (&1.into(), &2.into())
    );
    let shredded = step(&objects, "shred");
    let gone = shredded["cells_refused"].as_u64().unwrap();
    assert!(gone > 0);
    assert_eq!(shredded["others_cells_open"].as_u64(), Some(cells - gone));
    assert_eq!(shredded["erasure"], "done");
    let summary = step(&objects, "summary");
    let (plain, sealed) =
        (summary["plain_bytes"].as_u64().unwrap(), summary["sealed_bytes"].as_u64().unwrap());
    assert_eq!(sealed - plain, 57 * cells);
}

#[test]
fn a_person_reads_it_too() {
    let output = quickstart(&[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    for heading in ["Keys", "Sealing", "Opening", "Refusing", "Rewrapping", "Shredding", "Summary"]
    {
        assert!(said.lines().any(|line| line == heading), "{heading} is missing");
    }
    let errors = text(&output.stderr);
    assert!(errors.lines().all(|line| line.contains("Blocking waiting for file lock")), "{errors}");
}

#[test]
fn bad_lines_are_named_stepped_over_and_change_the_exit_code() {
    let file = file(&[
        JANE,
        "{\"resourceType\":\"Patient\",\"name\":\"canary-in-a-bad-line\"",
        JOHN,
        JANE,
    ]);
    let output = quickstart(&["--json", file.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let objects = objects(&output);
    let bad: Vec<_> = objects
        .iter()
        .filter(|o| o["step"] == "bad line")
        .map(|o| o["line"].as_u64().unwrap())
        .collect();
    assert_eq!(bad, [2, 4]);
    assert_eq!(step(&objects, "seal")["patients"], 2);
    assert_eq!(step(&objects, "shred")["others"], 1);
    assert!(!text(&output.stdout).contains("canary") && !text(&output.stderr).contains("canary"));

    let output = quickstart(&[file.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("line 2: ") && text(&output.stderr).contains("line 4: "));
}

#[test]
fn one_patient_no_patient_and_no_file() {
    let one = file(&[JOHN]);
    assert!(quickstart(&[one.path().to_str().unwrap()]).status.success());

    let none = file(&[]);
    let output = quickstart(&[none.path().to_str().unwrap()]);
    assert!(text(&output.stdout).contains("no patient that could be sealed"));

    let output = quickstart(&["/no/such/file"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("quickstart: cannot read /no/such/file: "));

    for wrong in [&["--jsn"][..], &["--keep"], &["a", "b"]] {
        let output = quickstart(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(text(&output.stderr).contains("usage: "));
    }
}

#[test]
fn the_databases_that_are_kept_hold_no_plaintext() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(&[JANE, JOHN]);
    let output =
        quickstart(&["--keep", folder.path().to_str().unwrap(), file.path().to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for plain in ["Canarydoe", "Canaryroe", "Jane", "1980-04-02"] {
            assert!(
                !bytes.windows(plain.len()).any(|window| window == plain.as_bytes()),
                "{plain}"
            );
        }
        files += 1;
    }
    assert!(files >= 3, "{files} files");
    let bytes = std::fs::read(file.path()).unwrap();
    assert!(
        bytes.windows(9).any(|window| window == b"Canarydoe"),
        "the search finds what is there"
    );
}

#[test]
fn a_folder_of_an_earlier_run_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(&[JANE, JOHN]);
    let arguments = ["--keep", folder.path().to_str().unwrap(), file.path().to_str().unwrap()];
    assert!(quickstart(&arguments).status.success(), "the control");
    let contents = || {
        let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = files.map(|path| (std::fs::read(&path).unwrap(), path)).collect();
        files.sort();
        files
    };
    let before = contents();
    let output = quickstart(&arguments);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("already, and is left as it is: name another folder"), "{said}");
    assert!(contents() == before);
}

#[test]
fn hl7s_and_syntheas_patients() {
    let Some(data) = std::env::var_os("PHISEAL_FHIR_DATA").map(PathBuf::from) else {
        assert!(
            std::env::var_os("PHISEAL_LOCAL").is_some_and(|value| value == "1"),
            "PHISEAL_FHIR_DATA is not set: `cargo xtask test` fetches HL7's examples and Synthea's patients"
        );
        println!("left out: the quickstart over HL7's and Synthea's patients");
        return;
    };
    let hl7 = data.join("hl7/package/Patient-example.json");
    assert!(seals(&hl7) >= 1, "HL7's example patient");
    let mut patients = 0;
    let mut files: Vec<_> = std::fs::read_dir(data.join("synthea/fhir"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "json"))
        .take(3)
    {
        patients += seals(file);
    }
    assert_eq!(patients, 3, "one patient in each of Synthea's files");
}

fn seals(file: &Path) -> u64 {
    let output = quickstart(&["--json", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}: {}", file.display(), text(&output.stderr));
    let objects = objects(&output);
    assert_eq!(step(&objects, "open")["failed"], 0);
    step(&objects, "seal")["patients"].as_u64().unwrap()
}
