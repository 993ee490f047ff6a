//! Files of records, one row each: what is the same for every format.

mod csv;
mod error;
mod identity;
mod ndjson;
mod output;
mod records;
mod rows;
mod temporary;
mod unique;

pub use csv::CsvSource;
pub use ndjson::NdjsonSource;

use super::{Change, Outcome, Row, RowKey, Table};
use core::ops::Range;
use error::{changed, failed, unsupported};
use identity::Identity;
use output::Output;
use phiseal_keys::{Error, ErrorKind, OfProcess};
use records::Place;
use rows::Base;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use temporary::Temporary;
use unique::Hashing;

/// How rows stand in a file.
trait Format: Send + Sync + 'static {
    /// Whether a record goes on after this line, of which there was `state` before.
    fn goes_on(&self, state: &mut State, line: &[u8]) -> bool;

    /// Whether a record is none: a blank line.
    fn is_blank(&self, record: &[u8]) -> bool;

    /// The row of a record.
    fn row(&self, record: &[u8]) -> Result<Parsed, Error>;

    /// What is to stand there in the place of `old`: a text, or nothing.
    fn encode(&self, old: &[u8], new: Option<&str>) -> Result<Vec<u8>, Error>;
}

/// Where in a record its last line ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Start,
    Plain,
    Quoted,
    Quote,
}

/// A row, and where in its record the sealed values stand.
struct Parsed {
    row: Row,
    places: Vec<Spot>,
}

/// Where a value stands in its record, or may stand.
#[derive(Clone)]
enum Spot {
    /// There.
    At(Range<usize>),
    /// It is not there, and would stand before this byte, after these.
    Before(usize, Vec<u8>),
    /// It is not there, and there is no place for it.
    Nowhere,
}

/// A file, as its source keeps it.
struct Files {
    table: Table,
    format: Box<dyn Format>,
    /// The file under its own name.
    path: PathBuf,
    hashing: Hashing,
    held: OfProcess<Mutex<Held>>,
}

/// What changes while a source is in use.
struct Held {
    /// The file as it was opened, or as it was made last: locked.
    original: File,
    identity: Identity,
    /// What is read: the original, or a new file with everything that was replaced.
    base: Base,
    /// A new file in the making: the base up to a place, with what was replaced.
    output: Option<Output>,
    /// Where the pages ended that were read last.
    ends: Vec<(RowKey, Place)>,
    /// Whether something that was said to be written is lost.
    broken: bool,
}

/// How many ends of pages are kept.
const ENDS: usize = 8;

/// Opens and locks a file, and removes what a killed process left beside it.
fn lock(path: &Path) -> Result<(PathBuf, File, Identity), Error> {
    let path = path.canonicalize().map_err(failed)?;
    let file = File::open(&path).map_err(failed)?;
    try_lock(&file)?;
    let identity = Identity::of(&file)?;
    // Whoever had the lock before may have put another file there.
    if Identity::at(&path)? != identity {
        return Err(changed());
    }
    temporary::sweep(&path)?;
    Ok((path, file, identity))
}

fn try_lock(file: &File) -> Result<(), Error> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            Err(Error::new(ErrorKind::Unavailable, "another process works on the file"))
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

