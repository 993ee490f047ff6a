use crate::mask::{Mask, Masked};
use core::fmt;
use phiseal_keys::{Error, ErrorKind};
use zeroize::Zeroize;

/// Plaintext that came out of an envelope.
///
/// Its `Debug` is constant; it has no `Display` and no `Serialize`, so it does not slip into a log or an answer;
/// [`Phi::expose_secret`] is its one door. Wiped when dropped.
///
/// ```compile_fail
/// let name = phiseal_envelope::Phi::from(String::from("Jane Doe"));
/// println!("{name}");
/// ```
///
/// ```
/// let name = phiseal_envelope::Phi::from(String::from("Jane Doe"));
/// assert_eq!(format!("{name:?}"), "Phi");
/// assert_eq!(name.expose_secret(), "Jane Doe");
/// ```
pub struct Phi<T: Zeroize>(T);

impl<T: Zeroize> Phi<T> {
    /// The plaintext.
    #[must_use]
    pub const fn expose_secret(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Phi<T> {
    /// To fill it again.
    pub(crate) const fn as_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Zeroize + AsRef<str>> Phi<T> {
    /// What may be displayed of the plaintext.
    ///
    /// ```
    /// use phiseal_envelope::{Mask, Phi};
    ///
    /// let ssn = Phi::from(String::from("123-45-6789"));
    /// assert_eq!(ssn.masked(Mask::ssn()).to_string(), "***-**-6789");
    /// ```
    #[must_use]
    pub fn masked(&self, mask: Mask) -> Masked<'_> {
        mask.of(self.0.as_ref())
    }
}

impl<T: Zeroize> From<T> for Phi<T> {
    fn from(plaintext: T) -> Self {
        Self(plaintext)
    }
}

impl<T: Zeroize> Drop for Phi<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Phi<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phi")
    }
}

/// What a field can be opened as.
pub trait Plaintext: Zeroize + Sized {
    /// Takes the bytes over; they are not copied.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when the bytes are no such value; they are wiped then.
    fn from_plaintext(bytes: Vec<u8>) -> Result<Self, Error>;
}

impl Plaintext for Vec<u8> {
    fn from_plaintext(bytes: Vec<u8>) -> Result<Self, Error> {
        Ok(bytes)
    }
}

impl Plaintext for String {
    fn from_plaintext(bytes: Vec<u8>) -> Result<Self, Error> {
        Self::from_utf8(bytes).map_err(|error| not_utf8(error.into_bytes()))
    }
}

/// Wipes the plaintext that it is about.
#[cold]
fn not_utf8(mut plaintext: impl Zeroize) -> Error {
    plaintext.zeroize();
    Error::new(ErrorKind::Invalid, "the field is authentic, but it is not UTF-8: open it as bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    struct Noted<'a>(&'a Cell<bool>);

    impl Zeroize for Noted<'_> {
        fn zeroize(&mut self) {
            self.0.set(true);
        }
    }

    #[test]
    fn a_plaintext_that_is_not_utf_8_is_wiped_when_it_is_refused() {
        let wiped = Cell::new(false);
        assert_eq!(not_utf8(Noted(&wiped)).kind(), ErrorKind::Invalid);
        assert!(wiped.get());
        let refused = String::from_plaintext(vec![0xff]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
        assert_eq!(String::from_plaintext(b"plain".to_vec()).unwrap(), "plain");
    }

    #[test]
    fn a_plaintext_is_wiped_when_it_is_dropped() {
        let wiped = Cell::new(false);
        let phi = Phi::from(Noted(&wiped));
        assert!(!wiped.get());
        drop(phi);
        assert!(wiped.get());
    }
}
