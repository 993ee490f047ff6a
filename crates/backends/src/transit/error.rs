//! What a server's refusal means to a caller: the one table.

use phiseal_keys::{Error, ErrorKind};
use serde::Deserialize;
use std::error::Error as StdError;
use std::io;

/// What servers say with 400 and 404, and what that means. The first that is found counts.
const SAID: [(&str, ErrorKind, &str); 14] = [
    ("message authentication failed", ErrorKind::Unauthenticated, "authentication failed"),
    ("unable to decrypt", ErrorKind::Unauthenticated, "authentication failed"),
    (
        "too old",
        ErrorKind::State,
        "the version of the transit key is below its min_decryption_version, or destroyed",
    ),
    ("version is too new", ErrorKind::NotFound, "the transit key has no such version"),
    (
        "higher than the latest key version",
        ErrorKind::NotFound,
        "the transit key has no such version",
    ),
    ("soft-deleted", ErrorKind::State, "the transit key is soft-deleted"),
    ("encryption key not found", ErrorKind::NotFound, NO_KEY),
    ("unknown key type", ErrorKind::NotFound, NO_KEY),
    ("no existing key named", ErrorKind::NotFound, NO_KEY),
    (
        "less than the minimum encryption key version",
        ErrorKind::State,
        "the version of the transit key is below its min_encryption_version",
    ),
    ("invalid ciphertext", ErrorKind::Malformed, "malformed bytes"),
    ("ciphertext to decrypt", ErrorKind::Malformed, "malformed bytes"),
    (
        "transaction commit failed",
        ErrorKind::Conflict,
        "the transit key was changed at the same time",
    ),
    ("namespace not found", ErrorKind::NotFound, "the server has no such namespace"),
];

/// Of those, what servers say with 500 too. Any other words are then about the server itself: it may be its own storage that
/// it cannot decrypt.
const SAID_WITH_500: [&str; 2] = ["soft-deleted", "transaction commit failed"];

const NO_KEY: &str = "the server has no transit key of this name";

/// What an answer with this status means that is not a success.
#[cold]
pub(super) fn refusal(status: u16, body: &[u8]) -> Error {
    let said = Said::parse(body);
    if let (400 | 404 | 500, Some(said)) = (status, &said) {
        for (words, kind, message) in SAID {
            let counts = status != 500 || SAID_WITH_500.contains(&words);
            if counts && said.errors.iter().any(|error| error.contains(words)) {
                return Error::new(kind, message);
            }
        }
    }
    let (kind, message) = match status {
        400 => (ErrorKind::Invalid, "the server refuses the request as invalid"),
        401 | 403 => (
            ErrorKind::Denied,
            "the server denies this: the token is wrong or ended, or its policy does not allow it",
        ),
        404 if said.is_some() => {
            (ErrorKind::NotFound, "the server has no such transit key or mount")
        }
        405 => (ErrorKind::Unsupported, "the server does not have this operation"),
        412 => (ErrorKind::Unavailable, "the server has not caught up with a change yet"),
        429 => (ErrorKind::Throttled, "the server asks for fewer calls"),
        300..=399 => (
            ErrorKind::Unavailable,
            "the server points elsewhere, which is not followed: it may be a standby",
        ),
        472 | 473 => (ErrorKind::Unavailable, "the server is a standby of a replicated cluster"),
        503 => (ErrorKind::Unavailable, "the server is sealed, a standby or overloaded"),
        408 | 500..=599 => (ErrorKind::Unavailable, "the server failed"),
        _ => (ErrorKind::Faulty, "the server answered what a key server does not answer"),
    };
    Error::new(kind, message)
}

/// `{"errors": [...]}`, as both servers write refusals.
#[derive(Deserialize)]
struct Said {
    errors: Vec<String>,
}

