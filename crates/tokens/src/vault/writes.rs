use super::found::Found;
use phiseal_keys::{RecordKind, RecordWrite};
use std::collections::BTreeMap;

/// Writes that are done together: of each record one, in order of their ids.
#[derive(Default)]
pub(super) struct Writes(BTreeMap<(RecordKind, Vec<u8>), (u64, Vec<u8>)>);

impl Writes {
    pub(super) fn put(&mut self, kind: RecordKind, id: Vec<u8>, expected: u64, bytes: Vec<u8>) {
        self.0.insert((kind, id), (expected, bytes));
    }

    /// An empty record stays, so that nobody takes what was purged for what never was.
    pub(super) fn erase(&mut self, kind: RecordKind, id: Vec<u8>, expected: u64) {
        self.put(kind, id, expected, Vec::new());
    }

    /// As [`Writes::erase`], unless something is written there already.
    pub(super) fn erase_once(&mut self, kind: RecordKind, id: Vec<u8>, expected: u64) {
        self.0.entry((kind, id)).or_insert((expected, Vec::new()));
    }

    /// Writes a token's record as it is, so that the others are done only if nobody has changed it.
    pub(super) fn touch(&mut self, id: Vec<u8>, found: &Found) {
        let bytes = found.header.with(found.sealed.as_bytes());
        self.put(RecordKind::Token, id, found.revision, bytes);
    }

    pub(super) fn has(&self, kind: RecordKind, id: &[u8]) -> bool {
        self.0.contains_key(&(kind, id.to_vec()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn all(&self) -> Vec<RecordWrite<'_>> {
        let writes = self.0.iter().map(|((kind, id), (expected, bytes))| RecordWrite {
            kind: *kind,
            id,
            expected: *expected,
            bytes,
        });
        writes.collect()
    }
}
