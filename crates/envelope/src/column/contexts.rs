//! The associated data of a column's rows.

use super::{Rows, Values, uneven};
use core::ops::Range;
use phiseal_format::{Context, DomainId, FIELD_AAD_PREFIX, MAX_CONTEXT};
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::Row;

/// What all rows have in common, in pieces, and what comes between those.
pub(crate) struct Contexts<'a> {
    /// The first begins with suite and key id.
    pieces: Vec<Vec<u8>>,
    parts: Vec<&'a dyn Values>,
    /// The longest that the parts of a row may be together, in bytes.
    room: usize,
    padding: Option<u32>,
}

impl<'a> Contexts<'a> {
    /// For `count` rows.
    pub(super) fn new(
        context: &Context,
        domain: &DomainId,
        rows: &'a Rows<'_>,
        count: usize,
    ) -> Result<Self, Error> {
        let (tags, parts): (Vec<u8>, Vec<&dyn Values>) = rows.parts().unzip();
        if parts.iter().any(|part| part.rows() != count) {
            return Err(uneven());
        }
        let mut pieces = context.encode_around(domain, &tags)?;
        let fixed = pieces.iter().map(Vec::len).sum::<usize>() + LENGTH * parts.len();
        let room = MAX_CONTEXT.checked_sub(fixed).ok_or_else(too_long)?;
        if let Some(first) = pieces.first_mut() {
            first.splice(..0, [0; FIELD_AAD_PREFIX]);
        }
        Ok(Self { pieces, parts, room, padding: context.padding() })
    }

    pub(super) const fn padding(&self) -> Option<u32> {
        self.padding
    }
}

/// Before each part goes its length: a big-endian `u32`.
const LENGTH: usize = size_of::<u32>();

/// The associated data of rows, one after the other in one buffer.
pub(super) struct Aads<'a> {
    contexts: Contexts<'a>,
    bytes: Vec<u8>,
    /// A row of which most others differ in the bytes of their parts only, zeros behind it.
    model: Vec<[u8; WORD]>,
    model_len: usize,
    /// Where in it the parts are.
    places: Vec<Range<usize>>,
    /// The parts of the rows that are written next: of the first part for each row, then of the second.
    values: Vec<Option<&'a [u8]>>,
}

/// As many bytes as are copied at once.
const WORD: usize = 64;

impl<'a> Aads<'a> {
    pub(super) fn new(contexts: Contexts<'a>) -> Self {
        let (bytes, model) = (Vec::new(), Vec::new());
        Self { contexts, bytes, model, model_len: 0, places: Vec::new(), values: Vec::new() }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) const fn padding(&self) -> Option<u32> {
        self.contexts.padding
    }

    /// From here on rows are of the key and suite of this prefix.
    pub(super) fn set_prefix(&mut self, prefix: &[u8; FIELD_AAD_PREFIX]) {
        let first = self.contexts.pieces.first_mut();
        if let Some(start) = first.and_then(|first| first.first_chunk_mut()) {
            *start = *prefix;
        }
        self.places.clear();
    }

    /// Writes those of `rows`, of which `numbers` says what rows of the column they are, and says in each where it lies.
    pub(super) fn write(&mut self, numbers: &[usize], rows: &mut [Row]) -> Result<(), Error> {
        self.gather(numbers)?;
        let mut end = 0;
        for (place, (row, number)) in rows.iter_mut().zip(numbers).enumerate() {
            let start = end;
            // Room for the row, if it is like the model, and for the words that are written over its end.
            if self.bytes.len() < start + self.model.len() * WORD {
                self.grow(start + self.model.len() * WORD);
            }
            end = match self.write_like_model(start, place, numbers.len()) {
                Some(end) => end,
                None => self.write_new_model(start, place, numbers.len(), *number)?,
            };
            row.aad = start..end;
        }
        Ok(())
    }

