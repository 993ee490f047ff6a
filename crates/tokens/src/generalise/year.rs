use crate::date::iso;
use jiff::civil::Date;
use phiseal_keys::{Error, ErrorKind};

/// The year of a date that begins with `YYYY`, `YYYY-MM` or `YYYY-MM-DD`, as ISO 8601, FHIR and RFC 3339 have them.
///
/// With the date of somebody's birth, and today's in full, nothing where it would tell an age over 89 (45 CFR 164.514(b)(2)(i)(C): no
/// element of a date "indicative of such age").
///
/// # Security
///
/// No cryptography and no way back.
///
/// ```
/// use phiseal_tokens::generalise::year;
///
/// assert_eq!(year("1980-01-31", None)?.as_deref(), Some("1980"));
/// assert_eq!(year("1980-01-31", Some("2026-11-23"))?.as_deref(), Some("1980"));
/// assert_eq!(year("1936-11-23", Some("2026-11-23"))?, None);
/// # Ok::<(), phiseal_keys::Error>(())
/// ```
///
/// # Errors
///
/// [`ErrorKind::Invalid`] for what is no such date.
pub fn year(date: &str, of_birth_seen_from: Option<&str>) -> Result<Option<String>, Error> {
    let no_date =
        || Error::new(ErrorKind::Invalid, "no date that is known: write it as YYYY-MM-DD");
    let born = earliest(date).ok_or_else(no_date)?;
    if let Some(today) = of_birth_seen_from {
        let today =
            Some(today).filter(|today| today.len() >= 10).and_then(earliest).ok_or_else(no_date)?;
        // Of a date without a day the earliest one counts: nobody is told to be younger than he may be.
        let eldest = i32::from(today.year()) - i32::from(born.year());
        let had_birthday = (today.month(), today.day()) >= (born.month(), born.day());
        if eldest - i32::from(!had_birthday) > 89 {
            return Ok(None);
        }
    }
    Ok(Some(format!("{:04}", born.year())))
}

/// The first day that a date may mean; whatever time stands after it is not looked at.
fn earliest(date: &str) -> Option<Date> {
    let day = date.split('T').next()?;
    let whole = match day.len() {
        4 => format!("{day}-01-01"),
        7 => format!("{day}-01"),
        10 => day.to_owned(),
        _ => return None,
    };
    iso(&whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_is_what_is_left() {
        for date in
            ["1980", "1980-02", "1980-02-29", "1980-02-29T10:00:00Z", "1980-12-31T23:59:60-05:00"]
        {
            assert_eq!(year(date, None).unwrap().as_deref(), Some("1980"), "{date}");
        }
        for date in [
            "",
            "80",
            " 008",
            "+198",
            " 980-01-31",
            "1981-02-29",
            "1980-13",
            "1980-1-1",
            "19800131",
            "x980",
            "1980-02-29 10:00",
        ] {
            assert_eq!(year(date, None).unwrap_err().kind(), ErrorKind::Invalid, "{date}");
        }
    }

    #[test]
    fn a_year_of_birth_does_not_tell_an_age_over_89() {
        let of = |born: &str| year(born, Some("2026-11-23")).unwrap();
        assert_eq!(of("1936-11-24").as_deref(), Some("1936"), "89, for one day more");
        assert_eq!(of("1936-11-23"), None, "90 today");
        assert_eq!(of("1936"), None, "perhaps 90");
        assert_eq!(of("1937").as_deref(), Some("1937"));
        assert_eq!(of("1900-01-01"), None);
        assert_eq!(of("2026-11-23").as_deref(), Some("2026"));
        for today in ["today", "2026", "2026-11", "26-11-23"] {
            assert!(year("1980", Some(today)).is_err(), "{today}");
        }
    }

    /// There is no way back: all days of a year look the same.
    #[test]
    fn days_of_a_year_look_the_same() {
        let days =
            (1..=12).flat_map(|month| (1..=28).map(move |day| format!("1980-{month:02}-{day:02}")));
        assert!(
            days.map(|day| year(&day, None).unwrap()).all(|year| year.as_deref() == Some("1980"))
        );
    }
}
