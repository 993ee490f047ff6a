//! De-identification by Safe Harbor (45 CFR 164.514(b)(2)): one policy, each rule with its citation (feature `safe-harbor`).

mod identifier;
mod policy;
mod report;

pub use identifier::{Identifier, Rule};
pub use phiseal_keys::PolicyError;
pub use report::{Line, Report};

use crate::generalise::{SparseAreas, age, year};
use policy::Entry;
use std::collections::BTreeMap;

/// What becomes of each of the eighteen identifiers, read from one file.
///
/// # Security
///
/// What comes out of it holds nothing that Safe Harbor names, as far as the caller tells it what is what: a name in a field that is
/// said to be none, or in free text, is not noticed, nor can a library know what somebody who gets the data knows besides
/// (164.514(b)(2)(ii)). It offers removal, generalisation and random tokens only; a policy that asks for more is refused. What cannot
/// be read as what it should be, such as a date that is none, is removed.
///
/// ```
/// use phiseal_tokens::safe_harbor::{Identifier, Outcome, SafeHarbor};
///
/// let policy = SafeHarbor::default();
/// let (mut report, today) = (policy.report(), "2026-11-23");
/// let mut of = |identifier, value| policy.apply(identifier, value, today, &mut report);
/// assert_eq!(of(Identifier::Name, "Jane Doe"), Outcome::Removed);
/// assert_eq!(of(Identifier::Zip, "98101-1234"), Outcome::Kept("981".into()));
/// assert_eq!(of(Identifier::BirthDate, "1980-01-31"), Outcome::Kept("1980".into()));
/// assert_eq!(of(Identifier::MedicalRecordNumber, "MRN-1029"), Outcome::Token);
/// assert_eq!(report.lines().count(), 4);
/// ```
#[derive(Clone, Debug)]
pub struct SafeHarbor {
    entries: BTreeMap<Identifier, Entry>,
    sparse: SparseAreas,
}

/// What becomes of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller decides about each")]
pub enum Outcome {
    /// Nothing is left.
    Removed,
    /// This is left.
    Kept(String),
    /// A token is to be drawn: [`Vaulted::fresh`](crate::Vaulted::fresh).
    Token,
}

/// The policy that comes with the library.
const DEFAULT: &str = include_str!("policy.toml");

impl Default for SafeHarbor {
    fn default() -> Self {
        // A test reads it.
        Self::parse(DEFAULT).unwrap_or_else(|_| Self {
            entries: BTreeMap::new(),
            sparse: SparseAreas::of_2000_and_2010(),
        })
    }
}

impl SafeHarbor {
    /// The text of the policy that comes with the library: to be kept beside one's own.
    #[must_use]
    pub const fn default_text() -> &'static str {
        DEFAULT
    }

    /// Reads a policy (TOML).
    ///
    /// # Errors
    ///
    /// What is wrong, and in which line and column: another member, an identifier without a rule, a rule that is none, or not one of
    /// that identifier, a citation that is missing.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let (entries, sparse) = policy::read(text)?;
        Ok(Self { entries, sparse })
    }

    /// What becomes of an identifier.
    #[must_use]
    pub fn rule(&self, identifier: Identifier) -> Rule {
        self.entries.get(&identifier).map_or(Rule::Remove, |entry| entry.rule)
    }

    /// Why.
    #[must_use]
    pub fn citation(&self, identifier: Identifier) -> &str {
        self.entries.get(&identifier).map_or("", |entry| &entry.citation)
    }

    /// A report in which nothing is counted yet.
    #[must_use]
    pub fn report(&self) -> Report {
        Report::default()
    }

    /// What becomes of a value. `today`, as `YYYY-MM-DD`, is when the data is given away: an age over 89 is counted from it.
    #[must_use]
    pub fn apply(
        &self,
        identifier: Identifier,
        value: &str,
        today: &str,
        report: &mut Report,
    ) -> Outcome {
        let rule = self.rule(identifier);
        let left = match rule {
            Rule::Remove => Ok(Outcome::Removed),
            Rule::RandomToken => Ok(Outcome::Token),
            Rule::ThreeDigits => self.sparse.zip(value).map(Outcome::Kept),
            // Whatever a date is of: one so long ago tells that somebody is over 89.
            Rule::Year => {
                year(value, Some(today)).map(|year| year.map_or(Outcome::Removed, Outcome::Kept))
            }
            Rule::Age => value
                .trim()
                .parse()
                .map(|years| Outcome::Kept(age(years).into_owned()))
                .map_err(|_| unreadable()),
        };
        let unreadable = left.is_err();
        let left = left.unwrap_or(Outcome::Removed);
        report.count(identifier, rule, self.citation(identifier), &left, unreadable);
        left
    }
}

