use phiseal_keys::{Error, ErrorKind};

/// How many different values a column can hold, and what was decided where they are few.
///
/// Equal values have equal tokens in every kind that can be joined or searched, so whoever sees a whole column of them sees
/// how often each value occurs. Of few values that gives them away: in a column of two, the more frequent one. So what has
/// fewer than [`Cardinality::MIN`] is refused unless somebody takes that upon himself.
///
/// ```
/// use phiseal_tokens::Cardinality;
///
/// assert!(Cardinality::of(2).check().is_err());
/// assert!(Cardinality::of(2).accept_leakage("counts by sex are published anyway").check().is_ok());
/// assert!(Cardinality::SSN.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cardinality {
    values: u64,
    accepted: Option<Box<str>>,
}

impl Cardinality {
    /// Of how many different values a column is at least.
    pub const MIN: u64 = 10_000;

    /// Social security numbers: areas 001 to 899 without 666, groups 01 to 99, serials 0001 to 9999 (20 CFR 422.103; SSA,
    /// since June 2011).
    pub const SSN: Self = Self::of(898 * 99 * 9_999);

    /// Dates of birth of persons who are alive: a hundred and twenty years.
    pub const BIRTH_DATE: Self = Self::of(43_830);

    /// This many values: those that occur, not those that could be written.
    #[must_use]
    pub const fn of(values: u64) -> Self {
        Self { values, accepted: None }
    }

    /// That the values are few is known, and accepted for this reason, which is kept beside the declaration.
    #[must_use]
    pub fn accept_leakage(mut self, reason: &str) -> Self {
        self.accepted = Some(reason.into());
        self
    }

    /// How many values there are.
    #[must_use]
    pub const fn values(&self) -> u64 {
        self.values
    }

    /// Why it was accepted that they are few, if it was.
    #[must_use]
    pub fn accepted(&self) -> Option<&str> {
        self.accepted.as_deref()
    }

    /// Refuses a column of few values.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`], below [`Cardinality::MIN`] values, with what to do instead; [`ErrorKind::Invalid`] for a
    /// reason that is blank.
    pub fn check(&self) -> Result<(), Error> {
        match &self.accepted {
            Some(reason) if reason.trim().is_empty() => Err(Error::new(
                ErrorKind::Invalid,
                "leakage is accepted for a reason, and this one is blank",
            )),
            None if self.values < Self::MIN => Err(Error::new(
                ErrorKind::Unsupported,
                "a column of fewer than 10,000 values is given away by how often each occurs: seal it, combine it with \
                 another column in one index, or accept the leakage for a reason",
            )),
            _ => Ok(()),
        }
    }

    /// As many as there are, but at most this many: a form of the value, such as its first letters, has no more.
    pub(crate) const fn at_most(mut self, most: u64) -> Self {
        if most < self.values {
            self.values = most;
        }
        self
    }

    /// Of two columns together. Accepted is what was accepted of both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            values: self.values.saturating_mul(other.values),
            accepted: self.accepted.filter(|_| other.accepted.is_some()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_refused_and_ten_thousand_are_not() {
        for (values, refused) in [(0, true), (1, true), (9_999, true), (10_000, false)] {
            let outcome = Cardinality::of(values).check();
            assert_eq!(outcome.is_err(), refused, "{values}");
            if let Err(error) = outcome {
                assert_eq!(error.kind(), ErrorKind::Unsupported);
                assert!(error.to_string().contains("seal it"), "{error}");
            }
        }
    }

    #[test]
    fn leakage_is_accepted_for_a_reason() {
        let few = Cardinality::of(2);
        assert!(few.clone().accept_leakage("known").check().is_ok());
        assert_eq!(few.clone().accept_leakage("known").accepted(), Some("known"));
        for blank in ["", "  ", "\t\n"] {
            let refused = few.clone().accept_leakage(blank).check().unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Invalid);
        }
    }

    #[test]
    fn a_form_has_no_more_values_than_its_column_and_two_columns_have_more() {
        assert_eq!(Cardinality::SSN.at_most(100).values(), 100);
        assert_eq!(Cardinality::of(7).at_most(100).values(), 7);
        assert_eq!(Cardinality::of(500).and(Cardinality::of(200)).values(), 100_000);
        assert_eq!(Cardinality::of(u64::MAX).and(Cardinality::SSN).values(), u64::MAX);
        let accepted = || Cardinality::of(2).accept_leakage("known");
        assert!(accepted().and(Cardinality::of(50)).check().is_err());
        assert!(accepted().and(accepted()).check().is_ok());
    }
}
