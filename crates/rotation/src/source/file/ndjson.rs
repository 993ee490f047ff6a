//! Lines of JSON.

use super::error::{malformed, unsupported};
use super::{Files, Format, Parsed, Spot, State, lock, source};
use crate::source::{Row, RowKey, Scalar, Stored, Table};
use core::fmt;
use core::ops::Range;
use phiseal_keys::{Error, ErrorKind};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::path::Path;

/// A file of lines, each a JSON object: newline-delimited JSON, such as the bulk export of FHIR.
///
/// A column is a field of the object, or a field of one in it: `identity.ssn`, or the JSON pointer (RFC 6901) `/identity/ssn`,
/// which also reaches names with points in them, and into arrays. Text is a string, a number a whole one; what is `null` or not
/// there is nothing, and gets a place at the end of the object when it is to be something. Blank lines are no rows. A sealed value is in its text form, `phi1.…`; any other thing than a string in its
/// place is [`Stored::Other`].
///
/// Rows come in the order of the file. Keys are found to be unique when it is opened. A scan from or to a key that is none of
/// them answers [`Conflict`](ErrorKind::Conflict): it has no place in that order.
///
/// # Writing
///
/// A new file is written beside the old one, to which every byte that is not of a replaced value is copied as it is.
/// [`finish`](crate::source::Source::finish) puts it in the old one's place, with its mode and its owner; access lists and
/// extended attributes are not kept. Until then the old one is whole; whatever is left of a process that was killed is
/// removed by the next one. A file that somebody else has written meanwhile stays as they wrote it: all calls then answer
/// [`Conflict`](ErrorKind::Conflict). While a source is open, the file is locked ([`File::lock`](std::fs::File::lock)); that
/// keeps off whoever asks for the lock, such as another source.
///
/// A file of any size takes constant memory, beside the pages. Calls block.
pub struct NdjsonSource(Files);

impl NdjsonSource {
    /// The file `path`, whose rows are `table`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound) when there is no such file; [`Unavailable`](ErrorKind::Unavailable) when another process
    /// works on it; [`Malformed`](ErrorKind::Malformed) for a line that is no JSON object, not UTF-8 or over 16 MiB long;
    /// [`Invalid`](ErrorKind::Invalid) for a row without a key, and for two rows with one;
    /// [`Unsupported`](ErrorKind::Unsupported) for a value of a column that is not sealed which is neither text nor a whole
    /// number, for a file with several names, and for what is none. Errors name the line.
    pub fn open(path: impl AsRef<Path>, table: Table) -> Result<Self, Error> {
        Ok(Self(files(path.as_ref(), table)?))
    }
}

pub(super) fn files(path: &Path, table: Table) -> Result<Files, Error> {
    let format = Ndjson::of(&table)?;
    Files::open(lock(path)?, 0, Box::new(format), table)
}

source!(NdjsonSource);

/// Where the columns are in an object.
struct Ndjson {
    root: Node,
    /// What stands before a sealed value that a row did not have, where it is a field of the whole object.
    new: Vec<Option<Vec<u8>>>,
    key: usize,
    sealed: usize,
    others: usize,
}

/// What is asked of a value: itself, as these columns, or some of its fields.
#[derive(Default)]
struct Node {
    columns: Vec<usize>,
    fields: Vec<(String, Node)>,
}

impl Ndjson {
    fn of(table: &Table) -> Result<Self, Error> {
        let mut root = Node::default();
        let names = [table.key(), table.sealed(), table.others()].concat();
        for (column, name) in names.iter().enumerate() {
            let mut node = &mut root;
            for field in fields(name)? {
                let at = match node.fields.iter().position(|(name, _)| *name == field) {
                    Some(at) => at,
                    None => {
                        node.fields.push((field, Node::default()));
                        node.fields.len() - 1
                    }
                };
                let Some((_, next)) = node.fields.get_mut(at) else { return Err(no_name()) };
                node = next;
            }
            node.columns.push(column);
        }
        let is_inside =
            |node: &Node| node.has(table.key().len()..table.key().len() + table.sealed().len());
        if root.any(&|node| is_inside(node) && !node.fields.is_empty()) {
            return Err(Error::new(ErrorKind::Invalid, "a column is inside of a sealed one"));
        }
        let (key, sealed) = (table.key().len(), table.sealed().len());
        let new = table.sealed().iter().map(|name| match fields(name)?.as_slice() {
            [field] => {
                let name = serde_json::to_string(field).map_err(|_| no_name())?;
                Ok(Some(format!(",{name}:").into_bytes()))
            }
            _ => Ok(None),
        });
        let new = new.collect::<Result<_, Error>>()?;
        Ok(Self { root, new, key, sealed, others: table.others().len() })
    }
}

