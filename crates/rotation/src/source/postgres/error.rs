//! What a server's errors mean where it keeps an application's table.

use phiseal_keys::{Error, ErrorKind};
use phiseal_stores::postgres::sqlstate;

/// The same, by its SQLSTATE (PostgreSQL, appendix A), in the words of a source.
#[cold]
pub(super) fn failed(error: Error) -> Error {
    let Some(state) = sqlstate(&error) else { return error };
    let (kind, message) = match (state, state.get(..2).unwrap_or_default()) {
        (CHANGED_BY_A_TRIGGER, _) => {
            (ErrorKind::Denied, "a trigger of the table changes what is written")
        }
        ("42501", _) => return error,
        (_, "22" | "23" | "44") => (ErrorKind::Invalid, "the table does not take a sealed value"),
        (_, "27" | "38" | "39" | "P0") => {
            (ErrorKind::Denied, "a trigger of the table refuses a change")
        }
        (_, "3F" | "42") => (ErrorKind::Conflict, "the table was changed meanwhile: open it again"),
        _ => return error,
    };
    Error::new(kind, message).with_source(format!("SQLSTATE {state}"))
}

/// `division_by_zero`: what [`Statements`](super::statements::Statements) makes of a value that is not what was to be written.
const CHANGED_BY_A_TRIGGER: &str = "22012";

#[cold]
pub(super) fn unsupported(message: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, message)
}

#[cold]
pub(super) fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cold]
pub(super) fn faulty() -> Error {
    Error::new(ErrorKind::Faulty, "the database answered what was not asked for")
}
