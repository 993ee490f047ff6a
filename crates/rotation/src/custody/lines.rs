//! Texts of lines, each a word, a space and a value.

use core::str::FromStr;
use phiseal_keys::{Error, ErrorKind};

/// What is left of a text.
pub(super) struct Lines<'a>(&'a str);

impl<'a> Lines<'a> {
    /// Those after the line `title`.
    pub(super) fn after(title: &str, text: &'a str) -> Option<Self> {
        text.strip_prefix(title)?.strip_prefix('\n').map(Self)
    }

    /// The value of the next line, which has to begin with `word`.
    pub(super) fn value(&mut self, word: &str) -> Option<&'a str> {
        let (line, rest) = self.0.split_once('\n')?;
        let value = line.strip_prefix(word)?.strip_prefix(' ')?;
        self.0 = rest;
        Some(value)
    }

    /// As [`Lines::value`], read.
    pub(super) fn parsed<T: FromStr>(&mut self, word: &str) -> Option<T> {
        self.value(word)?.parse().ok()
    }

    /// The values of all next lines that begin with `word`, at most `most`.
    pub(super) fn values(&mut self, word: &str, most: usize) -> Option<Vec<&'a str>> {
        let mut values = Vec::new();
        while let Some(value) = self.value(word) {
            if values.len() == most {
                return None;
            }
            values.push(value);
        }
        Some(values)
    }

    /// Whether nothing is left.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

pub(super) fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}
