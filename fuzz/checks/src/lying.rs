//! A key store's store, which is not trusted, at its worst.

use std::sync::{Mutex, PoisonError};

use phiseal::stores::MemoryStore;
use phiseal::{BoxFuture, Erasure, Error, Record, RecordKind, RecordWrite, Store};
use pollster::block_on;

/// A store that answers for one kind of record what it is told to, and the truth for the others.
#[derive(Debug)]
pub(crate) struct Lying {
    truth: MemoryStore,
    /// Under which id it lists a record that it made up.
    id: &'static str,
    lie: Mutex<Option<Lie>>,
}

/// About what a store lies, and what it answers: a record, or that there is none.
type Lie = (RecordKind, Option<Record>);

impl Lying {
    /// An empty store that tells the truth.
    pub(crate) fn under(id: &'static str) -> Self {
        Self { truth: MemoryStore::new(), id, lie: Mutex::new(None) }
    }

    /// Has it lie from now on, or tell the truth again.
    pub(crate) fn answer(&self, lie: Option<Lie>) {
        *self.lie.lock().unwrap_or_else(PoisonError::into_inner) = lie;
    }

    fn lie_about(&self, kind: RecordKind) -> Option<Option<Record>> {
        let lie = self.lie.lock().unwrap_or_else(PoisonError::into_inner);
        lie.as_ref().filter(|(about, _)| *about == kind).map(|(_, answer)| answer.clone())
    }

    /// The one record of this kind.
    pub(crate) fn genuine(&self, kind: RecordKind) -> Record {
        block_on(self.truth.scan(kind, None, 2)).unwrap().pop().unwrap().1
    }
}

impl Store for Lying {
    fn read<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Record>, Error>> {
        match self.lie_about(kind) {
            Some(answer) => Box::pin(std::future::ready(Ok(answer))),
            None => self.truth.read(kind, id),
        }
    }

    fn write<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
        expected: u64,
        bytes: &'a [u8],
    ) -> BoxFuture<'a, Result<(), Error>> {
        assert!(self.lie_about(kind).is_none(), "a question wrote to the store");
        self.truth.write(kind, id, expected, bytes)
    }

    fn write_all<'a>(&'a self, writes: &'a [RecordWrite<'a>]) -> BoxFuture<'a, Result<(), Error>> {
        assert!(
            self.lie.lock().unwrap_or_else(PoisonError::into_inner).is_none(),
            "a question wrote to the store"
        );
        self.truth.write_all(writes)
    }

    fn scan<'a>(
        &'a self,
        kind: RecordKind,
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Vec<u8>, Record)>, Error>> {
        match self.lie_about(kind) {
            Some(answer) => {
                let page = answer.map(|record| (self.id.as_bytes().to_vec(), record));
                Box::pin(std::future::ready(Ok(page.into_iter().collect())))
            }
            None => self.truth.scan(kind, after, limit),
        }
    }

    fn erase(&self) -> BoxFuture<'_, Result<Erasure, Error>> {
        self.truth.erase()
    }
}
