//! The columns of a plan with the keys of a domain.

use crate::plan::{Kind, Plan, Shift, format, many, vaulted_form};
use phiseal::blocking::wait;
use phiseal::stores::SqliteStore;
use phiseal::tokens::generalise::{SparseAreas, year};
use phiseal::tokens::{Column, DateShift, Deterministic, FormatPreserving, Token, Vault, Vaulted};
use phiseal::{Domain, Mask, Phi, RevealForm, Subject};
use std::error::Error;
use std::sync::Arc;

/// The columns of a plan, in the hands of whoever the domain is.
pub(crate) struct Columns {
    pub(crate) columns: Vec<(String, Way)>,
    shift: Option<Shift>,
    domain: Domain,
}

/// What all shifted dates are called, in the keys and to the policy.
const DATES: &str = "dates";

/// How a column's values become tokens, and back.
pub(crate) enum Way {
    Keep,
    Vaulted(Vault),
    Deterministic(Column<Deterministic>),
    FormatPreserving(Column<FormatPreserving>),
    Shifted,
    Masked(Mask),
    Zip3(SparseAreas),
    Year,
}

impl Columns {
    pub(crate) fn new(
        plan: &Plan,
        domain: &Domain,
        vault: &Arc<SqliteStore>,
    ) -> Result<Self, Box<dyn Error>> {
        let mut columns = Vec::new();
        for (name, kind) in &plan.columns {
            let way = Way::new(kind, name, domain, vault);
            let way = way.map_err(|error| format!("{name}: {error}"))?;
            columns.push((name.clone(), way));
        }
        Ok(Self { columns, shift: plan.shift.clone(), domain: domain.clone() })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|(column, _)| column == name)
    }

    /// The column that names the person by whose key dates are shifted.
    pub(crate) fn person(&self) -> Option<&str> {
        self.shift.as_ref().map(|shift| shift.person.as_str())
    }

    /// The tokens of values of one column. `persons` are whom they are about.
    pub(crate) fn tokens(
        &self,
        way: &Way,
        values: &[&str],
        persons: &[Option<&str>],
    ) -> Result<Vec<String>, Box<dyn Error>> {
        // Of many at once the new ones are written together.
        if let Way::Vaulted(vault) = way {
            return Ok(wait(vault.tokenize_all(values))?);
        }
        let tokens = values.iter().zip(persons).map(|(value, person)| match way {
            Way::Keep => Ok((*value).to_owned()),
            Way::Vaulted(vault) => Ok(wait(vault.tokenize(value))?),
            Way::Deterministic(column) => Ok(wait(column.token(value))?.to_string()),
            Way::FormatPreserving(column) => Ok(wait(column.tokenize(value))?),
            Way::Shifted => {
                let person = person.ok_or("the row names no person")?;
                let person = wait(self.domain.subject_or_create(person))?;
                Ok(self.shift_of(&person)?.shifted(value)?)
            }
            Way::Masked(mask) => Ok(mask.of(value).to_string()),
            Way::Zip3(sparse) => Ok(sparse.zip(value)?),
            Way::Year => Ok(year(value, None)?.unwrap_or_default()),
        });
        tokens.collect()
    }

    /// What stood in a token's place, in this form; `None` where nothing leads back.
    pub(crate) fn back(
        &self,
        way: &Way,
        form: RevealForm,
        token: &str,
        person: Option<&str>,
    ) -> Result<Option<String>, Box<dyn Error>> {
        let full = |value: Phi<String>| value.expose_secret().clone();
        let masked = form == RevealForm::Masked;
        Ok(Some(match way {
            Way::Keep | Way::Masked(_) | Way::Zip3(_) | Way::Year => return Ok(None),
            Way::Vaulted(vault) if masked => wait(vault.reveal_masked(token))?,
            Way::Vaulted(vault) => full(wait(vault.reveal(token))?),
            Way::Deterministic(column) => {
                let token: Token = token.parse()?;
                match masked {
                    true => wait(column.open_masked(&token))?,
                    false => full(wait(column.open(&token))?),
                }
            }
            Way::FormatPreserving(column) if masked => wait(column.reveal_masked(token))?,
            Way::FormatPreserving(column) => full(wait(column.reveal(token))?),
            Way::Shifted => {
                // Who may not know whom a row is about does not get its dates.
                let Some(person) = person else { return Ok(None) };
                let person = wait(self.domain.subject(person))?;
                self.shift_of(&person)?.back(token)?
            }
        }))
    }

    fn shift_of(&self, person: &Subject) -> Result<DateShift, Box<dyn Error>> {
        let days = self.shift.as_ref().map_or(0, |shift| shift.days);
        Ok(wait(DateShift::new(person, DATES, days))?)
    }
}

impl Way {
    /// As what the policy knows the column of this name.
    pub(crate) fn field<'a>(&self, column: &'a str) -> &'a str {
        if matches!(self, Self::Shifted) { DATES } else { column }
    }

    fn new(
        kind: &Kind,
        name: &str,
        domain: &Domain,
        vault: &Arc<SqliteStore>,
    ) -> Result<Self, Box<dyn Error>> {
        Ok(match kind {
            Kind::Keep => Self::Keep,
            Kind::Vaulted { form, values } => {
                let kind = Vaulted::new(vaulted_form(form)?, &many(*values))?;
                Self::Vaulted(wait(Vault::open(vault.clone(), domain, name, kind))?)
            }
            Kind::Deterministic { values } => {
                Self::Deterministic(Column::new(domain, name, Deterministic::new(many(*values))?))
            }
            Kind::FormatPreserving { digits, separators, values } => {
                let kind = FormatPreserving::new(format(*digits, separators), many(*values))?;
                Self::FormatPreserving(Column::new(domain, name, kind))
            }
            Kind::Shifted => Self::Shifted,
            Kind::Masked { mask: name } => Self::Masked(name.parse()?),
            Kind::Zip3 => Self::Zip3(SparseAreas::of_2000_and_2010()),
            Kind::Year => Self::Year,
        })
    }
}
