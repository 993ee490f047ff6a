//! Dates in the forms that people write them in.

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
    // `Jan 31, 1980` and `31.1.1980` become `Jan-31-1980` and `31-1-1980`.
    let fields: Vec<&str> =
        value.split([' ', '\t', '-', '/', '.', ',']).filter(|field| !field.is_empty()).collect();
    let joined = Zeroizing::new(fields.join("-"));
    let first_two = match order {
        DateOrder::MonthFirst => "%m-%d-%Y",
        DateOrder::DayFirst => "%d-%m-%Y",
    };
    let formats: &[&str] = match fields.as_slice() {
        [all] if all.len() == 8 => &["%Y%m%d"],
        [year, _, _] if is_year(year) => &["%Y-%m-%d", "%Y-%b-%d", "%Y-%B-%d"],
        [_, _, year] if is_year(year) => {
            &[first_two, "%b-%d-%Y", "%B-%d-%Y", "%d-%b-%Y", "%d-%B-%Y"]
        }
        // A year of two digits could be of either century.
        _ => &[],
    };
    formats.iter().find_map(|format| Date::strptime(format, &*joined).ok())
}

fn is_year(field: &str) -> bool {
    field.len() == 4 && field.bytes().all(|byte| byte.is_ascii_digit())
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
            "1980-01-31T00:00:00",
            "1 2 3 1980",
        ] {
            let refused = normalised(value, MonthFirst).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Invalid, "{value}");
            assert!(value.is_empty() || !refused.to_string().contains(value));
        }
    }
}
