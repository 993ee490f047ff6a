//! One resource a line, or one document?

use std::io::{self, BufRead, Read};
use std::ops::Range;

use serde::de::IgnoredAny;

use super::MAX_DOCUMENT;
use super::lines::BYTE_ORDER_MARK;

/// How the resources lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One a line.
    Lines,
    /// The file is one JSON text.
    Document,
}

/// Tells the shape by the first two lines that are not blank, and hands back what was read to tell it.
///
/// A first line that is JSON by itself begins NDJSON if anything follows, and is a document if nothing does. A
/// first line that breaks off is the beginning of a document, unless the second line opens an object where the
/// grammar of JSON has no place for one: then it is NDJSON with a first line that was cut.
pub(super) fn sniff<R: BufRead>(stream: &mut R) -> io::Result<(Shape, Vec<u8>)> {
    let mut read = Vec::new();
    let Some(first) = next_line(stream, &mut read)? else {
        let shape = if read.len() < MAX_DOCUMENT { Shape::Lines } else { Shape::Document };
        return Ok((shape, read));
    };
    let beginning = state(&read[first.clone()]);
    if beginning == State::Broken {
        return Ok((Shape::Lines, read));
    }
    let second = next_line(stream, &mut read)?;
    let shape = match (beginning, second) {
        (State::Whole, None) => Shape::Document,
        (State::Whole, Some(_)) | (_, None) => Shape::Lines,
        (_, Some(second)) if cut(&read[first], &read[second.clone()]) => Shape::Lines,
        (_, Some(_)) => Shape::Document,
    };
    Ok((shape, read))
}

/// What a JSON parser says of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Whole,
    BreaksOff,
    Broken,
}

fn state(bytes: &[u8]) -> State {
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    match serde_json::from_slice::<IgnoredAny>(text) {
        Ok(_) => State::Whole,
        Err(error) if error.is_eof() => State::BreaksOff,
        Err(_) => State::Broken,
    }
}

/// Whether `second` opens an object that cannot continue `first`.
fn cut(first: &[u8], second: &[u8]) -> bool {
    second.trim_ascii_start().starts_with(b"{") && state(&[first, b"{"].concat()) == State::Broken
}

/// Appends lines to `read` up to one that is not blank, and says where that one is; no more than the size of a
/// document in all.
fn next_line<R: BufRead>(stream: &mut R, read: &mut Vec<u8>) -> io::Result<Option<Range<usize>>> {
    loop {
        let start = read.len();
        let room = u64::try_from(MAX_DOCUMENT.saturating_sub(start)).unwrap_or(u64::MAX);
        if stream.by_ref().take(room).read_until(b'\n', read)? == 0 {
            return Ok(None);
        }
        let line = &read[start..];
        let text =
            if start == 0 { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) } else { line };
        if !text.trim_ascii().is_empty() {
            return Ok(Some(start..read.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_by_content() {
        let cases: [(&str, &str, Shape); 16] = [
            ("nothing", "", Shape::Lines),
            ("blank lines", "\n \r\n\n", Shape::Lines),
            ("one object on one line", "{\"a\":1}", Shape::Document),
            ("the same with a final newline", "{\"a\":1}\n\n", Shape::Document),
            ("two objects", "{\"a\":1}\n{\"a\":2}", Shape::Lines),
            (
                "two objects after blank lines",
                "\r\n\r\n{\"a\":1}\r\n\r\n{\"a\":2}\r\n",
                Shape::Lines,
            ),
            ("two objects after a byte order mark", "\u{feff}{\"a\":1}\n{\"a\":2}\n", Shape::Lines),
            ("an indented object", "{\n  \"a\": {\n \"b\": 1}\n}\n", Shape::Document),
            (
                "an indented object after a byte order mark",
                "\u{feff}{\n  \"a\": 1\n}\n",
                Shape::Document,
            ),
            ("a list opened on the first line", "{\"entry\":[\n{\"a\":1}\n]}", Shape::Document),
            ("a comma at the start of the second line", "{\"a\":1\n,\"b\":2}", Shape::Document),
            ("a first line cut between members", "{\"a\":1,\n{\"a\":2}\n", Shape::Lines),
            ("a first line cut in a string", "{\"a\":\"b\n{\"a\":2}\n", Shape::Lines),
            ("a first line cut before its end", "{\"a\":1\n{\"a\":2}\n", Shape::Lines),
            ("one line that was cut", "{\"a\":1,", Shape::Lines),
            ("no JSON at all", "id,name\n1,x\n", Shape::Lines),
        ];
        for (name, text, wanted) in cases {
            let mut stream = text.as_bytes();
            let (shape, mut read) = sniff(&mut stream).unwrap();
            assert_eq!(shape, wanted, "{name}");
            read.extend_from_slice(stream);
            assert_eq!(read, text.as_bytes(), "{name}: bytes were lost");
        }
    }
}
