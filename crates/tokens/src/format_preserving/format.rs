use super::luhn;
use crate::Alphabet;
use core::ops::RangeInclusive;
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::ff1::MAX_LEN;
use zeroize::Zeroizing;

/// The form of a column's values, which its tokens have too.
///
/// ```
/// use phiseal_tokens::{Alphabet, Format};
///
/// // 123-45-6789: nine digits, hyphens anywhere.
/// let ssn = Format::digits(9).separated_by("-");
/// // 4000 0012 3456 7899: 13 to 19 digits of which the first one stays, and the last one is a check digit.
/// let card = Format::of(Alphabet::digits(), 13..=19).separated_by(" -").keep_first(1).luhn();
/// // AB-1234567: the two letters stay, which are of the alphabet as well.
/// let record = Format::of(Alphabet::upper_case_alphanumeric(), 9..=9).separated_by("-").keep_first(2);
/// ```
#[derive(Clone, Debug)]
pub struct Format {
    alphabet: Alphabet,
    lengths: RangeInclusive<usize>,
    separators: Box<str>,
    first: usize,
    last: usize,
    luhn: bool,
}

impl Format {
    /// So many digits.
    #[must_use]
    pub fn digits(length: usize) -> Self {
        Self::of(Alphabet::digits(), length..=length)
    }

    /// So many characters of an alphabet, without separators.
    #[must_use]
    pub fn of(alphabet: Alphabet, lengths: RangeInclusive<usize>) -> Self {
        Self { alphabet, lengths, separators: "".into(), first: 0, last: 0, luhn: false }
    }

    /// These characters may stand between the others, anywhere, and stay where they are. They make no difference to the token:
    /// with hyphens and without, one number has tokens of the same digits.
    #[must_use]
    pub fn separated_by(mut self, separators: &str) -> Self {
        self.separators = separators.into();
        self
    }

    /// The first characters stay as they are: an area code, an issuer's prefix.
    #[must_use]
    pub const fn keep_first(mut self, characters: usize) -> Self {
        self.first = characters;
        self
    }

    /// The last characters stay as they are.
    #[must_use]
    pub const fn keep_last(mut self, characters: usize) -> Self {
        self.last = characters;
        self
    }

    /// The last digit is a check digit by Luhn's formula (ISO/IEC 7812-1, annex B): values must have a right one, and so do
    /// tokens. One of the digits that are not kept is then no longer free.
    #[must_use]
    pub const fn luhn(mut self) -> Self {
        self.luhn = true;
        self
    }

    /// What values and tokens are made of, but for separators.
    #[must_use]
    pub const fn alphabet(&self) -> &Alphabet {
        &self.alphabet
    }

    /// How many characters are left free in the shortest value.
    pub(super) fn fewest_free(&self) -> usize {
        self.lengths.start().saturating_sub(self.fixed())
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let refused = |why| Err(Error::new(ErrorKind::Invalid, why));
        if self.lengths.is_empty() || *self.lengths.end() > MAX_LEN {
            return refused("a value has from so many to so many characters, at most 4,096");
        }
        if self.luhn && !self.alphabet.is_digits() {
            return refused("a check digit by Luhn's formula is of digits");
        }
        if self.separators.chars().any(|separator| self.alphabet.place(separator).is_some()) {
            return refused("a separator is not of the alphabet");
        }
        Ok(())
    }

    /// A value, taken apart.
    pub(super) fn split<'a>(&'a self, value: &'a str) -> Result<Split<'a>, Error> {
        let not_so = || Error::new(ErrorKind::Invalid, "the value is not of the column's form");
        // No value has more characters than bytes, so nothing here grows.
        let mut places = Zeroizing::new(Vec::with_capacity(value.len().min(*self.lengths.end())));
        for character in value.chars() {
            match self.alphabet.place(character) {
                Some(_) if places.len() == *self.lengths.end() => return Err(not_so()),
                Some(place) => places.push(place),
                None if self.separators.contains(character) => {}
                None => return Err(not_so()),
            }
        }
        if !self.lengths.contains(&places.len()) || (self.luhn && !luhn::is_valid(&places)) {
            return Err(not_so());
        }
        let free = self.first..places.len().saturating_sub(self.last + usize::from(self.luhn));
        let mut tweak = Zeroizing::new(Vec::new());
        for kept in [places.get(..self.first), places.get(places.len() - self.last..)] {
            let kept = kept.ok_or_else(not_so)?;
            tweak.extend(u32::try_from(kept.len()).map_err(|_| not_so())?.to_be_bytes());
            kept.iter().for_each(|place| tweak.extend(place.to_be_bytes()));
        }
        Ok(Split { format: self, value, places, free, tweak })
    }

