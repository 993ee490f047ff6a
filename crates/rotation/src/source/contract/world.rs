//! The table of every case, as others see it.

use super::Fixture;
use crate::source::{Change, Outcome, Row, RowKey, Scalar, Source, Stored, Swap, Table};
use core::future::Future;
use phiseal_conformance::{Stop, finish};
use phiseal_keys::{Error, ErrorKind};

/// A source under test, and its table as others see it: past the source.
///
/// Its methods panic when they cannot do what they say.
pub trait World: Send + Sync {
    /// A handle on [`table`], of the source under test; the table may have another name.
    ///
    /// # Errors
    ///
    /// What the source answers.
    fn open(&self) -> Result<Box<dyn Source>, Error>;

    /// Writes a row, or writes over the one of its key.
    fn put(&self, row: &Sample);

    /// Deletes a row, if it is there.
    fn delete(&self, clinic: i64, id: &str);

    /// All rows, in any order.
    fn rows(&self) -> Vec<Sample>;

    /// What its columns can hold.
    fn holds(&self) -> Holds {
        Holds::default()
    }

    /// Whether others can write while a handle is open. Where they cannot, but do, the source has to notice: it answers
    /// [`Conflict`](ErrorKind::Conflict), and what they wrote stays.
    fn is_shared(&self) -> bool {
        true
    }
}

/// What the columns of a source can hold beside text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what implementors build")]
pub struct Holds {
    /// Bytes. Where it cannot, `ssn` is text.
    pub bytes: bool,
    /// Numbers. Where it cannot, `clinic` and `version` are text.
    pub numbers: bool,
    /// Nothing, as another thing than empty text. Where it cannot, both are nothing in a sealed column, and empty text in another.
    pub nothing: bool,
}

impl Default for Holds {
    /// All of it.
    fn default() -> Self {
        Self { bytes: true, numbers: true, nothing: true }
    }
}

/// A row of [`table`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what implementors store")]
pub struct Sample {
    /// A key column.
    pub clinic: i64,
    /// A key column.
    pub id: String,
    /// Sealed, bytes; text in UTF-8 where the source holds no bytes.
    pub ssn: Option<Vec<u8>>,
    /// Sealed, text.
    pub name: Option<String>,
    /// Not sealed.
    pub note: Option<String>,
    /// Not sealed.
    pub version: i64,
}

/// The table of every world: `patients`, with the key `clinic` and `id`, sealed `ssn` and `name`, and `note` and `version`.
///
/// # Panics
///
/// Never: it is a table.
#[must_use]
#[expect(clippy::expect_used, reason = "names that are known to be some")]
pub fn table() -> Table {
    Table::new("patients", &["clinic", "id"], &["ssn", "name"])
        .and_then(|table| table.with_others(&["note", "version"]))
        .expect("it is a table")
}

/// The places of the sealed columns.
pub(super) const SSN: usize = 0;
pub(super) const NAME: usize = 1;

/// Ends the case as failed unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($why:tt)+) => {
        if !$condition {
            return Err(phiseal_conformance::Stop::Failed(format!($($why)+)));
        }
    };
}
pub(super) use ensure;

/// A row that is like no other one.
pub(super) fn sample(clinic: i64, id: &str) -> Sample {
    Sample {
        clinic,
        id: id.to_owned(),
        ssn: Some(format!("ssn of {clinic} {id}").into_bytes()),
        name: Some(format!("name {id} of {clinic}")),
        note: Some(format!("note of {clinic}")),
        version: 7,
    }
}

/// Rows whose keys are easily put into a wrong order, or taken for one another.
pub(super) fn many() -> Vec<Sample> {
    let ids = ["", "1", "10", "2", "A", "Z", "a", "b'\"; --", "é", "\u{1F600}"];
    [-5, 0, 2, 10, i64::MAX]
        .into_iter()
        .flat_map(|clinic| ids.map(|id| sample(clinic, id)))
        .collect()
}

pub(super) fn text(value: &str) -> Stored {
    Stored::Text(value.to_owned())
}

/// A handle whose every answer is waited for.
pub(super) struct Handle<'f> {
    fixture: &'f Fixture,
    pub(super) source: Box<dyn Source>,
}

