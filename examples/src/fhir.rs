//! Patients from a FHIR R4 file, as cells to seal.
//!
//! [`open`] takes NDJSON (one resource a line, FHIR Bulk Data Access 2.0), a single resource or a Bundle, and
//! tells them apart by content, not by name. NDJSON is read line by line, however long the file; a single
//! resource or a Bundle is read whole, up to [`MAX_DOCUMENT`] bytes.
//!
//! A line that cannot be used is a [`BadLine`]: its number and a reason. The reason never quotes the line,
//! because the line is protected health information; it is made from numbers and fixed words only. The lines
//! around a bad one are read all the same.
//!
//! ```
//! use phiseal_examples::fhir::{self, Line};
//!
//! let file = b"{\"resourceType\":\"Patient\",\"id\":\"p1\",\"birthDate\":\"1980-04-02\"}\nnot JSON\n";
//! let mut cells = Vec::new();
//! for line in fhir::read(&file[..])? {
//!     match line? {
//!         Line::Patient(patient) => cells.extend(patient.cells),
//!         Line::Bad(bad) => assert_eq!(bad.to_string(), "line 2: not JSON (column 2)"),
//!     }
//! }
//! assert_eq!(cells[0].field, "birthDate");
//! assert_eq!(fhir::display(cells[0].field, &cells[0].value), "1980-04-02");
//! # Ok::<(), std::io::Error>(())
//! ```

mod compact;
mod display;
mod document;
mod fault;
mod lines;
mod members;
mod patient;
mod shape;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::path::Path;
use std::vec;

pub use display::display;
use fault::Fault;
use lines::{Lines, Text};
use shape::Shape;

/// The longest line of NDJSON, and the largest resource of a Bundle: 16 MiB.
pub const MAX_LINE: usize = 16 << 20;

/// The largest file that is one resource or one Bundle: 64 MiB.
pub const MAX_DOCUMENT: usize = 64 << 20;

/// Every field that a [`Cell`] can have, in the order in which a patient's cells come.
///
/// Each is the name of a member of the Patient resource in FHIR R4's JSON. `_birthDate` holds the extensions of the
/// birth date (JSON Representation of Resources, primitive elements), such as the time of birth.
pub const FIELDS: [&str; 6] =
    ["identifier", "name", "address", "telecom", "birthDate", "_birthDate"];

/// Opens a file of patients.
///
/// # Errors
///
/// Whatever the operating system says when the file is opened or its beginning is read.
pub fn open(path: impl AsRef<Path>) -> io::Result<Patients<BufReader<File>>> {
    read(BufReader::with_capacity(64 << 10, File::open(path)?))
}

/// Reads patients from a stream, as [`open`] does from a file. The stream need not be seekable.
///
/// # Errors
///
/// Whatever the stream says when its beginning is read.
pub fn read<R: BufRead>(mut stream: R) -> io::Result<Patients<R>> {
    let (shape, beginning) = shape::sniff(&mut stream)?;
    let whole = Cursor::new(beginning).chain(stream);
    let source = match shape {
        Shape::Lines => Source::Lines(Lines::new(whole, MAX_LINE)),
        Shape::Document => Source::Document(document::read(whole)?.into_iter()),
    };
    Ok(Patients { source, seen: HashMap::new(), others: 0 })
}

/// The patients of a file, in its order; made by [`open`] and [`read`].
///
/// Remembers the id of every patient (at most 64 bytes each) to find duplicates. After an `Err`, which is the
/// stream's and not a line's, the iteration is over.
pub struct Patients<R> {
    source: Source<R>,
    seen: HashMap<String, u64>,
    others: u64,
}

impl<R> Patients<R> {
    /// How many resources other than patients were stepped over so far.
    ///
    /// A Bundle's entry without a resource counts, and so does a Bundle inside a Bundle or on a line of NDJSON,
    /// whose own entries are not looked at.
    pub fn others(&self) -> u64 {
        self.others
    }

