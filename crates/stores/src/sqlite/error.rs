//! From SQLite's errors to the contract's.

use phiseal_keys::{Error, ErrorKind};
use rusqlite::ErrorCode;

/// What the caller can do about it. SQLite's errors name statements, tables and columns, never the values bound to them.
#[cold]
pub(super) fn failed(error: rusqlite::Error) -> Error {
    let (kind, message) = match &error {
        rusqlite::Error::SqliteFailure(failure, _) => of_code(failure.code),
        rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..)
        | rusqlite::Error::QueryReturnedNoRows => {
            (ErrorKind::Malformed, "the store holds a value of another type than it should")
        }
        rusqlite::Error::SqlInputError { .. } => {
            (ErrorKind::Malformed, "the store's tables are not what they should be")
        }
        _ => (ErrorKind::Faulty, "the store failed"),
    };
    Error::new(kind, message).with_source(error)
}

/// Whether somebody else holds a lock, and the busy timeout is over.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// What is in the file is not what this store wrote.
#[cold]
pub(super) fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

fn of_code(code: ErrorCode) -> (ErrorKind, &'static str) {
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            (ErrorKind::Unavailable, "the store is held by another process")
        }
        ErrorCode::DiskFull => (ErrorKind::Unavailable, "the disk that holds the store is full"),
        ErrorCode::SystemIoFailure => {
            (ErrorKind::Unavailable, "the disk that holds the store failed")
        }
        ErrorCode::CannotOpen => (ErrorKind::Unavailable, "the store's file cannot be opened"),
        ErrorCode::OutOfMemory => (ErrorKind::Unavailable, "no memory is left for the store"),
        ErrorCode::PermissionDenied
        | ErrorCode::ReadOnly
        | ErrorCode::AuthorizationForStatementDenied => {
            (ErrorKind::Denied, "the store's file or folder cannot be written by this process")
        }
        ErrorCode::DatabaseCorrupt => (ErrorKind::Malformed, "the store's file is damaged"),
        ErrorCode::NotADatabase => (ErrorKind::Malformed, "the file is not a store"),
        ErrorCode::TooBig => (ErrorKind::Malformed, "the store holds a record that is too long"),
        _ => (ErrorKind::Faulty, "the store failed"),
    }
}
