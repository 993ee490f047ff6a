//! A census as a journal and a certificate keep it: counts, and nothing of a row.

use crate::{Census, Class, ColumnCensus};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was counted in one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CountedTable {
    /// The table.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// When the count began, in seconds since 1970.
    pub began: u64,
    /// When it ended.
    pub ended: u64,
    /// Each sealed column.
    pub columns: Vec<CountedColumn>,
}

/// What was counted in one column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CountedColumn {
    /// The column.
    pub column: String,
    /// The name of its domain.
    pub domain: String,
    /// The primary version of the domain.
    pub primary: u32,
    /// How many values there are of each class, by its name.
    pub counts: BTreeMap<String, u64>,
    /// How many are under another key than the current one, or may be.
    pub left: u64,
    /// How many of those can be resealed.
    pub resealable: u64,
}

impl From<&Census> for CountedTable {
    fn from(census: &Census) -> Self {
        let columns = census.columns.iter().map(|column| CountedColumn {
            column: column.column.clone(),
            domain: column.domain.clone(),
            primary: column.primary,
            counts: column
                .counts
                .iter()
                .map(|(class, count)| (class.to_string(), *count))
                .collect(),
            left: sum(column, |class| {
                !class.is_in_order() && !matches!(class, Class::Foreign | Class::Plaintext)
            }),
            resealable: sum(column, Class::is_to_be_resealed),
        });
        Self {
            table: census.table.clone(),
            rows: census.rows,
            began: census.began,
            ended: census.ended,
            columns: columns.collect(),
        }
    }
}

fn sum(column: &ColumnCensus, counts: impl Fn(Class) -> bool) -> u64 {
    column.counts.iter().filter(|(class, _)| counts(**class)).map(|(_, count)| count).sum()
}
