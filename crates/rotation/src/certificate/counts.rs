//! What was counted before and after, and what was sealed anew in between.

use super::Digest;
use super::text::{parsed, seconds};
use crate::run::Totals;
use crate::{Census, Class, ColumnCensus, Holds, Resealed};
use phiseal_format::DomainId;
use phiseal_primitives::Engine;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "what callers build")]
pub struct Counts {
    /// The census of each table before the act.
    pub before: Vec<Counted>,
    /// What was done to each table.
    pub resealed: Vec<TableResealed>,
    /// The census of each table after it; none of those to which it did not come.
    pub after: Vec<Counted>,
}

/// A census and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    census: Census,
    sha256: Digest,
}

/// What was done to one table, or to all.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "what callers build")]
pub struct TableResealed {
    /// The table; none where this is of all tables together.
    pub table: Option<String>,
    /// Rows that were read.
    pub rows: u64,
    /// Rows that were written.
    pub written: u64,
    /// Values that were made anew.
    pub values: u64,
    /// How many of them are entries of indexes, or deterministic tokens: the others were sealed anew. Left out where none is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub entries: u64,
    /// Rows that somebody else wrote meanwhile, and that were read again.
    pub overtaken: u64,
}

impl TableResealed {
    /// What [`reseal`](crate::reseal) says that it did to `table`.
    #[must_use]
    pub fn new(table: &str, done: Resealed) -> Self {
        let Resealed { rows, written, values, entries, overtaken } = done;
        Self { table: Some(table.to_owned()), rows, written, values, entries, overtaken }
    }
}

/// What a run says that it did to all tables.
impl From<&Totals> for TableResealed {
    fn from(done: &Totals) -> Self {
        let Totals { rows, written, values, entries, overtaken, .. } = *done;
        Self { table: None, rows, written, values, entries, overtaken }
    }
}

impl Counted {
    /// This census, hashed.
    #[must_use]
    pub fn new(census: Census, engine: &dyn Engine) -> Self {
        let sha256 = Digest::from_bytes(census.hash(engine));
        Self { census, sha256 }
    }

    /// The census.
    #[must_use]
    pub const fn census(&self) -> &Census {
        &self.census
    }

    /// Its [hash](Census::hash).
    #[must_use]
    pub const fn sha256(&self) -> &Digest {
        &self.sha256
    }

    pub(super) fn is_of_its_hash(&self, engine: &dyn Engine) -> bool {
        self.census.hash(engine) == *self.sha256.as_bytes()
    }
}

/// A census as it is written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CensusText {
    table: String,
    rows: u64,
    #[serde(with = "seconds")]
    began: u64,
    #[serde(with = "seconds")]
    ended: u64,
    sha256: Digest,
    columns: Vec<ColumnText>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ColumnText {
    column: String,
    domain: String,
    #[serde(with = "parsed")]
    domain_id: DomainId,
    revision: u64,
    primary: u32,
    /// Left out where these are sealed values.
    #[serde(default, skip_serializing_if = "is_default")]
    holds: Holds,
    counts: Vec<ClassText>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A class, and how many values are of it.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ClassText {
    class: ClassName,
    version: Option<u32>,
    values: u64,
}

/// In the words of version 1, whatever words there are elsewhere.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum ClassName {
    Nothing,
    Current,
    Person,
    PersonOlder,
    PersonDropped,
    Older,
    Newer,
    Closed,
    Shredded,
    Foreign,
    Plaintext,
    Damaged,
    Unindexed,
    Stray,
    Leftover,
}

impl ClassText {
    const fn of(class: Class, values: u64) -> Self {
        let (class, version) = match class {
            Class::Nothing => (ClassName::Nothing, None),
            Class::Current => (ClassName::Current, None),
            Class::Person => (ClassName::Person, None),
            Class::PersonOlder => (ClassName::PersonOlder, None),
            Class::PersonDropped => (ClassName::PersonDropped, None),
            Class::Older(version) => (ClassName::Older, Some(version)),
            Class::Newer(version) => (ClassName::Newer, Some(version)),
            Class::Closed(version) => (ClassName::Closed, Some(version)),
            Class::Shredded => (ClassName::Shredded, None),
            Class::Foreign => (ClassName::Foreign, None),
            Class::Plaintext => (ClassName::Plaintext, None),
            Class::Damaged => (ClassName::Damaged, None),
            Class::Unindexed => (ClassName::Unindexed, None),
            Class::Stray => (ClassName::Stray, None),
            Class::Leftover => (ClassName::Leftover, None),
        };
        Self { class, version, values }
    }

    const fn class(&self) -> Option<Class> {
        Some(match (self.class, self.version) {
            (ClassName::Nothing, None) => Class::Nothing,
            (ClassName::Current, None) => Class::Current,
            (ClassName::Person, None) => Class::Person,
            (ClassName::PersonOlder, None) => Class::PersonOlder,
            (ClassName::PersonDropped, None) => Class::PersonDropped,
            (ClassName::Older, Some(version)) => Class::Older(version),
            (ClassName::Newer, Some(version)) => Class::Newer(version),
            (ClassName::Closed, Some(version)) => Class::Closed(version),
            (ClassName::Shredded, None) => Class::Shredded,
            (ClassName::Foreign, None) => Class::Foreign,
            (ClassName::Plaintext, None) => Class::Plaintext,
            (ClassName::Damaged, None) => Class::Damaged,
            (ClassName::Unindexed, None) => Class::Unindexed,
            (ClassName::Stray, None) => Class::Stray,
            (ClassName::Leftover, None) => Class::Leftover,
            _ => return None,
        })
    }
}

/// A class and its number of values.
pub(super) mod class {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        (class, values): &(Class, u64),
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        ClassText::of(*class, *values).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<(Class, u64), D::Error> {
        let text = ClassText::deserialize(deserializer)?;
        let class = text.class().ok_or_else(|| D::Error::custom(NOT_A_CLASS))?;
        Ok((class, text.values))
    }
}

const NOT_A_CLASS: &str = "a class without its version, or with one that it has not";

impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Census { table, rows, began, ended, columns } = self.census.clone();
        let columns = columns.into_iter().map(|column| {
            let ColumnCensus { column, domain, domain_id, revision, primary, holds, counts } =
                column;
            let counts = counts.into_iter().map(|(class, values)| ClassText::of(class, values));
            let counts = counts.collect();
            ColumnText { column, domain, domain_id, revision, primary, holds, counts }
        });
        let columns = columns.collect();
        CensusText { table, rows, began, ended, sha256: self.sha256, columns }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = CensusText::deserialize(deserializer)?;
        let CensusText { table, rows, began, ended, sha256, columns } = text;
        let columns = columns.into_iter().map(|column| {
            let ColumnText { column, domain, domain_id, revision, primary, holds, counts } = column;
            let counts: Option<BTreeMap<_, _>> =
                counts.into_iter().map(|text| Some((text.class()?, text.values))).collect();
            let counts = counts.ok_or_else(|| D::Error::custom(NOT_A_CLASS))?;
            Ok(ColumnCensus { column, domain, domain_id, revision, primary, holds, counts })
        });
        let columns = columns.collect::<Result<_, D::Error>>()?;
        Ok(Self { census: Census { table, rows, began, ended, columns }, sha256 })
    }
}
