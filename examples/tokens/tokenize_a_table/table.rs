//! Tables in files: CSV with a header, or an object on each line.

use serde_json::{Map, Value};
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Lines, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Rows that are worked on together.
const BATCH: usize = 1_000;

/// A table that is read.
pub(crate) enum Input {
    Csv { header: csv::StringRecord, reader: csv::Reader<File> },
    Ndjson { lines: Lines<BufReader<File>>, number: usize },
}

/// A row, as its file has it.
pub(crate) enum Row {
    Csv(csv::StringRecord),
    Ndjson(Map<String, Value>),
}

impl Input {
    /// NDJSON where the first character is a brace.
    pub(crate) fn open(path: &Path) -> Result<Self, Box<dyn Error>> {
        let open = || File::open(path).map_err(|error| format!("{}: {error}", path.display()));
        let mut file = BufReader::new(open()?);
        let is_ndjson =
            file.fill_buf()?.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        if is_ndjson {
            return Ok(Self::Ndjson { lines: file.lines(), number: 0 });
        }
        let mut reader = csv::Reader::from_reader(open()?);
        let header = reader.headers()?.clone();
        Ok(Self::Csv { header, reader })
    }

    /// The next rows; none at the end.
    pub(crate) fn batch(&mut self) -> Result<Vec<Row>, Box<dyn Error>> {
        match self {
            Self::Csv { reader, .. } => {
                let records = reader.records().take(BATCH).map(|record| Ok(Row::Csv(record?)));
                records.collect()
            }
            Self::Ndjson { lines, number } => {
                let mut rows = Vec::new();
                for line in lines.by_ref() {
                    let line = line?;
                    *number += 1;
                    if line.trim().is_empty() {
                        continue;
                    }
                    let object = serde_json::from_str(&line);
                    // What a parser says of a line can hold a piece of it.
                    let object = object.map_err(|_| format!("line {number} is no object"))?;
                    rows.push(Row::Ndjson(object));
                    if rows.len() == BATCH {
                        break;
                    }
                }
                Ok(rows)
            }
        }
    }

    /// The place of a column in a row.
    fn place(&self, column: &str) -> Option<usize> {
        match self {
            Self::Csv { header, .. } => header.iter().position(|name| name == column),
            Self::Ndjson { .. } => None,
        }
    }

    /// Refuses rows with a column that is not among these.
    pub(crate) fn check(&self, rows: &[Row], known: impl Fn(&str) -> bool) -> Result<(), String> {
        let unknown = |name: &str| format!("the plan does not say what becomes of {name}");
        if let Self::Csv { header, .. } = self {
            return header
                .iter()
                .find(|name| !known(name))
                .map_or(Ok(()), |name| Err(unknown(name)));
        }
        let objects = rows.iter().filter_map(|row| match row {
            Row::Ndjson(object) => Some(object),
            Row::Csv(_) => None,
        });
        let mut names = objects.flat_map(|object| object.keys());
        names.find(|name| !known(name)).map_or(Ok(()), |name| Err(unknown(name)))
    }

    /// What is in a column: text that is not empty; `None` where there is nothing.
    pub(crate) fn value<'r>(&self, row: &'r Row, column: &str) -> Result<Option<&'r str>, String> {
        let text = match row {
            Row::Csv(record) => self.place(column).and_then(|place| record.get(place)),
            Row::Ndjson(object) => match object.get(column) {
                None | Some(Value::Null) => None,
                Some(Value::String(text)) => Some(text.as_str()),
                Some(_) => return Err(format!("{column} is not text in every row")),
            },
        };
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// Puts another value into columns of a row.
    pub(crate) fn replace(&self, row: &mut Row, values: Vec<(&str, String)>) {
        match row {
            Row::Csv(record) => {
                let mut cells: Vec<String> = record.iter().map(str::to_owned).collect();
                for (column, value) in values {
                    if let Some(cell) = self.place(column).and_then(|place| cells.get_mut(place)) {
                        *cell = value;
                    }
                }
                *record = csv::StringRecord::from(cells);
            }
            Row::Ndjson(object) => {
                for (column, value) in values {
                    object.insert(column.to_owned(), Value::String(value));
                }
            }
        }
    }
}

/// A table that is written, in the form of the one that is read: beside its place, until it is whole.
pub(crate) struct Output {
    rows: Rows,
    path: PathBuf,
}

enum Rows {
    Csv(Box<csv::Writer<NamedTempFile>>),
    Ndjson(BufWriter<NamedTempFile>),
}

impl Output {
    /// A new file: none that is there is written over.
    pub(crate) fn create(path: &Path, like: &Input) -> Result<Self, Box<dyn Error>> {
        if path.exists() {
            return Err(format!("{}: File exists", path.display()).into());
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
        let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
        let rows = match like {
            Input::Csv { header, .. } => {
                let mut writer = csv::Writer::from_writer(file);
                writer.write_record(header)?;
                Rows::Csv(Box::new(writer))
            }
            Input::Ndjson { .. } => Rows::Ndjson(BufWriter::new(file)),
        };
        Ok(Self { rows, path: path.to_owned() })
    }

    pub(crate) fn write(&mut self, rows: &[Row]) -> Result<(), Box<dyn Error>> {
        for row in rows {
            match (&mut self.rows, row) {
                (Rows::Csv(writer), Row::Csv(record)) => writer.write_record(record)?,
                (Rows::Ndjson(file), Row::Ndjson(object)) => {
                    writeln!(file, "{}", serde_json::to_string(object)?)?;
                }
                _ => return Err("a row of another form".into()),
            }
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<(), Box<dyn Error>> {
        let file = match self.rows {
            Rows::Csv(writer) => writer.into_inner().map_err(|error| error.into_error())?,
            Rows::Ndjson(file) => file.into_inner().map_err(|error| error.into_error())?,
        };
        file.as_file().sync_all()?;
        file.persist_noclobber(&self.path)?;
        Ok(())
    }
}
