//! A table of TOML whose keys are taken out one by one, and what is said of the ones that are wrong.

use core::ops::Range;
use phiseal_keys::{Error, ErrorKind};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table, of which some keys have been taken.
pub(super) struct Walk<'d> {
    text: &'d str,
    table: &'d DeTable<'d>,
    /// Where it begins.
    span: Range<usize>,
    taken: Vec<&'static str>,
}

/// A key and its value.
#[derive(Clone)]
pub(super) struct Entry<'d> {
    text: &'d str,
    pub(super) key: String,
    span: Range<usize>,
    pub(super) value: &'d DeValue<'d>,
}

/// The longest name of a key that is shown.
const LONGEST: usize = 32;

impl<'d> Walk<'d> {
    pub(super) fn new(text: &'d str, table: &'d DeTable<'d>, span: Range<usize>) -> Self {
        Self { text, table, span, taken: Vec::new() }
    }

    /// What stands under `key`, if anything.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Entry<'d>> {
        self.taken.push(key);
        self.entries().find(|entry| entry.key == key)
    }

    /// What stands under `key`.
    pub(super) fn need(&mut self, key: &'static str) -> Result<Entry<'d>, Error> {
        self.take(key).ok_or_else(|| self.wrong(ErrorKind::Malformed, "a key is missing", key))
    }

    /// Refuses what was not taken.
    pub(super) fn end(self) -> Result<(), Error> {
        match self.entries().find(|entry| !self.taken.contains(&&*entry.key)) {
            Some(entry) => Err(entry.malformed("there is no such key")),
            None => Ok(()),
        }
    }

    /// What is wrong with the table, or the lack of `key` in it.
    pub(super) fn wrong(&self, kind: ErrorKind, message: &'static str, key: &str) -> Error {
        at(Error::new(kind, message), self.text, self.span.start, key)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'d>> {
        let (text, table) = (self.text, self.table);
        table.iter().map(move |(key, value)| Entry {
            text,
            key: key.get_ref().to_string(),
            span: key.span(),
            value: value.get_ref(),
        })
    }
}

impl<'d> Entry<'d> {
    pub(super) fn text(&self) -> Result<String, Error> {
        match self.value {
            DeValue::String(text) => Ok(text.to_string()),
            _ => Err(self.malformed("a value is no text")),
        }
    }

    pub(super) fn number<N: TryFrom<i64>>(&self) -> Result<N, Error> {
        let DeValue::Integer(number) = self.value else {
            return Err(self.malformed("a value is no whole number"));
        };
        let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
        let number = number.and_then(|number| N::try_from(number).ok());
        number.ok_or_else(|| self.invalid("a number is too large, or less than zero"))
    }

    pub(super) fn list(&self) -> Result<Vec<Self>, Error> {
        let DeValue::Array(values) = self.value else {
            return Err(self.malformed("a value is no list"));
        };
        Ok(values.iter().map(|value| self.of(value)).collect())
    }

    pub(super) fn texts(&self) -> Result<Vec<String>, Error> {
        self.list()?.iter().map(Self::text).collect()
    }

    pub(super) fn table(&self) -> Result<Walk<'d>, Error> {
        match self.value {
            DeValue::Table(table) => Ok(Walk::new(self.text, table, self.span.clone())),
            _ => Err(self.malformed("a value is no table")),
        }
    }

    /// Each of `[[key]]`.
    pub(super) fn tables(&self) -> Result<Vec<Walk<'d>>, Error> {
        let DeValue::Array(values) = self.value else {
            return Err(self.malformed("a value is no list of tables"));
        };
        values.iter().map(|value| self.of(value).table()).collect()
    }

    /// An element of its value.
    fn of(&self, value: &'d Spanned<DeValue<'d>>) -> Entry<'d> {
        let (key, value, span) = (self.key.clone(), value.get_ref(), value.span());
        Entry { text: self.text, key, span, value }
    }

    pub(super) fn malformed(&self, message: &'static str) -> Error {
        self.wrong(Error::new(ErrorKind::Malformed, message))
    }

    pub(super) fn invalid(&self, message: &'static str) -> Error {
        self.wrong(Error::new(ErrorKind::Invalid, message))
    }

    /// An error, with where it is.
    pub(super) fn wrong(&self, error: Error) -> Error {
        at(error, self.text, self.span.start, &self.key)
    }
}

/// An error, with its line and column, from 1, and a key; a key that is no ordinary name is not shown.
pub(super) fn at(error: Error, text: &str, offset: usize, key: &str) -> Error {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count().saturating_add(1);
    let column = before.chars().rev().take_while(|it| *it != '\n').count().saturating_add(1);
    let is_name = !key.is_empty()
        && key.len() <= LONGEST
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let key = if is_name { format!(", key {key}") } else { String::new() };
    error.with_source(format!("line {line}, column {column}{key}"))
}