impl Fixture {
    pub(super) fn open(&self) -> Result<Handle<'_>, Stop> {
        let opened = self.world.open();
        let source = opened.map_err(|error| Stop::Failed(format!("it does not open: {error}")))?;
        Ok(Handle { fixture: self, source })
    }

    pub(super) fn world(&self) -> &dyn World {
        &*self.world
    }

    /// The row of this key, as others see it.
    pub(super) fn row(&self, like: &Sample) -> Option<Sample> {
        let is_it = |row: &Sample| row.clinic == like.clinic && row.id == like.id;
        self.world.rows().into_iter().find(is_it)
    }

    pub(super) fn key(&self, clinic: i64, id: &str) -> Result<RowKey, Stop> {
        RowKey::new(vec![self.number(clinic), Scalar::Text(id.to_owned())])
            .ok_or_else(|| Stop::Failed("a key has no part".to_owned()))
    }

    fn number(&self, number: i64) -> Scalar {
        if self.world.holds().numbers {
            Scalar::Integer(number)
        } else {
            Scalar::Text(number.to_string())
        }
    }

    /// A value of the column `ssn`.
    pub(super) fn ssn(&self, value: &[u8]) -> Stored {
        if self.world.holds().bytes {
            Stored::Bytes(value.to_vec())
        } else {
            Stored::Text(String::from_utf8_lossy(value).into_owned())
        }
    }

    /// The row that a scan has to bring for this one.
    pub(super) fn stored(&self, row: &Sample) -> Result<Row, Stop> {
        let note = match &row.note {
            Some(note) => Scalar::Text(note.clone()),
            None if self.world.holds().nothing => Scalar::Nothing,
            None => Scalar::Text(String::new()),
        };
        Ok(Row {
            key: self.key(row.clinic, &row.id)?,
            sealed: vec![
                row.ssn.as_ref().map_or(Stored::Nothing, |ssn| self.ssn(ssn)),
                row.name.as_ref().map_or(Stored::Nothing, |name| text(name)),
            ],
            others: vec![note, self.number(row.version)],
        })
    }

    /// A change of this row's `ssn`, as it was put there.
    pub(super) fn new_ssn(&self, row: &Sample, new: &str) -> Result<Change, Stop> {
        let old = self.ssn(row.ssn.as_deref().unwrap_or_default());
        let swaps = vec![Swap { column: SSN, old, new: self.ssn(new.as_bytes()) }];
        Ok(Change { key: self.key(row.clinic, &row.id)?, swaps })
    }
}

impl Handle<'_> {
    fn done<T>(&self, what: &str, call: impl Future<Output = Result<T, Error>>) -> Result<T, Stop> {
        finish(call, self.fixture.patience)?
            .map_err(|error| Stop::Failed(format!("{what} failed: {:?}: {error}", error.kind())))
    }

    pub(super) fn page(&self, after: Option<&RowKey>, limit: usize) -> Result<Vec<Row>, Stop> {
        self.part(after, None, limit)
    }

    /// A page that ends with the key `until`.
    pub(super) fn part(
        &self,
        after: Option<&RowKey>,
        until: Option<&RowKey>,
        limit: usize,
    ) -> Result<Vec<Row>, Stop> {
        let page = self.done("scan", self.source.scan(after, until, limit))?;
        ensure!(page.len() <= limit, "a page of {limit} has {} rows", page.len());
        Ok(page)
    }

    /// All rows, read `limit` at a time.
    pub(super) fn scan(&self, limit: usize) -> Result<Vec<Row>, Stop> {
        let mut rows: Vec<Row> = Vec::new();
        loop {
            let page = self.page(rows.last().map(|row| &row.key), limit)?;
            if page.is_empty() {
                return Ok(rows);
            }
            rows.extend(page);
            ensure!(rows.len() < 10_000, "a series of scans does not end");
        }
    }

    /// The sealed values of this row, read through the source.
    pub(super) fn sealed(&self, of: &Sample) -> Result<Option<Vec<Stored>>, Stop> {
        let key = self.fixture.key(of.clinic, &of.id)?;
        Ok(self.scan(1_000)?.into_iter().find(|row| row.key == key).map(|row| row.sealed))
    }

    pub(super) fn replace(&self, changes: &[Change]) -> Result<Vec<Outcome>, Stop> {
        let outcomes = self.done("replace", self.source.replace(changes))?;
        let (asked, said) = (changes.len(), outcomes.len());
        ensure!(asked == said, "{asked} changes have {said} outcomes");
        Ok(outcomes)
    }

    /// What refuses a batch.
    pub(super) fn refused(&self, what: &str, changes: &[Change]) -> Result<Error, Stop> {
        match finish(self.source.replace(changes), self.fixture.patience)? {
            Ok(_) => Err(Stop::Failed(format!("a batch with {what} is not refused"))),
            Err(error) if error.kind() == ErrorKind::Invalid => Ok(error),
            Err(error) => {
                Err(Stop::Failed(format!("a batch with {what} is refused as {:?}", error.kind())))
            }
        }
    }

    pub(super) fn finish(&self) -> Result<(), Stop> {
        self.done("finish", self.source.finish())
    }

    /// As [`Source::finish`], with what it answers.
    pub(super) fn try_finish(&self) -> Result<Result<(), Error>, Stop> {
        finish(self.source.finish(), self.fixture.patience)
    }

    pub(super) fn try_replace(
        &self,
        changes: &[Change],
    ) -> Result<Result<Vec<Outcome>, Error>, Stop> {
        finish(self.source.replace(changes), self.fixture.patience)
    }

    pub(super) fn try_scan(
        &self,
        after: Option<&RowKey>,
        until: Option<&RowKey>,
    ) -> Result<Result<Vec<Row>, Error>, Stop> {
        finish(self.source.scan(after, until, 1), self.fixture.patience)
    }
}
