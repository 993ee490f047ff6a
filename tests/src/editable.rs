//! A store whose rows a test can look at, change, take away and put back.

use phiseal_keys::{BoxFuture, Erasure, Error, ErrorKind, Record, RecordKind, RecordWrite, Store};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// A row of the store.
pub type Row = (RecordKind, Vec<u8>);

/// How a scan lists the rows that it found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Listing {
    /// In order, each once.
    #[default]
    Right,
    /// The last one first.
    Backwards,
    /// Each of them two times.
    Twice,
}

/// What is done once.
type Hook = Box<dyn FnOnce() + Send>;

/// A store in memory that anybody can write; clones are one.
#[derive(Clone, Default)]
pub struct EditableStore(Arc<Inner>);

#[derive(Default)]
struct Inner {
    rows: Mutex<BTreeMap<Row, Record>>,
    reads: AtomicU64,
    writes: AtomicU64,
    unavailable: AtomicBool,
    listing: Mutex<Listing>,
    after_read: Mutex<Option<Hook>>,
    before_write: Mutex<Option<(RecordKind, Hook)>>,
}

impl EditableStore {
    /// The row of this kind and id.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn row(&self, kind: RecordKind, id: &[u8]) -> Record {
        self.0.rows.lock().unwrap().get(&(kind, id.to_vec())).cloned().unwrap()
    }

    /// The only row of this kind, with its id.
    ///
    /// # Panics
    ///
    /// When there is none, or more than one.
    #[must_use]
    pub fn only(&self, kind: RecordKind) -> (Vec<u8>, Record) {
        let rows = self.0.rows.lock().unwrap();
        let mut of_kind = rows.iter().filter(|((of, _), _)| *of == kind);
        let ((_, id), record) = of_kind.next().unwrap();
        assert!(of_kind.next().is_none(), "more than one row of this kind");
        (id.clone(), record.clone())
    }

    /// Every row.
    #[must_use]
    pub fn rows(&self) -> BTreeMap<Row, Record> {
        self.0.rows.lock().unwrap().clone()
    }

    /// Puts a row there as whoever can write the medium might: no revision is looked at.
    pub fn put(&self, kind: RecordKind, id: &[u8], record: Record) {
        self.0.rows.lock().unwrap().insert((kind, id.to_vec()), record);
    }

    /// Replaces the bytes of a row and leaves its revision as it is.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn put_bytes(&self, kind: RecordKind, id: &[u8], bytes: Vec<u8>) {
        self.0.rows.lock().unwrap().get_mut(&(kind, id.to_vec())).unwrap().bytes = bytes;
    }

    /// Deletes a row.
    pub fn remove(&self, kind: RecordKind, id: &[u8]) {
        self.0.rows.lock().unwrap().remove(&(kind, id.to_vec()));
    }

    /// How often a row was read, or looked for in vain.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.0.reads.load(Ordering::SeqCst)
    }

    /// How often a row was written.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.0.writes.load(Ordering::SeqCst)
    }

    /// Whether every call from now on fails with [`ErrorKind::Unavailable`].
    pub fn set_unavailable(&self, unavailable: bool) {
        self.0.unavailable.store(unavailable, Ordering::SeqCst);
    }

    /// How every scan from now on lists what it found.
    pub fn list(&self, listing: Listing) {
        *self.0.listing.lock().unwrap() = listing;
    }

    /// Does `act` once, after the next read has its row and before its caller gets it.
    pub fn after_next_read(&self, act: impl FnOnce() + Send + 'static) {
        *self.0.after_read.lock().unwrap() = Some(Box::new(act));
    }

    /// Does `act` once, before the next row of this kind is written.
    pub fn before_next_write(&self, kind: RecordKind, act: impl FnOnce() + Send + 'static) {
        *self.0.before_write.lock().unwrap() = Some((kind, Box::new(act)));
    }

    fn up(&self) -> Result<(), Error> {
        if self.0.unavailable.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "the store was told to be unavailable"));
        }
        Ok(())
    }
}

impl Store for EditableStore {
    fn read<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Record>, Error>> {
        Box::pin(async move {
            self.up()?;
            self.0.reads.fetch_add(1, Ordering::SeqCst);
            let record = self.0.rows.lock().unwrap().get(&(kind, id.to_vec())).cloned();
            let hook = self.0.after_read.lock().unwrap().take();
            if let Some(act) = hook {
                act();
            }
            Ok(record)
        })
    }

    fn write<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
        expected: u64,
        bytes: &'a [u8],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.up()?;
            let hook = self.0.before_write.lock().unwrap().take_if(|(of, _)| *of == kind);
            if let Some((_, act)) = hook {
                act();
            }
            let mut rows = self.0.rows.lock().unwrap();
            let row = (kind, id.to_vec());
            if rows.get(&row).map_or(0, |record| record.revision) != expected {
                return Err(Error::new(ErrorKind::Conflict, "the record is not at that revision"));
            }
            self.0.writes.fetch_add(1, Ordering::SeqCst);
            rows.insert(row, Record { revision: expected + 1, bytes: bytes.to_vec() });
            Ok(())
        })
    }

    fn write_all<'a>(&'a self, writes: &'a [RecordWrite<'a>]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.up()?;
            let mut rows = self.0.rows.lock().unwrap();
            let revision = |row: &RecordWrite<'_>| {
                rows.get(&(row.kind, row.id.to_vec())).map_or(0, |row| row.revision)
            };
            if writes.iter().any(|write| revision(write) != write.expected) {
                return Err(Error::new(ErrorKind::Conflict, "a record is not at that revision"));
            }
            self.0.writes.fetch_add(writes.len() as u64, Ordering::SeqCst);
            for RecordWrite { kind, id, expected, bytes } in writes {
                rows.insert(
                    (*kind, id.to_vec()),
                    Record { revision: expected + 1, bytes: bytes.to_vec() },
                );
            }
            Ok(())
        })
    }

    fn scan<'a>(
        &'a self,
        kind: RecordKind,
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Vec<u8>, Record)>, Error>> {
        Box::pin(async move {
            self.up()?;
            let rows = self.0.rows.lock().unwrap();
            let of_kind = rows.iter().filter(|((of, id), _)| {
                *of == kind && after.is_none_or(|after| id.as_slice() > after)
            });
            let page: Vec<_> =
                of_kind.take(limit).map(|((_, id), record)| (id.clone(), record.clone())).collect();
            Ok(match *self.0.listing.lock().unwrap() {
                Listing::Right => page,
                Listing::Backwards => page.into_iter().rev().collect(),
                Listing::Twice => page.into_iter().flat_map(|row| [row.clone(), row]).collect(),
            })
        })
    }

    fn erase(&self) -> BoxFuture<'_, Result<Erasure, Error>> {
        Box::pin(async { self.up().map(|()| Erasure::Done) })
    }
}

impl fmt::Debug for EditableStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EditableStore({} rows)", self.0.rows.lock().unwrap().len())
    }
}
