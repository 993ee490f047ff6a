use super::found::Found;
use phiseal_keys::{RecordKind, RecordWrite};
use std::collections::HashMap;

/// Writes that are done together: of each record one.
#[derive(Default)]
pub(super) struct Writes(HashMap<RecordKind, Records>);

/// What is written by id: at which revision, and what.
type Records = HashMap<Vec<u8>, (u64, Vec<u8>)>;

impl Writes {
    /// For so many tokens and as many entries.
    pub(super) fn of(tokens: usize) -> Self {
        let kinds = [RecordKind::Token, RecordKind::TokenEntry];
        Self(kinds.map(|kind| (kind, Records::with_capacity(tokens))).into())
    }

    pub(super) fn put(&mut self, kind: RecordKind, id: Vec<u8>, expected: u64, bytes: Vec<u8>) {
        self.records(kind).insert(id, (expected, bytes));
    }

    /// An empty record stays, so that nobody takes what was purged for what never was.
    pub(super) fn erase(&mut self, kind: RecordKind, id: Vec<u8>, expected: u64) {
        self.put(kind, id, expected, Vec::new());
    }

    /// As [`Writes::erase`], unless something is written there already.
    pub(super) fn erase_once(&mut self, kind: RecordKind, id: Vec<u8>, expected: u64) {
        self.records(kind).entry(id).or_insert((expected, Vec::new()));
    }

    /// Writes a token's record as it is, so that the others are done only if nobody has changed it.
    pub(super) fn touch(&mut self, id: Vec<u8>, found: &Found) {
        let bytes = found.header.with(found.sealed.as_bytes());
        self.put(RecordKind::Token, id, found.revision, bytes);
    }

    /// What is to be written there.
    pub(super) fn get(&self, kind: RecordKind, id: &[u8]) -> Option<&[u8]> {
        self.0.get(&kind)?.get(id).map(|(_, bytes)| &bytes[..])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.values().all(Records::is_empty)
    }

    /// In order of their ids, in which a store writes them quicker.
    pub(super) fn all(&self) -> Vec<RecordWrite<'_>> {
        let mut all = Vec::new();
        for (kind, records) in &self.0 {
            all.extend(records.iter().map(|(id, (expected, bytes))| RecordWrite {
                kind: *kind,
                id,
                expected: *expected,
                bytes,
            }));
        }
        all.sort_unstable_by_key(|write| (write.kind, write.id));
        all
    }

    fn records(&mut self, kind: RecordKind) -> &mut Records {
        self.0.entry(kind).or_default()
    }
}
