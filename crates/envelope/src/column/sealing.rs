use super::chunk::Chunk;
use super::contexts::Contexts;
use super::{Column, Packed, Rows, Values, packed_of};
use crate::cipher::FieldCipher;
use crate::padding::{pad, padded_len};
use crate::sealing::too_long;
use phiseal_format::{Context, FIELD_HEADER, FIELD_OVERHEAD, MAX_FIELD_PLAINTEXT};
use phiseal_keys::Error;
use phiseal_primitives::Row;

impl FieldCipher {
    /// Seals the values of a column, each as what `context` and its part of `rows` say.
    ///
    /// Row by row it is what [`seal`](Self::seal) makes, at a fraction of the cost where values are short: keys are looked at once for
    /// many rows, and the engine is given as many at a time. A row without a value stays without one.
    ///
    /// # Errors
    ///
    /// As [`seal`](Self::seal), with the [row](Error::row) where it is one's fault; [`ErrorKind::Invalid`](phiseal_keys::ErrorKind::Invalid)
    /// when there are not as many contexts as values, when a row has nothing for a part of its context, and when the outcome would be
    /// over 2 GiB.
    pub fn seal_column(
        &self,
        values: &(impl Values + ?Sized),
        context: &Context,
        rows: &Rows<'_>,
    ) -> Result<Column, Error> {
        let mut sealed = Column::new();
        self.seal_column_into(values, context, rows, &mut sealed)?;
        Ok(sealed)
    }

    /// As [`seal_column`](Self::seal_column), in the memory of a column that is not needed any more.
    ///
    /// # Errors
    ///
    /// As [`seal_column`](Self::seal_column); `sealed` is then without rows.
    pub fn seal_column_into(
        &self,
        values: &(impl Values + ?Sized),
        context: &Context,
        rows: &Rows<'_>,
        sealed: &mut Column,
    ) -> Result<(), Error> {
        let begun = self.begin_column(values, context, rows, sealed);
        let done = begun.and_then(|mut chunk| self.seal_rest(values, &mut chunk, sealed));
        done.inspect_err(|_| sealed.clear())
    }

    /// Makes room in `sealed` for all rows of a column, and gives what they are sealed by.
    pub(crate) fn begin_column<'a>(
        &self,
        values: &(impl Values + ?Sized),
        context: &Context,
        rows: &'a Rows<'_>,
        sealed: &mut Column,
    ) -> Result<Chunk<'a>, Error> {
        sealed.clear();
        let contexts = Contexts::new(context, &self.domain(), rows, values.rows())?;
        sealed.make_room(values.rows(), sealed_bytes(values, contexts.padding())?)?;
        Ok(Chunk::new(contexts))
    }

    /// Seals the rows that `sealed` has not got yet. After an error it has those before, so that somebody can go on from there.
    pub(crate) fn seal_rest(
        &self,
        values: &(impl Values + ?Sized),
        chunk: &mut Chunk<'_>,
        sealed: &mut Column,
    ) -> Result<(), Error> {
        let key = self.sealing_key_or_why()?;
        chunk.aads.set_prefix(&key.prefix());
        let packed = packed_of(values)?.filter(|_| chunk.aads.padding().is_none());
        while sealed.rows() < values.rows() {
            let (first, start) = (sealed.rows(), sealed.end());
            chunk.clear();
            let done = plan(values, packed, chunk, sealed).and_then(|()| {
                chunk.write_aads()?;
                let texts = packed.map_or(&chunk.texts[..], |packed| packed.bytes());
                let out = sealed.bytes.get_mut(start..).unwrap_or_default();
                key.seal_rows(&mut chunk.rows, chunk.aads.bytes(), texts, out)
            });
            if let Err(error) = done {
                sealed.cut(first);
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Fills `chunk` with the next rows, but for their associated data, and gives each its place in `sealed`.
fn plan(
    values: &(impl Values + ?Sized),
    packed: Option<Packed<'_>>,
    chunk: &mut Chunk<'_>,
    sealed: &mut Column,
) -> Result<(), Error> {
    let padding = chunk.aads.padding();
    let mut out = FIELD_HEADER;
    for row in sealed.rows()..values.rows() {
        if chunk.is_full() {
            break;
        }
        let text = match packed {
            Some(packed) => packed.range_of_value(row),
            None => match values.value(row) {
                Some(value) => {
                    let length =
                        text_len(value.len(), padding).map_err(|error| error.in_row(row))?;
                    let Some(text) = chunk.text(value, length) else { break };
                    if padding.is_some() {
                        pad(&mut chunk.texts[text.clone()], value.len());
                    }
                    Some(text)
                }
                None => None,
            },
        };
        let Some(text) = text else {
            sealed.push_null();
            continue;
        };
        let length = text.end - text.start;
        if length > MAX_FIELD_PLAINTEXT {
            return Err(too_long().in_row(row));
        }
        chunk.push(row, Row { text, out, ..Row::default() });
        sealed.push(length + FIELD_OVERHEAD);
        out += length + FIELD_OVERHEAD;
    }
    Ok(())
}

/// How long a value is once it is padded, if it is.
#[inline]
fn text_len(length: usize, padding: Option<u32>) -> Result<usize, Error> {
    let length = match padding {
        None => length,
        Some(class) => padded_len(length, class)?,
    };
    if length > MAX_FIELD_PLAINTEXT { Err(too_long()) } else { Ok(length) }
}

/// How long all envelopes of a column are together.
fn sealed_bytes(values: &(impl Values + ?Sized), padding: Option<u32>) -> Result<usize, Error> {
    (0..values.rows()).try_fold(0_usize, |sum, row| {
        let Some(value) = values.value(row) else { return Ok(sum) };
        let length = text_len(value.len(), padding).map_err(|error| error.in_row(row))?;
        Ok(sum.saturating_add(length + FIELD_OVERHEAD))
    })
}
