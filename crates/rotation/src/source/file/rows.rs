//! The rows of a file that is read.

use super::error::{at_line, malformed};
use super::records::{LONGEST, Place, Records};
use super::temporary::Temporary;
use super::unique::{Hashing, KeyHash, Seen};
use super::{Format, Parsed, Spot};
use crate::source::{Change, Outcome, Stored};
use phiseal_keys::Error;
use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;

/// A file that is read: nobody writes it.
pub(super) struct Base {
    pub(super) file: File,
    /// Where its rows begin.
    pub(super) begin: u64,
    /// The sum of its records.
    pub(super) sum: u128,
    /// Where it is a new one beside the original.
    pub(super) temporary: Option<Temporary>,
}

/// A record that is to be another one.
pub(super) struct Edit {
    /// The place before it.
    pub(super) place: Place,
    pub(super) record: Vec<u8>,
}

impl Base {
    /// A file whose every record is a row of the format, of keys that are unique. Hashes of keys may go to a file at `keys`.
    pub(super) fn check(
        file: File,
        begin: u64,
        format: &dyn Format,
        hashing: &Hashing,
        keys: PathBuf,
    ) -> Result<Self, Error> {
        let (mut sum, mut seen) = (hashing.sum(), Seen::new(keys));
        let mut twice = None;
        let mut records = Records::new(&file, format, begin, Place::default())?;
        while twice.is_none()
            && let Some(record) = records.next()?
        {
            sum.add(record.bytes);
            if record.is_row {
                let parsed = format.row(record.contents());
                let key = parsed.map_err(|error| record.wrong(error))?.row.key;
                twice = seen.add(hashing.of(&key))?;
            }
        }
        if let Some(hash) = twice.map_or_else(|| seen.finish(), |hash| Ok(Some(hash)))? {
            return Err(Self::twice(&file, begin, format, hashing, hash)?);
        }
        Ok(Self { sum: sum.finish(), file, begin, temporary: None })
    }

    /// Which rows have the key with this hash.
    fn twice(
        file: &File,
        begin: u64,
        format: &dyn Format,
        hashing: &Hashing,
        hash: KeyHash,
    ) -> Result<Error, Error> {
        let mut lines = Vec::new();
        let mut records = Records::new(file, format, begin, Place::default())?;
        while lines.len() < 2
            && let Some(record) = records.next()?
        {
            if record.is_row && hashing.of(&format.row(record.contents())?.row.key) == hash {
                lines.push((record.place.line + 1).to_string());
            }
        }
        let error = Error::new(phiseal_keys::ErrorKind::Invalid, "two rows have one key");
        Ok(error.with_source(format!("lines {}", lines.join(" and "))))
    }

    pub(super) fn records<'f>(
        &'f self,
        format: &'f dyn Format,
        place: Place,
    ) -> Result<Records<'f>, Error> {
        Records::new(&self.file, format, self.begin, place)
    }
}

/// What the changes make of the records after `from`, in their order; `outcomes` has what became of each change whose row is there.
pub(super) fn edits(
    base: &Base,
    format: &dyn Format,
    hashing: &Hashing,
    from: Place,
    changes: &[Change],
    outcomes: &mut [Option<Outcome>],
) -> Result<Vec<Edit>, Error> {
    let mut wanted: HashMap<KeyHash, Vec<usize>> = HashMap::new();
    for (at, change) in changes.iter().enumerate() {
        if outcomes.get(at) == Some(&None) {
            wanted.entry(hashing.of(&change.key)).or_default().push(at);
        }
    }
    let mut edits = Vec::new();
    let mut records = base.records(format, from)?;
    while !wanted.is_empty()
        && let Some(record) = records.next()?
    {
        if !record.is_row {
            continue;
        }
        let mut parsed = format.row(record.contents()).map_err(|error| record.wrong(error))?;
        let Some(of_key) = wanted.remove(&hashing.of(&parsed.row.key)) else { continue };
        let mut contents: Option<Vec<u8>> = None;
        for at in of_key {
            let Some(change) = changes.get(at) else { continue };
            let is_old = change
                .swaps
                .iter()
                .all(|swap| parsed.row.sealed.get(swap.column) == Some(&swap.old));
            let outcome = if is_old { Outcome::Written } else { Outcome::Changed };
            if is_old {
                let now = contents.as_deref().unwrap_or(record.contents());
                let new = apply(format, now, &parsed, change)?;
                parsed = format.row(&new).map_err(|_| unreadable())?;
                contents = Some(new);
            }
            if let Some(said) = outcomes.get_mut(at) {
                *said = Some(outcome);
            }
        }
        if let Some(contents) = contents {
            let mark = record.bytes.get(..record.mark).unwrap_or_default();
            let new = [mark, &contents].concat();
            if new.len() > LONGEST {
                let line = record.place.line.saturating_add(1);
                return Err(at_line(malformed("a line is longer than 16 MiB"), line));
            }
            edits.push(Edit { place: record.place, record: new });
        }
    }
    Ok(edits)
}

/// A record with the new values of a change in it, and all else as it stands.
fn apply(
    format: &dyn Format,
    record: &[u8],
    parsed: &Parsed,
    change: &Change,
) -> Result<Vec<u8>, Error> {
    let mut swaps = Vec::new();
    for swap in &change.swaps {
        let new = match &swap.new {
            Stored::Text(text) => Some(text.as_str()),
            Stored::Nothing => None,
            Stored::Bytes(_) | Stored::Other => return Err(unreadable()),
        };
        swaps.push(match parsed.places.get(swap.column) {
            Some(Spot::At(place)) => {
                let old = record.get(place.clone()).unwrap_or_default();
                (place.clone(), format.encode(old, new)?)
            }
            Some(Spot::Before(at, name)) => {
                (*at..*at, [name.as_slice(), &format.encode(&[], new)?].concat())
            }
            Some(Spot::Nowhere) | None => {
                let message =
                    "a row has no such field, and it is inside of another one: write null into it";
                return Err(Error::new(phiseal_keys::ErrorKind::Invalid, message));
            }
        });
    }
    swaps.sort_by_key(|(place, _)| place.start);
    let (mut new, mut from) = (Vec::with_capacity(record.len()), 0);
    for (place, value) in swaps {
        new.extend_from_slice(record.get(from..place.start).unwrap_or_default());
        new.extend_from_slice(&value);
        from = place.end;
    }
    new.extend_from_slice(record.get(from..).unwrap_or_default());
    Ok(new)
}

#[cold]
fn unreadable() -> Error {
    Error::new(phiseal_keys::ErrorKind::Faulty, "a row would not be readable with its new values")
}
