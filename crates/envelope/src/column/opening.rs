use super::chunk::Chunk;
use super::contexts::Contexts;
use super::{Column, Packed, Rows, Values, packed_of, uneven};
use crate::bound::BoundContext;
use crate::cipher::FieldCipher;
use crate::opening::{EpochName, OpeningKey};
use crate::phi::Phi;
use phiseal_format::{Context, FIELD_HEADER, FIELD_OVERHEAD, FieldEnvelope, TAG_LEN};
use phiseal_keys::Error;
use phiseal_primitives::Row;
use std::sync::Arc;
use zeroize::Zeroize;

impl FieldCipher {
    /// Opens the values of a column, each as what `context` and its part of `rows` say.
    ///
    /// A row without a value stays without one. Where a policy judges what is opened, it judges each row, and each is written down.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), with the [row](Error::row) that it was: nothing is given of a column of which not every value opens.
    /// [`ErrorKind::Invalid`](phiseal_keys::ErrorKind::Invalid) when there are not as many contexts as values, when a row has nothing for
    /// a part of its context, and when the outcome would be over 2 GiB.
    pub fn open_column(
        &self,
        sealed: &(impl Values + ?Sized),
        context: &Context,
        rows: &Rows<'_>,
    ) -> Result<Phi<Column>, Error> {
        let mut opened = Phi::from(Column::new());
        self.open_column_into(sealed, context, rows, &mut opened)?;
        Ok(opened)
    }

    /// As [`open_column`](Self::open_column), in the memory of a column that is not needed any more.
    ///
    /// # Errors
    ///
    /// As [`open_column`](Self::open_column); `opened` is then without rows, and wiped.
    pub fn open_column_into(
        &self,
        sealed: &(impl Values + ?Sized),
        context: &Context,
        rows: &Rows<'_>,
        opened: &mut Phi<Column>,
    ) -> Result<(), Error> {
        let mut opened = Filled::new(opened.as_mut());
        let contexts = Contexts::new(context, &self.domain(), rows, sealed.rows())?;
        let packed = packed_of(sealed)?;
        opened.column.make_room(sealed.rows(), opened_bytes(sealed)?)?;
        let chunk = Chunk::new(contexts);
        if self.is_judged() {
            self.open_one_by_one(sealed, chunk, opened.column)?;
        } else {
            self.open_together(sealed, packed, chunk, opened.column)?;
        }
        opened.is_whole = true;
        Ok(())
    }

    fn open_together(
        &self,
        sealed: &(impl Values + ?Sized),
        packed: Option<Packed<'_>>,
        mut chunk: Chunk<'_>,
        opened: &mut Column,
    ) -> Result<(), Error> {
        let mut run: Option<Run> = None;
        while opened.rows() < sealed.rows() {
            let start = opened.end();
            chunk.clear();
            plan(self, sealed, packed, &mut chunk, &mut run, opened)?;
            chunk.write_aads()?;
            let texts = packed.map_or(&chunk.texts[..], |packed| packed.bytes());
            let out = opened.bytes.get_mut(start..).unwrap_or_default();
            if let Some(Run { key, name, .. }) = &run {
                key.open_rows(name, &mut chunk.rows, chunk.aads.bytes(), texts, out)?;
            }
            let mut rows = chunk.rows.iter().zip(&chunk.numbers);
            if let Some((_, row)) = rows.find(|(row, _)| !row.authentic) {
                return Err(Error::from(phiseal_primitives::Error::Unauthenticated).in_row(*row));
            }
        }
        match chunk.aads.padding() {
            Some(class) => opened.unpad(class),
            None => Ok(()),
        }
    }