    fn judge(&mut self, number: u64, resource: Result<Resource, Fault>) -> Option<Line> {
        let fault = match resource {
            Ok(Resource::Other) => {
                self.others = self.others.saturating_add(1);
                return None;
            }
            Ok(Resource::Patient(patient)) => match self.seen.entry(patient.id.clone()) {
                Entry::Vacant(place) => {
                    place.insert(number);
                    return Some(Line::Patient(patient));
                }
                Entry::Occupied(first) => Fault::DuplicateId { first: *first.get() },
            },
            Err(fault) => fault,
        };
        Some(Line::Bad(BadLine { line: number, reason: fault.to_string() }))
    }
}

impl<R: BufRead> Iterator for Patients<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (number, resource) = match self.source.next_resource() {
                Ok(found) => found?,
                Err(error) => {
                    self.source = Source::Over;
                    return Some(Err(error));
                }
            };
            if let Some(line) = self.judge(number, resource) {
                return Some(Ok(line));
            }
        }
    }
}

impl<R> fmt::Debug for Patients<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patients")
            .field("patients", &self.seen.len())
            .field("others", &self.others)
            .finish_non_exhaustive()
    }
}

/// One line of NDJSON, or one entry of a Bundle, that is or should be a patient.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a line can be used or it cannot; there is no third case"
)]
pub enum Line {
    /// A patient.
    Patient(Patient),
    /// A line that cannot be used.
    Bad(BadLine),
}

/// A line that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// The line of an NDJSON file, counted from 1. In a Bundle, the entry, counted from 1; 0 is the file as a whole.
    pub line: u64,
    /// What is wrong, in words that quote nothing from the line. Bytes and columns are counted from 1, a byte order
    /// mark left out; bytes of a Bundle from the start of the file.
    pub reason: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// A patient: the id of the resource, and what identifies the person.
///
/// The rest of the resource (contacts, photograph, narrative, extensions) identifies people too; the examples leave
/// it out for the sake of brevity.
#[derive(Clone, PartialEq, Eq)]
pub struct Patient {
    /// The logical id of the resource (FHIR R4, Data Types, id): 1 to 64 of `A-Z a-z 0-9 - .`
    pub id: String,
    /// What gets sealed, in the order of [`FIELDS`] and then of the resource.
    pub cells: Vec<Cell>,
}

impl fmt::Debug for Patient {
    /// Prints no more of the id than its length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patient")
            .field("id", &format_args!("<{} bytes>", self.id.len()))
            .field("cells", &self.cells)
            .finish()
    }
}

/// One element of a patient, the unit of sealing.
#[derive(Clone, PartialEq, Eq)]
pub struct Cell {
    /// One of [`FIELDS`].
    pub field: &'static str,
    /// Which element of the field's list, from 0; 0 for a field that is not a list.
    pub index: u32,
    /// The JSON text of the element, as it stands in the file but for white space between its tokens (RFC 8259, 2).
    ///
    /// Members keep their order, numbers their digits and strings their escapes, so that what was opened is what
    /// was sealed.
    pub value: String,
}

impl fmt::Debug for Cell {
    /// Prints no more of the value than its length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}] <{} bytes>", self.field, self.index, self.value.len())
    }
}

/// What a line or an entry holds.
enum Resource {
    Patient(Patient),
    Other,
}

/// Where the resources come from.
enum Source<R> {
    Lines(Lines<Chain<Cursor<Vec<u8>>, R>>),
    Document(vec::IntoIter<(u64, Result<Resource, Fault>)>),
    Over,
}

impl<R: BufRead> Source<R> {
    fn next_resource(&mut self) -> io::Result<Option<(u64, Result<Resource, Fault>)>> {
        match self {
            Source::Lines(lines) => {
                let Some((number, text)) = lines.next_line()? else { return Ok(None) };
                let resource = match text {
                    Text::TooLong => Err(Fault::LineTooLong),
                    Text::Line(bytes) => str::from_utf8(bytes)
                        .map_err(|error| Fault::NotUtf8 {
                            byte: error.valid_up_to().saturating_add(1),
                        })
                        .and_then(patient::read),
                };
                Ok(Some((number, resource)))
            }
            Source::Document(entries) => Ok(entries.next()),
            Source::Over => Ok(None),
        }
    }
}