impl Files {
    /// Reads the whole file once: each record has to be one, and keys to be unique.
    fn open(
        (path, original, identity): (PathBuf, File, Identity),
        begin: u64,
        format: Box<dyn Format>,
        table: Table,
    ) -> Result<Self, Error> {
        let hashing = Hashing::default();
        let [_, _, keys] = temporary::names(&path);
        let file = original.try_clone().map_err(failed)?;
        let base = Base::check(file, begin, &*format, &hashing, keys)?;
        let held = Held { original, identity, base, output: None, ends: Vec::new(), broken: false };
        let held = OfProcess::new(Mutex::new(held));
        let files = Self { table, format, path, hashing, held };
        files.with(|held| held.check(&files.path))?;
        Ok(files)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Held) -> Result<T, Error>) -> Result<T, Error> {
        let held = self.held.get().ok_or_else(|| {
            unsupported("the file was opened before this process was forked: open it again")
        })?;
        act(&mut held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn scan(
        &self,
        after: Option<&RowKey>,
        until: Option<&RowKey>,
        limit: usize,
    ) -> Result<Vec<Row>, Error> {
        let keys = self.table.key().len();
        if [after, until].into_iter().flatten().any(|key| key.parts().len() != keys) {
            return Err(Error::new(ErrorKind::Invalid, "a key of another table"));
        }
        self.with(|held| {
            held.check(&self.path)?;
            let mut place = held.find(after, &*self.format)?;
            // What is behind the place up to which a new file is written is in the new file.
            if held.output.as_ref().is_some_and(|output| place.row < output.place().row) {
                self.settle(held)?;
                place = held.find(after, &*self.format)?;
            }
            let end = match until {
                Some(key) => {
                    let end = held.find(Some(key), &*self.format)?;
                    held.remember(key, end);
                    end.row
                }
                None => u64::MAX,
            };
            let mut rows = Vec::new();
            let mut records = held.base.records(&*self.format, place)?;
            while rows.len() < limit
                && records.place().row < end
                && let Some(record) = records.next()?
            {
                if record.is_row {
                    let parsed = self.format.row(record.contents());
                    rows.push(parsed.map_err(|error| record.wrong(error))?.row);
                }
            }
            let place = records.place();
            if let Some(last) = rows.last() {
                held.remember(&last.key, place);
            }
            Ok(rows)
        })
    }

    fn replace(&self, changes: &[Change]) -> Result<Vec<Outcome>, Error> {
        changes.iter().try_for_each(|change| change.check(&self.table))?;
        self.with(|held| {
            held.check(&self.path)?;
            let outcomes = self.write(held, changes);
            // A batch that failed may have left half a row in the new file.
            held.broken |= held.output.as_ref().is_some_and(Output::is_broken);
            outcomes
        })
    }

    fn write(&self, held: &mut Held, changes: &[Change]) -> Result<Vec<Outcome>, Error> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; changes.len()];
        let from = held.output.as_ref().map(Output::place).unwrap_or_default();
        self.write_from(held, from, changes, &mut outcomes)?;
        if from.row > 0 && outcomes.contains(&None) {
            // Some are behind, or not there at all.
            self.settle(held)?;
            self.write_from(held, Place::default(), changes, &mut outcomes)?;
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Gone)).collect())
    }

    /// Writes those changes whose rows are after `from`, where the new file ends so far.
    fn write_from(
        &self,
        held: &mut Held,
        from: Place,
        changes: &[Change],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<(), Error> {
        let edits = rows::edits(&held.base, &*self.format, &self.hashing, from, changes, outcomes)?;
        if edits.is_empty() {
            return Ok(());
        }
        if held.output.is_none() {
            held.output =
                Some(Output::create(&self.path, &held.base, &held.original, &self.hashing)?);
        }
        match &mut held.output {
            Some(output) => output.write(&held.base, &*self.format, edits),
            None => Ok(()),
        }
    }

    /// Ends the new file, and goes on from it.
    fn settle(&self, held: &mut Held) -> Result<(), Error> {
        let Some(output) = held.output.take() else { return Ok(()) };
        held.ends.clear();
        let settled = output.finish(&held.base, &*self.format);
        held.broken |= settled.is_err();
        held.base = settled?;
        Ok(())
    }

    fn finish(&self) -> Result<(), Error> {
        self.with(|held| {
            held.check(&self.path)?;
            self.settle(held)?;
            let Some(temporary) = held.base.temporary.take() else { return Ok(()) };
            let done = held.publish(temporary, &self.path);
            held.broken |= done.is_err();
            done
        })
    }
}

impl Held {
    /// Refuses a file that somebody else has written, or put another one in its place; and to go on where something is lost.
    fn check(&self, path: &Path) -> Result<(), Error> {
        match Identity::at(path) {
            Ok(found) if found == self.identity && self.broken => Err(lost()),
            Ok(found) if found == self.identity => Ok(()),
            Ok(_) => Err(changed()),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(changed()),
            Err(error) => Err(error),
        }
    }

    /// Keeps the place after a row, and forgets the one that was asked for longest ago.
    fn remember(&mut self, key: &RowKey, place: Place) {
        self.ends.retain(|(end, _)| end != key);
        self.ends.truncate(ENDS - 1);
        self.ends.insert(0, (key.clone(), place));
    }

    /// The place after the row with this key.
    fn find(&self, after: Option<&RowKey>, format: &dyn Format) -> Result<Place, Error> {
        let Some(key) = after else { return Ok(Place::default()) };
        if let Some((_, place)) = self.ends.iter().find(|(end, _)| end == key) {
            return Ok(*place);
        }
        let mut records = self.base.records(format, Place::default())?;
        while let Some(record) = records.next()? {
            if record.is_row {
                let parsed = format.row(record.contents());
                if parsed.map_err(|error| record.wrong(error))?.row.key == *key {
                    return Ok(records.place());
                }
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            "a row from which to go on, or up to which, is not in the file",
        ))
    }