    /// As a policy wants it, that is asked for each value and writes down each.
    fn open_one_by_one(
        &self,
        sealed: &(impl Values + ?Sized),
        mut chunk: Chunk<'_>,
        opened: &mut Column,
    ) -> Result<(), Error> {
        for row in 0..sealed.rows() {
            let Some(envelope) = sealed.value(row) else {
                opened.push_null();
                continue;
            };
            let mut open = || {
                let prefix = FieldEnvelope::parse(envelope)?;
                chunk.clear();
                chunk.push(row, Row::default());
                chunk.aads.set_prefix(prefix.aad_prefix());
                chunk.write_aads()?;
                let place = chunk.rows.pop().unwrap_or_default().aad;
                let aad = chunk.aads.bytes().get(place).unwrap_or_default().to_vec();
                let context = BoundContext::of_aad(aad, self.domain(), chunk.aads.padding());
                let end = opened.end();
                let out = opened.bytes.get_mut(end..).unwrap_or_default();
                self.open_into(envelope, &context, out)
            };
            let length = open().map_err(|error| error.in_row(row))?;
            opened.push(length);
        }
        Ok(())
    }
}

/// A column that is wiped unless it was filled to its end, whatever ends that before: an error, or a panic of the caller's [`Values`].
struct Filled<'a> {
    column: &'a mut Column,
    is_whole: bool,
    /// Where the values ended that were in it before.
    before: usize,
}

impl<'a> Filled<'a> {
    fn new(column: &'a mut Column) -> Self {
        let before = column.end();
        column.clear();
        Self { column, is_whole: false, before }
    }
}

impl Drop for Filled<'_> {
    fn drop(&mut self) {
        if self.is_whole {
            self.column.wipe_up_to(self.before);
        } else {
            self.column.zeroize();
        }
    }
}

/// Rows of one key, suite and epoch.
struct Run {
    /// What their envelopes begin with.
    start: [u8; RUN],
    key: Arc<OpeningKey>,
    name: EpochName,
}

const RUN: usize = FIELD_HEADER - 12;

/// Fills `chunk` with the next rows of one run, but for their associated data, and gives each its place in `opened`.
fn plan(
    cipher: &FieldCipher,
    sealed: &(impl Values + ?Sized),
    packed: Option<Packed<'_>>,
    chunk: &mut Chunk<'_>,
    run: &mut Option<Run>,
    opened: &mut Column,
) -> Result<(), Error> {
    let mut out = 0;
    for row in opened.rows()..sealed.rows() {
        if chunk.is_full() {
            break;
        }
        let Some(value) = sealed.value(row) else {
            opened.push_null();
            continue;
        };
        let envelope =
            FieldEnvelope::parse(value).map_err(|error| Error::from(error).in_row(row))?;
        let begins = value.first_chunk::<RUN>();
        if run.as_ref().map(|run| &run.start) != begins {
            if !chunk.rows.is_empty() {
                break;
            }
            let key =
                cipher.opening_key_of(&envelope.key_id()).map_err(|error| error.in_row(row))?;
            let name = (envelope.suite(), *envelope.epoch().as_bytes());
            chunk.aads.set_prefix(envelope.aad_prefix());
            *run = begins.map(|start| Run { start: *start, key: key.clone(), name });
        }
        let length = envelope.ciphertext().len();
        let text = match packed {
            Some(packed) => {
                let range = packed.range(row).filter(|range| range.len() == value.len());
                range.ok_or_else(uneven)?.start + FIELD_HEADER
            }
            None => {
                let sealed = value.get(FIELD_HEADER..).unwrap_or_default();
                let Some(place) = chunk.text(sealed, length + TAG_LEN) else { break };
                place.start
            }
        };
        let (nonce, text) = (*envelope.count().as_bytes(), text..text + length);
        chunk.push(row, Row { nonce, authentic: false, aad: 0..0, text, out });
        opened.push(length);
        out += length;
    }
    Ok(())
}

/// How long all values of a sealed column are together, padding included.
fn opened_bytes(sealed: &(impl Values + ?Sized)) -> Result<usize, Error> {
    (0..sealed.rows()).try_fold(0_usize, |sum, row| {
        let Some(value) = sealed.value(row) else { return Ok(sum) };
        let length = value.len().checked_sub(FIELD_OVERHEAD).ok_or_else(|| {
            Error::from(phiseal_format::Error::from(phiseal_format::ErrorKind::Truncated))
                .in_row(row)
        })?;
        Ok(sum.saturating_add(length))
    })
}
