use crate::{Error, ErrorKind};

/// A bounded reader over borrowed bytes: big-endian, checked, never allocating.
///
/// Every method takes from the front. A method that fails takes nothing.
///
/// ```
/// use phiseal_format::{Cursor, ErrorKind};
///
/// let mut cursor = Cursor::new(&[1, 0, 2, 7, 8, 9]);
/// assert_eq!(cursor.u8()?, 1);
/// assert_eq!(cursor.prefixed_u16(64)?, [7, 8]);
/// assert_eq!(cursor.finish().unwrap_err().kind(), ErrorKind::Trailing);
/// # Ok::<(), phiseal_format::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Starts at the first of `bytes`.
    #[must_use]
    #[inline]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// How many bytes are left.
    #[must_use]
    #[inline]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing is left.
    #[must_use]
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes one byte.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Truncated`].
    #[inline]
    pub fn u8(&mut self) -> Result<u8, Error> {
        let (first, rest) = self.rest.split_first().ok_or(ErrorKind::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    /// Takes two bytes, big-endian.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Truncated`].
    #[inline]
    pub fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(|bytes| u16::from_be_bytes(*bytes))
    }

    /// Takes four bytes, big-endian.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Truncated`].
    #[inline]
    pub fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// Takes eight bytes, big-endian.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Truncated`].
    #[inline]
    pub fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(|bytes| u64::from_be_bytes(*bytes))
    }

    /// Takes `count` bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Truncated`].
    #[inline]
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(ErrorKind::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes `N` bytes as an array.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Truncated`].
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Error> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(ErrorKind::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes a one-byte length and as many bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Truncated`].
    pub fn prefixed_u8(&mut self) -> Result<&'a [u8], Error> {
        self.prefixed(usize::from(u8::MAX), |cursor| cursor.u8().map(usize::from))
    }

    /// Takes a two-byte length of at most `max` and as many bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLong`] when the length is over `max`, else [`ErrorKind::Truncated`].
    pub fn prefixed_u16(&mut self, max: usize) -> Result<&'a [u8], Error> {
        self.prefixed(max, |cursor| cursor.u16().map(usize::from))
    }

    /// Takes a four-byte length of at most `max` and as many bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLong`] when the length is over `max`, else [`ErrorKind::Truncated`].
    pub fn prefixed_u32(&mut self, max: usize) -> Result<&'a [u8], Error> {
        self.prefixed(max, |cursor| {
            let length = cursor.u32()?;
            usize::try_from(length).map_err(|_| ErrorKind::TooLong.into())
        })
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Trailing`] when bytes are left.
    #[inline]
    pub fn finish(self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(ErrorKind::Trailing.into()) }
    }

    fn prefixed(
        &mut self,
        max: usize,
        length: impl FnOnce(&mut Self) -> Result<usize, Error>,
    ) -> Result<&'a [u8], Error> {
        let mut ahead = self.clone();
        let length = length(&mut ahead)?;
        if length > max {
            return Err(ErrorKind::TooLong.into());
        }
        let taken = ahead.bytes(length)?;
        *self = ahead;
        Ok(taken)
    }
}
