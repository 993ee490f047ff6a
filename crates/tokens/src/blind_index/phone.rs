//! Telephone numbers however they are typed.

use phiseal_keys::{Error, ErrorKind};
use phonenumber::{Mode, country};
use zeroize::Zeroizing;

/// Version 1: the number in its international form, `+12065550123` (ITU-T E.164), without an extension.
pub(super) fn normalised(value: &str, country: [u8; 2]) -> Result<Zeroizing<String>, Error> {
    let refused = |why| Error::new(ErrorKind::Invalid, why);
    let country: Option<country::Id> =
        core::str::from_utf8(&country).ok().and_then(|letters| letters.parse().ok());
    let country =
        country.ok_or_else(|| refused("a country is two capital letters (ISO 3166-1)"))?;
    let number = phonenumber::parse(Some(country), value)
        .map_err(|_| refused("no telephone number that is known"))?;
    Ok(Zeroizing::new(number.format().mode(Mode::E164).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frozen: entries of version 1 are found as long as this holds.
    #[test]
    fn what_people_type_differently_is_the_same() {
        for value in [
            "+1 206 555 0123",
            "(206) 555-0123",
            "206.555.0123",
            "2065550123",
            "1-206-555-0123",
            "+12065550123",
            "206 555 0123 ext. 7",
            "tel:+1-206-555-0123",
        ] {
            assert_eq!(*normalised(value, *b"US").unwrap(), "+12065550123", "{value}");
        }
        for value in ["030 901820", "+49 30 901820", "0049 30 901820", "(030) 90 18 20"] {
            assert_eq!(*normalised(value, *b"DE").unwrap(), "+4930901820", "{value}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for value in ["", "none", "+", "12", "()"] {
            let refused = normalised(value, *b"US").unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Invalid, "{value}");
        }
        assert_eq!(normalised("2065550123", *b"??").unwrap_err().kind(), ErrorKind::Invalid);
    }
}
