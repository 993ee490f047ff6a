//! What every source promises, over files.

use phiseal_keys::Error;
use phiseal_rotation::source::contract::{Fixture, Holds, Sample, World, table};
use phiseal_rotation::source::{CsvSource, NdjsonSource, Source};
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use tempfile::TempDir;

/// A file that others write as a whole.
struct Files {
    folder: TempDir,
    rows: Mutex<Vec<Sample>>,
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Ndjson,
    Csv,
}

impl Files {
    fn fixture(format: Format) -> Fixture {
        let (folder, rows) = (tempfile::tempdir().unwrap(), Mutex::default());
        let files = Self { folder, rows, format };
        files.write();
        Fixture::new(files)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("patients")
    }

    fn write(&self) {
        let rows = self.rows.lock().unwrap();
        let file = match self.format {
            Format::Ndjson => {
                rows.iter().map(|row| json(row) + "\n").collect::<String>().into_bytes()
            }
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(Vec::new());
                writer.write_record(["id", "ssn", "clinic", "name", "note", "version"]).unwrap();
                for row in rows.iter() {
                    let ssn = row.ssn.clone().map(|ssn| String::from_utf8(ssn).unwrap());
                    let (clinic, version) = (row.clinic.to_string(), row.version.to_string());
                    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
                    let (name, note) = (or_empty(&row.name), or_empty(&row.note));
                    let record = [row.id.clone(), or_empty(&ssn), clinic, name, note, version];
                    writer.write_record(record).unwrap();
                }
                writer.into_inner().unwrap()
            }
        };
        fs::write(self.path(), file).unwrap();
    }
}

fn json(row: &Sample) -> String {
    let ssn = row.ssn.as_ref().map(|ssn| str::from_utf8(ssn).unwrap());
    serde_json::json!({
        "clinic": row.clinic, "id": row.id, "ssn": ssn, "name": row.name, "note": row.note, "version": row.version,
    })
    .to_string()
}

impl World for Files {
    fn open(&self) -> Result<Box<dyn Source>, Error> {
        Ok(match self.format {
            Format::Ndjson => Box::new(NdjsonSource::open(self.path(), table())?),
            Format::Csv => Box::new(CsvSource::open(self.path(), table())?),
        })
    }

    fn put(&self, row: &Sample) {
        self.delete(row.clinic, &row.id);
        self.rows.lock().unwrap().push(row.clone());
        self.write();
    }

    fn delete(&self, clinic: i64, id: &str) {
        self.rows.lock().unwrap().retain(|row| (row.clinic, &*row.id) != (clinic, id));
        self.write();
    }

    fn rows(&self) -> Vec<Sample> {
        let file = fs::read_to_string(self.path()).unwrap();
        match self.format {
            Format::Ndjson => file.lines().map(of_json).collect(),
            Format::Csv => {
                let mut reader = csv::Reader::from_reader(file.as_bytes());
                reader.records().map(|record| of_csv(&record.unwrap())).collect()
            }
        }
    }

    fn holds(&self) -> Holds {
        let has_types = self.format == Format::Ndjson;
        Holds { bytes: false, numbers: has_types, nothing: has_types }
    }

    fn is_shared(&self) -> bool {
        false
    }
}

fn of_json(line: &str) -> Sample {
    let value: serde_json::Value = serde_json::from_str(line).unwrap();
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    Sample {
        clinic: value["clinic"].as_i64().unwrap(),
        id: text("id").unwrap(),
        ssn: text("ssn").map(String::into_bytes),
        name: text("name"),
        note: text("note"),
        version: value["version"].as_i64().unwrap(),
    }
}

fn of_csv(record: &csv::StringRecord) -> Sample {
    let text = |at: usize| Some(record[at].to_owned()).filter(|text| !text.is_empty());
    Sample {
        clinic: record[2].parse().unwrap(),
        id: record[0].to_owned(),
        ssn: text(1).map(String::into_bytes),
        name: text(3),
        note: text(4),
        version: record[5].parse().unwrap(),
    }
}

mod ndjson {
    use super::{Files, Fixture, Format};

    fn fixture() -> Fixture {
        Files::fixture(Format::Ndjson)
    }

    phiseal_rotation::source_tests!("ndjson", fixture);
}

mod csv_with_a_header {
    use super::{Files, Fixture, Format};

    fn fixture() -> Fixture {
        Files::fixture(Format::Csv)
    }

    phiseal_rotation::source_tests!("csv", fixture);
}
