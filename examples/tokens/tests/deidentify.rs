//! The copy as a researcher gets it: of the project's patients, and of a bundle of everything that is in the way.

#![expect(clippy::unwrap_used, reason = "a test's helper fails the test")]

mod programs;

use programs::{run, text};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Output;

fn deidentify(arguments: &[&str]) -> Output {
    run("deidentify", arguments)
}

/// What it complains of.
fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every string in a value but for those under these names.
fn strings(value: &Value, without: &[&str], out: &mut Vec<String>) {
    match value {
        Value::String(text) => out.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| strings(value, without, out)),
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| !without.contains(&name.as_str()))
            .for_each(|(_, value)| strings(value, without, out)),
        _ => {}
    }
}

#[test]
fn nothing_of_the_projects_patients_is_in_the_copy() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("copy.ndjson");
    let report = text(&deidentify(&["--out", out.to_str().unwrap(), "--today", "2026-11-23"]));
    let copy = fs::read_to_string(&out).unwrap();
    let original =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/patients.ndjson"))
            .unwrap();
    assert_eq!(copy.lines().count(), original.lines().count());
    // Codes, countries and States, and what says how a number is used, are no identifiers.
    let harmless = [
        "resourceType",
        "gender",
        "use",
        "system",
        "code",
        "display",
        "state",
        "country",
        "type",
        "maritalStatus",
        "communication",
        "deceasedBoolean",
    ];
    let mut checked = 0;
    for (line, of) in copy.lines().zip(original.lines()) {
        let (mut identifying, mut left) = (Vec::new(), Vec::new());
        strings(&serde_json::from_str(of).unwrap(), &harmless, &mut identifying);
        strings(&serde_json::from_str(line).unwrap(), &[], &mut left);
        for value in identifying.iter().filter(|value| value.len() > 4) {
            assert!(!left.iter().any(|left| left.contains(value)), "{value}: {line}");
            checked += 1;
        }
        let born: Value = serde_json::from_str(line).unwrap();
        assert!(born["birthDate"].as_str().is_none_or(|year| year.len() == 4), "{line}");
    }
    assert!(checked > 1_500, "the control: {checked}");
    for said in [
        "200 resources copied",
        "45 CFR 164.514(b)(2)(i)(A)",
        "164.514(b)(2)(ii)",
        "0 elements that are not known",
    ] {
        assert!(report.contains(said), "{said}: {report}");
    }
}

