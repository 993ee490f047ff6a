//! Columns: the values of one field in many rows, sealed and opened in one call.

mod chunk;
mod contexts;
mod domain;
mod opening;
mod rows;
mod sealing;
mod values;

pub use rows::Rows;
pub use values::{Nullable, Packed, Values};

use self::values::is_set;
use crate::padding::unpadded_len;
use core::fmt;
use phiseal_keys::{Error, ErrorKind};
use zeroize::Zeroize;

/// Values of a column, sealed or opened, in one piece of memory and in Arrow's layout.
///
/// Value `i` is `bytes()[offsets()[i]..offsets()[i + 1]]`. A row without a value has none here either. What is sealed this way is, row by
/// row, the same envelope that [`FieldCipher::seal`](crate::FieldCipher::seal) makes, and either opens what the other sealed.
///
/// Its `Debug` shows no values. Opened, it is in a [`Phi`](crate::Phi).
#[derive(Default)]
pub struct Column {
    /// Where values end; a 0 before them.
    offsets: Vec<i32>,
    /// The values, and behind them room that was used before.
    bytes: Vec<u8>,
    /// One bit for each row once one of them has no value; those of rows that have one are set.
    validity: Option<Vec<u8>>,
}

impl Column {
    /// Without any rows; its memory grows as it is filled, and is used again when it is filled again.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The offsets, in bytes: one more than rows.
    #[must_use]
    pub fn offsets(&self) -> &[i32] {
        if self.offsets.is_empty() { &[0] } else { &self.offsets }
    }

    /// All values, one after the other.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.end()).unwrap_or_default()
    }

    /// One bit for each row, the lowest bit of a byte first, set where there is a value. `None`: there is one in every row.
    #[must_use]
    pub fn validity(&self) -> Option<&[u8]> {
        self.validity.as_deref()
    }

    /// Offsets, bytes and validity, given away.
    #[must_use]
    pub fn into_parts(mut self) -> (Vec<i32>, Vec<u8>, Option<Vec<u8>>) {
        let end = self.end();
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        let (offsets, mut bytes) =
            (core::mem::take(&mut self.offsets), core::mem::take(&mut self.bytes));
        bytes.truncate(end);
        (offsets, bytes, self.validity.take())
    }

    /// Every row in turn.
    pub fn iter(&self) -> impl Iterator<Item = Option<&[u8]>> {
        (0..self.rows()).map(|row| self.value(row))
    }

    fn end(&self) -> usize {
        self.offsets.last().and_then(|end| usize::try_from(*end).ok()).unwrap_or(0)
    }

    fn clear(&mut self) {
        self.offsets.clear();
        self.validity = None;
    }

    /// Makes room for `rows` rows of `bytes` bytes together. What was not used before is zeros.
    fn make_room(&mut self, rows: usize, bytes: usize) -> Result<(), Error> {
        if i32::try_from(bytes).is_err() {
            return Err(too_large());
        }
        self.offsets.clear();
        self.offsets.reserve(rows + 1);
        self.offsets.push(0);
        if self.bytes.len() < bytes {
            self.bytes.zeroize();
            self.bytes = vec![0; bytes];
        }
        Ok(())
    }

    /// Ends a row with a value of `length` bytes, for which there is room.
    #[inline]
    fn push(&mut self, length: usize) {
        if let Some(bits) = &mut self.validity {
            set_bit(bits, self.offsets.len().saturating_sub(1));
        }
        let length = i32::try_from(length).unwrap_or(i32::MAX);
        let end = self.offsets.last().copied().unwrap_or(0);
        self.offsets.push(end.saturating_add(length));
    }

    /// Takes rows away that are not among the first `rows`.
    fn cut(&mut self, rows: usize) {
        self.offsets.truncate(rows + 1);
        if let Some(bits) = &mut self.validity {
            bits.truncate(rows.div_ceil(8));
            if let Some(last) = bits.last_mut()
                && !rows.is_multiple_of(8)
            {
                *last &= 0xff >> (8 - rows % 8);
            }
        }
    }

    /// Wipes what is behind the values, where there were others up to `before`.
    fn wipe_up_to(&mut self, before: usize) {
        let end = self.end();
        self.bytes.get_mut(end..before).unwrap_or_default().zeroize();
    }

    /// Takes the padding off each value.
    fn unpad(&mut self, class: u32) -> Result<(), Error> {
        let (mut from, mut to) = (0, 0);
        for row in 0..self.rows() {
            let end = self.offsets.get(row + 1).and_then(|end| usize::try_from(*end).ok());
            let end = end.unwrap_or(from);
            if self.validity.as_ref().is_none_or(|bits| is_set(bits, row)) {
                let value = self.bytes.get(from..end).unwrap_or_default();
                let length = unpadded_len(value, class).map_err(|error| error.in_row(row))?;
                self.bytes.copy_within(from..from + length, to);
                to += length;
            }
            if let Some(offset) = self.offsets.get_mut(row + 1) {
                *offset = i32::try_from(to).map_err(|_| too_large())?;
            }
            from = end;
        }
        self.bytes.get_mut(to..from).unwrap_or_default().zeroize();
        Ok(())
    }

    /// Ends a row that has no value.
    fn push_null(&mut self) {
        let row = self.offsets.len().saturating_sub(1);
        let bits = self.validity.get_or_insert_with(|| {
            let mut bits = vec![0xff; row / 8];
            (row / 8 * 8..row).for_each(|row| set_bit(&mut bits, row));
            bits
        });
        bits.resize(row / 8 + 1, 0);
        let end = self.offsets.last().copied().unwrap_or(0);
        self.offsets.push(end);
    }
}

