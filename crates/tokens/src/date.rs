//! Dates as ISO 8601 has them, and nothing else.

use jiff::civil::Date;

/// The date of exactly `YYYY-MM-DD`.
pub(crate) fn iso(text: &str) -> Option<Date> {
    let mut fields = text.split('-');
    let date = of(
        digits(fields.next()?, 4..=4)?,
        digits(fields.next()?, 2..=2)?,
        digits(fields.next()?, 2..=2)?,
    )?;
    fields.next().is_none().then_some(date)
}

/// The number of so many digits, and nothing beside them.
pub(crate) fn digits(text: &str, lengths: core::ops::RangeInclusive<usize>) -> Option<i16> {
    let are_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    (are_digits && lengths.contains(&text.len())).then(|| text.parse().ok()).flatten()
}

/// The date, where there is one.
pub(crate) fn of(year: i16, month: i16, day: i16) -> Option<Date> {
    Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::iso;

    #[test]
    fn only_dates_of_iso_8601_are_dates() {
        for (text, date) in [
            ("1980-01-31", (1980, 1, 31)),
            ("0001-12-01", (1, 12, 1)),
            ("2000-02-29", (2000, 2, 29)),
        ] {
            let read = iso(text).unwrap();
            assert_eq!((read.year(), read.month(), read.day()), date);
        }
        for text in [
            "",
            "1980",
            "1980-01",
            " 980-01-31",
            "+980-01-31",
            "1980- 1-31",
            "1980-1-31",
            "1980-01-31 ",
            "1980-01-31-",
            "1980-02-30",
            "1900-02-29",
            "1980-13-01",
            "1980-00-01",
            "1980-01-00",
            "１９８０-01-31",
            "1980/01/31",
        ] {
            assert!(iso(text).is_none(), "{text}");
        }
    }
}
