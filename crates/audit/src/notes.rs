//! Files of notes: one signed note after the other, an empty line after each.

use phiseal_keys::{Error, ErrorKind};
use std::io::{BufRead, Read};

/// The longest note in such a file; a checkpoint with a hundred signatures has room in it.
const MAX: usize = 64 * 1024;

/// Reads notes one by one and remembers where the last whole one ended.
///
/// A note ends with its last line of signature; the empty line that follows is no part of it and may be missing, so that
/// notes can be put together with `cat`.
#[derive(Debug)]
pub(crate) struct Notes<R> {
    reader: R,
    /// The first line of the next note, already read.
    ahead: Vec<u8>,
    /// Bytes consumed, `ahead` included.
    read: u64,
    end: u64,
    unfinished: bool,
}

impl<R: BufRead> Notes<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, ahead: Vec::new(), read: 0, end: 0, unfinished: false }
    }

    /// Where the last whole note ended.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Whether the file ends in the middle of a note.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.unfinished
    }

    /// The next whole note, as it stands; not checked in any way.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let mut note = std::mem::take(&mut self.ahead);
        let mut signed = false;
        loop {
            let start = note.len();
            if !self.line(&mut note)? {
                self.unfinished |= note.len() > start || !(note.is_empty() || signed);
                return Ok(signed.then(|| {
                    note.truncate(start);
                    note
                }));
            }
            let line = note.get(start..).unwrap_or_default();
            if line.starts_with(SIGNATURE_START.as_bytes()) && start > 0 {
                (signed, self.end) = (true, self.read);
            } else if signed {
                if line != b"\n" {
                    self.ahead = line.to_vec();
                }
                note.truncate(start);
                return Ok(Some(note));
            } else if line == b"\n" && start == 0 {
                note.clear();
            }
        }
    }

    /// Appends a line with its end; `false` at the end of the file, where what is left has no end.
    fn line(&mut self, note: &mut Vec<u8>) -> Result<bool, Error> {
        let room = u64::try_from(MAX.saturating_sub(note.len())).unwrap_or_default();
        let read = self.reader.by_ref().take(room).read_until(b'\n', note).map_err(unreadable)?;
        self.read = self.read.saturating_add(u64::try_from(read).unwrap_or_default());
        if note.len() >= MAX {
            return Err(Error::new(ErrorKind::Malformed, "a note of a file is over 64 KiB long"));
        }
        Ok(read > 0 && note.ends_with(b"\n"))
    }
}

const SIGNATURE_START: &str = "\u{2014} ";

pub(crate) fn unreadable(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "a file of the audit log cannot be read").with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "a\n1\nx\n\n\u{2014} a AAAAAAA=\n\u{2014} b AAAAAAA=\n";
    const TWO: &str = "a\n2\ny\n\n\u{2014} a AAAAAAA=\n";

    fn read(text: &str) -> (Vec<String>, u64, bool) {
        let mut notes = Notes::new(text.as_bytes());
        let mut all = Vec::new();
        while let Some(note) = notes.next().unwrap() {
            all.push(String::from_utf8(note).unwrap());
        }
        (all, notes.end(), notes.is_unfinished())
    }

    #[test]
    fn with_and_without_empty_lines_between() {
        let both = vec![ONE.to_owned(), TWO.to_owned()];
        for (start, between, end) in [("", "\n", "\n"), ("", "", ""), ("\n\n", "\n\n\n", "")] {
            let text = [start, ONE, between, TWO, end].concat();
            let expected = text.len() - end.len();
            assert_eq!(read(&text), (both.clone(), u64::try_from(expected).unwrap(), false));
        }
        assert_eq!(read(""), (vec![], 0, false));
        assert_eq!(read("\n"), (vec![], 0, false));
    }

    #[test]
    fn a_cut_note_is_left_out_and_said_to_be_unfinished() {
        let text = [ONE, "\n", TWO].concat();
        for length in ONE.len() + 2..text.len() {
            let Some(cut) = text.get(..length) else { continue };
            let end = u64::try_from(ONE.len()).unwrap();
            assert_eq!(read(cut), (vec![ONE.to_owned()], end, true), "{length}");
        }
        for length in 1..ONE.find("\u{2014} b").unwrap() - 1 {
            let Some(cut) = ONE.get(..length) else { continue };
            assert_eq!(read(cut).0, Vec::<String>::new());
            assert!(read(cut).2, "{length}");
        }
    }

    #[test]
    fn a_file_without_line_ends_is_not_read_into_memory() {
        let long = "x".repeat(MAX * 2);
        assert_eq!(Notes::new(long.as_bytes()).next().unwrap_err().kind(), ErrorKind::Malformed);
        let lines = "x\n".repeat(MAX);
        assert_eq!(Notes::new(lines.as_bytes()).next().unwrap_err().kind(), ErrorKind::Malformed);
    }
}