fn set_bit(bits: &mut Vec<u8>, row: usize) {
    if bits.len() <= row / 8 {
        bits.push(0);
    }
    if let Some(byte) = bits.get_mut(row / 8) {
        *byte |= 1 << (row % 8);
    }
}

impl Values for Column {
    fn rows(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    fn value(&self, row: usize) -> Option<&[u8]> {
        self.bytes.get(self.packed()?.range_of_value(row)?)
    }

    fn packed(&self) -> Option<Packed<'_>> {
        let packed = Packed::trusted(self.offsets(), self.bytes());
        match &self.validity {
            Some(bits) => packed.with_validity(bits, 0).ok(),
            None => Some(packed),
        }
    }
}

impl Zeroize for Column {
    fn zeroize(&mut self) {
        self.clear();
        self.bytes.zeroize();
    }
}

impl fmt::Debug for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Column({} rows)", self.rows())
    }
}

#[cold]
fn too_large() -> Error {
    Error::new(ErrorKind::Invalid, "a column is at most 2 GiB long: seal or open it in parts")
}

/// A column's memory, if it lies in one piece, of as many rows.
fn packed_of(values: &(impl Values + ?Sized)) -> Result<Option<Packed<'_>>, Error> {
    match values.packed() {
        Some(packed) if packed.rows() != values.rows() => Err(uneven()),
        packed => Ok(packed),
    }
}

