//! What was readable to whoever had the keys that are compromised.

use super::Journal;
use crate::{Class, Digest, Holds};
use core::fmt;
use phiseal_format::SubjectTag;
use phiseal_keys::{Error, KeyState, KeyStore, Keyset, SubjectsWith};
use serde::Serialize;
use std::collections::BTreeSet;

/// What was readable under compromised versions of a domain's keys, as it was counted before they were replaced: for the
/// assessment of a breach (45 CFR 164.402). It says what could be read by somebody who had the keys and the data, not that
/// anybody did.
///
/// Its `Display` is made for people. No row and no person is named in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Exposure {
    /// The name of the domain.
    pub domain: String,
    /// The versions.
    pub versions: Vec<ExposedVersion>,
    /// What was stored under them.
    pub values: Vec<ExposedValues>,
    /// Persons whose own keys one of them has ever wrapped: what is under those was readable too, with the key store.
    pub persons: u64,
}

/// A compromised version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExposedVersion {
    /// Its number.
    pub version: u32,
    /// The id of its data key.
    pub key_id: Digest,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// When it became the primary.
    pub activated: Option<u64>,
    /// When another one took its place: until then, and for the longest lease after it, values were sealed under it.
    pub replaced: Option<u64>,
}

/// Values of one column under one version, or under keys of persons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExposedValues {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// The version; `None` for keys of persons.
    pub version: Option<u32>,
    /// How many.
    pub values: u64,
}

impl Journal {
    /// What was readable under the keys that this run declared compromised. `now` is the domain's keyset as it is.
    ///
    /// # Errors
    ///
    /// What the key store answers.
    pub async fn exposure(&self, store: &KeyStore, now: &Keyset) -> Result<Exposure, Error> {
        const PAGE: usize = 1_000;
        let compromised = now.versions().iter().filter(|it| it.state() == KeyState::Compromised);
        let versions: Vec<ExposedVersion> = compromised
            .map(|version| ExposedVersion {
                version: version.number(),
                key_id: Digest::from_bytes(*version.key_id().as_bytes()),
                created: version.created(),
                activated: version.activated(),
                replaced: version.replaced(),
            })
            .collect();
        let mut values = Vec::new();
        for census in self.before.iter().map(crate::certificate::Counted::census) {
            let of_domain = census.columns.iter().filter(|it| it.domain_id == now.domain());
            // Nobody reads a value out of an entry.
            for column in of_domain.filter(|it| it.holds != Holds::Entries) {
                for (class, count) in &column.counts {
                    let version = match class {
                        Class::Current => Some(column.primary),
                        Class::Older(version) | Class::Newer(version) => Some(*version),
                        Class::Person | Class::PersonOlder => None,
                        _ => continue,
                    };
                    let is_of = |number| versions.iter().any(|it| it.version == number);
                    if version.is_none_or(is_of) {
                        let (table, column) = (census.table.clone(), column.column.clone());
                        values.push(ExposedValues { table, column, version, values: *count });
                    }
                }
            }
        }
        let mut persons: BTreeSet<SubjectTag> = BTreeSet::new();
        for version in &versions {
            let with = SubjectsWith::KeyEverUnder(version.version);
            let mut after = None;
            loop {
                let page = store.list_subjects(now, with, after, PAGE).await?;
                persons.extend(page.tags);
                after = page.after;
                if after.is_none() {
                    break;
                }
            }
        }
        let persons = u64::try_from(persons.len()).unwrap_or(u64::MAX);
        Ok(Exposure { domain: now.name().to_owned(), versions, values, persons })
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Readable to whoever had the compromised keys of {} and the data:",
            self.domain
        )?;
        for ExposedValues { table, column, version, values } in &self.values {
            match version {
                Some(version) => writeln!(
                    f,
                    "  {values} values in column {column} of {table}, under version {version}"
                )?,
                None => writeln!(
                    f,
                    "  {values} values in column {column} of {table}, under keys of persons"
                )?,
            }
        }
        write!(f, "  the keys of {} persons, with the key store", self.persons)
    }
}