    /// Puts the new file in the place of the original. Until its name changes, the original is what it was.
    fn publish(&mut self, temporary: Temporary, path: &Path) -> Result<(), Error> {
        let file = self.base.file.try_clone().map_err(failed)?;
        temporary::dress(&file, &self.original)?;
        file.sync_all().map_err(failed)?;
        try_lock(&file)?;
        self.check(path)?;
        temporary.replace(path)?;
        self.identity = Identity::of(&file)?;
        self.original = file;
        Ok(())
    }
}

#[cold]
fn lost() -> Error {
    let message =
        "a batch failed before, and what was replaced so far is given up: open the file again";
    Error::new(ErrorKind::Faulty, message)
}

/// What both sources are: [`Files`] in a format.
macro_rules! source {
    ($name:ident) => {
        impl $crate::source::Source for $name {
            fn table(&self) -> &$crate::source::Table {
                &self.0.table
            }

            fn scan<'a>(
                &'a self,
                after: Option<&'a $crate::source::RowKey>,
                until: Option<&'a $crate::source::RowKey>,
                limit: usize,
            ) -> phiseal_keys::BoxFuture<'a, Result<Vec<$crate::source::Row>, Error>> {
                Box::pin(async move { self.0.scan(after, until, limit) })
            }

            fn replace<'a>(
                &'a self,
                changes: &'a [$crate::source::Change],
            ) -> phiseal_keys::BoxFuture<'a, Result<Vec<$crate::source::Outcome>, Error>> {
                Box::pin(async move { self.0.replace(changes) })
            }

            fn keeps_each_batch(&self) -> bool {
                false
            }

            fn finish(&self) -> phiseal_keys::BoxFuture<'_, Result<(), Error>> {
                Box::pin(async move { self.0.finish() })
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.0.table.name()).finish()
            }
        }
    };
}
use source;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Scalar, Stored, Swap};
    use std::fs;

    const TWO: &str = "{\"id\":1,\"ssn\":\"a\"}\n{\"id\":2,\"ssn\":\"b\"}\n";

    fn opened() -> (tempfile::TempDir, Files) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("patients");
        fs::write(&path, TWO).unwrap();
        let table = Table::new("patients", &["id"], &["ssn"]).unwrap();
        (folder, ndjson::files(&path, table).unwrap())
    }

    fn change(id: i64, old: &str) -> Change {
        let (old, new) = (Stored::Text(old.to_owned()), Stored::Text("new".to_owned()));
        let key = RowKey::new(vec![Scalar::Integer(id)]).unwrap();
        Change { key, swaps: vec![Swap { column: 0, old, new }] }
    }

    fn kind<T>(outcome: Result<T, Error>) -> Option<ErrorKind> {
        outcome.err().map(|error| error.kind())
    }

    /// What is copied has to be what was read when the file was opened, whatever its times say.
    #[test]
    fn other_contents_are_noticed_without_other_times() {
        let (folder, files) = opened();
        files.replace(&[change(1, "a")]).unwrap();
        files
            .with(|held| {
                held.base.sum ^= 1;
                Ok(())
            })
            .unwrap();
        assert_eq!(kind(files.finish()), Some(ErrorKind::Conflict));
        assert_eq!(kind(files.finish()), Some(ErrorKind::Faulty), "nor is it forgotten");
        assert_eq!(fs::read_to_string(folder.path().join("patients")).unwrap(), TWO);
        drop(files);
        let (folder, files) = opened();
        files.replace(&[change(1, "a")]).unwrap();
        files.finish().unwrap();
        let now = fs::read_to_string(folder.path().join("patients")).unwrap();
        assert_eq!(now, TWO.replace("\"a\"", "\"new\""), "the control");
    }

    /// After a batch of which some may be written and some not, nothing is published.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_ends_it() {
        let (folder, files) = opened();
        files.replace(&[change(1, "a")]).unwrap();
        let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        files
            .with(|held| {
                held.output.as_mut().unwrap().write_to(full());
                Ok(())
            })
            .unwrap();
        assert_eq!(kind(files.replace(&[change(2, "b")])), Some(ErrorKind::Unavailable));
        assert_eq!(kind(files.replace(&[change(2, "b")])), Some(ErrorKind::Faulty));
        assert_eq!(kind(files.finish()), Some(ErrorKind::Faulty));
        assert_eq!(kind(files.scan(None, None, 9)), Some(ErrorKind::Faulty));
        assert_eq!(fs::read_to_string(folder.path().join("patients")).unwrap(), TWO);
    }
}