impl Node {
    fn has(&self, columns: Range<usize>) -> bool {
        self.columns.iter().any(|column| columns.contains(column))
    }

    fn any(&self, is: &dyn Fn(&Self) -> bool) -> bool {
        is(self) || self.fields.iter().any(|(_, node)| node.any(is))
    }
}

/// The names on the way to a column: a JSON pointer, or names with points between them.
fn fields(name: &str) -> Result<Vec<String>, Error> {
    let Some(pointer) = name.strip_prefix('/') else {
        let fields: Vec<_> = name.split('.').map(str::to_owned).collect();
        return if fields.iter().any(String::is_empty) { Err(no_name()) } else { Ok(fields) };
    };
    let unescaped = |field: &str| {
        let mut rest = field.split('~');
        let mut field = rest.next().unwrap_or_default().to_owned();
        for piece in rest {
            let (sign, piece) = piece.split_at_checked(1).ok_or_else(no_name)?;
            field.push(match sign {
                "0" => '~',
                "1" => '/',
                _ => return Err(no_name()),
            });
            field.push_str(piece);
        }
        Ok(field)
    };
    pointer.split('/').map(unescaped).collect()
}

#[cold]
fn no_name() -> Error {
    Error::new(
        ErrorKind::Invalid,
        "a column is neither names with points between them nor a JSON pointer",
    )
}

impl Format for Ndjson {
    fn goes_on(&self, _: &mut State, _: &[u8]) -> bool {
        false
    }

    fn is_blank(&self, record: &[u8]) -> bool {
        record.iter().all(u8::is_ascii_whitespace)
    }

    fn row(&self, record: &[u8]) -> Result<Parsed, Error> {
        let text = core::str::from_utf8(record).map_err(|_| malformed("a line is not UTF-8"))?;
        let mut found: Vec<Option<&str>> = vec![None; self.key + self.sealed + self.others];
        if !text.trim_start().starts_with('{') {
            return Err(malformed("a line is no JSON object"));
        }
        fill(&self.root, text, &mut found)?;
        let (keys, rest) = found.split_at_checked(self.key).unwrap_or_default();
        let (sealed, others) = rest.split_at_checked(self.sealed).unwrap_or_default();
        let key = keys.iter().map(|value| scalar(*value)).collect::<Result<_, _>>()?;
        let key =
            RowKey::new(key).ok_or_else(|| Error::new(ErrorKind::Invalid, "a row has no key"))?;
        let others = others.iter().map(|value| scalar(*value)).collect::<Result<_, _>>()?;
        // The row has a key, so the object has a field before its end.
        let end = text.rfind('}').unwrap_or_default();
        let places = sealed.iter().zip(&self.new).map(|(value, new)| match (value, new) {
            (Some(value), _) => Spot::At(place(text, value)),
            (None, Some(new)) => Spot::Before(end, new.clone()),
            (None, None) => Spot::Nowhere,
        });
        let places = places.collect();
        let sealed = sealed.iter().map(|value| stored(*value)).collect();
        Ok(Parsed { row: Row { key, sealed, others }, places })
    }

    fn encode(&self, _: &[u8], new: Option<&str>) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(&new).map_err(|_| malformed("a new value is no text"))
    }
}

/// Where `value`, a part of `text`, is in it.
fn place(text: &str, value: &str) -> Range<usize> {
    let start = value.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    start..start.saturating_add(value.len())
}