    /// How many characters of a value do not change freely.
    fn fixed(&self) -> usize {
        self.first.saturating_add(self.last).saturating_add(usize::from(self.luhn))
    }
}

/// A value taken apart: the places of its characters in the alphabet, of which a stretch is free.
#[derive(Clone)]
pub(super) struct Split<'a> {
    format: &'a Format,
    value: &'a str,
    places: Zeroizing<Vec<u16>>,
    free: core::ops::Range<usize>,
    /// The kept parts, each with its length before it.
    tweak: Zeroizing<Vec<u8>>,
}

impl Split<'_> {
    /// The tweak, and what is free.
    pub(super) fn parts(&mut self) -> (&[u8], &mut [u16]) {
        (&self.tweak, self.places.get_mut(self.free.clone()).unwrap_or_default())
    }

    /// The value put together again, with a right check digit where there is one.
    pub(super) fn join(mut self) -> String {
        if self.format.luhn {
            luhn::make_valid(&mut self.places, self.free.end);
        }
        // Nothing grows, and so leaves a part of the value behind: no character has more than four bytes.
        let mut joined = String::with_capacity(4 * self.value.len());
        let mut places = self.places.iter();
        for character in self.value.chars() {
            let alphabet = &self.format.alphabet;
            let replaced = alphabet.place(character).and_then(|_| places.next());
            joined.push(replaced.map_or(character, |place| alphabet.character(*place)));
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(format: &Format, value: &str) -> (Vec<u8>, Vec<u16>) {
        let mut split = format.split(value).unwrap();
        let (tweak, free) = split.parts();
        (tweak.to_vec(), free.to_vec())
    }

    #[test]
    fn kept_parts_are_the_tweak_and_separators_are_nothing() {
        let format = Format::digits(9).separated_by("- ").keep_first(1).keep_last(2);
        let expected = (vec![0, 0, 0, 1, 0, 1, 0, 0, 0, 2, 0, 8, 0, 9], vec![2, 3, 4, 5, 6, 7]);
        for value in ["123456789", "123-45-6789", " 1 2 3 4-5-6 7 8 9-"] {
            assert_eq!(parts(&format, value), expected, "{value}");
            assert_eq!(format.split(value).unwrap().join(), value);
        }
        // The same digits, kept elsewhere, are another tweak.
        let other = Format::digits(9).keep_first(2).keep_last(1);
        assert_ne!(parts(&other, "123456789").0, expected.0);
    }

    #[test]
    fn a_check_digit_is_not_free() {
        let format = Format::of(Alphabet::digits(), 13..=19).keep_first(6).luhn();
        let (_, free) = parts(&format, "4000001234567899");
        assert_eq!(
            free,
            [1, 2, 3, 4, 5, 6, 7, 8, 9][..free.len()],
            "of sixteen, six kept, one check"
        );
        assert_eq!(format.split("4000001234567899").unwrap().join(), "4000001234567899");
        let kept = format.keep_last(4);
        assert_eq!(parts(&kept, "4000001234567899").1.len(), 5);
        assert_eq!(kept.fewest_free(), 13 - 11);
        assert_eq!(kept.split("4000001234567899").unwrap().join(), "4000001234567899");
    }

    #[test]
    fn what_is_not_of_the_form_is_refused() {
        let ssn = Format::digits(9).separated_by("-");
        for value in ["", "-", "12345678", "1234567890", "12345678a", "123 45 6789", "١٢٣٤٥٦٧٨٩"]
        {
            assert_eq!(
                ssn.split(value).err().map(|error| error.kind()),
                Some(ErrorKind::Invalid),
                "{value}"
            );
        }
        let card = Format::digits(16).luhn();
        assert!(card.split("4000001234567898").is_err(), "a wrong check digit");
        assert!(card.split("4000001234567899").is_ok());
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for format in [
            Format::of(Alphabet::digits(), RangeInclusive::new(9, 8)),
            Format::digits(4_097),
            Format::digits(9).separated_by("-0"),
            Format::of(Alphabet::letters(), 9..=9).luhn(),
        ] {
            assert_eq!(format.check().unwrap_err().kind(), ErrorKind::Invalid, "{format:?}");
        }
    }
}
