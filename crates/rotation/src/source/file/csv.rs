//! Comma-separated values.

use super::error::{at_line, malformed};
use super::records::{Place, Records};
use super::{Files, Format, Parsed, Spot, State, lock, source};
use crate::source::{Row, RowKey, Scalar, Stored, Table};
use core::ops::Range;
use phiseal_keys::{Error, ErrorKind};
use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

/// A file of comma-separated values (RFC 4180) with a header, in UTF-8.
///
/// A column is named as in the header. All values are text; what is empty is nothing in a sealed column, and empty text in
/// another, quoted or not. So nothing here is a number: a version of the row cannot be bound from such a file. Fields may be
/// quoted, a quote in a quoted field is two, and such a field may go over several lines; each row has as many fields as the
/// header. Blank lines are no rows. A sealed value is in its text form, `phi1.…`.
///
/// Rows come in the order of the file, and are written as by [`NdjsonSource`](super::NdjsonSource): every byte that is not of a
/// replaced value stays, and a value that was quoted is quoted again.
pub struct CsvSource(Files);

impl CsvSource {
    /// The file `path`, whose rows are `table`, with commas.
    ///
    /// # Errors
    ///
    /// As [`NdjsonSource::open`](super::NdjsonSource::open); and [`NotFound`](ErrorKind::NotFound) when the header has no such
    /// column, [`Malformed`](ErrorKind::Malformed) when it has it twice, for a row with more or fewer fields, for a quote that
    /// does not end, and for a carriage return that does not end a line and is not quoted.
    pub fn open(path: impl AsRef<Path>, table: Table) -> Result<Self, Error> {
        Self::open_separated(path, table, b',')
    }

    /// The same, with another separator: a semicolon, say, or a tab.
    ///
    /// # Errors
    ///
    /// As [`CsvSource::open`], and [`Invalid`](ErrorKind::Invalid) for a separator that is a quote, the end of a line, or no
    /// ASCII character.
    pub fn open_separated(
        path: impl AsRef<Path>,
        table: Table,
        separator: u8,
    ) -> Result<Self, Error> {
        if !separator.is_ascii() || b"\"\r\n".contains(&separator) {
            return Err(Error::new(ErrorKind::Invalid, "the separator of fields cannot be one"));
        }
        let locked = lock(path.as_ref())?;
        let (format, begin) = Csv::of(&table, separator, &locked.1)?;
        Ok(Self(Files::open(locked, begin, Box::new(format), table)?))
    }
}

source!(CsvSource);

struct Csv {
    separator: u8,
    /// How many fields there are in each row.
    width: usize,
    /// Which of them are the columns.
    key: Vec<usize>,
    sealed: Vec<usize>,
    others: Vec<usize>,
}

impl Csv {
    /// The columns in the header of `file`, and where the rows begin.
    fn of(table: &Table, separator: u8, file: &File) -> Result<(Self, u64), Error> {
        let none = || (Vec::new(), Vec::new(), Vec::new());
        let (key, sealed, others) = none();
        let mut format = Self { separator, width: 0, key, sealed, others };
        let mut names: Option<Vec<String>> = None;
        let mut records = Records::new(file, &format, 0, Place::default())?;
        while names.is_none()
            && let Some(record) = records.next()?
        {
            if record.is_row {
                let contents = record.contents();
                let of_header = |error| at_line(error, record.place.line.saturating_add(1));
                let fields = format.fields(contents).map_err(of_header)?;
                let fields =
                    fields.into_iter().map(|field| Ok(text(contents, &field)?.into_owned()));
                names = Some(fields.collect::<Result<_, _>>().map_err(of_header)?);
            }
        }
        let begin = records.place().offset;
        let names = names.ok_or_else(|| malformed("the file has no header"))?;
        let place = |name: &String| {
            let mut places = names.iter().enumerate().filter(|(_, field)| *field == name);
            match (places.next(), places.next()) {
                (Some((at, _)), None) => Ok(at),
                (None, _) => Err(Error::new(ErrorKind::NotFound, "the header has no such column")),
                _ => Err(malformed("the header has a column twice")),
            }
            .map_err(|error: Error| error.with_source(format!("column {name:?}")))
        };
        let places = |names: &[String]| names.iter().map(place).collect::<Result<Vec<_>, _>>();
        let (key, sealed) = (places(table.key())?, places(table.sealed())?);
        let others = places(table.others())?;
        format = Self { separator, width: names.len(), key, sealed, others };
        Ok((format, begin))
    }

