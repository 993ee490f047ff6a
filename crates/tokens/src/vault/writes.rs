use phiseal_keys::{RecordKind, RecordWrite};

/// Writes that are done together.
#[derive(Default)]
pub(super) struct Writes {
    pub(super) writes: Vec<(RecordKind, Vec<u8>, u64, Vec<u8>)>,
}

impl Writes {
    pub(super) fn put(&mut self, kind: RecordKind, id: Vec<u8>, expected: u64, bytes: Vec<u8>) {
        self.writes.push((kind, id, expected, bytes));
    }

    /// An empty record stays, so that nobody takes what was purged for what never was.
    pub(super) fn erase(&mut self, kind: RecordKind, id: Vec<u8>, expected: u64) {
        self.put(kind, id, expected, Vec::new());
    }

    pub(super) fn all(&self) -> Vec<RecordWrite<'_>> {
        let writes = self.writes.iter().map(|(kind, id, expected, bytes)| RecordWrite {
            kind: *kind,
            id,
            expected: *expected,
            bytes,
        });
        writes.collect()
    }
}
