//! What becomes of each column.

use phiseal::tokens::{Cardinality, Format, VaultedForm};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::error::Error;

/// The plan that comes along.
pub(crate) const DEFAULT: &str = include_str!("plan.toml");

/// What becomes of each column.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    pub(crate) shift: Option<Shift>,
    pub(crate) columns: BTreeMap<String, Kind>,
}

/// How dates are shifted: all of one person's by the same number of days.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shift {
    /// In which column the person is named by whose key it is done.
    pub(crate) person: String,
    /// By how many days at most.
    pub(crate) days: u16,
}

/// What becomes of a column.
#[derive(Deserialize)]
#[serde(tag = "token", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Kind {
    Keep,
    Vaulted { form: String, values: u64 },
    Deterministic { values: u64 },
    FormatPreserving { digits: usize, separators: String, values: u64 },
    Shifted,
    Masked { mask: String },
    Zip3,
    Year,
}

impl Plan {
    pub(crate) fn parse(text: &str) -> Result<Self, Box<dyn Error>> {
        let plan: Self = toml::from_str(text)?;
        let is_shifted = |kind: &Kind| matches!(kind, Kind::Shifted);
        match &plan.shift {
            None if plan.columns.values().any(is_shifted) => {
                Err("dates are shifted by a person's key: shift = { person = \"…\", days = … }"
                    .into())
            }
            Some(Shift { person, .. }) if !plan.columns.contains_key(person) => {
                Err(format!("shift: there is no column {person}").into())
            }
            _ => Ok(plan),
        }
    }
}

/// The form of vaulted tokens: `number-12`, `text`, `uuid`, or an address at a host.
pub(crate) fn vaulted_form(form: &str) -> Result<VaultedForm, Box<dyn Error>> {
    Ok(match form {
        "text" => VaultedForm::text(),
        "uuid" => VaultedForm::uuid(),
        _ => match form.strip_prefix("number-") {
            Some(digits) => VaultedForm::number(digits.parse()?)?,
            None => VaultedForm::email(form)?,
        },
    })
}

pub(crate) fn format(digits: usize, separators: &str) -> Format {
    Format::digits(digits).separated_by(separators)
}

pub(crate) const fn many(values: u64) -> Cardinality {
    Cardinality::of(values)
}