    /// Where the fields are.
    fn fields(&self, record: &[u8]) -> Result<Vec<Range<usize>>, Error> {
        let line = record.strip_suffix(b"\n").unwrap_or(record);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut fields = Vec::new();
        let (mut state, mut start) = (State::Start, 0);
        for (at, byte) in line.iter().enumerate() {
            let next = self.step(state, *byte);
            match (state, next, byte) {
                (State::Quote, State::Plain, _) => {
                    return Err(malformed("a quoted field goes on after its quote"));
                }
                (_, State::Start, _) => {
                    fields.push(start..at);
                    start = at.saturating_add(1);
                }
                (_, State::Plain, b'\r') => {
                    return Err(malformed("a carriage return is neither quoted nor ends a line"));
                }
                _ => {}
            }
            state = next;
        }
        if state == State::Quoted {
            return Err(malformed("a quoted field does not end"));
        }
        fields.push(start..line.len());
        Ok(fields)
    }

    /// What comes after `byte`: a new field, or more of the one that there is.
    const fn step(&self, state: State, byte: u8) -> State {
        match (state, byte) {
            (State::Start, b'"') | (State::Quote, b'"') => State::Quoted,
            (State::Quoted, b'"') => State::Quote,
            (State::Quoted, _) => State::Quoted,
            (_, byte) if byte == self.separator => State::Start,
            _ => State::Plain,
        }
    }
}

impl Format for Csv {
    fn goes_on(&self, state: &mut State, line: &[u8]) -> bool {
        // A line that ended in a quoted field goes on in it.
        *state = line.iter().fold(*state, |state, byte| self.step(state, *byte));
        *state == State::Quoted
    }

    fn is_blank(&self, record: &[u8]) -> bool {
        matches!(record, b"\n" | b"\r\n" | b"")
    }

    fn row(&self, record: &[u8]) -> Result<Parsed, Error> {
        let fields = self.fields(record)?;
        if fields.len() != self.width {
            return Err(malformed("a row has not as many fields as the header"));
        }
        let field = |at: &usize| fields.get(*at).cloned().unwrap_or_default();
        let scalar = |at: &usize| Ok(Scalar::Text(text(record, &field(at))?.into_owned()));
        let key = self.key.iter().map(scalar).collect::<Result<_, Error>>()?;
        let key = RowKey::new(key).ok_or_else(|| malformed("a row has no key"))?;
        let others = self.others.iter().map(scalar).collect::<Result<_, Error>>()?;
        let places: Vec<_> = self.sealed.iter().map(field).collect();
        let sealed = places.iter().map(|place| {
            let value = text(record, place)?;
            Ok(if value.is_empty() { Stored::Nothing } else { Stored::Text(value.into_owned()) })
        });
        let sealed = sealed.collect::<Result<_, Error>>()?;
        let places = places.into_iter().map(Spot::At).collect();
        Ok(Parsed { row: Row { key, sealed, others }, places })
    }

    fn encode(&self, old: &[u8], new: Option<&str>) -> Result<Vec<u8>, Error> {
        let Some(new) = new else { return Ok(Vec::new()) };
        if new.is_empty() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a file of separated values holds no empty text",
            ));
        }
        let is_special = |byte: u8| byte == self.separator || b"\"\r\n".contains(&byte);
        if old.starts_with(b"\"") || new.bytes().any(is_special) {
            Ok(format!("\"{}\"", new.replace('"', "\"\"")).into_bytes())
        } else {
            Ok(new.as_bytes().to_vec())
        }
    }
}