    /// Looks the parts of these rows up: one call for each part.
    fn gather(&mut self, numbers: &[usize]) -> Result<(), Error> {
        self.values.clear();
        for (place, &part) in self.contexts.parts.iter().enumerate() {
            part.gather(numbers, &mut self.values);
            // With one value too few or too many, a row would be bound to another's.
            if self.values.len() != (place + 1) * numbers.len() {
                return Err(uneven());
            }
        }
        Ok(())
    }

    /// Where the row ends, of which the model is copied and the parts are put in their places, if those are as long.
    ///
    /// The model lies apart: to copy the row before, which has just been written in pieces, would be to wait for that.
    #[inline]
    fn write_like_model(&mut self, start: usize, place: usize, rows: usize) -> Option<usize> {
        let out = &mut self.bytes[start..];
        for (word, place) in self.model.iter().zip(out.as_chunks_mut().0) {
            *place = *word;
        }
        let mut at = place;
        for place in &self.places {
            let value = self.values.get(at).copied().flatten()?;
            if value.len() != place.end - place.start {
                return None;
            }
            copy(value, &mut out[place.start..]);
            at += rows;
        }
        (!self.places.is_empty()).then_some(start + self.model_len)
    }

    #[cold]
    fn write_new_model(
        &mut self,
        start: usize,
        place: usize,
        rows: usize,
        number: usize,
    ) -> Result<usize, Error> {
        let mut row = Vec::with_capacity(FIELD_AAD_PREFIX + MAX_CONTEXT);
        let mut left = self.contexts.room;
        let mut parts = self.values.iter().skip(place).step_by(rows.max(1));
        self.places.clear();
        for piece in &self.contexts.pieces {
            row.extend_from_slice(piece);
            // Behind the last piece there is no part.
            let Some(value) = parts.next() else { break };
            let value = value.ok_or_else(|| without_part(number))?;
            left = left.checked_sub(value.len()).ok_or_else(|| too_long().in_row(number))?;
            let length = u32::try_from(value.len()).map_err(|_| too_long().in_row(number))?;
            row.extend_from_slice(&length.to_be_bytes());
            self.places.push(row.len()..row.len() + value.len());
            row.extend_from_slice(value);
        }
        self.model_len = row.len();
        row.resize(row.len().next_multiple_of(WORD), 0);
        self.model = row.as_chunks().0.to_vec();
        self.grow(start + row.len());
        self.bytes[start..start + row.len()].copy_from_slice(&row);
        Ok(start + self.model_len)
    }

    #[cold]
    fn grow(&mut self, length: usize) {
        if self.bytes.len() < length {
            self.bytes.resize(2 * length, 0);
        }
    }
}

/// Copies all of `from` to the start of `to`, which is as long at least. Short values, which most are, without a call.
#[inline(always)]
pub(super) fn copy(from: &[u8], to: &mut [u8]) {
    let to = &mut to[..from.len()];
    if from.len() > 32 {
        to.copy_from_slice(from);
    } else if from.len() >= 16 {
        copy_ends::<16>(from, to);
    } else if from.len() >= 8 {
        copy_ends::<8>(from, to);
    } else if from.len() >= 4 {
        copy_ends::<4>(from, to);
    } else {
        for (from, to) in from.iter().zip(to) {
            *to = *from;
        }
    }
}

#[inline(always)]
fn copy_ends<const N: usize>(from: &[u8], to: &mut [u8]) {
    if let (Some(from), Some(to)) = (from.first_chunk::<N>(), to.first_chunk_mut()) {
        *to = *from;
    }
    if let (Some(from), Some(to)) = (from.last_chunk::<N>(), to.last_chunk_mut()) {
        *to = *from;
    }
}

#[cold]
fn without_part(row: usize) -> Error {
    let message = "the row has no value for a part of its context";
    Error::new(ErrorKind::Invalid, message).in_row(row)
}

