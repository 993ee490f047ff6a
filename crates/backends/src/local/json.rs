//! Key files as JSON: read without a copy of what is secret in them, printed into a buffer that does not grow.

use core::fmt;
use phiseal_keys::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use std::io::Cursor;
use zeroize::Zeroizing;

/// Refuses a file of another format or version. Of one of another version only the number need be understood.
pub(crate) fn check_header(bytes: &[u8], format: &str, version: u32) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Header<'a> {
        format: &'a str,
        version: u32,
    }
    let header: Header<'_> = parse(bytes)?;
    if header.format != format {
        return Err(malformed("the file is not a key file"));
    }
    if header.version > version {
        return Err(Error::new(ErrorKind::Unsupported, "a newer release wrote the key file"));
    }
    if header.version != version {
        return Err(malformed("the key file has a version that no release wrote"));
    }
    Ok(())
}

/// Reads the JSON. Its errors would quote what they found, so none is passed on; only the place is.
pub(crate) fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| {
        malformed("the key file is not what it should be")
            .with_source(Place { line: error.line(), column: error.column() })
    })
}

/// The JSON, for people to look at, in at most `room` bytes: a buffer that grew would leave keys in the memory that it left.
pub(crate) fn print(document: &impl Serialize, room: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut buffer = Zeroizing::new(vec![0; room]);
    let mut cursor = Cursor::new(buffer.as_mut_slice());
    serde_json::to_writer_pretty(&mut cursor, document).map_err(|_| too_small())?;
    let length = usize::try_from(cursor.position()).map_err(|_| too_small())?;
    *buffer.get_mut(length).ok_or_else(too_small)? = b'\n';
    buffer.truncate(length.saturating_add(1));
    Ok(buffer)
}

/// Where the JSON stopped making sense; serde's own message may quote a key.
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
pub(crate) fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

#[cold]
fn too_small() -> Error {
    Error::new(ErrorKind::Faulty, "a buffer for a key file is too small")
}
