//! Errors of files. None of them holds what is in one.

use phiseal_keys::{Error, ErrorKind};
use std::io;

/// What the caller can do about it. Names of files are left out.
#[cold]
pub(super) fn failed(error: io::Error) -> Error {
    let (kind, message) = match error.kind() {
        io::ErrorKind::NotFound => (ErrorKind::NotFound, "there is no such file"),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            (ErrorKind::Denied, "the file or its folder cannot be read or written by this process")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (ErrorKind::Unavailable, "the disk is full")
        }
        _ => (ErrorKind::Unavailable, "the file cannot be read or written"),
    };
    Error::new(kind, message).with_source(format!("{:?}", error.kind()))
}

/// Of a file whose contents are not what they should be, in this line, counted from 1.
#[cold]
pub(super) fn at_line(error: Error, line: u64) -> Error {
    error.with_source(format!("line {line}"))
}

#[cold]
pub(super) fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

#[cold]
pub(super) fn unsupported(message: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, message)
}

#[cold]
pub(super) fn changed() -> Error {
    Error::new(ErrorKind::Conflict, "somebody else has changed the file: open it again")
}
