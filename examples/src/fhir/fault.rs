//! What can be wrong with a line.

use std::fmt;

use super::{MAX_DOCUMENT, MAX_LINE};

/// Why a line cannot be used.
///
/// No variant has room for text from the line: only numbers and words of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// More than [`MAX_LINE`] bytes.
    LineTooLong,
    /// More than [`MAX_DOCUMENT`] bytes.
    DocumentTooLong,
    /// Not UTF-8; where, counted from 1.
    NotUtf8 { byte: usize },
    /// Not JSON; where the parser gave up, which can be a column before what it stumbled over.
    NotJson { line: usize, column: usize },
    /// JSON, but not an object.
    NotAnObject,
    /// Deeper than the depth that the parser recurses to.
    TooDeep,
    /// An object without `resourceType`.
    TypeMissing,
    /// A member that occurs twice (RFC 8259, 4: the outcome would depend on the reader).
    Repeated { member: &'static str },
    /// A member of another JSON type than FHIR gives it.
    Mistyped { member: &'static str, wanted: &'static str },
    /// An element of a list that is not an object.
    MistypedElement { member: &'static str, index: u32 },
    /// A Patient without `id`.
    IdMissing,
    /// An id that FHIR R4 (Data Types, id) does not allow.
    IdMalformed,
    /// An id that an earlier patient has.
    DuplicateId { first: u64 },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Fault::LineTooLong => write!(f, "over {} MiB", MAX_LINE >> 20),
            Fault::DocumentTooLong => {
                write!(f, "over {} MiB and not one resource a line", MAX_DOCUMENT >> 20)
            }
            Fault::NotUtf8 { byte } => write!(f, "not UTF-8 (byte {byte})"),
            Fault::NotJson { line: 1, column } => write!(f, "not JSON (column {column})"),
            Fault::NotJson { line, column } => write!(f, "not JSON (line {line}, column {column})"),
            Fault::NotAnObject => f.write_str("not a JSON object"),
            Fault::TooDeep => write!(f, "nested deeper than {} levels", super::patient::MAX_DEPTH),
            Fault::TypeMissing => f.write_str("resourceType missing"),
            Fault::Repeated { member } => write!(f, "{member} occurs twice"),
            Fault::Mistyped { member, wanted } => write!(f, "{member} is not {wanted}"),
            Fault::MistypedElement { member, index } => {
                write!(f, "{member}[{index}] is not an object")
            }
            Fault::IdMissing => f.write_str("Patient without id"),
            Fault::IdMalformed => f.write_str("id is not a FHIR id"),
            Fault::DuplicateId { first } => write!(f, "id already seen (line {first})"),
        }
    }
}
