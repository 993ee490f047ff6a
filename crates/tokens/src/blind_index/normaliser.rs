use super::{date, text};
use core::fmt;
use phiseal_keys::Error;
use zeroize::Zeroizing;

use super::DateOrder;

/// The form that values are brought into before they are indexed, so that what people write differently is found all the same.
///
/// | | takes | gives |
/// |---|---|---|
/// | `Exact` | anything | the same |
/// | `Text` | anything | no capitals, no accents, single spaces; compatibility forms of Unicode as what they stand for |
/// | `Digits` | anything | its digits `0` to `9`, and nothing else |
/// | `Date` | `1980-01-31`, `19800131`, `1/31/1980`, `31.1.1980`, `Jan 31, 1980`, `31 January 1980` | `1980-01-31` |
/// | `Phone` | telephone numbers as people type them | `+12065550123` (ITU-T E.164) |
///
/// Each has a version, which the keys of an index depend on: entries by another version have nothing in common with these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Normaliser {
    /// As it is.
    Exact,
    /// Names, addresses: case folded (Unicode 5.18.4, D147), combining diacritical marks left out, white space collapsed.
    Text,
    /// Numbers: record numbers, social security numbers.
    Digits,
    /// Dates, with the day or the month first where a date says not which.
    Date(DateOrder),
    /// Telephone numbers; without a country's code, of the country with these two letters (ISO 3166-1).
    #[cfg(feature = "phone")]
    Phone([u8; 2]),
}

impl Normaliser {
    pub(super) fn normalise(self, value: &str) -> Result<Zeroizing<String>, Error> {
        match self {
            Self::Exact => Ok(Zeroizing::new(value.to_owned())),
            Self::Text => Ok(text::normalised(value)),
            Self::Digits => Ok(text::digits(value)),
            Self::Date(order) => date::normalised(value, order),
            #[cfg(feature = "phone")]
            Self::Phone(country) => super::phone::normalised(value, country),
        }
    }

    /// How many values the first characters of what comes out have at most: letters where it is text, else digits.
    pub(super) const fn values_of_first(self, characters: u32) -> u64 {
        match self {
            Self::Text => 26_u64.saturating_pow(characters),
            // Anything may be digits.
            Self::Exact | Self::Digits => 10_u64.saturating_pow(characters),
            // Years of people who are alive, then months.
            Self::Date(_) => match characters {
                0..=4 => 130,
                5..=7 => 130 * 12,
                _ => u64::MAX,
            },
            // A plus sign and the country's digits tell next to nothing.
            #[cfg(feature = "phone")]
            Self::Phone(_) => 10_u64.saturating_pow(characters.saturating_sub(4)),
        }
    }
}

/// What the keys depend on, with the version.
impl fmt::Display for Normaliser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact => f.write_str("exact/1"),
            Self::Text => f.write_str("text/1"),
            Self::Digits => f.write_str("digits/1"),
            // By the order, and by the country, one writing becomes one value or another.
            Self::Date(DateOrder::MonthFirst) => f.write_str("date/1 month first"),
            Self::Date(DateOrder::DayFirst) => f.write_str("date/1 day first"),
            #[cfg(feature = "phone")]
            Self::Phone([a, b]) => write!(f, "phone/1 {}{}", char::from(*a), char::from(*b)),
        }
    }
}
