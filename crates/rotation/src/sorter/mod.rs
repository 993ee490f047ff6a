//! Tells what the values of one column are, and makes anew those that are to be.

#[cfg(feature = "tokens")]
mod formatted;
#[cfg(feature = "tokens")]
mod index;
mod remains;
mod sealed;
#[cfg(feature = "tokens")]
mod token;
#[cfg(feature = "tokens")]
mod vault_entry;

#[cfg(feature = "tokens")]
pub(crate) use formatted::Formatted;
#[cfg(feature = "tokens")]
pub(crate) use index::Index;
#[cfg(feature = "tokens")]
pub(crate) use token::Tokens;

use crate::column::Content;
use crate::persons::Persons;
use crate::source::{Row, Stored, Table};
use crate::{Class, Column, ColumnCensus, Holds};
use core::cmp::Ordering;
use phiseal_envelope::Domain;
use phiseal_format::KeyId;
use phiseal_keys::{Error, ErrorKind, Keyset};
#[cfg(feature = "tokens")]
use phiseal_keys::{KeyState, KeyUse, KeyVersion};
use sealed::{Meaning, SealedSorter};
use std::collections::BTreeMap;

/// Tells what the values of one column are, as the domain's keyset was when it began.
pub(crate) struct Sorter<'a> {
    name: &'a str,
    holds: Holds,
    of: Of<'a>,
}