#[test]
fn what_belonged_together_still_does_and_all_that_is_not_known_goes() {
    let bundle = json!({
        "resourceType": "Bundle", "id": "canary-bundle", "type": "collection", "entry": [
            { "fullUrl": "https://clinic.example.org/Patient/canary-p1", "resource": {
                "resourceType": "Patient", "id": "canary-p1", "birthDate": "1930-05-01", "gender": "female",
                "text": { "div": "<div>canary</div>" }, "extension": [{ "valueString": "canary" }],
                "meta": { "lastUpdated": "2026-01-01T00:00:00Z" },
                "name": [{ "family": "Canary" }], "contact": [{ "name": { "family": "Canary" } }],
                "address": [{ "text": "1 Canary St", "line": ["1 Canary St"], "city": "Canary", "postalCode": "03601", "state": "NH", "period": { "start": "1930-05-01" } },
                    { "state": "Canary County", "country": "FR", "postalCode": "75011" }],
                "telecom": [{ "system": "fax", "value": "canary" }, { "system": "email", "value": "canary@example.org" }],
                "photo": [{ "data": "canary" }], "deceasedDateTime": "2021-02-03T04:05:06Z" } },
            { "resource": {
                "resourceType": "Observation", "id": "canary-o1", "status": "final", "issued": "2020-01-02T03:04:05Z",
                "code": { "coding": [{ "system": "http://loinc.org", "code": "8302-2", "display": "Body height" }], "text": "canary" },
                "subject": { "reference": "Patient/canary-p1", "display": "Canary" },
                "performer": [{ "display": "Dr. Canary" }], "effectiveDateTime": "2020-01-02",
                "valueQuantity": { "value": 166.5, "unit": "cm" }, "note": [{ "text": "canary" }],
                "category": [{ "coding": [{ "system": "https://clinic.example.org/staff", "code": "canary", "display": "Dr. Canary" }] }],
                "component": [{ "valueQuantity": { "value": 97, "unit": "years" } }, { "valueQuantity": { "value": 42, "unit": "years" } },
                    { "valueInteger": 97 }],
                "onsetDateTime": "1935-01-01", "canaryDate": "2020-01-02", "type": ["vegan", "seen by Dr. Canary"],
                "encounter": { "reference": "Canary/jane" }, "basedOn": [{ "reference": "urn:uuid:canary-p1" }],
                "hasMember": [{ "reference": "https://clinic.example.org/Observation/canary-o2" }] } }]});
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("bundle.json"), folder.path().join("copy.json"));
    fs::write(&file, serde_json::to_string_pretty(&bundle).unwrap()).unwrap();
    let arguments =
        [file.to_str().unwrap(), "--out", out.to_str().unwrap(), "--today", "2026-11-23"];
    let output = deidentify(&arguments);
    text(&output);
    let copy = fs::read_to_string(&out).unwrap();
    assert!(!copy.to_lowercase().contains("canary"), "{copy}");
    let copy: Value = serde_json::from_str(&copy).unwrap();
    let (patient, observation) = (&copy["entry"][0]["resource"], &copy["entry"][1]["resource"]);
    let reference = format!("Patient/{}", patient["id"].as_str().unwrap());
    assert_eq!(observation["subject"], json!({ "reference": reference }));
    assert_eq!(
        patient["address"],
        json!([{ "postalCode": "000", "state": "NH" }, { "country": "FR" }])
    );
    assert_eq!(
        observation["component"],
        json!([{ "valueQuantity": { "value": 42, "unit": "years" } }])
    );
    assert_eq!(
        (&observation["onsetDateTime"], &observation["encounter"]),
        (&Value::Null, &Value::Null)
    );
    let urn = format!("urn:uuid:{}", patient["id"].as_str().unwrap());
    assert_eq!(observation["basedOn"], json!([{ "reference": urn }]));
    assert_eq!(
        (&patient["birthDate"], &patient["gender"]),
        (&Value::Null, &json!("female")),
        "over 89"
    );
    assert_eq!(patient["deceasedDateTime"], "2021");
    assert_eq!(
        (&observation["effectiveDateTime"], &observation["status"]),
        (&json!("2020"), &json!("final"))
    );
    assert_eq!(observation["valueQuantity"], json!({ "value": 166.5, "unit": "cm" }));
    assert_eq!(observation["code"]["coding"][0]["display"], "Body height");
    assert_eq!(observation["type"], json!(["vegan"]));
    let report = text(&output);
    for said in [
        "extension 1",
        "note 1",
        "text 2",
        "meta 1",
        "hasMember 1",
        "coding 1",
        "valueInteger 1",
        "canaryDate 1",
        "type 1",
    ] {
        assert!(report.contains(said), "{said}: {report}");
    }
    // A copy is not written over another one.
    let again = deidentify(&arguments);
    assert_eq!(again.status.code(), Some(1));
    assert!(complaint(&again).contains("exists"), "{}", complaint(&again));
}

#[test]
fn what_is_wrong_is_said_with_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let shown = text(&deidentify(&["--show-policy"]));
    let (policy, lines) = (folder.path().join("policy.toml"), folder.path().join("lines.ndjson"));
    fs::write(&policy, shown.replacen("rule = \"remove\"", "rule = \"hash\"", 1)).unwrap();
    fs::write(
        &lines,
        "{\"resourceType\":\"Patient\",\"id\":\"p1\"}\nno resource\n{\"id\":\"p2\"}\n",
    )
    .unwrap();
    let (policy, lines) = (policy.to_str().unwrap(), lines.to_str().unwrap());
    for (arguments, said) in [
        (&["--policy", policy][..], "column 17: hash is no rule of Safe Harbor"),
        (&[lines], "2 lines are no FHIR resource"),
        (&["no-such-file.json"], "no-such-file.json: No such file"),
        (&["--today", "soon"], "--today is a date"),
    ] {
        let output = deidentify(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(complaint(&output).contains(said), "{said}: {}", complaint(&output));
    }
}
