//! A store in memory.

use crate::limits::{check_all, check_bytes, check_id, conflict};
use core::fmt;
use core::ops::Bound;
use phiseal_keys::{BoxFuture, Erasure, Error, ErrorKind, Record, RecordKind, RecordWrite, Store};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use zeroize::Zeroize;

/// A store in memory: for tests, and for keys that need not outlive the process.
///
/// Several handles on one store are several `Arc`s of it. A replaced record is zeroed in place, so
/// [`erase`](Store::erase) has nothing left to do and answers [`Erasure::Done`].
///
/// ```
/// use phiseal_stores::MemoryStore;
/// use phiseal_keys::Store;
/// use std::sync::Arc;
///
/// let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
/// let another_handle = Arc::clone(&store);
/// # drop(another_handle);
/// ```
#[derive(Default)]
pub struct MemoryStore {
    records: Mutex<Records>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub const fn new() -> Self {
        Self { records: Mutex::new(BTreeMap::new()) }
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn read<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Record>, Error>> {
        Box::pin(async move {
            check_id(id)?;
            Ok(self.records().get(&kind).and_then(|of_kind| of_kind.get(id)).cloned())
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
            check_id(id)?;
            check_bytes(bytes)?;
            swap(&mut self.records(), &RecordWrite { kind, id, expected, bytes })
        })
    }

    fn write_all<'a>(&'a self, writes: &'a [RecordWrite<'a>]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            check_all(writes)?;
            let mut records = self.records();
            // Nobody else sees anything between the look and the writes.
            writes.iter().try_for_each(|write| look(&records, write).map(drop))?;
            writes.iter().try_for_each(|write| swap(&mut records, write))
        })
    }

    fn scan<'a>(
        &'a self,
        kind: RecordKind,
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Vec<u8>, Record)>, Error>> {
        Box::pin(async move {
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let records = self.records();
            let Some(of_kind) = records.get(&kind) else { return Ok(Vec::new()) };
            let range = of_kind.range::<[u8], _>((from, Bound::Unbounded));
            Ok(range.take(limit).map(|(id, record)| (id.clone(), record.clone())).collect())
        })
    }

    fn erase(&self) -> BoxFuture<'_, Result<Erasure, Error>> {
        Box::pin(core::future::ready(Ok(Erasure::Done)))
    }
}

type Records = BTreeMap<RecordKind, BTreeMap<Vec<u8>, Record>>;

/// The revision that a write brings the record to.
fn look(records: &Records, write: &RecordWrite<'_>) -> Result<u64, Error> {
    let record = records.get(&write.kind).and_then(|of_kind| of_kind.get(write.id));
    if record.map_or(0, |record| record.revision) != write.expected {
        return Err(conflict());
    }
    write.expected.checked_add(1).ok_or_else(exhausted)
}

fn swap(records: &mut Records, write: &RecordWrite<'_>) -> Result<(), Error> {
    let revision = look(records, write)?;
    let record = Record { revision, bytes: write.bytes.to_vec() };
    let replaced = records.entry(write.kind).or_default().insert(write.id.to_vec(), record);
    replaced.into_iter().for_each(|mut replaced| replaced.bytes.zeroize());
    Ok(())
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records: usize = self.records().values().map(BTreeMap::len).sum();
        f.debug_struct("MemoryStore").field("records", &records).finish()
    }
}

impl Drop for MemoryStore {
    fn drop(&mut self) {
        let records = self.records.get_mut().unwrap_or_else(PoisonError::into_inner);
        records
            .values_mut()
            .flat_map(BTreeMap::values_mut)
            .for_each(|record| record.bytes.zeroize());
    }
}

#[cold]
fn exhausted() -> Error {
    Error::new(ErrorKind::Exhausted, "no revision of the record is left")
}
