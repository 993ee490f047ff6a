//! What is in a row.

use core::fmt;

/// A value of a sealed column, as it is stored. Its `Debug` shows the type and the length: it may never have been sealed.
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a census counts each of them")]
pub enum Stored {
    /// `NULL`.
    Nothing,
    /// Bytes.
    Bytes(Vec<u8>),
    /// Text.
    Text(String),
    /// A number, a date, text that is none: nothing that was sealed.
    Other,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Text(text) => write!(f, "Text({})", text.len()),
            Self::Other => f.write_str("Other"),
        }
    }
}

/// A value of a column that is not sealed. Its `Debug` shows the type alone: it may name a person.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a context is built from each of them in its own way")]
pub enum Scalar {
    /// `NULL`.
    Nothing,
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Integer(_) => "Integer",
            Self::Text(_) => "Text",
            Self::Bytes(_) => "Bytes",
        })
    }
}

/// By what a row is found: a value for each key column, none of them `NULL`.
///
/// How keys are ordered is the source's own matter.
#[derive(Clone, PartialEq, Eq)]
pub struct RowKey(Vec<Scalar>);

impl RowKey {
    /// A key of these values; none when one of them is `NULL`.
    #[must_use]
    pub fn new(parts: Vec<Scalar>) -> Option<Self> {
        (!parts.is_empty() && !parts.contains(&Scalar::Nothing)).then_some(Self(parts))
    }

    /// The key of a row that is not needed any more.
    pub(crate) fn take(&mut self) -> Self {
        Self(core::mem::take(&mut self.0))
    }

    /// The values.
    #[must_use]
    pub fn parts(&self) -> &[Scalar] {
        &self.0
    }
}

impl fmt::Debug for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RowKey").field(&self.0).finish()
    }
}