fn unreadable() -> phiseal_keys::Error {
    phiseal_keys::Error::new(phiseal_keys::ErrorKind::Invalid, "no age in years")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: &str = "2026-11-23";

    #[test]
    fn the_policy_that_comes_along_has_every_identifier_with_its_citation() {
        let policy = SafeHarbor::parse(DEFAULT).unwrap();
        assert_eq!(policy.entries.len(), Identifier::ALL.len());
        let mut letters = std::collections::BTreeSet::new();
        for identifier in Identifier::ALL {
            let letter = identifier.letter();
            letters.insert(letter);
            let citation = policy.citation(identifier);
            assert!(
                citation.starts_with(&format!("45 CFR 164.514(b)(2)(i)({letter})")),
                "{identifier:?}: {citation}"
            );
        }
        assert_eq!(letters.into_iter().collect::<String>(), "ABCDEFGHIJKLMNOPQR", "all eighteen");
        assert_eq!(policy.sparse, SparseAreas::of_2000_and_2010());
    }

    #[test]
    fn each_value_becomes_what_its_rule_says() {
        let policy = SafeHarbor::default();
        let mut report = policy.report();
        for (identifier, value, left) in [
            (Identifier::Name, "Jane Doe", Outcome::Removed),
            (Identifier::Zip, "98101", Outcome::Kept("981".into())),
            (Identifier::Zip, "03601", Outcome::Kept("000".into())),
            (Identifier::Zip, "K1A 0B1", Outcome::Removed),
            (Identifier::Date, "2024-02-29T10:00:00Z", Outcome::Kept("2024".into())),
            (Identifier::Date, "1930-02-28", Outcome::Removed),
            (Identifier::Date, "leap day", Outcome::Removed),
            (Identifier::BirthDate, "1980-01-31", Outcome::Kept("1980".into())),
            (Identifier::BirthDate, "1930-02-28", Outcome::Removed),
            (Identifier::Age, "42", Outcome::Kept("42".into())),
            (Identifier::Age, " 97 ", Outcome::Kept("90 or older".into())),
            (Identifier::Age, "-1", Outcome::Removed),
            (Identifier::MedicalRecordNumber, "MRN-1029", Outcome::Token),
            (Identifier::OtherUnique, "x", Outcome::Removed),
        ] {
            assert_eq!(
                policy.apply(identifier, value, TODAY, &mut report),
                left,
                "{identifier:?} {value}"
            );
        }
        let line = |identifier| report.lines().find(|line| line.identifier == identifier).unwrap();
        let zip = line(Identifier::Zip);
        assert_eq!((zip.values, zip.kept, zip.removed, zip.unreadable), (3, 2, 1, 1));
        assert_eq!(line(Identifier::MedicalRecordNumber).tokens, 1);
        assert_eq!(line(Identifier::BirthDate).removed, 1);
        let text = report.to_string();
        assert!(text.contains("164.514(b)(2)(i)(B)(1)") && !text.contains("Jane"), "{text}");
    }

    /// There is no way back: of what is left, nothing but years, areas, ages and random tokens.
    #[test]
    fn nothing_that_is_left_leads_back() {
        let policy = SafeHarbor::default();
        for identifier in Identifier::ALL {
            let of = |value: &str| policy.apply(identifier, value, TODAY, &mut policy.report());
            let (one, other) = match policy.rule(identifier) {
                Rule::Year => ("1980-01-31", "1980-12-01"),
                Rule::ThreeDigits => ("98101", "98199"),
                Rule::Age => ("90", "117"),
                Rule::Remove | Rule::RandomToken => ("Jane Doe", "John Roe"),
            };
            assert_eq!(of(one), of(other), "{identifier:?}");
        }
    }
}
