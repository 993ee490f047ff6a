//! Patients that others wrote: HL7's own examples and Synthea's population.
//!
//! `PHISEAL_FHIR_DATA` names a directory that holds `hl7` (npm `hl7.fhir.r4.examples@4.0.1`, unpacked) and `synthea`
//! (PyPI `tietai-synthea==1.5.0`, 50 patients of seed 7); `cargo xtask test` fetches both and sets it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test's helper fails the test, or says what is left out"
)]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use phiseal_examples::fhir::{self, FIELDS, Line, Patient};
use serde_json::Value;

/// The data of one source; `None` if the run is meant to do without.
fn data(source: &str) -> Option<PathBuf> {
    match env::var_os("PHISEAL_FHIR_DATA") {
        Some(directory) => Some(Path::new(&directory).join(source)),
        None if env::var_os("PHISEAL_LOCAL").is_some_and(|local| local == "1") => {
            eprintln!("left out: the FHIR patients of {source}");
            None
        }
        None => panic!(
            "PHISEAL_FHIR_DATA is not set: `cargo xtask test` fetches the FHIR patients of {source} and sets it"
        ),
    }
}

/// Every JSON file in a directory and below, in order of its path.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in
        fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
    {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[derive(Default)]
struct Found {
    patients: Vec<(PathBuf, Patient)>,
    bad: Vec<(String, u64, String)>,
    others: u64,
}

fn read(files: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for path in files {
        let mut lines = fhir::open(path).unwrap();
        for line in lines.by_ref() {
            match line.unwrap() {
                Line::Patient(patient) => found.patients.push((path.clone(), patient)),
                Line::Bad(bad) => {
                    let file = path.file_name().unwrap().to_string_lossy().into_owned();
                    found.bad.push((file, bad.line, bad.reason));
                }
            }
        }
        found.others += lines.others();
    }
    found
}

/// Compares the cells of each patient with its file as [`serde_json::Value`] reads it, and counts them by field.
fn compare(patients: &[(PathBuf, Patient)]) -> [usize; FIELDS.len()] {
    let mut counts = [0; FIELDS.len()];
    for (path, patient) in patients {
        let file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let entries =
            file["entry"].as_array().into_iter().flatten().map(|entry| &entry["resource"]);
        let resource = entries
            .chain([&file])
            .find(|resource| {
                resource["resourceType"] == "Patient" && resource["id"] == patient.id.as_str()
            })
            .unwrap();
        for (field, count) in FIELDS.iter().zip(&mut counts) {
            let elements = match &resource[field] {
                Value::Null => Vec::new(),
                Value::Array(elements) => elements.clone(),
                one => vec![one.clone()],
            };
            let cells: Vec<_> = patient.cells.iter().filter(|cell| cell.field == *field).collect();
            let values: Vec<Value> =
                cells.iter().map(|cell| serde_json::from_str(&cell.value).unwrap()).collect();
            assert_eq!(values, elements, "{field} of {}", path.display());
            assert!(
                cells.iter().zip(0..).all(|(cell, index)| cell.index == index),
                "{field} of {}",
                path.display()
            );
            *count += cells.len();
        }
    }
    counts
}

#[test]
fn hl7_examples() {
    let Some(directory) = data("hl7") else { return };
    let files = files(&directory.join("package"));
    assert_eq!(files.len(), 5307);
    let found = read(&files);
    let (single, bundled): (Vec<_>, Vec<_>) = found
        .patients
        .into_iter()
        .partition(|(path, _)| path.file_name().unwrap().to_string_lossy().starts_with("Patient-"));
    assert_eq!((single.len(), bundled.len(), found.others), (22, 25, 18_548));
    let bad: Vec<_> = found
        .bad
        .iter()
        .map(|(file, line, reason)| (file.as_str(), *line, reason.as_str()))
        .collect();
    let wanted = [
        ("Bundle-bundle-references.json", 2, "Patient without id"),
        ("Bundle-bundle-references.json", 9, "id already seen (line 8)"),
        ("Bundle-bundle-transaction.json", 1, "Patient without id"),
        ("Bundle-bundle-transaction.json", 2, "Patient without id"),
        ("Bundle-bundle-transaction.json", 4, "Patient without id"),
        ("package.json", 0, "resourceType missing"),
    ];
    assert_eq!(bad, wanted);
    assert_eq!(compare(&single), [24, 22, 7, 12, 17, 4]);
    assert_eq!(compare(&bundled), [20, 28, 15, 21, 8, 2]);
}

#[test]
fn synthea_population() {
    let Some(directory) = data("synthea") else { return };
    let files = files(&directory);
    assert_eq!(files.len(), 50);
    let found = read(&files);
    assert_eq!(found.bad, []);
    assert_eq!(found.patients.len(), 50);
    assert!(found.others > 10_000, "{} other resources", found.others);
    let counts = compare(&found.patients);
    assert!(counts[..5].iter().all(|&count| count >= 50), "{counts:?}");
}
