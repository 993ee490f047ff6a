//! Writing a batch.

use super::Opened;
use super::error::faulty;
use super::layout::value;
use super::values::{Array, can_be_so, can_be_there, can_become, keys, stored, values};
use crate::source::{Change, Outcome, Stored};
use phiseal_keys::{Error, ErrorKind};
use phiseal_stores::postgres::Parameter;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often a row is written that is said not to have been, and still holds the old values.
const LOOKS: usize = 3;

impl Opened {
    /// Writes changes that are of this table.
    pub(super) async fn replace(
        self: &Arc<Self>,
        changes: &[Change],
    ) -> Result<Vec<Outcome>, Error> {
        if !changes.iter().all(|change| can_become(&self.layout, change)) {
            return Err(Error::new(ErrorKind::Invalid, "the table does not take a sealed value"));
        }
        let mut outcomes: Vec<Option<Outcome>> = changes
            .iter()
            .map(|change| (!can_be_there(&change.key)).then_some(Outcome::Gone))
            .collect();
        let open = |outcomes: &[Option<Outcome>]| {
            let open = changes.iter().enumerate().zip(outcomes);
            open.filter_map(|(one, outcome)| outcome.is_none().then_some(one)).collect::<Vec<_>>()
        };
        for _ in 0..LOOKS {
            let mut asked = open(&outcomes);
            asked.retain(|(_, change)| can_be_so(&self.layout, change));
            for at in self.write_once(&asked).await? {
                *outcomes.get_mut(at).ok_or_else(faulty)? = Some(Outcome::Written);
            }
            let left = open(&outcomes);
            if left.is_empty() {
                return outcomes.into_iter().map(|outcome| outcome.ok_or_else(faulty)).collect();
            }
            let found = self.look(&left).await?;
            for (at, change) in left {
                let outcome = match found.get(&at) {
                    None => Some(Outcome::Gone),
                    Some(values) if is_as_before(change, values) => None,
                    Some(_) => Some(Outcome::Changed),
                };
                *outcomes.get_mut(at).ok_or_else(faulty)? = outcome;
            }
        }
        let outcomes: Option<Vec<_>> = outcomes.into_iter().collect();
        outcomes.ok_or_else(|| {
            Error::new(ErrorKind::Denied, "a trigger of the table keeps a row from being written")
        })
    }

    /// Writes changes, and says which ones it wrote, by their places.
    async fn write_once(self: &Arc<Self>, asked: &[(usize, &Change)]) -> Result<Vec<usize>, Error> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        // By which columns are swapped: the numbers of the keys from 1, and the changes.
        let mut groups: BTreeMap<Vec<usize>, (Vec<i64>, Vec<&Change>)> = BTreeMap::new();
        for (number, (_, change)) in (1..).zip(asked) {
            let mut columns: Vec<_> = change.swaps.iter().map(|swap| swap.column).collect();
            columns.sort_unstable();
            let (numbers, changes) = groups.entry(columns).or_default();
            numbers.push(number);
            changes.push(change);
        }
        let found = keys(&self.layout, asked.iter().map(|(_, change)| &change.key));
        let ends = [asked.first(), asked.last()].into_iter().flatten();
        let ends = ends.flat_map(|(_, change)| keys(&self.layout, core::iter::once(&change.key)));
        let ends: Vec<_> = ends.collect();
        let mut swapped = Vec::new();
        for (columns, (numbers, changes)) in &groups {
            swapped.push(Array::Integers(numbers.clone()));
            for column in columns {
                let form = *self.layout.sealed.get(*column).ok_or_else(faulty)?;
                let changes = || changes.iter().copied();
                swapped.push(values(form, *column, changes(), |swap| &swap.old));
                swapped.push(values(form, *column, changes(), |swap| &swap.new));
            }
        }
        let mut parameters: Vec<Parameter<'_>> = found.iter().map(Array::parameter).collect();
        parameters.extend(ends.iter().filter_map(Array::only));
        parameters.extend(swapped.iter().map(Array::parameter));
        let sql = self.statements.replace(groups.keys().map(Vec::as_slice));
        let rows = self.write(sql, &parameters).await?;
        rows.iter().map(|row| Ok(place(asked, value(row, 0)?)?.0)).collect()
    }

    /// The sealed values of the rows that there are, by the places of their changes.
    async fn look(
        self: &Arc<Self>,
        asked: &[(usize, &Change)],
    ) -> Result<BTreeMap<usize, Vec<Stored>>, Error> {
        let arrays = keys(&self.layout, asked.iter().map(|(_, change)| &change.key));
        let parameters: Vec<Parameter<'_>> = arrays.iter().map(Array::parameter).collect();
        let found = self.read(self.statements.look.clone(), &parameters).await?;
        let found = found
            .iter()
            .map(|row| Ok((place(asked, value(row, 0)?)?.0, stored(&self.layout, row, 1)?)));
        found.collect()
    }
}

/// The change whose key has this number.
fn place<'a>(asked: &[(usize, &'a Change)], number: i64) -> Result<(usize, &'a Change), Error> {
    let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    at.and_then(|at| asked.get(at)).copied().ok_or_else(faulty)
}

fn is_as_before(change: &Change, values: &[Stored]) -> bool {
    change.swaps.iter().all(|swap| values.get(swap.column) == Some(&swap.old))
}
