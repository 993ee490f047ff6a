//! Lines of bounded length.

use std::io::{self, BufRead, ErrorKind};

/// U+FEFF in UTF-8, which some programs put before the first line.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The lines of a stream that are not blank, with their numbers from 1.
pub(super) struct Lines<R> {
    stream: R,
    longest: usize,
    number: u64,
    line: Vec<u8>,
}

/// One line, without its end.
pub(super) enum Text<'a> {
    Line(&'a [u8]),
    /// More bytes than were asked for; they were read and dropped.
    TooLong,
}

impl<R: BufRead> Lines<R> {
    /// Lines of up to `longest` bytes, the end of the line not counted.
    pub(super) fn new(stream: R, longest: usize) -> Self {
        Self { stream, longest, number: 0, line: Vec::new() }
    }

    /// The next line that is more than white space, and its number; `None` at the end of the stream.
    pub(super) fn next_line(&mut self) -> io::Result<Option<(u64, Text<'_>)>> {
        loop {
            let Some(fits) = self.fill()? else { return Ok(None) };
            self.number = self.number.saturating_add(1);
            if !fits {
                return Ok(Some((self.number, Text::TooLong)));
            }
            if self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
                self.line.drain(..BYTE_ORDER_MARK.len());
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        Ok(Some((self.number, Text::Line(self.line.trim_ascii_end()))))
    }

    /// Reads up to the end of a line: `None` at the end of the stream, `false` for a line that is too long.
    fn fill(&mut self) -> io::Result<Option<bool>> {
        self.line.clear();
        let (mut any, mut fits) = (false, true);
        loop {
            let available = match self.stream.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other?,
            };
            if available.is_empty() {
                return Ok(any.then_some(fits));
            }
            any = true;
            let end = available.iter().position(|&byte| byte == b'\n');
            let piece = &available[..end.unwrap_or(available.len())];
            if fits && piece.len() <= self.longest - self.line.len() {
                self.line.extend_from_slice(piece);
            } else {
                fits = false;
                self.line = Vec::new();
            }
            let used = end.map_or(available.len(), |end| end + 1);
            self.stream.consume(used);
            if end.is_some() {
                return Ok(Some(fits));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8], longest: usize, buffer: usize) -> Vec<(u64, Option<Vec<u8>>)> {
        let mut lines = Lines::new(io::BufReader::with_capacity(buffer, bytes), longest);
        let mut found = Vec::new();
        while let Some((number, text)) = lines.next_line().unwrap() {
            found.push(match text {
                Text::Line(line) => (number, Some(line.to_vec())),
                Text::TooLong => (number, None),
            });
        }
        found
    }

    #[test]
    fn blank_lines_count_and_are_not_handed_out() {
        let bytes = b"\xEF\xBB\xBFone\r\n\n \t\r\n  two  \nthree";
        for buffer in 1..=bytes.len() {
            let wanted = [
                (1, Some(b"one".to_vec())),
                (4, Some(b"  two".to_vec())),
                (5, Some(b"three".to_vec())),
            ];
            assert_eq!(lines(bytes, 7, buffer), wanted, "buffer of {buffer}");
        }
    }

    #[test]
    fn a_line_may_be_as_long_as_the_longest_and_no_longer() {
        for buffer in 1..=16 {
            let wanted =
                [(1, Some(b"1234".to_vec())), (2, None), (3, Some(b"12".to_vec())), (4, None)];
            assert_eq!(lines(b"1234\n12345\n12\n1234567", 4, buffer), wanted, "buffer of {buffer}");
        }
    }

    #[test]
    fn a_mark_is_stripped_from_the_first_line_only() {
        let wanted = [(1, Some(b"a".to_vec())), (2, Some(b"\xEF\xBB\xBFb".to_vec()))];
        assert_eq!(lines(b"\xEF\xBB\xBFa\n\xEF\xBB\xBFb\n", 9, 4), wanted);
    }
}
