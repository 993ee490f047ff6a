//! From SQLite's errors to ours.

use phiseal_keys::{Error, ErrorKind};
use rusqlite::ErrorCode;

/// What the caller can do about it. What SQLite says is left out: an application's triggers may put anything in it.
#[cold]
pub(super) fn failed(error: rusqlite::Error) -> Error {
    let (kind, message) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (ErrorKind::Unavailable, "the database is held by another process")
        }
        Some(ErrorCode::DiskFull) => (ErrorKind::Unavailable, "the disk is full"),
        Some(ErrorCode::SystemIoFailure) => (ErrorKind::Unavailable, "the disk failed"),
        Some(ErrorCode::CannotOpen) => {
            (ErrorKind::Unavailable, "the database file cannot be opened")
        }
        Some(ErrorCode::OutOfMemory) => (ErrorKind::Unavailable, "no memory is left"),
        Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            (ErrorKind::Denied, "the database cannot be written by this process")
        }
        Some(ErrorCode::DatabaseCorrupt) => (ErrorKind::Malformed, "the database is damaged"),
        Some(ErrorCode::NotADatabase) => (ErrorKind::Malformed, "the file is no database"),
        Some(ErrorCode::ConstraintViolation) => {
            (ErrorKind::Invalid, "the table does not take a sealed value")
        }
        Some(ErrorCode::SchemaChanged) => {
            (ErrorKind::Conflict, "the table was changed meanwhile: open it again")
        }
        _ => (ErrorKind::Faulty, "the database failed"),
    };
    let code = error.sqlite_error().map(|code| code.extended_code);
    let error = Error::new(kind, message);
    match code {
        Some(code) => error.with_source(format!("SQLite's error {code}")),
        None => error,
    }
}

#[cold]
pub(super) fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

#[cold]
pub(super) fn unsupported(message: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, message)
}
