//! What every store refuses before it touches its medium.

use phiseal_keys::{Error, ErrorKind, MAX_ID, MAX_RECORD, RecordWrite};
use std::collections::HashSet;

/// Refuses an id that is empty or over [`MAX_ID`] bytes.
pub(crate) fn check_id(id: &[u8]) -> Result<(), Error> {
    match id.len() {
        1..=MAX_ID => Ok(()),
        0 => Err(Error::new(ErrorKind::Invalid, "the id of a record is empty")),
        _ => Err(Error::new(ErrorKind::Invalid, "the id of a record is too long")),
    }
}

/// Refuses a record that is over [`MAX_RECORD`] bytes.
pub(crate) fn check_bytes(bytes: &[u8]) -> Result<(), Error> {
    if bytes.len() <= MAX_RECORD {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Invalid, "the record is too long"))
    }
}

/// Refuses writes of which one would be refused, and two of one record.
pub(crate) fn check_all(writes: &[RecordWrite<'_>]) -> Result<(), Error> {
    let mut records = HashSet::with_capacity(writes.len());
    for write in writes {
        check_id(write.id)?;
        check_bytes(write.bytes)?;
        if !records.insert((write.kind, write.id)) {
            return Err(Error::new(ErrorKind::Invalid, "a record is written twice"));
        }
    }
    Ok(())
}

/// What a write is refused with whose `expected` is not the record's revision.
#[cold]
pub(crate) fn conflict() -> Error {
    Error::new(ErrorKind::Conflict, "the record is not at the expected revision")
}
