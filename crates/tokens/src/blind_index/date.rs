//! Dates in the forms that people write them in.

use crate::date::{digits, of};
use jiff::civil::Date;
use phiseal_keys::{Error, ErrorKind};
use zeroize::Zeroizing;

/// What comes first in a date of which that cannot be seen, such as `1/2/1980`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third thing to come first")]
pub enum DateOrder {
    /// As in the United States.
    MonthFirst,
    /// As nearly everywhere else.
    DayFirst,
}

/// Version 1: the date in its form of ISO 8601, `1980-01-31`.
pub(super) fn normalised(value: &str, order: DateOrder) -> Result<Zeroizing<String>, Error> {
    let date = parsed(value, order).ok_or_else(|| {
        Error::new(ErrorKind::Invalid, "no date that is known: write it as YYYY-MM-DD")
    })?;
    Ok(Zeroizing::new(date.to_string()))
}

fn parsed(value: &str, order: DateOrder) -> Option<Date> {
    // `Jan 31, 1980` and `31.1.1980` are three fields, whatever stands between them.
    let separators = [' ', '\t', '-', '/', '.', ','];
    let fields: Vec<&str> = value.split(separators).filter(|field| !field.is_empty()).collect();
    // A year of two digits could be of either century.
    let year = |field: &str| digits(field, 4..=4);
    match (fields.as_slice(), order) {
        ([all], _) if all.len() == 8 && all.is_ascii() => {
            let ((year, rest), two) = (all.split_at(4), 2..=2);
            let (month, day) = rest.split_at(2);
            of(digits(year, 4..=4)?, digits(month, two.clone())?, digits(day, two)?)
        }
        ([first, month, day], _) if year(first).is_some() => {
            of(year(first)?, month_of(month)?, number(day)?)
        }
        ([day, month, last], _) if named(month).is_some() => {
            of(year(last)?, named(month)?, number(day)?)
        }
        ([month, day, last], _) if named(month).is_some() => {
            of(year(last)?, named(month)?, number(day)?)
        }
        ([month, day, last], DateOrder::MonthFirst) | ([day, month, last], DateOrder::DayFirst) => {
            of(year(last)?, number(month)?, number(day)?)
        }
        _ => None,
    }
}

/// A day or a month of one or two digits.
fn number(field: &str) -> Option<i16> {
    digits(field, 1..=2)
}

fn month_of(field: &str) -> Option<i16> {
    number(field).or_else(|| named(field))
}

/// A month by its English name, or the first three letters of that.
fn named(field: &str) -> Option<i16> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let field = field.to_ascii_lowercase();
    let is_it = |month: &&str| field == **month || month.get(..3) == Some(&field);
    (1..).zip(MONTHS).find(|(_, month)| is_it(month)).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::DateOrder::{DayFirst, MonthFirst};
    use super::*;

    /// Frozen: entries of version 1 are found as long as this holds.
    #[test]
    fn what_people_write_differently_is_the_same() {
        for value in [
            "1980-01-31",
            "1980-1-31",
            "19800131",
            "1/31/1980",
            "01/31/1980",
            "1-31-1980",
            "Jan 31, 1980",
            "jan 31 1980",
            "January 31, 1980",
            "31 Jan 1980",
            "31-JAN-1980",
            "31 January 1980",
            "1980/01/31",
            "1980 Jan 31",
            " 1.31.1980 ",
        ] {
            assert_eq!(*normalised(value, MonthFirst).unwrap(), "1980-01-31", "{value}");
        }
        assert_eq!(*normalised("31.1.1980", DayFirst).unwrap(), "1980-01-31");
        assert_eq!(*normalised("1/2/1980", MonthFirst).unwrap(), "1980-01-02");
        assert_eq!(*normalised("1/2/1980", DayFirst).unwrap(), "1980-02-01");
        assert_eq!(*normalised("2/29/2000", MonthFirst).unwrap(), "2000-02-29");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for value in [
            "",
            "1980",
            "1/31/80",
            "31/1/1980",
            "13/13/1980",
            "2/29/1900",
            "1980-02-30",
            "1980013",
            "198001311",
            "yesterday",
            "+1/31/1980",
            "1/+1/1980",
            "Janu 31, 1980",
            "1980-Jan-Jan",
            "31 31 1980",
            "١/٣١/١٩٨٠",
            "1980-01-31T00:00:00",
            "1 2 3 1980",
        ] {
            let refused = normalised(value, MonthFirst).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Invalid, "{value}");
            assert!(value.is_empty() || !refused.to_string().contains(value));
        }
    }
}
