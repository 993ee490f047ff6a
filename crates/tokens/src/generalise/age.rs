use std::borrow::Cow;

/// An age in years, as it may be told: over 89 it is `90 or older` (45 CFR 164.514(b)(2)(i)(C)).
///
/// # Security
///
/// No cryptography and no way back. Up to 89 the age is told as it is, and with other columns it can single a person out.
///
/// ```
/// use phiseal_tokens::generalise::age;
///
/// assert_eq!(age(42), "42");
/// assert_eq!(age(90), "90 or older");
/// ```
#[must_use]
pub fn age(years: u32) -> Cow<'static, str> {
    match years {
        0..=89 => Cow::Owned(years.to_string()),
        _ => Cow::Borrowed("90 or older"),
    }
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn only_ages_over_89_are_told_together() {
        assert_eq!((age(0), age(88), age(89)), ("0".into(), "88".into(), "89".into()));
        for years in 90..200 {
            assert_eq!(age(years), "90 or older");
        }
    }
}
