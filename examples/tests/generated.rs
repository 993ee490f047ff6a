//! The generator's patients: the same for the same seed, read without loss, and as varied as they are meant to be.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helper fails the test")]

use std::collections::{BTreeMap, HashSet};

use phiseal_examples::fhir::{self, FIELDS, Line, Patient};
use phiseal_examples::generator;
use serde_json::Value;

const COMMITTED: &[u8] = include_bytes!("../data/patients.ndjson");

fn generated(count: u32, seed: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    generator::write(&mut bytes, count, seed).unwrap();
    bytes
}

fn patients() -> Vec<Patient> {
    let mut lines =
        fhir::open(concat!(env!("CARGO_MANIFEST_DIR"), "/data/patients.ndjson")).unwrap();
    let patients = lines
        .by_ref()
        .map(|line| match line.unwrap() {
            Line::Patient(patient) => patient,
            Line::Bad(bad) => panic!("{bad}"),
        })
        .collect();
    assert_eq!(lines.others(), 0);
    patients
}

/// The resources, read by something else than what is tested.
fn resources() -> Vec<Value> {
    let text = str::from_utf8(COMMITTED).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn generating_again_gives_the_committed_bytes() {
    assert!(
        generated(200, 7) == COMMITTED,
        "the generator changed; if on purpose: cargo run --example generate_patients > examples/data/patients.ndjson"
    );
}

#[test]
fn fewer_patients_are_the_beginning_of_more_and_another_seed_is_another_file() {
    assert!(COMMITTED.starts_with(&generated(50, 7)));
    assert_eq!(generated(0, 7), b"");
    let other = generated(200, 8);
    assert!(other != COMMITTED);
    let both = [COMMITTED, &*other].concat();
    let mut both = fhir::read(&*both).unwrap().map(|line| line.unwrap());
    assert_eq!(
        both.by_ref().take(400).filter(|line| matches!(line, Line::Patient(_))).count(),
        400
    );
    assert!(both.next().is_none());
}

#[test]
fn two_hundred_patients_and_their_cells_are_read() {
    let patients = patients();
    assert_eq!(patients.len(), 200);
    let mut cells = BTreeMap::new();
    for cell in patients.iter().flat_map(|patient| &patient.cells) {
        *cells.entry(cell.field).or_insert(0) += 1;
    }
    let wanted = BTreeMap::from([
        ("identifier", 443),
        ("name", 300),
        ("address", 202),
        ("telecom", 378),
        ("birthDate", 194),
        ("_birthDate", 7),
    ]);
    assert_eq!(cells, wanted);
}

#[test]
fn cells_are_all_of_the_elements_and_nothing_else() {
    let resources = resources();
    assert_eq!(resources.len(), 200);
    for (patient, resource) in patients().iter().zip(&resources) {
        assert_eq!(resource["id"], patient.id.as_str());
        let mut wanted = Vec::new();
        for field in FIELDS {
            match &resource[field] {
                Value::Null => {}
                Value::Array(elements) => {
                    wanted.extend((0..).zip(elements).map(|(index, v)| (field, index, v.clone())))
                }
                one => wanted.push((field, 0, one.clone())),
            }
        }
        let cells: Vec<_> = patient
            .cells
            .iter()
            .map(|cell| {
                (cell.field, cell.index, serde_json::from_str::<Value>(&cell.value).unwrap())
            })
            .collect();
        assert_eq!(cells, wanted, "{}", patient.id);
    }
}

#[test]
fn every_kind_of_person_is_there() {
    let resources = resources();
    let count =
        |is: &dyn Fn(&Value) -> bool| resources.iter().filter(|resource| is(resource)).count();
    let date = |resource: &Value| resource["birthDate"].as_str().unwrap_or_default().to_owned();
    let size = |resource: &Value, field: &str| resource[field].as_array().map_or(0, Vec::len);
    let text =
        |resource: &Value, field: &str, part: &str| resource[field].to_string().contains(part);
    let found = [
        ("born on a leap day", count(&|r| date(r).ends_with("-02-29"))),
        ("only the year of birth known", count(&|r| date(r).len() == 4)),
        ("only the month of birth known", count(&|r| date(r).len() == 7)),
        ("no date of birth", count(&|r| date(r).is_empty())),
        ("time of birth", count(&|r| r["_birthDate"].is_object())),
        ("died on a known day", count(&|r| r["deceasedDateTime"].is_string())),
        ("died", count(&|r| r["deceasedBoolean"] == true)),
        ("no name", count(&|r| size(r, "name") == 0)),
        ("two names or more", count(&|r| size(r, "name") > 1)),
        ("a maiden name", count(&|r| text(r, "name", "maiden"))),
        ("a name outside ASCII", count(&|r| !r["name"].to_string().is_ascii())),
        ("no identifier", count(&|r| size(r, "identifier") == 0)),
        ("three identifiers", count(&|r| size(r, "identifier") == 3)),
        ("no address", count(&|r| size(r, "address") == 0)),
        ("an address abroad", count(&|r| size(r, "address") == 2)),
        ("no telecom", count(&|r| size(r, "telecom") == 0)),
        ("mail", count(&|r| text(r, "telecom", "@example.org"))),
        ("no gender", count(&|r| r["gender"].is_null())),
    ];
    let wanted: [usize; 18] = [13, 8, 5, 6, 7, 12, 7, 2, 89, 20, 123, 7, 72, 10, 12, 21, 114, 4];
    assert_eq!(found.map(|(_, count)| count), wanted, "{found:#?}");
    for name in ["José", "Nguyễn", "Zoë", "王", "محمد", "O'Brien"] {
        assert!(count(&|r| text(r, "name", name)) > 0, "{name}");
    }
}

#[test]
fn no_number_can_belong_to_a_person() {
    let (mut ssn, mut records, mut phones, mut mail) = (0, HashSet::new(), 0, 0);
    for resource in resources() {
        for identifier in resource["identifier"].as_array().into_iter().flatten() {
            let value = identifier["value"].as_str().unwrap();
            match identifier["type"]["coding"][0]["code"].as_str().unwrap() {
                "SS" => {
                    let parts: Vec<&str> = value.split('-').collect();
                    assert_eq!(
                        parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
                        [3, 2, 4],
                        "{value}"
                    );
                    let numbers: Vec<u32> =
                        parts.iter().map(|part| part.parse().unwrap()).collect();
                    assert!((900..=999).contains(&numbers[0]), "{value}");
                    assert!((1..=49).contains(&numbers[1]), "{value}");
                    assert!(numbers[2] > 0, "{value}");
                    ssn += 1;
                }
                "MR" => assert!(records.insert(value.to_owned()), "{value} twice"),
                other => assert_eq!(other, "DL"),
            }
        }
        for telecom in resource["telecom"].as_array().into_iter().flatten() {
            let value = telecom["value"].as_str().unwrap();
            if telecom["system"] == "phone" {
                let (area, line) =
                    value.strip_prefix("+1 ").unwrap().split_once(" 555 01").unwrap();
                assert!(
                    [area, line].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit())),
                    "{value}"
                );
                assert_eq!((area.len(), line.len()), (3, 2), "{value}");
                phones += 1;
            } else {
                let local = value.strip_suffix("@example.org").unwrap();
                assert!(
                    local.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)),
                    "{value}"
                );
                mail += 1;
            }
        }
    }
    assert_eq!((ssn, records.len(), phones, mail), (163, 193, 264, 114));
}

#[test]
fn people_can_read_every_cell() {
    let mut shown = 0;
    for cell in patients().iter().flat_map(|patient| &patient.cells) {
        let text = fhir::display(cell.field, &cell.value);
        assert!(!text.is_empty());
        if cell.field != "_birthDate" {
            assert!(!text.contains(['{', '"']), "{} shows as JSON: {text}", cell.field);
            shown += 1;
        }
    }
    assert_eq!(shown, 1517);
}