#[cold]
fn uneven() -> Error {
    Error::new(ErrorKind::Invalid, "there are not as many contexts as values")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::FieldCipher;
    use crate::deadline::Deadline;
    use crate::opening::OpeningKey;
    use crate::phi::Phi;
    use crate::sealing::{NoncePolicy, SealingConfig, SealingKey};
    use phiseal_format::{Context, DomainId, KeyId, Suite};
    use phiseal_keys::{DataKey, ManualClock, Moment, Purpose};
    use phiseal_primitives::{OsRandom, default_engine};
    use std::sync::Arc;

    fn cipher(nonces: NoncePolicy) -> FieldCipher {
        let (engine, key) = (default_engine(), DataKey::generate(default_engine()).unwrap());
        let (clock, until) = (Arc::new(ManualClock::at(0)), Moment::from_nanos(u64::MAX));
        let (suite, id) = (Suite::Xaes256Gcm, KeyId::from_bytes([1; 16]));
        let random = Arc::new(OsRandom);
        let config =
            SealingConfig { engine, clock: clock.clone(), random, suite, nonces, epochs: 2 };
        let field_key = key.derive(engine, Purpose::Field, &[suite.to_byte()]).unwrap();
        let sealing = SealingKey::new(config, id, Arc::new(field_key), until);
        sealing.allow(u64::MAX);
        let opening = OpeningKey::new(engine, clock.clone(), id, &key, until).unwrap();
        let (opening, known) = (vec![Arc::new(opening)], Deadline::new(clock, until));
        FieldCipher::new(
            DomainId::from_bytes([2; 16]),
            Ok(Arc::new(sealing)),
            opening,
            vec![],
            known,
        )
    }

    const RECORDS: [&str; 4] = ["r1", "r2", "r3", "r4"];

    fn ssn() -> Context {
        Context::of_field("ssn")
    }

    #[test]
    fn nonces_that_the_module_draws_seal_columns_too() {
        let cipher = cipher(NoncePolicy::Module);
        let rows = Rows::of_records(&RECORDS);
        let sealed = cipher.seal_column(&["a", "", "c", "four"], &ssn(), &rows).unwrap();
        let opened = cipher.open_column(&sealed, &ssn(), &rows).unwrap();
        let values = [&b"a"[..], b"", b"c", b"four"].map(Some);
        assert!(opened.expose_secret().iter().eq(values));
    }

    /// Whatever ends an opening, nothing of this column or of the one before is left in the memory.
    #[test]
    fn what_is_refused_at_any_step_is_wiped_with_what_was_there_before() {
        let cipher = cipher(NoncePolicy::PerBlock);
        let rows = Rows::of_records(&RECORDS);
        let sealed = cipher.seal_column(&["PLAIN"; 4], &ssn(), &rows).unwrap();
        let cells: Vec<_> = sealed.iter().map(|value| value.unwrap().to_vec()).collect();
        let (mut short, mut forged, mut unknown) = (cells.clone(), cells.clone(), cells.clone());
        short[2].truncate(56);
        forged[3][50] ^= 1;
        unknown[3][0] = 9;
        for refused in [short, forged, unknown, vec![vec![0; 57]; 3]] {
            let mut opened = Phi::from(Column::new());
            cipher.open_column_into(&cells, &ssn(), &rows, &mut opened).unwrap();
            assert!(opened.expose_secret().bytes.starts_with(b"PLAIN"));
            cipher.open_column_into(&refused, &ssn(), &rows, &mut opened).unwrap_err();
            assert_eq!(opened.expose_secret().rows(), 0);
            assert!(opened.expose_secret().bytes.iter().all(|byte| *byte == 0));
        }
        let mut opened = Phi::from(Column::new());
        cipher.open_column_into(&cells, &ssn(), &rows, &mut opened).unwrap();
        let (two, one) = (cells.get(..1).unwrap(), Rows::of_records(&["r1"]));
        cipher.open_column_into(two, &ssn(), &one, &mut opened).unwrap();
        assert_eq!(opened.expose_secret().bytes[..20], *b"PLAIN\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    }

    /// Nothing of values that were not sealed is in the memory of those that were.
    #[test]
    fn sealing_writes_nothing_of_the_values_behind_it() {
        let cipher = cipher(NoncePolicy::PerBlock);
        let bytes = b"first and second, then OTHERS THAT ARE NOT SEALED AT ALL";
        for end in 5..40 {
            let offsets = [0, 5, end];
            let packed = Packed::new(&offsets, bytes).unwrap();
            let mut sealed = Column { bytes: vec![0; 400], ..Column::new() };
            let rows = Rows::of_records(&["r1", "r2"]);
            cipher.seal_column_into(&packed, &ssn(), &rows, &mut sealed).unwrap();
            let end = sealed.end();
            assert!(sealed.bytes[end..].iter().all(|byte| *byte == 0), "{end}");
        }
    }

    /// Values that are not what they say.
    struct Lying {
        gathers: usize,
        rows: usize,
    }

    impl Values for Lying {
        fn rows(&self) -> usize {
            self.rows
        }

        fn value(&self, row: usize) -> Option<&[u8]> {
            RECORDS.get(row).map(|record| record.as_bytes())
        }

        fn packed(&self) -> Option<Packed<'_>> {
            (self.rows != RECORDS.len()).then(|| Packed::trusted(&[0, 1, 2], b"ab"))
        }

        fn gather<'a>(&'a self, _: &[usize], out: &mut Vec<Option<&'a [u8]>>) {
            out.extend(core::iter::repeat_n(Some(&b"r"[..]), self.gathers));
        }
    }

    #[test]
    fn values_that_lie_are_refused() {
        let cipher = cipher(NoncePolicy::PerBlock);
        for gathers in [0, 3, 5] {
            let lying = Lying { gathers, rows: 4 };
            let rows = Rows::of_records(&lying);
            let refused = cipher.seal_column(&RECORDS, &ssn(), &rows).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Invalid);
        }
        let (lying, records) = (Lying { gathers: 3, rows: 3 }, ["r"; 3]);
        let rows = Rows::of_records(&records);
        let refused = cipher.seal_column(&lying, &ssn(), &rows).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
        let refused = cipher.open_column(&lying, &ssn(), &rows).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
    }
}
