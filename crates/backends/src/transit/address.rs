//! Where the server is, and names that go into its paths as they are.

use hyper::Uri;
use hyper::http::uri::{Authority, Scheme};
use phiseal_keys::{Error, ErrorKind};
use std::net::IpAddr;

/// Scheme and authority of a server, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    scheme: Scheme,
    authority: Authority,
}

impl Address {
    /// Reads `https://host:port`; plain `http` only where the bytes leave the machine by nobody's wire, or `private`.
    pub(super) fn parse(text: &str, private: bool) -> Result<Self, Error> {
        let invalid = || {
            Error::new(
                ErrorKind::Invalid,
                "the address of a server is https://host:port and no more",
            )
        };
        let parts = text.parse::<Uri>().map_err(|_| invalid())?.into_parts();
        let bare = parts.path_and_query.as_ref().is_none_or(|path| path.as_str() == "/");
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(invalid());
        };
        if !bare || authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(invalid());
        }
        if scheme == Scheme::HTTP && !(private || is_loopback(authority.host())) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the server has no TLS: tokens and keys would go over the network in the clear",
            ));
        }
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(invalid());
        }
        Ok(Self { scheme, authority })
    }

    pub(super) fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// The whole of a request's address; `path` begins after `/v1/`.
    pub(super) fn join(&self, path: &str) -> Result<Uri, Error> {
        let whole = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("/v1/{path}"));
        whole.build().map_err(|_| Error::new(ErrorKind::Invalid, "a path makes no address"))
    }

    /// `https://host:port`.
    pub(super) fn text(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }
}

fn is_loopback(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

/// The name of a key: what the server takes, and no more than a KEK's id has room for.
pub(super) fn check_name(name: &str) -> Result<(), Error> {
    if is_segment(name) && name.len() <= MAX_NAME {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Invalid,
        "the name of a transit key is 1 to 128 letters, digits, -, _ and .",
    ))
}

/// The path of a mount or a namespace, without slashes at its ends.
pub(super) fn check_path(path: &str) -> Result<(), Error> {
    if path.len() <= MAX_PATH && path.split('/').all(is_segment) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Invalid,
        "the path of a mount or namespace is letters, digits, -, _ and ., with single slashes between",
    ))
}

const MAX_NAME: usize = 128;
const MAX_PATH: usize = 512;

fn is_segment(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let ends =
        |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    text.bytes().all(allowed) && ends(text.bytes().next()) && ends(text.bytes().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_scheme_and_authority() {
        for (text, private, expected) in [
            ("https://bao.example:8200", false, Ok(())),
            ("https://bao.example/", false, Ok(())),
            ("http://127.0.0.1:8200", false, Ok(())),
            ("http://[::1]:8200", false, Ok(())),
            ("http://localhost:8200", false, Ok(())),
            ("http://bao.example:8200", true, Ok(())),
            ("http://bao.example:8200", false, Err(ErrorKind::Unsupported)),
            ("http://127.0.0.1.example:8200", false, Err(ErrorKind::Unsupported)),
            ("http://localhost.example", false, Err(ErrorKind::Unsupported)),
            ("ftp://127.0.0.1", false, Err(ErrorKind::Invalid)),
            ("https://token@bao.example", false, Err(ErrorKind::Invalid)),
            ("https://bao.example/v1", false, Err(ErrorKind::Invalid)),
            ("https://bao.example/?a", false, Err(ErrorKind::Invalid)),
            ("bao.example:8200", false, Err(ErrorKind::Invalid)),
            ("", false, Err(ErrorKind::Invalid)),
        ] {
            let parsed = Address::parse(text, private).map(drop).map_err(|error| error.kind());
            assert_eq!(parsed, expected, "{text}");
        }
        let address = Address::parse("https://bao.example:8200", false).unwrap();
        let joined = address.join("transit/keys/phi").unwrap().to_string();
        assert_eq!(joined, "https://bao.example:8200/v1/transit/keys/phi");
    }

    #[test]
    fn names_go_into_paths_as_they_are() {
        for good in ["phi", "phi-2026.1_a", "a", "_a_", &"a".repeat(128)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in
            ["", ".", "..", "a/b", "a%2fb", "a b", "-a", "a.", "ä", "a?b", "a#b", &"a".repeat(129)]
        {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        for good in ["transit", "clinic/transit", "a/b/c"] {
            assert!(check_path(good).is_ok(), "{good}");
        }
        for bad in ["", "/transit", "transit/", "a//b", "a/../b", "a/./b"] {
            assert!(check_path(bad).is_err(), "{bad}");
        }
    }
}
