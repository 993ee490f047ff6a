//! What is known of a patient, and where it is read from.

use phiseal_examples::fhir::{self, Line};
use serde_json::{Value, json};
use std::error::Error;
use std::path::Path;

const GENERATED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/patients.ndjson");

/// What a look-up needs of a patient.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Patient {
    pub(crate) id: String,
    pub(crate) names: Vec<String>,
    pub(crate) born: Option<String>,
    pub(crate) phones: Vec<String>,
}

impl Patient {
    /// As it is sealed.
    pub(crate) fn to_json(&self) -> String {
        let Self { id, names, born, phones } = self;
        json!({ "id": id, "names": names, "born": born, "phones": phones }).to_string()
    }

    pub(crate) fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        let value: Value = serde_json::from_str(text)?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let list = |name: &str| -> Vec<String> {
            value[name].as_array().into_iter().flatten().filter_map(text).collect()
        };
        Ok(Self {
            id: text(&value["id"]).unwrap_or_default(),
            names: list("names"),
            born: text(&value["born"]),
            phones: list("phones"),
        })
    }

    fn of(patient: &fhir::Patient) -> Result<Self, serde_json::Error> {
        let mut read =
            Self { id: patient.id.clone(), names: Vec::new(), born: None, phones: Vec::new() };
        for cell in &patient.cells {
            let value: Value = serde_json::from_str(&cell.value)?;
            let text = |value: &Value| value.as_str().map(str::to_owned);
            match cell.field {
                "name" => read.names.extend(text(&value["family"])),
                "birthDate" => read.born = text(&value),
                "telecom" if value["system"] == "phone" => {
                    read.phones.extend(text(&value["value"]))
                }
                _ => {}
            }
        }
        Ok(read)
    }
}

/// The patients of a file, and how many of its lines are none.
pub(crate) fn read(file: Option<&Path>) -> Result<(Vec<Patient>, usize), Box<dyn Error>> {
    let (mut patients, mut bad) = (Vec::new(), 0);
    for line in fhir::open(file.unwrap_or(Path::new(GENERATED)))? {
        match line? {
            Line::Patient(patient) => patients.push(Patient::of(&patient)?),
            Line::Bad(_) => bad += 1,
        }
    }
    Ok((patients, bad))
}
