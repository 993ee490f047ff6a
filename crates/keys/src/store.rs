//! The contract of key stores.

use crate::{BoxFuture, Error};
use core::fmt;
use std::sync::Arc;

/// What an implementor of a key store writes. Callers hold a [`KeyStore`](crate::KeyStore).
///
/// A store keeps small records, by kind and id, each with a revision. It is not trusted: every record is authenticated
/// by the layer above.
///
/// The contract, by clause; `phiseal-conformance` has a case for each:
///
/// 1. `read` of what was never written is `None`.
/// 2. `write` with `expected` 0 creates a record at revision 1, and is refused with
///    [`Conflict`](crate::ErrorKind::Conflict) when there is one.
/// 3. `write` with `expected` n replaces a record at revision n by one at revision n + 1, and is refused with
///    [`Conflict`](crate::ErrorKind::Conflict) at any other revision. A refused write changes nothing.
/// 4. Of any number of concurrent writes with the same `expected`, exactly one succeeds.
/// 5. After `write` has returned, `read` sees it: from every thread, process and handle, and after a crash.
/// 6. Ids are bytes: two ids that differ in any bit or in length name two records; kinds do not mix.
/// 7. `scan` returns the records of one kind in ascending order of id, each once, from the first id after `after`.
/// 8. Records of 0 to [`MAX_RECORD`] bytes and ids of 1 to [`MAX_ID`] bytes come back as they were written.
/// 9. After `erase` has returned [`Erasure::Done`], no replaced record's bytes are on the medium.
/// 10. No error contains the bytes of a record.
/// 11. `write_all` does all of its writes, as `write` would one by one, or none: when one of them is refused, or the store fails in
///     the middle. Two writes of one record are refused. Without any it does nothing.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// The record of this kind and id.
    fn read<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Record>, Error>>;

    /// Compare-and-swap: writes `bytes` when the record's revision is `expected` (0: there is none).
    fn write<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
        expected: u64,
        bytes: &'a [u8],
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Does all of these writes, or none.
    fn write_all<'a>(&'a self, writes: &'a [RecordWrite<'a>]) -> BoxFuture<'a, Result<(), Error>>;

    /// At most `limit` records of this kind, in order of id, after the id `after`.
    fn scan<'a>(
        &'a self,
        kind: RecordKind,
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>>;

    /// Makes the bytes of replaced records unrecoverable, as far as this store can, and says how far that is.
    fn erase(&self) -> BoxFuture<'_, Result<Erasure, Error>>;
}

/// A shared store is a store, so that a program can keep a handle of its own.
#[deny(clippy::missing_trait_methods)]
impl<S: Store + ?Sized> Store for Arc<S> {
    fn read<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Record>, Error>> {
        (**self).read(kind, id)
    }

    fn write<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
        expected: u64,
        bytes: &'a [u8],
    ) -> BoxFuture<'a, Result<(), Error>> {
        (**self).write(kind, id, expected, bytes)
    }

    fn write_all<'a>(&'a self, writes: &'a [RecordWrite<'a>]) -> BoxFuture<'a, Result<(), Error>> {
        (**self).write_all(writes)
    }

    fn scan<'a>(
        &'a self,
        kind: RecordKind,
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        (**self).scan(kind, after, limit)
    }

    fn erase(&self) -> BoxFuture<'_, Result<Erasure, Error>> {
        (**self).erase()
    }
}

/// Some records and their ids, in ascending order of id.
pub type Page = Vec<(Vec<u8>, Record)>;

/// The longest record, in bytes: a keyset with room for some hundred versions.
pub const MAX_RECORD: usize = 1 << 20;

/// The longest id, in bytes.
pub const MAX_ID: usize = 512;

/// A stored record.
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a pair that stores build")]
pub struct Record {
    /// How often it has been written.
    pub revision: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record(revision {}, {} bytes)", self.revision, self.bytes.len())
    }
}

/// One of several writes that are done together: what [`Store::write`] takes.
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "callers build it")]
pub struct RecordWrite<'a> {
    /// What the record is.
    pub kind: RecordKind,
    /// Its id.
    pub id: &'a [u8],
    /// The revision that it is at; 0: there is none.
    pub expected: u64,
    /// Its new bytes.
    pub bytes: &'a [u8],
}

impl fmt::Debug for RecordWrite<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, expected, bytes, .. } = self;
        write!(f, "RecordWrite({kind:?} over revision {expected}, {} bytes)", bytes.len())
    }
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RecordKind {
    /// The wrapped key that authenticates all other records; there is one.
    StoreKey,
    /// A domain's keyset, by the domain's name.
    Keyset,
    /// A person's wrapped key, by domain id and opaque tag.
    Subject,
    /// How often a data key may have been used, by key id.
    Usage,
    /// That a data key's short id is taken, by that id.
    KeyId,
    /// Who the custodians are, and how many of them agree to a change; there is at most one.
    Roster,
    /// How far an act of the custodians has come, by its id.
    Run,
    /// An emergency in which somebody broke the glass, by who it was, and whether it was reviewed.
    Emergency,
    /// A vaulted token and what it stands for, by column and token. Not in a store of keys.
    Token,
    /// The token of a value, by column and the value's entry in a blind index. Not in a store of keys.
    TokenEntry,
}

impl RecordKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::StoreKey,
        Self::Keyset,
        Self::Subject,
        Self::Usage,
        Self::KeyId,
        Self::Roster,
        Self::Run,
        Self::Emergency,
        Self::Token,
        Self::TokenEntry,
    ];

    /// The byte that stands for the kind in derivations and in stores.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::StoreKey => 1,
            Self::Keyset => 2,
            Self::Subject => 3,
            Self::Usage => 4,
            Self::KeyId => 5,
            Self::Roster => 6,
            Self::Run => 7,
            Self::Token => 8,
            Self::TokenEntry => 9,
            Self::Emergency => 10,
        }
    }
}

/// How far a store could erase replaced records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Erasure {
    /// Nothing of them is left in the files that the store controls.
    Done,
    /// They may be left in logs or copies that this store does not control; erasure is final when those expire.
    Pending,
}