impl Said {
    fn parse(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

/// What it means that a request was not answered. Nobody has proven to be the server, so nothing permanent follows from it.
#[cold]
pub(super) fn unanswered(error: &(dyn StdError + 'static)) -> Error {
    let mut cause = Some(error);
    while let Some(here) = cause {
        match here.downcast_ref::<rustls::Error>() {
            Some(rustls::Error::InvalidCertificate(_)) => {
                return Error::new(
                    ErrorKind::Unavailable,
                    "the certificate of the server is not one to trust, or of another host",
                );
            }
            Some(_) => {
                return Error::new(
                    ErrorKind::Unavailable,
                    "no TLS connection to the server: it may want a client certificate, or speaks no TLS",
                );
            }
            // The source of an `io::Error` is not what it holds, but the source of that.
            None => {
                cause = match here.downcast_ref::<io::Error>() {
                    Some(io) => io.get_ref().map(|held| held as _),
                    None => here.source(),
                };
            }
        }
    }
    Error::new(ErrorKind::Unavailable, "the server cannot be reached, or hung up")
}

/// The server answered in time, and no call of this backend makes sense of it.
#[cold]
pub(super) fn senseless() -> Error {
    Error::new(ErrorKind::Faulty, "the answer of the server makes no sense")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ErrorKind::{
        Conflict, Denied, Faulty, Invalid, Malformed, NotFound, State, Throttled, Unauthenticated,
        Unavailable, Unsupported,
    };

    fn kind(status: u16, said: &str) -> ErrorKind {
        refusal(status, format!(r#"{{"errors":["{said}"]}}"#).as_bytes()).kind()
    }

    #[test]
    fn what_servers_say() {
        for (status, said, expected) in [
            (400, "cipher: message authentication failed", Unauthenticated),
            // What a server says of its own storage is no word about a wrap.
            (500, "cipher: message authentication failed", Unavailable),
            (500, "encryption key not found", Unavailable),
            (400, "invalid ciphertext: unable to decrypt", Unauthenticated),
            (400, "ciphertext or signature version is disallowed by policy (too old)", State),
            (400, "invalid ciphertext: version is too new", NotFound),
            (
                400,
                "requested version for encryption is higher than the latest key version",
                NotFound,
            ),
            (400, "refusing to use soft-deleted key", State),
            (500, r"1 error occurred:\n\t* refusing to use soft-deleted key\n\n", State),
            (400, "encryption key not found", NotFound),
            (400, "unknown key type phiseal-never-creates-a-key", NotFound),
            (400, "no existing key named phi could be found", NotFound),
            (
                400,
                "requested version for encryption is less than the minimum encryption key version",
                State,
            ),
            (400, "invalid ciphertext length", Malformed),
            (400, "invalid ciphertext: could not decode base64", Malformed),
            (400, "missing ciphertext to decrypt", Malformed),
            (404, "namespace not found", NotFound),
            (500, r"1 error occurred:\n\t* transaction commit failed\n\n", Conflict),
            (400, "something else", Invalid),
            (403, "permission denied", Denied),
            // Words count only where a server says them.
            (403, "cipher: message authentication failed", Denied),
            (503, "Vault is sealed", Unavailable),
            (500, "internal error", Unavailable),
        ] {
            assert_eq!(kind(status, said), expected, "{status} {said}");
        }
    }

    #[test]
    fn every_status_is_in_the_table() {
        let expected = |status| match status {
            400 => Invalid,
            401 | 403 => Denied,
            404 => NotFound,
            405 => Unsupported,
            429 => Throttled,
            300..=399 | 408 | 412 | 472 | 473 | 500..=599 => Unavailable,
            _ => Faulty,
        };
        for status in 100..=999 {
            assert_eq!(refusal(status, br#"{"errors":[]}"#).kind(), expected(status), "{status}");
        }
        // A 404 that no key server wrote says nothing about keys.
        assert_eq!(refusal(404, b"<html>not here</html>").kind(), Faulty);
    }

    #[test]
    fn nothing_of_a_body_is_in_an_error() {
        for status in [200, 301, 400, 403, 404, 429, 500, 503] {
            let error = refusal(status, br#"{"errors":["canary 7f3a"]}"#);
            assert!(!format!("{error:?} {error}").contains("7f3a"));
        }
    }
}
