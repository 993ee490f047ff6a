//! A file as records: lines, or what a format makes of several.

use super::Format;
use super::error::{at_line, failed, malformed};
use phiseal_keys::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

/// The longest record, in bytes.
pub(super) const LONGEST: usize = 16 << 20;

/// The byte order mark, which may be at the beginning of a file.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// How much is read at once.
const BUFFER: usize = 1 << 16;

/// Between two records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The byte at which the next record begins.
    pub(super) offset: u64,
    /// How many rows there are before it.
    pub(super) row: u64,
    /// How many lines there are before it.
    pub(super) line: u64,
}

/// Reads one record after the other.
pub(super) struct Records<'f> {
    file: BufReader<&'f File>,
    format: &'f dyn Format,
    /// Where the rows begin.
    begin: u64,
    next: Place,
    record: Vec<u8>,
}

/// A record, as it stands in the file.
pub(super) struct Record<'r> {
    /// All its bytes, with the line end.
    pub(super) bytes: &'r [u8],
    /// How many of them are a byte order mark.
    pub(super) mark: usize,
    /// The place before it.
    pub(super) place: Place,
    /// Whether it is a row: not a header, and not blank.
    pub(super) is_row: bool,
}

impl Record<'_> {
    /// What the format is to read.
    pub(super) fn contents(&self) -> &[u8] {
        self.bytes.get(self.mark..).unwrap_or_default()
    }

    /// An error of this record.
    pub(super) fn wrong(&self, error: Error) -> Error {
        at_line(error, self.place.line.saturating_add(1))
    }
}

impl<'f> Records<'f> {
    /// Those of `file` from `place` on, whose rows begin at the byte `begin`.
    pub(super) fn new(
        file: &'f File,
        format: &'f dyn Format,
        begin: u64,
        place: Place,
    ) -> Result<Self, Error> {
        let mut file = file;
        file.seek(SeekFrom::Start(place.offset)).map_err(failed)?;
        let file = BufReader::with_capacity(BUFFER, file);
        Ok(Self { file, format, begin, next: place, record: Vec::new() })
    }

    /// The place after the last record that was read.
    pub(super) const fn place(&self) -> Place {
        self.next
    }

    /// The next one; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_>>, Error> {
        self.record.clear();
        let place = self.next;
        let mut state = Default::default();
        let mut mark = 0;
        loop {
            let start = self.record.len();
            let room = u64::try_from(LONGEST.saturating_sub(start)).unwrap_or(u64::MAX);
            let mut line = (&mut self.file).take(room.saturating_add(1));
            if line.read_until(b'\n', &mut self.record).map_err(failed)? == 0 {
                break;
            }
            self.next.line = self.next.line.saturating_add(1);
            if self.record.len() > LONGEST {
                return Err(at_line(malformed("a line is longer than 16 MiB"), self.next.line));
            }
            let mut from = start;
            if place.offset == 0 && start == 0 && self.record.starts_with(MARK) {
                (mark, from) = (MARK.len(), MARK.len());
            }
            let line = self.record.get(from..).unwrap_or_default();
            if !self.format.goes_on(&mut state, line) {
                break;
            }
        }
        if self.record.is_empty() {
            return Ok(None);
        }
        let length = u64::try_from(self.record.len()).unwrap_or(u64::MAX);
        self.next.offset = self.next.offset.saturating_add(length);
        let contents = self.record.get(mark..).unwrap_or_default();
        let is_row = place.offset >= self.begin && !self.format.is_blank(contents);
        self.next.row = self.next.row.saturating_add(u64::from(is_row));
        Ok(Some(Record { bytes: &self.record, mark, place, is_row }))
    }
}
