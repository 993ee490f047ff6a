//! As many rows as are sealed or opened in one call of the engine.

use super::contexts::{Aads, Contexts, copy};
use core::ops::Range;
use phiseal_keys::Error;
use phiseal_primitives::Row;
use zeroize::Zeroizing;

/// Rows, and buffers for what they are made of, which stay in the processor's nearest cache.
pub(crate) struct Chunk<'a> {
    pub(super) rows: Vec<Row>,
    /// Which rows of the column they are: those that have a value.
    pub(super) numbers: Vec<usize>,
    pub(super) aads: Aads<'a>,
    /// Plaintext or ciphertext of values that do not lie in one piece of memory.
    pub(super) texts: Zeroizing<Vec<u8>>,
    texts_end: usize,
}

const ROWS: usize = 128;
const TEXTS: usize = 16 << 10;

impl<'a> Chunk<'a> {
    pub(super) fn new(contexts: Contexts<'a>) -> Self {
        Self {
            rows: Vec::with_capacity(ROWS),
            numbers: Vec::with_capacity(ROWS),
            aads: Aads::new(contexts),
            texts: Zeroizing::new(Vec::new()),
            texts_end: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.numbers.clear();
        self.texts_end = 0;
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.rows.len() == ROWS
    }

    /// Adds row `number` of the column.
    #[inline]
    pub(super) fn push(&mut self, number: usize, row: Row) {
        self.numbers.push(number);
        self.rows.push(row);
    }

    /// Writes the associated data of all rows.
    pub(super) fn write_aads(&mut self) -> Result<(), Error> {
        self.aads.write(&self.numbers, &mut self.rows)
    }

    /// A place of `length` bytes that begins with `text`, if there is room for it. There is for the first, however long.
    #[inline]
    pub(super) fn text(&mut self, text: &[u8], length: usize) -> Option<Range<usize>> {
        let place = self.texts_end..self.texts_end + length;
        if place.end > self.texts.len() {
            if !self.rows.is_empty() {
                return None;
            }
            self.texts = Zeroizing::new(vec![0; length.max(TEXTS)]);
        }
        copy(text, &mut self.texts[place.clone()]);
        self.texts_end = place.end;
        Some(place)
    }
}
