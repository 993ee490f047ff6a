use core::fmt;
use core::str::FromStr;
use phiseal_keys::{Error, ErrorKind};

/// What may be shown of a value in its place: nothing, its first, or its last characters.
///
/// # Security
///
/// No cryptography and no way back: what is masked is not there. What is left is plaintext, and the length shows where
/// [separators stay](Mask::keep_separators). Of a value that is no longer than twice what would be left, nothing is: of
/// `6789` the last four characters are all of it.
///
/// ```
/// use phiseal_envelope::Mask;
///
/// assert_eq!(Mask::all().of("Jane Doe").to_string(), "****");
/// assert_eq!(Mask::ssn().of("123-45-6789").to_string(), "***-**-6789");
/// assert_eq!(Mask::email().of("jane.doe@example.org").to_string(), "j****@example.org");
/// assert_eq!(Mask::keep_last(4).of("6789").to_string(), "****");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask {
    first: usize,
    last: usize,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Four asterisks, however many characters they stand for.
    Four,
    /// An asterisk for each letter and digit; what is neither stays.
    Separated,
    /// Only what is before the last `@`.
    Email,
}

impl Mask {
    /// Nothing stays, not even the length.
    #[must_use]
    pub const fn all() -> Self {
        Self { first: 0, last: 0, shape: Shape::Four }
    }

    /// The first characters stay.
    #[must_use]
    pub const fn keep_first(characters: usize) -> Self {
        Self { first: characters, ..Self::all() }
    }

    /// The last characters stay.
    #[must_use]
    pub const fn keep_last(characters: usize) -> Self {
        Self { last: characters, ..Self::all() }
    }

    /// Letters and digits are masked one by one, and what stands between them stays: the form shows, and the length. Only
    /// letters and digits count as characters that stay.
    #[must_use]
    pub const fn keep_separators(mut self) -> Self {
        self.shape = Shape::Separated;
        self
    }

    /// The last four digits of a social security number: `***-**-6789`.
    #[must_use]
    pub const fn ssn() -> Self {
        Self::keep_last(4).keep_separators()
    }

    /// The last four digits of a telephone number: `(***) ***-0123`.
    #[must_use]
    pub const fn phone() -> Self {
        Self::keep_last(4).keep_separators()
    }

    /// The first letter: `J****`.
    #[must_use]
    pub const fn name() -> Self {
        Self::keep_first(1)
    }

    /// The first letter and the host: `j****@example.org`.
    #[must_use]
    pub const fn email() -> Self {
        Self { first: 1, last: 0, shape: Shape::Email }
    }

    /// The value, masked: to be displayed, without a copy of it being made.
    #[must_use]
    pub const fn of(self, value: &str) -> Masked<'_> {
        Masked { mask: self, value }
    }

    /// Whether so few characters would be masked that what is left says too much.
    const fn shows_too_much(self, characters: usize) -> bool {
        self.first.saturating_add(self.last).saturating_mul(2) >= characters
    }
}

/// Reads a mask by its name: `all`, `name`, `email`, `phone`, `ssn`, `first-2`, `last-4`.
impl FromStr for Mask {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let characters = |number: &str| number.parse::<u8>().ok().map(usize::from);
        let mask = match name {
            "all" => Some(Self::all()),
            "name" => Some(Self::name()),
            "email" => Some(Self::email()),
            "phone" => Some(Self::phone()),
            "ssn" => Some(Self::ssn()),
            _ => name.split_once('-').and_then(|(end, number)| match end {
                "first" => characters(number).map(Self::keep_first),
                "last" => characters(number).map(Self::keep_last),
                _ => None,
            }),
        };
        mask.ok_or_else(|| {
            let message = "a mask is one of all, name, email, phone, ssn, first-N, last-N";
            Error::new(ErrorKind::Invalid, message)
        })
    }
}