fn scalar(value: Option<&str>) -> Result<Scalar, Error> {
    let Some(value) = value else { return Ok(Scalar::Nothing) };
    match value.as_bytes().first() {
        Some(b'n') => Ok(Scalar::Nothing),
        Some(b'"') => match serde_json::from_str(value) {
            Ok(text) => Ok(Scalar::Text(text)),
            Err(_) => Err(malformed("a column that is not sealed holds text that is none")),
        },
        Some(b'-' | b'0'..=b'9') if let Ok(number) = value.parse() => Ok(Scalar::Integer(number)),
        _ => Err(unsupported("a column that is not sealed is neither text nor a whole number")),
    }
}

fn stored(value: Option<&str>) -> Stored {
    let Some(value) = value else { return Stored::Nothing };
    match value.as_bytes().first() {
        Some(b'n') => Stored::Nothing,
        Some(b'"') => serde_json::from_str(value).map_or(Stored::Other, Stored::Text),
        _ => Stored::Other,
    }
}

/// Puts what is asked for in `text`, which is JSON, into `found`.
fn fill<'t>(node: &Node, text: &'t str, found: &mut [Option<&'t str>]) -> Result<(), Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let inner = Level(node).deserialize(&mut json).and_then(|inner| json.end().map(|()| inner));
    let inner = inner.map_err(|error| {
        malformed(if error.is_data() {
            "a line has a field twice"
        } else {
            "a line is no JSON object"
        })
    })?;
    for (node, text) in inner {
        for column in &node.columns {
            if let Some(found) = found.get_mut(*column) {
                *found = Some(text);
            }
        }
        if !node.fields.is_empty() && text.starts_with(['{', '[']) {
            fill(node, text, found)?;
        }
    }
    Ok(())
}

/// Takes those fields of an object, or elements of an array, of which something is asked.
struct Level<'n>(&'n Node);

impl<'n, 't> DeserializeSeed<'t> for Level<'n> {
    type Value = Vec<(&'n Node, &'t str)>;

    fn deserialize<D: Deserializer<'t>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'n, 't> Visitor<'t> for Level<'n> {
    type Value = Vec<(&'n Node, &'t str)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut inner: Self::Value = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            match self.0.fields.iter().find(|(field, _)| *field == name) {
                Some((_, node)) if inner.iter().any(|(other, _)| core::ptr::eq(*other, node)) => {
                    return Err(serde::de::Error::custom("twice"));
                }
                Some((_, node)) => inner.push((node, map.next_value::<&'t RawValue>()?.get())),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(inner)
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut inner = Vec::new();
        let mut at = 0_usize;
        while let Some(value) = elements.next_element::<&'t RawValue>()? {
            let name = at.to_string();
            let node = self.0.fields.iter().find(|(field, _)| *field == name);
            inner.extend(node.map(|(_, node)| (node, value.get())));
            at = at.saturating_add(1);
        }
        Ok(inner)
    }
}

/// The name of a field, copied only where it is escaped.
struct Name<'t>(Cow<'t, str>);

