//! Files of lines of JSON and of comma-separated values.

mod contract;
mod hostile;
mod others;
mod shapes;

use phiseal_keys::Error;
use phiseal_rotation::source::{Change, CsvSource, NdjsonSource, Row, Source, Stored, Swap, Table};
use pollster::block_on;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder with one file.
pub(super) struct Place {
    folder: TempDir,
    name: &'static str,
}

impl Place {
    pub(super) fn ndjson(contents: impl AsRef<[u8]>) -> Self {
        Self::with("patients.ndjson", contents)
    }

    pub(super) fn csv(contents: impl AsRef<[u8]>) -> Self {
        Self::with("patients.csv", contents)
    }

    fn with(name: &'static str, contents: impl AsRef<[u8]>) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), name };
        fs::write(place.path(), contents).unwrap();
        place
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }

    /// The key `id`, sealed `ssn`.
    pub(super) fn open(&self) -> Result<Box<dyn Source>, Error> {
        let table = Table::new("patients", &["id"], &["ssn"]).unwrap();
        Ok(if self.name.ends_with("csv") {
            Box::new(CsvSource::open(self.path(), table)?)
        } else {
            Box::new(NdjsonSource::open(self.path(), table)?)
        })
    }

    pub(super) fn read(&self) -> String {
        String::from_utf8(fs::read(self.path()).unwrap()).unwrap()
    }

    /// The names in the folder.
    pub(super) fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

pub(super) fn text(text: &str) -> Stored {
    Stored::Text(text.to_owned())
}

pub(super) fn rows(source: &dyn Source) -> Vec<Row> {
    block_on(source.scan(None, None, 1_000_000)).unwrap()
}

/// Another value in the place of the one that was read.
pub(super) fn change(row: &Row, new: &str) -> Change {
    let swaps = vec![Swap { column: 0, old: row.sealed[0].clone(), new: text(new) }];
    Change { key: row.key.clone(), swaps }
}

/// As many rows as that, in lines of JSON.
pub(super) fn lines(count: usize) -> String {
    (0..count).map(|id| format!("{{\"id\":{id},\"ssn\":\"old {id}\"}}\n")).collect()
}