/// A masked value. Its `Display` and `Debug` show what the mask leaves.
#[derive(Clone, Copy)]
pub struct Masked<'a> {
    mask: Mask,
    value: &'a str,
}

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mask { first, last, shape } = self.mask;
        match shape {
            Shape::Four => four(f, self.mask, self.value),
            Shape::Email => match self.value.rsplit_once('@') {
                Some((local, host)) => {
                    four(f, self.mask, local)?;
                    write!(f, "@{host}")
                }
                None => f.write_str("****"),
            },
            Shape::Separated => {
                let counted = |character: &char| character.is_alphanumeric();
                let characters = self.value.chars().filter(counted).count();
                let none = self.mask.shows_too_much(characters);
                let mut place = 0;
                for character in self.value.chars() {
                    if !counted(&character) {
                        write!(f, "{character}")?;
                        continue;
                    }
                    let stays = !none && (place < first || place + last >= characters);
                    write!(f, "{}", if stays { character } else { '*' })?;
                    place += 1;
                }
                Ok(())
            }
        }
    }
}

/// What stays, and four asterisks for the rest.
fn four(f: &mut fmt::Formatter<'_>, mask: Mask, value: &str) -> fmt::Result {
    let characters = value.chars().count();
    if mask.shows_too_much(characters) {
        return f.write_str("****");
    }
    value.chars().take(mask.first).try_for_each(|character| write!(f, "{character}"))?;
    f.write_str("****")?;
    value.chars().skip(characters - mask.last).try_for_each(|character| write!(f, "{character}"))
}

impl fmt::Debug for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_is_what_was_said() {
        for (mask, value, shown) in [
            (Mask::all(), "", "****"),
            (Mask::all(), "Jane", "****"),
            (Mask::name(), "Jane", "J****"),
            (Mask::name(), "Élodie", "É****"),
            (Mask::name(), "Bo", "****"),
            (Mask::keep_first(2), "12345", "12****"),
            (Mask::keep_last(2), "12345", "****45"),
            (Mask::keep_last(2), "1234", "****"),
            (Mask::ssn(), "123-45-6789", "***-**-6789"),
            (Mask::ssn(), "123456789", "*****6789"),
            (Mask::ssn(), "6789", "****"),
            (Mask::ssn(), "5-6789", "*-****"),
            (Mask::phone(), "(206) 555-0123", "(***) ***-0123"),
            (Mask::email(), "jane.doe@example.org", "j****@example.org"),
            (Mask::email(), "j@example.org", "****@example.org"),
            (Mask::email(), "\"jane@home\"@example.org", "\"****@example.org"),
            (Mask::email(), "no address", "****"),
            (Mask::keep_first(usize::MAX), "Jane", "****"),
        ] {
            assert_eq!(mask.of(value).to_string(), shown, "{value}");
            assert_eq!(format!("{:?}", mask.of(value)), shown);
        }
    }

    #[test]
    fn a_mask_is_read_by_its_name() {
        for (name, mask) in [
            ("all", Mask::all()),
            ("name", Mask::name()),
            ("email", Mask::email()),
            ("phone", Mask::phone()),
            ("ssn", Mask::ssn()),
            ("first-2", Mask::keep_first(2)),
            ("last-4", Mask::keep_last(4)),
        ] {
            assert_eq!(name.parse::<Mask>().unwrap(), mask);
        }
        for name in ["", "SSN", "first", "first-", "last-256", "middle-2", "last--1"] {
            let refused = name.parse::<Mask>().unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Invalid, "{name}");
        }
    }

    /// There is no way back: many values have one mask.
    #[test]
    fn values_that_differ_in_what_is_masked_look_the_same() {
        let shown = |value: &str| Mask::ssn().of(value).to_string();
        let values: Vec<String> = (0..1_000).map(|n| format!("{n:03}-45-6789")).collect();
        assert!(values.iter().all(|value| shown(value) == "***-**-6789"));
    }
}
