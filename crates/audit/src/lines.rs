//! The lines of a log, read one by one into one buffer.

use crate::notes::unreadable;
use crate::record::MAX_LINE;
use crate::tree::Hash;
use phiseal_keys::Error;
use std::io::{BufRead, Read};

pub(crate) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
}

/// What comes next in a log.
#[derive(Debug, PartialEq)]
pub(crate) enum Line<'a> {
    /// A line, without its end.
    Whole(&'a [u8]),
    /// So many bytes without a line end, and then nothing.
    Unfinished(u64),
    /// More bytes without a line end than a line has.
    TooLong,
    /// Nothing.
    End,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, line: Vec::new() }
    }

    pub(crate) fn next(&mut self) -> Result<Line<'_>, Error> {
        self.line.clear();
        let most = u64::try_from(MAX_LINE).unwrap_or(u64::MAX).saturating_add(1);
        let read = self.reader.by_ref().take(most).read_until(b'\n', &mut self.line);
        let read = u64::try_from(read.map_err(unreadable)?).unwrap_or(u64::MAX);
        Ok(match self.line.strip_suffix(b"\n") {
            Some(line) => Line::Whole(line),
            None if read == 0 => Line::End,
            None if read < most => Line::Unfinished(read),
            None => Line::TooLong,
        })
    }
}

/// The part of a line's hash that the next line repeats.
pub(crate) fn short(hash: &Hash) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_every_kind() {
        let full = "x".repeat(MAX_LINE);
        let text = format!("a\n\n{full}\nrest");
        let mut lines = Lines::new(text.as_bytes());
        assert_eq!(lines.next().unwrap(), Line::Whole(b"a"));
        assert_eq!(lines.next().unwrap(), Line::Whole(b""));
        assert_eq!(lines.next().unwrap(), Line::Whole(full.as_bytes()));
        assert_eq!(lines.next().unwrap(), Line::Unfinished(4));
        assert_eq!(lines.next().unwrap(), Line::End);
        let long = "x".repeat(MAX_LINE + 1);
        assert_eq!(Lines::new(long.as_bytes()).next().unwrap(), Line::TooLong);
    }
}
