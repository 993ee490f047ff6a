//! Every record of a kind whose id begins alike.

use phiseal_keys::{Error, Page, Record, RecordKind, Store};

/// How many records are read at once.
const PAGE: usize = 256;

/// A walk over the records that were not purged, in order of their ids.
pub(super) struct Walk<'a> {
    store: &'a dyn Store,
    kind: RecordKind,
    prefix: Vec<u8>,
    page: std::vec::IntoIter<(Vec<u8>, Record)>,
    after: Vec<u8>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(store: &'a dyn Store, kind: RecordKind, prefix: Vec<u8>) -> Self {
        Self { store, kind, after: prefix.clone(), prefix, page: Page::new().into_iter() }
    }

    /// The same, of those after this key only: what is behind the prefix.
    pub(super) fn after(mut self, key: &[u8]) -> Self {
        self.after.extend_from_slice(key);
        self
    }

    pub(super) async fn next(&mut self) -> Result<Option<(Vec<u8>, Record)>, Error> {
        loop {
            for (id, record) in self.page.by_ref() {
                if !id.starts_with(&self.prefix) {
                    return Ok(None);
                }
                if !record.bytes.is_empty() {
                    return Ok(Some((id, record)));
                }
            }
            let page = self.store.scan(self.kind, Some(&self.after), PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(None) };
            self.after.clone_from(last);
            self.page = page.into_iter();
        }
    }
}
