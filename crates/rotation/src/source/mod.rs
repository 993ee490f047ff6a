//! Where an application keeps what it has sealed, outside of the key store.
//!
//! A [`Source`] is one table, or one file of records: rows with a key, some of whose columns are sealed. It knows nothing of
//! keys and envelopes; it reads rows in order and swaps values.
//!
//! | source | feature | is |
//! |---|---|---|
//! | `SqliteSource` | `sqlite` (default) | a table of an SQLite database |
//! | `PostgresSource` | `postgres` | a table of a PostgreSQL database |
//! | `NdjsonSource` | `files` (default) | a file of lines of JSON |
//! | `CsvSource` | `files` (default) | a file of separated values |

#[cfg(feature = "conformance")]
pub mod contract;
#[cfg(feature = "files")]
mod file;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
mod table;
mod value;
#[cfg(feature = "tokens")]
mod vault;

#[cfg(feature = "files")]
pub use file::{CsvSource, NdjsonSource};
#[cfg(feature = "postgres")]
pub use postgres::PostgresSource;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteSource;
pub use table::Table;
pub use value::{RowKey, Scalar, Stored};
#[cfg(feature = "tokens")]
pub(crate) use vault::VaultSource;

use core::fmt;
use phiseal_format::SubjectTag;
use phiseal_keys::{BoxFuture, Error, ErrorKind};

/// What an implementor of a source of stored ciphertext writes.
///
/// The source is somebody else's, and in use: others read and write it all the time, and win.
///
/// The contract, by clause:
///
/// 1. `scan` returns rows in ascending order of their keys, each once, from the first one after `after` to the last one that is
///    not after `until`, at most `limit`; none at the end only. Neither key need be one of a row that is there, but where nobody
///    else can write the source while it is open. A row that is there from the beginning to the end of a series of scans is in it.
/// 2. Values come as they are stored: nothing, bytes, text, or something else.
/// 3. `replace` writes a row's new values only where each value that it replaces is still the old one, to the byte and in its
///    type, or still nothing; otherwise the row stays as it is, and the outcome is [`Outcome::Changed`], or [`Outcome::Gone`]
///    where there is no such row.
/// 4. All of a change is written, or nothing of it. One change that was not written is no reason not to write another one; but
///    one that means nothing in the table ([`Change::check`]) is: the batch is refused as [`Invalid`](ErrorKind::Invalid).
/// 5. What `replace` says was [`Outcome::Written`] is there after a crash: at once, or where [`Source::keeps_each_batch`] says
///    no, after [`Source::finish`].
/// 6. Nothing but what a change names is changed: no other column, no other row.
/// 7. No error and no `Debug` holds a value or a part of a key.
/// 8. Several threads may ask at once: a `scan` that has begun and is not finished keeps neither `replace` nor another `scan` from
///    being done, and each of them is as if it were alone.
///
/// With the feature `conformance`, the module `contract` runs it over any source.
pub trait Source: fmt::Debug + Send + Sync + 'static {
    /// Which table or file, and which columns of it, in the order in which rows have them.
    fn table(&self) -> &Table;

    /// At most `limit` rows after the key `after`, up to and including the key `until`.
    ///
    /// Whoever reseals polls it once before it lets another thread write: the first poll had best ask, and leave to the next
    /// ones what may be done while others write.
    fn scan<'a>(
        &'a self,
        after: Option<&'a RowKey>,
        until: Option<&'a RowKey>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, Error>>;

    /// Writes changes, in ascending order of their keys, and says what became of each.
    fn replace<'a>(&'a self, changes: &'a [Change]) -> BoxFuture<'a, Result<Vec<Outcome>, Error>>;

    /// Whether what was replaced is there after a crash before [`Source::finish`] is called.
    fn keeps_each_batch(&self) -> bool;

    /// Makes all that was replaced so far last.
    fn finish(&self) -> BoxFuture<'_, Result<(), Error>>;

    /// Erases what there is of a person and is found by the person's tag: how many rows that were. In a table that is nothing.
    fn forget(&self, person: SubjectTag) -> BoxFuture<'_, Result<u64, Error>> {
        let _ = person;
        Box::pin(async { Ok(0) })
    }
}

/// A row, as it is stored.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "what sources build")]
pub struct Row {
    /// By what it is found.
    pub key: RowKey,
    /// The value of each sealed column, in the order of [`Table::sealed`].
    pub sealed: Vec<Stored>,
    /// The values of the other columns, in the order of [`Table::others`].
    pub others: Vec<Scalar>,
}

/// New values for a row.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "what callers build")]
pub struct Change {
    /// Which row.
    pub key: RowKey,
    /// What is swapped in it, at least one value, each of another column.
    pub swaps: Vec<Swap>,
}

/// A new value in the place of an old one.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "what callers build")]
pub struct Swap {
    /// Which sealed column, by its place in [`Table::sealed`].
    pub column: usize,
    /// What must be there: bytes, text or nothing.
    pub old: Stored,
    /// What is to be there: bytes or text, of the same type if there was something, or nothing in the place of something.
    pub new: Stored,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a caller has to do something else for each")]
pub enum Outcome {
    /// It was written.
    Written,
    /// Somebody else has written the row since it was read.
    Changed,
    /// The row is not there any more.
    Gone,
}

impl Change {
    /// Refuses a change that means nothing in `table`: one without a swap, or with two of one column, or of a column that is not
    /// sealed, one that swaps bytes for text or the other way round, nothing for nothing, or anything else, and one whose key has
    /// not as many parts.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`].
    pub fn check(&self, table: &Table) -> Result<(), Error> {
        let is_swap = |swap: &Swap| {
            swap.column < table.sealed().len()
                && matches!(
                    (&swap.old, &swap.new),
                    (Stored::Bytes(_) | Stored::Nothing, Stored::Bytes(_))
                        | (Stored::Text(_) | Stored::Nothing, Stored::Text(_))
                        | (Stored::Bytes(_) | Stored::Text(_), Stored::Nothing)
                )
        };
        let twice = |(at, swap): (usize, &Swap)| {
            self.swaps[..at].iter().any(|other| other.column == swap.column)
        };
        if self.key.parts().len() != table.key().len()
            || self.swaps.is_empty()
            || !self.swaps.iter().all(is_swap)
            || self.swaps.iter().enumerate().any(twice)
        {
            return Err(Error::new(ErrorKind::Invalid, "a change that is none of this table"));
        }
        Ok(())
    }
}