impl<'t> Deserialize<'t> for Name<'t> {
    fn deserialize<D: Deserializer<'t>>(json: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'t> Visitor<'t> for Text {
            type Value = Name<'t>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'t str) -> Result<Name<'t>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'t>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }

        json.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(key: &[&str], sealed: &[&str], others: &[&str], line: &str) -> Result<Parsed, Error> {
        let table = Table::new("t", key, sealed).unwrap().with_others(others).unwrap();
        Ndjson::of(&table).unwrap().row(line.as_bytes())
    }

    #[test]
    fn columns_are_found_wherever_they_are() {
        let line = r#" {"a" : {"b":"x","c.d":[1,{"e":"y"}]}, "\u0061b":7,"z/~":null, "n":-0} "#;
        for (name, expected) in [
            ("a.b", Ok(Scalar::Text("x".to_owned()))),
            ("/a/b", Ok(Scalar::Text("x".to_owned()))),
            ("/a/c.d/0", Ok(Scalar::Integer(1))),
            ("/a/c.d/1/e", Ok(Scalar::Text("y".to_owned()))),
            ("/a/c.d/01/e", Ok(Scalar::Nothing)),
            ("/a/c.d/2", Ok(Scalar::Nothing)),
            ("a.c.d", Ok(Scalar::Nothing)),
            ("ab", Ok(Scalar::Integer(7))),
            ("/z~1~0", Ok(Scalar::Nothing)),
            ("n", Ok(Scalar::Integer(0))),
            ("n.deeper", Ok(Scalar::Nothing)),
            ("absent", Ok(Scalar::Nothing)),
            ("a", Err(ErrorKind::Unsupported)),
        ] {
            let found = parsed(&["ab"], &["s"], &[name], line);
            let found = found.map(|mut parsed| parsed.row.others.remove(0));
            assert_eq!(found.map_err(|error| error.kind()), expected, "{name}");
        }
    }

    #[test]
    fn what_stands_there_is_told_by_its_type() {
        for (value, expected) in [
            (r#""x""#, Stored::Text("x".to_owned())),
            (r#""\u00e9\n""#, Stored::Text("é\n".to_owned())),
            (r#""""#, Stored::Text(String::new())),
            (r#""\ud800""#, Stored::Other),
            ("null", Stored::Nothing),
            ("1", Stored::Other),
            ("true", Stored::Other),
            (r#"{"x":1}"#, Stored::Other),
            ("[]", Stored::Other),
        ] {
            let line = format!(r#"{{"id":1,"s": {value} ,"t":0}}"#);
            let parsed = parsed(&["id"], &["s"], &[], &line).unwrap();
            assert_eq!(parsed.row.sealed, [expected], "{value}");
            let Spot::At(place) = parsed.places[0].clone() else { panic!("{value}") };
            assert_eq!(&line[place], value, "to the byte");
        }
    }

    #[test]
    fn what_is_no_row_is_refused() {
        let kind =
            |line: &str| parsed(&["id"], &["s"], &["o"], line).map(drop).map_err(|it| it.kind());
        assert_eq!(kind(r#"{"id":1}"#), Ok(()), "the control");
        for (line, expected) in [
            ("[]", ErrorKind::Malformed),
            ("1", ErrorKind::Malformed),
            ("{", ErrorKind::Malformed),
            (r#"{"id":1} {}"#, ErrorKind::Malformed),
            (r#"{"id":1,"x":01}"#, ErrorKind::Malformed),
            (r#"{"id":1,"id":1}"#, ErrorKind::Malformed),
            (r#"{"id":1,"s":"a","\u0073":"b"}"#, ErrorKind::Malformed),
            (r#"{"s":"a"}"#, ErrorKind::Invalid),
            (r#"{"id":null}"#, ErrorKind::Invalid),
            (r#"{"id":1.0}"#, ErrorKind::Unsupported),
            (r#"{"id":9223372036854775808}"#, ErrorKind::Unsupported),
            (r#"{"id":1,"o":true}"#, ErrorKind::Unsupported),
        ] {
            assert_eq!(kind(line), Err(expected), "{line}");
        }
        let table = Table::new("t", &["id"], &["s"]).unwrap();
        let wrong = Ndjson::of(&table).unwrap().row(b"{\"id\":1,\"x\":\"\xff\"}");
        assert_eq!(wrong.map(drop).unwrap_err().kind(), ErrorKind::Malformed);
    }

    #[test]
    fn names_that_are_none_are_refused() {
        let of = |sealed: &[&str]| Ndjson::of(&Table::new("t", &["id"], sealed).unwrap()).map(drop);
        assert!(of(&["a.b", "/a/c", "/"]).is_ok());
        for wrong in [&["a..b"][..], &[".a"], &["a."], &["/a~"], &["/a~2"], &["a", "a.b"]] {
            assert_eq!(of(wrong).unwrap_err().kind(), ErrorKind::Invalid, "{wrong:?}");
        }
    }
}