#[cold]
fn too_long() -> Error {
    phiseal_format::Error::from(phiseal_format::ErrorKind::TooLong).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use phiseal_format::EncodedContext;

    const DOMAIN: DomainId = DomainId::from_bytes([7; 16]);

    #[test]
    fn each_row_s_context_is_the_one_that_is_encoded_for_itself() {
        let records: Vec<String> = (0..70).map(|length| "r".repeat(length)).collect();
        let tenants: Vec<String> = (0..70).map(|number| format!("t{number}")).collect();
        let versions: Vec<u64> = (0..70).map(|number| number << 50).collect();
        let own: Vec<Vec<u8>> = (0..70).map(|length| vec![9; 3 * length]).collect();
        let column = Context::of_field("ssn").usage("billing").padded_to(16).application(200, "x");
        let rows = Rows::of_application(130, &own);
        let rows = rows.row_versions(&versions).tenants(&tenants).application(255, &records);
        let mut aads = Aads::new(Contexts::new(&column, &DOMAIN, &rows, 70).unwrap());
        aads.set_prefix(&[5; 17]);
        let numbers: Vec<usize> = (0..70).chain([3, 3, 3, 4, 4, 69, 69]).collect();
        for numbers in [&numbers[..], &numbers[60..], &numbers[..1], &[]] {
            let mut written = vec![Row::default(); numbers.len()];
            aads.write(numbers, &mut written).unwrap();
            for (row, written) in numbers.iter().zip(written) {
                let whole = column.clone().tenant(&tenants[*row]).row_version(versions[*row]);
                let whole = whole.application(130, &own[*row]).application(255, &records[*row]);
                let whole = whole.encode(&DOMAIN).unwrap();
                let aad = &aads.bytes()[written.aad];
                assert_eq!(aad[..17], [5; 17]);
                assert_eq!(&aad[17..], whole.as_bytes(), "row {row}");
                assert_eq!(EncodedContext::parse(&aad[17..]).unwrap(), whole);
            }
        }
    }

    #[test]
    fn a_context_is_at_most_1024_bytes_long_and_the_row_is_named() {
        let column = Context::of_field("ssn");
        let longest = MAX_CONTEXT - 1 - (5 + 16) - (5 + 3) - 5;
        let records = [vec![1; longest], vec![1; longest + 1]];
        let rows = Rows::of_records(&records);
        let mut aads = Aads::new(Contexts::new(&column, &DOMAIN, &rows, 2).unwrap());
        let mut written = [Row::default(), Row::default()];
        aads.write(&[0, 0], &mut written).unwrap();
        assert_eq!(written.map(|row| row.aad.len()), [17 + MAX_CONTEXT; 2]);
        let refused = aads.write(&[0, 1], &mut [Row::default(), Row::default()]).unwrap_err();
        assert_eq!((refused.kind(), refused.row()), (ErrorKind::Malformed, Some(1)));
    }

    #[test]
    fn what_is_no_context_is_refused() {
        let values = ["a", "b"];
        let refused = |column: &Context, rows: &Rows<'_>, count| {
            Contexts::new(column, &DOMAIN, rows, count).err().unwrap().kind()
        };
        let ssn = Context::of_field("ssn");
        let rows = Rows::of_records(&values);
        assert_eq!(refused(&ssn, &rows, 3), ErrorKind::Invalid);
        assert_eq!(refused(&ssn.clone().record("r"), &rows, 2), ErrorKind::Malformed);
        assert_eq!(refused(&ssn, &rows.clone().application(127, &values), 2), ErrorKind::Malformed);
        let twice = rows.application(130, &values).application(130, &values);
        assert_eq!(refused(&ssn, &twice, 2), ErrorKind::Malformed);
        let missing = [Some("a"), None];
        let nullable = crate::Nullable(&missing);
        let rows = Rows::of_records(&nullable);
        let mut aads = Aads::new(Contexts::new(&ssn, &DOMAIN, &rows, 2).unwrap());
        let refused = aads.write(&[0, 1], &mut [Row::default(), Row::default()]).unwrap_err();
        assert_eq!(refused.row(), Some(1));
    }
}
