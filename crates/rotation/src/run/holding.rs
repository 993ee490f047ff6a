//! Where sealed values are, and one count of all of them.

use super::Event;
use super::borders::Borders;
use crate::census::{count, sample};
#[cfg(feature = "tokens")]
use crate::column::Content;
use crate::reseal::erase_leftovers;
#[cfg(feature = "tokens")]
use crate::source::VaultSource;
use crate::source::{RowKey, Source};
use crate::{Census, Class, Column, Holds};
use phiseal_envelope::Domain;
use phiseal_format::SubjectTag;
use phiseal_keys::{Error, ErrorKind};
#[cfg(feature = "tokens")]
use phiseal_tokens::{Vault, VaultPart};
use pollster::block_on;
use std::cell::RefCell;

/// One table, or file, and what is sealed in it.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "what callers build")]
pub struct Holding {
    /// The table.
    pub source: Box<dyn Source>,
    /// What its sealed columns are, in their order.
    pub columns: Vec<Column>,
}

impl Holding {
    /// What is in a vault, which is called `name` here: its tokens, each with a sealed `value`, and the entries by which the token of a
    /// value is found. Those under an older key are made anew, those that name no token, or one of a person who was shredded, are
    /// erased.
    ///
    /// Each column of a vault, and each tenant of it, is two holdings of its own: [`Vault::others_in`] tells whether one was left
    /// out.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a name that is none of a [`Table`](crate::source::Table).
    #[cfg(feature = "tokens")]
    pub fn of_vault(name: &str, vault: &Vault) -> Result<[Self; 2], Error> {
        let holding = |name: &str, part, content| {
            let source = Box::new(VaultSource::new(name, vault, part)?);
            Ok::<_, Error>(Self { source, columns: vec![Column(content)] })
        };
        Ok([
            holding(name, VaultPart::Tokens, Content::Vaulted(vault.clone()))?,
            holding(
                &format!("{name} index"),
                VaultPart::Entries,
                Content::VaultEntries(vault.clone()),
            )?,
        ])
    }

    /// Counts it. `hear` hears of progress, and of each value that is not in order.
    ///
    /// # Errors
    ///
    /// As [`census`](crate::census()).
    pub fn census(&self, hear: &mut dyn FnMut(Event<'_>)) -> Result<Census, Error> {
        self.count(0, hear, || Ok(())).map(|(census, _)| census)
    }

    /// What the sealed values of the first rows are, of at least `most` values if there are so many.
    ///
    /// # Errors
    ///
    /// As [`census`](crate::census()).
    pub fn sample(&self, most: usize) -> Result<Vec<Class>, Error> {
        block_on(sample(&*self.source, &self.columns, most))
    }

    /// Erases what there is here of a person, who is best shredded before: tokens of a vault; and entries of indexes that are of
    /// nothing any more, whoever they were of. How many those were.
    ///
    /// # Errors
    ///
    /// What source, key store and backend answer.
    pub fn forget(&self, person: SubjectTag) -> Result<u64, Error> {
        let forgotten = block_on(self.source.forget(person))?;
        if !self.columns.iter().any(|column| column.holds() == Holds::Entries) {
            return Ok(forgotten);
        }
        let erased = erase_leftovers(&*self.source, &self.columns)?;
        Ok(forgotten.saturating_add(erased.values))
    }

    /// Whether one of its columns is sealed in this domain.
    pub(super) fn holds(&self, domain: &Domain) -> bool {
        let environment = domain.key_store().environment();
        self.columns.iter().map(Column::domain).any(|other| {
            other.name() == domain.name() && other.key_store().environment() == environment
        })
    }

    /// Whether `census` is of just its columns.
    pub(super) fn is_of(&self, census: &Census) -> bool {
        let names = self.source.table().sealed().iter();
        let here = names.zip(&self.columns).map(|(name, it)| (name.as_str(), it.domain().name()));
        let there = census.columns.iter().map(|it| (it.column.as_str(), it.domain.as_str()));
        self.source.table().name() == census.table && here.eq(there)
    }

    /// Counts it, and finds where to divide it.
    pub(super) fn count(
        &self,
        most: usize,
        hear: &mut dyn FnMut(Event<'_>),
        mut may_go_on: impl FnMut() -> Result<(), Error>,
    ) -> Result<(Census, Vec<RowKey>), Error> {
        let mut borders = Borders::at_most(if self.source.keeps_each_batch() { most } else { 0 });
        let table = self.source.table().name();
        let hear = RefCell::new(hear);
        let tell = |event: Event<'_>| (hear.borrow_mut())(event);
        let counting = count(
            &*self.source,
            &self.columns,
            |finding| tell(Event::Finding { table, finding: &finding }),
            |key, rows| {
                tell(Event::Counted { table, rows });
                borders.page(key);
                may_go_on()
            },
        );
        let census = block_on(counting)?;
        Ok((census, borders.found()))
    }
}

/// Refuses holdings in none of which anything of `domain` can be: a count over them would find nothing, whatever there is.
pub(super) fn check_domain(holdings: &[Holding], domain: &Domain) -> Result<(), Error> {
    if holdings.iter().any(|holding| holding.holds(domain)) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, "no column that would be counted is of this domain"))
}