enum Of<'a> {
    Sealed(Box<SealedSorter<'a>>),
    #[cfg(feature = "tokens")]
    Index(Box<index::IndexSorter<'a>>),
    #[cfg(feature = "tokens")]
    Tokens(Box<token::TokenSorter<'a>>),
    #[cfg(feature = "tokens")]
    Formatted(Box<formatted::FormattedSorter<'a>>),
    #[cfg(feature = "tokens")]
    VaultEntries(Box<vault_entry::VaultEntrySorter<'a>>),
}

/// What is to stand in the place of a value.
pub(crate) enum Renewed<'s> {
    /// An envelope.
    Envelope(&'s [u8]),
    /// A token, an entry of an index, or none.
    #[cfg(feature = "tokens")]
    Stored(Option<Stored>),
    /// Nothing can be made of it.
    #[cfg(feature = "tokens")]
    Cannot,
}

/// One for each column of `table` that is gone through.
pub(crate) async fn sorters<'a>(
    columns: &'a [Column],
    table: &'a Table,
) -> Result<Vec<Sorter<'a>>, Error> {
    if columns.len() != table.sealed().len() {
        let message = "each sealed column needs a domain and a context";
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    let (mut sorters, persons) = (Vec::new(), Persons::default());
    for (column, name) in columns.iter().zip(table.sealed()) {
        let of = match &column.0 {
            Content::Sealed { domain, binding } => {
                let meaning = Meaning::Bound(binding.shape(table)?);
                Of::Sealed(Box::new(SealedSorter::new(domain, meaning, persons.clone()).await?))
            }
            #[cfg(feature = "tokens")]
            Content::Index(index) => {
                let sorter = index::IndexSorter::new(index, columns, table, &persons).await?;
                Of::Index(Box::new(sorter))
            }
            #[cfg(feature = "tokens")]
            Content::Tokens(tokens) => Of::Tokens(Box::new(token::TokenSorter::new(tokens).await?)),
            #[cfg(feature = "tokens")]
            Content::Formatted(of) => {
                let sorter = formatted::FormattedSorter::new(of, columns, table).await?;
                Of::Formatted(Box::new(sorter))
            }
            #[cfg(feature = "tokens")]
            Content::Vaulted(vault) => {
                let (domain, meaning) = (vault.domain(), Meaning::Vaulted(vault));
                Of::Sealed(Box::new(SealedSorter::new(domain, meaning, persons.clone()).await?))
            }
            #[cfg(feature = "tokens")]
            Content::VaultEntries(vault) => {
                Of::VaultEntries(Box::new(vault_entry::VaultEntrySorter::new(vault).await?))
            }
        };
        sorters.push(Sorter { name, holds: column.holds(), of });
    }
    Ok(sorters)
}

impl<'a> Sorter<'a> {
    /// The same for another thread.
    pub(crate) fn another(&self) -> Self {
        let of = match &self.of {
            Of::Sealed(sorter) => Of::Sealed(Box::new(sorter.another())),
            #[cfg(feature = "tokens")]
            Of::Index(sorter) => Of::Index(Box::new(sorter.another())),
            #[cfg(feature = "tokens")]
            Of::Tokens(sorter) => Of::Tokens(Box::new(sorter.another())),
            #[cfg(feature = "tokens")]
            Of::Formatted(sorter) => Of::Formatted(Box::new(sorter.another())),
            #[cfg(feature = "tokens")]
            Of::VaultEntries(sorter) => Of::VaultEntries(Box::new(sorter.another())),
        };
        Self { name: self.name, holds: self.holds, of }
    }

    /// Looks whether the domain's keys may still be used: to be called before each page.
    pub(crate) async fn look(&mut self) -> Result<(), Error> {
        match &mut self.of {
            Of::Sealed(sorter) => sorter.look().await,
            #[cfg(feature = "tokens")]
            Of::Index(sorter) => sorter.look().await,
            #[cfg(feature = "tokens")]
            Of::Tokens(sorter) => sorter.look().await,
            #[cfg(feature = "tokens")]
            Of::Formatted(sorter) => sorter.look().await,
            #[cfg(feature = "tokens")]
            Of::VaultEntries(_) => Ok(()),
        }
    }

    /// The places of the values of the row that its own are made of.
    pub(crate) fn made_of(&self) -> Vec<usize> {
        match &self.of {
            Of::Sealed(_) => Vec::new(),
            #[cfg(feature = "tokens")]
            Of::Index(sorter) => sorter.made_of().collect(),
            #[cfg(feature = "tokens")]
            Of::Formatted(sorter) => vec![sorter.beside()],
            #[cfg(feature = "tokens")]
            Of::Tokens(_) | Of::VaultEntries(_) => Vec::new(),
        }
    }

    /// What `value`, of this column of `row`, is.
    pub(crate) async fn class(&mut self, row: &Row, value: &Stored) -> Result<Class, Error> {
        match &mut self.of {
            Of::Sealed(sorter) => sorter.class(row, value).await,
            #[cfg(feature = "tokens")]
            Of::Index(sorter) => sorter.class(row, value).await,
            #[cfg(feature = "tokens")]
            Of::Tokens(sorter) => sorter.class(value),
            #[cfg(feature = "tokens")]
            Of::Formatted(sorter) => sorter.class(row, value),
            #[cfg(feature = "tokens")]
            Of::VaultEntries(sorter) => sorter.class(row, value).await,
        }
    }

    /// What is to stand in the place of the last value.
    pub(crate) async fn renewed(&mut self) -> Result<Renewed<'_>, Error> {
        match &mut self.of {
            Of::Sealed(sorter) => Ok(Renewed::Envelope(sorter.seal().await?)),
            #[cfg(feature = "tokens")]
            Of::Index(sorter) => sorter.renewed(),
            #[cfg(feature = "tokens")]
            Of::Tokens(sorter) => sorter.renewed(),
            #[cfg(feature = "tokens")]
            Of::Formatted(sorter) => sorter.renewed(),
            #[cfg(feature = "tokens")]
            Of::VaultEntries(sorter) => sorter.renewed().await,
        }
    }

    /// Wipes the last plaintext.
    pub(crate) fn forget(&mut self) {
        match &mut self.of {
            Of::Sealed(sorter) => sorter.forget(),
            #[cfg(feature = "tokens")]
            Of::Index(sorter) => sorter.forget(),
            #[cfg(feature = "tokens")]
            Of::Tokens(sorter) => sorter.forget(),
            #[cfg(feature = "tokens")]
            Of::Formatted(sorter) => sorter.forget(),
            #[cfg(feature = "tokens")]
            Of::VaultEntries(_) => {}
        }
    }

    /// What the column holds.
    pub(crate) const fn holds(&self) -> Holds {
        self.holds
    }

    /// The name of the column.
    pub(crate) const fn name(&self) -> &'a str {
        self.name
    }

    /// What was counted. A keyset that has changed meanwhile makes it worthless.
    pub(crate) async fn described(
        self,
        counts: BTreeMap<Class, u64>,
    ) -> Result<ColumnCensus, Error> {
        let home = match &self.of {
            Of::Sealed(sorter) => sorter.home(),
            #[cfg(feature = "tokens")]
            Of::Index(sorter) => sorter.home(),
            #[cfg(feature = "tokens")]
            Of::Tokens(sorter) => sorter.home(),
            #[cfg(feature = "tokens")]
            Of::Formatted(sorter) => sorter.home(),
            #[cfg(feature = "tokens")]
            Of::VaultEntries(sorter) => sorter.home(),
        };
        home.described(self.name, self.holds, counts).await
    }
}

/// A domain, and its keyset as it was at the beginning.
#[derive(Clone)]
struct Home {
    /// What is opened with it is shown nobody, so nothing judges it.
    domain: Domain,
    keyset: Keyset,
}

impl Home {
    async fn of(domain: &Domain) -> Result<Self, Error> {
        let domain = domain.assume_allowed();
        // Somebody else may have rotated while the handle's lease ran.
        domain.refresh().await?;
        let keyset = domain.key_store().keyset(domain.name()).await?;
        Ok(Self { domain, keyset })
    }

    /// Whether it is the id of a version, or was before it was damaged.
    fn is_like_a_key(&self, id: &KeyId) -> bool {
        remains::is_like(id, self.keyset.versions().iter().map(|version| version.key_id().short()))
    }

    /// What a value is that opens under the version of this number.
    fn class_of(&self, number: u32) -> Class {
        match number.cmp(&self.keyset.primary()) {
            Ordering::Less => Class::Older(number),
            Ordering::Equal => Class::Current,
            Ordering::Greater => Class::Newer(number),
        }
    }

    /// The number of the version whose key has this id; or what a token is that names it, where that opens nothing.
    #[cfg(feature = "tokens")]
    fn version_of(&self, id: &KeyId) -> Result<u32, Class> {
        match self.keyset.by_key_id(id) {
            Some(version) if version.state().allows(KeyUse::Open) => Ok(version.number()),
            Some(version) => Err(Class::Closed(version.number())),
            None if self.is_like_a_key(id) => Err(Class::Damaged),
            None => Err(Class::Foreign),
        }
    }

    /// The one version that opens nothing now, though something may be under it, if there is just one.
    #[cfg(feature = "tokens")]
    fn closed(&self) -> Option<u32> {
        let mut closed = self.keyset.versions().iter().filter(|version| {
            let is_in_use = !matches!(version.state(), KeyState::PreActive | KeyState::Destroyed);
            is_in_use && !version.state().allows(KeyUse::Open)
        });
        closed.next().filter(|_| closed.next().is_none()).map(KeyVersion::number)
    }

    /// The id of the key that was the primary at the beginning.
    #[cfg(feature = "tokens")]
    fn primary_id(&self) -> Result<KeyId, Error> {
        let primary = self.keyset.version(self.keyset.primary());
        Ok(primary.ok_or_else(crate::opened::changed)?.key_id().short())
    }

    /// What is made is to be under the version that was the primary at the beginning.
    #[cfg(feature = "tokens")]
    fn check_newest(&self, id: KeyId) -> Result<(), Error> {
        if self.primary_id()? == id { Ok(()) } else { Err(crate::opened::changed()) }
    }

    async fn described(
        &self,
        column: &str,
        holds: Holds,
        counts: BTreeMap<Class, u64>,
    ) -> Result<ColumnCensus, Error> {
        let now = self.domain.key_store().keyset(self.domain.name()).await?;
        let is_as_it_was = now.primary() == self.keyset.primary()
            && now.versions().iter().map(|it| (it.number(), it.state())).eq(self
                .keyset
                .versions()
                .iter()
                .map(|it| (it.number(), it.state())));
        if !is_as_it_was {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the domain's keys changed during the census: count again",
            ));
        }
        Ok(ColumnCensus {
            column: column.to_owned(),
            domain: self.domain.name().to_owned(),
            domain_id: self.keyset.domain(),
            revision: self.keyset.revision(),
            primary: self.keyset.primary(),
            holds,
            counts,
        })
    }
}
