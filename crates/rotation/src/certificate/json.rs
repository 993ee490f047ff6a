//! The certificate as JSON: one text per certificate, and a reader that takes no other.

use super::evidence::Evidence;
use super::{Certificate, Digest, Remains, Status};
use core::fmt;
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::Engine;
use serde::{Deserialize, Serialize};

/// The longest certificate: 4 MiB.
pub const MAX_JSON: usize = 4 << 20;

const FORMAT: &str = "phiseal certificate";
const VERSION: u32 = 1;

/// The text. What is beside the facts follows from them.
#[derive(Serialize)]
struct Written<'a> {
    format: &'a str,
    version: u32,
    status: Status,
    certificate: &'a Certificate,
    remains: &'a [Remains],
    evidence: &'a [Evidence],
}

/// The same, as it is read: what follows from the facts is compared with what it must be when all is written again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(rename = "format")]
    _format: String,
    #[serde(rename = "version")]
    _version: u32,
    #[serde(rename = "status")]
    _status: Status,
    certificate: Certificate,
    #[serde(rename = "remains")]
    _remains: Vec<Remains>,
    #[serde(rename = "evidence")]
    _evidence: Vec<Evidence>,
}

impl Certificate {
    /// The JSON: for people to look at, the same bytes for the same facts, with a line end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for facts that contradict each other: approvers who are one person, a census with another hash,
    /// versions that are not told, an erasure without a reason; and for more than [`MAX_JSON`] bytes.
    pub fn to_json(&self, engine: &dyn Engine) -> Result<Vec<u8>, Error> {
        self.check(engine)?;
        self.written()
    }

    fn written(&self) -> Result<Vec<u8>, Error> {
        let written = Written {
            format: FORMAT,
            version: VERSION,
            status: self.status(),
            certificate: self,
            remains: &self.remains(),
            evidence: &self.evidence(),
        };
        let mut json = serde_json::to_vec_pretty(&written)
            .map_err(|_| Error::new(ErrorKind::Faulty, "a certificate cannot be written"))?;
        json.push(b'\n');
        if json.len() > MAX_JSON {
            return Err(Error::new(ErrorKind::Invalid, "a certificate has at most 4 MiB"));
        }
        Ok(json)
    }

    /// Reads what [`Certificate::to_json`] wrote, byte for byte.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] for more than [`MAX_JSON`] bytes and for anything that is not the one text of a certificate: an
    /// unknown or missing member, another order, other white space, a status or evidence that does not follow from the facts.
    /// [`ErrorKind::Unsupported`] for one of a later version; [`ErrorKind::Invalid`] for facts that contradict each other.
    pub fn from_json(json: &[u8], engine: &dyn Engine) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Header {
            format: String,
            version: u32,
        }
        if json.len() > MAX_JSON {
            return Err(malformed("a certificate has at most 4 MiB"));
        }
        let header: Header = serde_json::from_slice(json).map_err(|error| not_json(&error))?;
        if header.format != FORMAT {
            return Err(malformed("the file is no certificate"));
        }
        if header.version > VERSION {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a newer release wrote the certificate",
            ));
        }
        let read: Read = serde_json::from_slice(json).map_err(|error| not_json(&error))?;
        if read.certificate.written()? != json {
            return Err(malformed("the certificate is not as it was written"));
        }
        read.certificate.check(engine)?;
        Ok(read.certificate)
    }

    /// SHA-256 of the JSON.
    ///
    /// # Errors
    ///
    /// As [`Certificate::to_json`].
    pub fn hash(&self, engine: &dyn Engine) -> Result<Digest, Error> {
        Ok(Digest::of(engine, &self.to_json(engine)?))
    }
}

/// Where the JSON stopped making sense; serde's own message may quote a name.
#[derive(Debug)]
struct Place {
    line: usize,
    column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl core::error::Error for Place {}

#[cold]
fn not_json(error: &serde_json::Error) -> Error {
    malformed("the certificate is not what it should be")
        .with_source(Place { line: error.line(), column: error.column() })
}

#[cold]
fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}