/// The text of a field.
fn text<'r>(record: &'r [u8], field: &Range<usize>) -> Result<Cow<'r, str>, Error> {
    let raw = record.get(field.clone()).unwrap_or_default();
    let raw = core::str::from_utf8(raw).map_err(|_| malformed("a line is not UTF-8"))?;
    let quoted = raw.strip_prefix('"').and_then(|inner| inner.strip_suffix('"'));
    Ok(match quoted {
        Some(inner) if inner.contains('"') => Cow::Owned(inner.replace("\"\"", "\"")),
        Some(inner) => Cow::Borrowed(inner),
        None => Cow::Borrowed(raw),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(separator: u8, width: usize) -> Csv {
        let all = || (0..width).collect::<Vec<_>>();
        Csv { separator, width, key: vec![0], sealed: vec![], others: all() }
    }

    /// The fields of each record.
    fn fields(separator: u8, file: &str) -> Result<Vec<Vec<String>>, ErrorKind> {
        let format = format(separator, 0);
        let (mut all, mut record, mut state) = (Vec::new(), String::new(), State::default());
        let take = |record: &str| {
            let fields = format.fields(record.as_bytes())?;
            let texts = fields.iter().map(|field| Ok(text(record.as_bytes(), field)?.into_owned()));
            texts.collect::<Result<Vec<_>, Error>>()
        };
        for line in file.split_inclusive('\n') {
            record.push_str(line);
            if !format.goes_on(&mut state, line.as_bytes()) {
                if !format.is_blank(record.as_bytes()) {
                    all.push(take(&record).map_err(|error| error.kind())?);
                }
                record.clear();
                state = State::default();
            }
        }
        if !record.is_empty() {
            all.push(take(&record).map_err(|error| error.kind())?);
        }
        Ok(all)
    }

    #[test]
    fn another_reader_finds_the_same() {
        let pieces = [
            "",
            "a",
            "é b",
            "\"\"",
            "\"a\"\"b\"",
            "\"x,y\"",
            "\"two\r\nlines\n\"",
            "5\" tube",
            "'",
            " \"x",
        ];
        let mut files = 0;
        for ends in ["\n", "\r\n"] {
            for separator in [b',', b';', b'\t'] {
                for one in pieces {
                    for two in pieces {
                        for three in pieces {
                            if three.is_empty() && one.is_empty() && two.is_empty() {
                                continue;
                            }
                            let sign = char::from(separator);
                            let line = format!("{one}{sign}{two}{sign}{three}");
                            let file = format!("{line}{ends}{ends}1{sign}2{sign}3{ends}{line}");
                            let mut reader = csv::ReaderBuilder::new();
                            reader.delimiter(separator).has_headers(false);
                            let mut reader = reader.from_reader(file.as_bytes());
                            let theirs = reader.records().map(|record| {
                                record.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()
                            });
                            assert_eq!(
                                fields(separator, &file).unwrap(),
                                theirs.collect::<Vec<_>>(),
                                "{file:?}"
                            );
                            files += 1;
                        }
                    }
                }
            }
        }
        assert_eq!(files, 2 * 3 * 999);
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        for file in ["\"a", "\"a\"b,c", "\"a\" ,c", "a\rb,c", "a,b\r\r\n", "x,\"a\n\n"] {
            assert_eq!(fields(b',', file), Err(ErrorKind::Malformed), "{file:?}");
        }
        assert_eq!(fields(b',', "a,\"b\r\"\r\n").unwrap(), [["a", "b\r"]], "the control");
    }

    #[test]
    fn a_value_is_quoted_as_it_was_or_as_it_must_be() {
        let format = format(b';', 1);
        for (old, new, expected) in [
            ("a", "phi1.x-_", "phi1.x-_"),
            ("\"a\"", "phi1.x", "\"phi1.x\""),
            ("a", "x;y", "\"x;y\""),
            ("a", "x,y", "x,y"),
            ("a", "x\"y", "\"x\"\"y\""),
            ("a", "x\ny", "\"x\ny\""),
        ] {
            assert_eq!(format.encode(old.as_bytes(), Some(new)).unwrap(), expected.as_bytes());
        }
        assert!(format.encode(b"a", Some("")).is_err());
        assert_eq!(format.encode(b"\"a\"", None).unwrap(), b"");
    }
}
