//! A count of every stored value, by what it is: the proof that a rotation is done, or what is missing to it.
//!
//! Every value is opened, and its plaintext wiped at once: what only looks as if it were sealed is counted as damaged. A census
//! of a table that nobody writes meanwhile is exact; of one in use it counts each row as it was when it was read.

use crate::sorter::sorters;
use crate::source::{RowKey, Source};
use crate::{Class, Column};
use phiseal_format::DomainId;
use phiseal_keys::Error;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is stored in one table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Census {
    /// The table.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// When it began, in seconds since 1970 by this machine's clock.
    pub began: u64,
    /// When it ended.
    pub ended: u64,
    /// Each sealed column, in the order of the table's.
    pub columns: Vec<ColumnCensus>,
}

/// What is stored in one column.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ColumnCensus {
    /// The column.
    pub column: String,
    /// The name of its domain.
    pub domain: String,
    /// The domain's id.
    pub domain_id: DomainId,
    /// The revision of the domain's keyset when the census began. A census during which it changed is refused.
    pub revision: u64,
    /// The primary version.
    pub primary: u32,
    /// What it holds.
    pub holds: Holds,
    /// How many values there are of each class.
    pub counts: BTreeMap<Class, u64>,
}

/// What a column holds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize,
)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "whoever counts has to say something of each")]
pub enum Holds {
    /// Sealed values, each of which is opened.
    #[default]
    Sealed,
    /// Entries of an index, which are told by their key; those beside the values that they are of are compared with them.
    Entries,
    /// Deterministic or format-preserving tokens, or the ids of their keys: told by their key, and opened where they open.
    Tokens,
}

/// A value that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The row.
    pub key: RowKey,
    /// The column's name.
    pub column: String,
    /// What its value is.
    pub class: Class,
}

impl Census {
    /// Whether nothing is left to do: every value is under the primary version, or under a person's own current
    /// key, or is none.
    ///
    /// It says nothing of whether a current key is in wrong hands: the states of the domain's versions do, and
    /// [`KeyStore::list_subjects`](phiseal_keys::KeyStore::list_subjects) for persons.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.columns.iter().all(|column| column.counts.keys().all(|class| class.is_in_order()))
    }

    /// How many values there are under version `number` of the domain `domain`, or may be: those that are damaged are under
    /// any version.
    #[must_use]
    pub fn under(&self, domain: &DomainId, number: u32) -> u64 {
        let of_domain = self.columns.iter().filter(|column| column.domain_id == *domain);
        let counts = of_domain.flat_map(|column| {
            column.counts.iter().filter(|(class, _)| class.may_be_under(number, column.primary))
        });
        counts.map(|(_, count)| count).sum()
    }
}

impl ColumnCensus {
    /// How many values there are of such classes.
    pub(crate) fn sum(&self, counts: impl Fn(Class) -> bool) -> u64 {
        let of = self.counts.iter().filter(|(class, _)| counts(**class));
        of.map(|(_, count)| count).sum()
    }
}

/// Rows that are read at once.
const PAGE: usize = 1_000;

/// Counts every value of `source`, whose sealed columns are `columns`, in their order. `report` hears of each value that is not
/// in order; what an index lacks is counted only.
///
/// # Errors
///
/// [`ErrorKind::Invalid`] when the columns do not go with the table; [`ErrorKind::Conflict`] when a keyset changed meanwhile:
/// count again; and what source, key store and backend answer.
///
/// [`ErrorKind::Invalid`]: phiseal_keys::ErrorKind::Invalid
/// [`ErrorKind::Conflict`]: phiseal_keys::ErrorKind::Conflict
pub async fn census(
    source: &dyn Source,
    columns: &[Column],
    report: impl FnMut(Finding),
) -> Result<Census, Error> {
    count(source, columns, report, |_, _| Ok(())).await
}

/// As [`census()`]. `page_end` hears the last key and the number of rows of each page.
pub(crate) async fn count(
    source: &dyn Source,
    columns: &[Column],
    mut report: impl FnMut(Finding),
    mut page_end: impl FnMut(&RowKey, u64) -> Result<(), Error>,
) -> Result<Census, Error> {
    let table = source.table();
    let mut sorters = sorters(columns, table).await?;
    let clock = columns.first().map(|column| column.domain().key_store().clock().clone());
    let now = || clock.as_ref().map_or(0, |clock| clock.wall());
    let began = now();
    let mut counted: Vec<BTreeMap<Class, u64>> = vec![BTreeMap::new(); columns.len()];
    let (mut rows, mut last): (u64, Option<RowKey>) = (0, None);
    loop {
        let page = source.scan(last.as_ref(), None, PAGE).await?;
        let Some(end) = page.last() else { break };
        for sorter in &mut sorters {
            sorter.look().await?;
        }
        for row in &page {
            for ((sorter, counts), value) in sorters.iter_mut().zip(&mut counted).zip(&row.sealed) {
                let class = sorter.class(row, value).await?;
                let count = counts.entry(class).or_default();
                *count = count.saturating_add(1);
                // Of what an index lacks there is nothing to be told but how much it is.
                if !class.is_in_order() && class != Class::Unindexed {
                    let column = sorter.name().to_owned();
                    report(Finding { key: row.key.clone(), column, class });
                }
            }
        }
        let length = u64::try_from(page.len()).unwrap_or(u64::MAX);
        page_end(&end.key, length)?;
        rows = rows.saturating_add(length);
        last = Some(end.key.clone());
    }
    let mut described = Vec::new();
    for (sorter, counts) in sorters.into_iter().zip(counted) {
        described.push(sorter.described(counts).await?);
    }
    Ok(Census { table: table.name().to_owned(), rows, began, ended: now(), columns: described })
}

/// What the sealed values of the first rows are, nothings left out: of at least `most`, if there are so many.
pub(crate) async fn sample(
    source: &dyn Source,
    columns: &[Column],
    most: usize,
) -> Result<Vec<Class>, Error> {
    let mut sorters = sorters(columns, source.table()).await?;
    let (mut classes, mut last): (Vec<Class>, Option<RowKey>) = (Vec::new(), None);
    while sorters.iter().any(|sorter| sorter.holds() == Holds::Sealed) && classes.len() < most {
        let page = source.scan(last.as_ref(), None, most.min(PAGE)).await?;
        let Some(end) = page.last() else { break };
        for row in &page {
            let values = sorters.iter_mut().zip(&row.sealed);
            for (sorter, value) in values.filter(|(sorter, _)| sorter.holds() == Holds::Sealed) {
                let class = sorter.class(row, value).await?;
                classes.extend((class != Class::Nothing).then_some(class));
            }
        }
        last = Some(end.key.clone());
    }
    Ok(classes)
}
