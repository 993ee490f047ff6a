//! From PostgreSQL's errors to the contract's.
//!
//! A server's message may quote a row ("Failing row contains ...") or an address; only its SQLSTATE is kept.

use core::error::Error as StdError;
use core::fmt;
use phiseal_keys::{Error, ErrorKind};
use std::io;
use tokio_postgres::error::SqlState;

/// What the caller can do about it.
#[cold]
pub(super) fn failed(error: &tokio_postgres::Error) -> Error {
    if let Some(state) = error.code() {
        let (kind, message) = of_state(state);
        return Error::new(kind, message).with_source(State(state.clone()));
    }
    if let Some(tls) = cause::<rustls::Error>(error) {
        return Error::new(ErrorKind::Unavailable, of_tls(tls)).with_source(tls.clone());
    }
    if let Some(io) = cause::<io::Error>(error) {
        // tokio-postgres says so of a server on which `transaction_read_only` is on.
        let only_reads =
            io.kind() == io::ErrorKind::PermissionDenied && io.raw_os_error().is_none();
        let message = if only_reads { ONLY_READS } else { UNREACHABLE };
        return Error::new(ErrorKind::Unavailable, message).with_source(Io(io.kind()));
    }
    if error.is_closed() {
        return Error::new(ErrorKind::Unavailable, UNREACHABLE);
    }
    // Its kind has no accessor; a test pins these.
    match error.to_string().as_str() {
        "error performing TLS handshake" => {
            Error::new(ErrorKind::Unavailable, "the database server does not offer TLS")
        }
        "authentication error" | "invalid configuration" => Error::new(
            ErrorKind::Denied,
            "the database server and this process could not prove who they are",
        ),
        text if text.starts_with("error deserializing column") => malformed(WRONG_TABLES),
        _ => Error::new(ErrorKind::Faulty, "the database server does not speak as it should"),
    }
}

/// The SQLSTATE (PostgreSQL, appendix A) that a server answered with, where `error` is from one.
#[must_use]
pub fn sqlstate(error: &Error) -> Option<&str> {
    StdError::source(error)?.downcast_ref().map(|State(state)| state.code())
}

/// Whether the connection is gone: what was asked may have been done or not.
pub(super) fn is_lost(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(state) => [
            &SqlState::ADMIN_SHUTDOWN,
            &SqlState::CRASH_SHUTDOWN,
            &SqlState::CANNOT_CONNECT_NOW,
            &SqlState::READ_ONLY_SQL_TRANSACTION,
        ]
        .contains(&state),
        None => error.is_closed() || cause::<io::Error>(error).is_some(),
    }
}

/// What is in the database is not what this store wrote.
#[cold]
pub(super) fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

/// The call took as long as it may.
#[cold]
pub(super) fn late() -> Error {
    Error::new(ErrorKind::Unavailable, "the database server did not answer in time")
}

pub(super) const WRONG_TABLES: &str = "the store's tables are not what they should be";
const UNREACHABLE: &str = "the database server cannot be reached";
const ONLY_READS: &str = "the database server only reads at the moment";
const REFUSED: &str = "the role may not do this in the database";

/// PostgreSQL, appendix A.
fn of_state(state: &SqlState) -> (ErrorKind, &'static str) {
    match state.code() {
        "25006" => (ErrorKind::Unavailable, ONLY_READS),
        "40003" => (ErrorKind::Unavailable, UNREACHABLE),
        "3D000" => (ErrorKind::NotFound, "the database does not exist"),
        "42501" => (ErrorKind::Denied, REFUSED),
        "42883" => (ErrorKind::Unsupported, "the database server is older than PostgreSQL 13"),
        "53100" => (ErrorKind::Unavailable, "the disk of the database server is full"),
        "53300" => (ErrorKind::Throttled, "the database server has too many connections"),
        "55P03" => (ErrorKind::Unavailable, "what is asked for is locked by another session"),
        "57014" => (ErrorKind::Unavailable, "the database server gave the call up"),
        "57P04" => (ErrorKind::NotFound, "the database was dropped"),
        "XX001" | "XX002" => (ErrorKind::Malformed, "the database is damaged"),
        code => of_class(code.get(..2).unwrap_or_default()),
    }
}

fn of_class(class: &str) -> (ErrorKind, &'static str) {
    match class {
        "08" | "57" => (ErrorKind::Unavailable, UNREACHABLE),
        "53" | "58" => (ErrorKind::Unavailable, "the database server is out of resources"),
        "28" => (ErrorKind::Denied, "the database server does not accept the role or its password"),
        "40" => (ErrorKind::Conflict, "the database changed under this operation"),
        "0A" => (ErrorKind::Unsupported, "the database server lacks what is needed"),
        "22" | "23" | "3F" | "42" => (ErrorKind::Malformed, WRONG_TABLES),
        _ => (ErrorKind::Faulty, "the database server failed"),
    }
}

/// Nobody has proved to be the server, so nothing permanent follows from it: whoever can put itself between must not be able
/// to make applications drop the keys that they hold.
fn of_tls(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::AlertReceived(_) => {
            "the database server does not accept this process's certificate"
        }
        _ => "the database server is not the one that TLS must prove",
    }
}

/// The first error of type `E` that `error` stems from. What an [`io::Error`] wraps is its own, not its source.
fn cause<'e, E: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// What a server said, without its words.
#[derive(Debug)]
struct State(SqlState);

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SQLSTATE {}", self.0.code())
    }
}

impl StdError for State {}

/// What the operating system said, without names of hosts and files.
#[derive(Debug)]
struct Io(io::ErrorKind);

impl fmt::Display for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Io {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_its_kind() {
        for (code, kind) in [
            ("08006", ErrorKind::Unavailable),
            ("23514", ErrorKind::Malformed),
            ("25006", ErrorKind::Unavailable),
            ("28000", ErrorKind::Denied),
            ("28P01", ErrorKind::Denied),
            ("3D000", ErrorKind::NotFound),
            ("40001", ErrorKind::Conflict),
            ("40003", ErrorKind::Unavailable),
            ("40P01", ErrorKind::Conflict),
            ("42501", ErrorKind::Denied),
            ("42703", ErrorKind::Malformed),
            ("42P01", ErrorKind::Malformed),
            ("53300", ErrorKind::Throttled),
            ("53200", ErrorKind::Unavailable),
            ("55P03", ErrorKind::Unavailable),
            ("57014", ErrorKind::Unavailable),
            ("57P01", ErrorKind::Unavailable),
            ("57P03", ErrorKind::Unavailable),
            ("57P04", ErrorKind::NotFound),
            ("58030", ErrorKind::Unavailable),
            ("0A000", ErrorKind::Unsupported),
            ("XX000", ErrorKind::Faulty),
            ("XX001", ErrorKind::Malformed),
            ("", ErrorKind::Faulty),
        ] {
            assert_eq!(of_state(&SqlState::from_code(code)).0, kind, "{code}");
        }
    }

    #[test]
    fn a_cause_is_found_inside_of_an_io_error() {
        let inner = rustls::Error::HandshakeNotComplete;
        let outer = io::Error::new(io::ErrorKind::InvalidData, inner.clone());
        assert_eq!(cause::<rustls::Error>(&outer), Some(&inner));
        assert!(cause::<io::Error>(&outer).is_some());
        assert_eq!(cause::<rustls::Error>(&io::Error::from(io::ErrorKind::TimedOut)), None);
    }
}
