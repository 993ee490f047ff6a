use phiseal_keys::{Error, ErrorKind};

/// The values of a column, in the order of its rows. A row may have none.
///
/// Slices and vectors of anything that is bytes are such values (`&[String]`, `Vec<&[u8]>`), so are [`Column`](super::Column) and
/// [`Packed`]; where rows may be without a value, wrap them in [`Nullable`].
pub trait Values: Sync {
    /// How many rows there are.
    fn rows(&self) -> usize;

    /// The value of a row; `None` where it has none. It is asked for rows below [`rows`](Self::rows) only.
    fn value(&self, row: usize) -> Option<&[u8]>;

    /// All values as one piece of memory, if they are that, as many rows and the same: the column is then read where it lies.
    fn packed(&self) -> Option<Packed<'_>> {
        None
    }

    /// Appends the values of these rows to `out`, one for each.
    fn gather<'a>(&'a self, rows: &[usize], out: &mut Vec<Option<&'a [u8]>>) {
        out.extend(rows.iter().map(|row| self.value(*row)));
    }
}

impl<T: AsRef<[u8]> + Sync> Values for [T] {
    fn rows(&self) -> usize {
        self.len()
    }

    #[inline]
    fn value(&self, row: usize) -> Option<&[u8]> {
        self.get(row).map(AsRef::as_ref)
    }
}

impl<T: AsRef<[u8]> + Sync, const N: usize> Values for [T; N] {
    fn rows(&self) -> usize {
        N
    }

    #[inline]
    fn value(&self, row: usize) -> Option<&[u8]> {
        self.as_slice().value(row)
    }
}

impl<T: AsRef<[u8]> + Sync> Values for Vec<T> {
    fn rows(&self) -> usize {
        self.len()
    }

    #[inline]
    fn value(&self, row: usize) -> Option<&[u8]> {
        self.as_slice().value(row)
    }
}

impl<V: Values + ?Sized> Values for &V {
    fn rows(&self) -> usize {
        V::rows(self)
    }

    #[inline]
    fn value(&self, row: usize) -> Option<&[u8]> {
        V::value(self, row)
    }

    fn packed(&self) -> Option<Packed<'_>> {
        V::packed(self)
    }

    fn gather<'a>(&'a self, rows: &[usize], out: &mut Vec<Option<&'a [u8]>>) {
        V::gather(self, rows, out);
    }
}

/// Values of which some are missing.
///
/// ```
/// use phiseal_envelope::{Nullable, Values};
///
/// let phones = [Some("617-555-0100"), None];
/// assert_eq!(Nullable(&phones).value(1), None);
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it is nothing but its slice")]
pub struct Nullable<'a, T>(pub &'a [Option<T>]);

impl<T: AsRef<[u8]> + Sync> Values for Nullable<'_, T> {
    fn rows(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn value(&self, row: usize) -> Option<&[u8]> {
        self.0.get(row)?.as_ref().map(AsRef::as_ref)
    }
}

/// Values in Arrow's layout: value `i` is `bytes[offsets[i]..offsets[i + 1]]`, and there is one where bit `i` of the validity, the lowest
/// bit of a byte first, is set.
///
/// Its `Debug` shows no values.
#[derive(Clone, Copy)]
pub struct Packed<'a> {
    offsets: &'a [i32],
    bytes: &'a [u8],
    validity: Option<Validity<'a>>,
}

/// Bits, of which the first is that of the first row.
#[derive(Clone, Copy)]
struct Validity<'a> {
    bits: &'a [u8],
    first: usize,
}

impl<'a> Packed<'a> {
    /// Values with one offset more than there are rows.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when there is no offset, or one is below the one before it or beyond `bytes`.
    pub fn new(offsets: &'a [i32], bytes: &'a [u8]) -> Result<Self, Error> {
        let mut previous = 0;
        for offset in offsets {
            if *offset < previous {
                return Err(bad_offsets());
            }
            previous = *offset;
        }
        let end = usize::try_from(previous).map_err(|_| bad_offsets())?;
        if offsets.is_empty() || end > bytes.len() {
            return Err(bad_offsets());
        }
        Ok(Self { offsets, bytes, validity: None })
    }

    /// Of offsets that are known to rise within `bytes`.
    pub(super) const fn trusted(offsets: &'a [i32], bytes: &'a [u8]) -> Self {
        Self { offsets, bytes, validity: None }
    }

    /// The same values, of which only those exist whose bit is set; that of the first row is `bits`' bit number `first`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when there are fewer bits than rows.
    pub fn with_validity(self, bits: &'a [u8], first: usize) -> Result<Self, Error> {
        let bits_needed = first.checked_add(self.rows()).ok_or_else(bad_validity)?;
        if bits_needed.div_ceil(8) > bits.len() {
            return Err(bad_validity());
        }
        Ok(Self { validity: Some(Validity { bits, first }), ..self })
    }

    /// The offsets, in bytes: one more than rows, the first not always 0.
    #[must_use]
    pub const fn offsets(&self) -> &'a [i32] {
        self.offsets
    }

    /// What the offsets point into.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Where a row's value lies, whether there is one or not.
    #[inline]
    pub(super) fn range(&self, row: usize) -> Option<core::ops::Range<usize>> {
        let (start, end) = (self.offsets.get(row)?, self.offsets.get(row + 1)?);
        Some(usize::try_from(*start).ok()?..usize::try_from(*end).ok()?)
    }

    /// Where a row's value lies; `None` where there is none.
    #[inline]
    pub(super) fn range_of_value(&self, row: usize) -> Option<core::ops::Range<usize>> {
        if self.exists(row) { self.range(row) } else { None }
    }

    #[inline]
    fn exists(&self, row: usize) -> bool {
        self.validity.is_none_or(|Validity { bits, first }| is_set(bits, first + row))
    }
}

/// Whether a bit is set, of which there are eight in a byte, the lowest first.
#[inline]
pub(super) fn is_set(bits: &[u8], bit: usize) -> bool {
    bits.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
}

impl Values for Packed<'_> {
    fn rows(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    #[inline]
    fn value(&self, row: usize) -> Option<&[u8]> {
        self.bytes.get(self.range_of_value(row)?)
    }

    fn packed(&self) -> Option<Packed<'_>> {
        Some(*self)
    }
}

impl core::fmt::Debug for Packed<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Packed({} rows)", self.rows())
    }
}

fn bad_offsets() -> Error {
    Error::new(ErrorKind::Invalid, "the offsets of a column do not rise within its bytes")
}

fn bad_validity() -> Error {
    Error::new(ErrorKind::Invalid, "a column has fewer bits of validity than rows")
}
