//! The look-up as a clinic runs it: on the project's patients, on a file of its own, with what is typed in other ways.

#![expect(clippy::unwrap_used, reason = "a test's helper fails the test")]

mod programs;

use programs::{run, text};
use std::io::Write;
use std::process::Output;

fn search(arguments: &[&str]) -> Output {
    run("search_sealed", arguments)
}

const PATIENTS: &str = r#"{"resourceType":"Patient","id":"p1","name":[{"family":"Müller"},{"family":"Canarydoe"}],"birthDate":"1980-01-31","telecom":[{"system":"phone","value":"+1 206 555 0123"}]}
{"resourceType":"Patient","id":"p2","name":[{"family":"MULLER"}],"birthDate":"1981-01-31","telecom":[{"system":"phone","value":"none"}]}
{"resourceType":"Patient","id":"p3","name":[{"family":"Miller"}],"birthDate":"1980"}
no patient
"#;

#[test]
fn the_projects_patients_are_found_before_and_after_a_rotation() {
    let shown = text(&search(&[]));
    assert!(shown.contains("200 patients sealed and indexed"), "{shown}");
    assert!(shown.contains("\nname \"nobody of this name\": 0 found"), "{shown}");
    let found = |line: &&str| line.contains(" found in ") && !line.contains(": 0 found");
    assert_eq!(
        shown.lines().filter(found).count(),
        4,
        "three searches, and one after the rotation: {shown}"
    );
    assert!(shown.contains("an index by sex is refused"), "{shown}");
    // Nothing that is found is shown in full unless that is asked for.
    let first: serde_json::Value =
        serde_json::from_str(include_str!("../../data/patients.ndjson").lines().next().unwrap())
            .unwrap();
    let phone = first["telecom"][0]["value"].as_str().unwrap();
    assert!(!shown.contains(phone), "{shown}");
    assert!(
        shown.contains(&format!("-{}", &phone[phone.len() - 4..]))
            || shown.contains(&phone[phone.len() - 4..])
    );
    assert!(text(&search(&["--full"])).contains(phone));
}

#[test]
fn what_is_typed_in_other_ways_is_found_in_a_file_of_ones_own() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(PATIENTS.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    let of = |arguments: &[&str]| text(&search(&[&[path, "--full"], arguments].concat()));
    for (arguments, expected) in [
        (&["--name", "muller"][..], &["p1", "p2"][..]),
        (&["--name", " CANARYDOE"], &["p1"]),
        (&["--name", "Mueller"], &[]),
        (&["--name", "müller", "--born", "1/31/1980"], &["p1"]),
        (&["--name", "müller", "--born", "31.1.1981", "--day-first"], &["p2"]),
        (&["--name", "müller", "--born", "Jan 30, 1980"], &[]),
        (&["--phone", "(206) 555-0123"], &["p1"]),
        (&["--phone", "206.555.0124"], &[]),
        (&["--phone", "001 206 5550123", "--country", "DE"], &["p1"]),
    ] {
        let shown = of(arguments);
        let found: Vec<&str> = ["p1", "p2", "p3"]
            .into_iter()
            .filter(|id| shown.lines().any(|line| line.starts_with(&format!("  {id}: "))))
            .collect();
        assert_eq!(found, expected, "{arguments:?}: {shown}");
        assert!(shown.contains("1 lines that are no patient, left out"), "{shown}");
        assert!(shown.contains("1 numbers that are none, left out"), "{shown}");
    }
}

#[test]
fn what_cannot_be_asked_for_is_said() {
    for (arguments, code, said) in [
        (&["--born", "1980-01-31"][..], 2, "--name"),
        (&["--phone", "soon"], 1, "telephone number"),
        (&["--name", "doe", "--born", "soon"], 1, "no date that is known"),
        (&["--country", "Germany"], 1, "two capital letters"),
        (&["no-such-file.ndjson"], 1, "No such file"),
    ] {
        let output = search(arguments);
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {complaint}");
        assert!(complaint.contains(said), "{complaint}");
    }
}
