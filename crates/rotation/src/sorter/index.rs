//! Entries of an index beside the values that they are of.

use super::sealed::{Meaning, SealedSorter};
use super::{Home, Renewed};
use crate::column::Content;
use crate::opened::changed;
use crate::persons::Persons;
use crate::source::{Row, Scalar, Stored, Table};
use crate::{Class, Column};
use core::mem;
use phiseal_envelope::Domain;
use phiseal_format::hex;
use phiseal_keys::{Error, ErrorKind, KeyVersion};
use phiseal_tokens::{BlindIndex, IndexEntry, IndexGeneration, Keyed, Token};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A column of entries of an index.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    index: phiseal_tokens::Column<BlindIndex>,
    /// Of which columns of the table.
    of: Vec<String>,
    /// Whether entries are written as text.
    is_text: bool,
}

impl Column {
    /// A column of entries of an index: of these columns of the table, one for each part of the index, sealed or not. Entries are
    /// bytes.
    ///
    /// Going through it, each row gets the entry that it should have: where there is none, where it is under an older key, by a
    /// definition that was [replaced](BlindIndex::replacing), or of another value. Where there is no value (`NULL`, or one that the
    /// index cannot take), and where the person was shredded, there is no entry: the column has to take `NULL`. What is in the
    /// column and is no entry is left, and named.
    #[must_use]
    pub fn index(index: &phiseal_tokens::Column<BlindIndex>, of: &[&str]) -> Self {
        Self(Content::Index(Index::new(index, of, false)))
    }

    /// The same, with entries in hexadecimal: for columns of text, and for files.
    #[must_use]
    pub fn index_as_text(index: &phiseal_tokens::Column<BlindIndex>, of: &[&str]) -> Self {
        Self(Content::Index(Index::new(index, of, true)))
    }
}

impl Index {
    fn new(index: &phiseal_tokens::Column<BlindIndex>, of: &[&str], is_text: bool) -> Self {
        let of = of.iter().copied().map(str::to_owned).collect();
        Self { index: index.assume_allowed(), of, is_text }
    }

    pub(crate) fn domain(&self) -> &Domain {
        self.index.domain()
    }
}

/// Tells what entries of an index are, by the values that they are of.
pub(super) struct IndexSorter<'a> {
    home: Home,
    index: &'a Index,
    keyed: Arc<Keyed<BlindIndex>>,
    parts: Vec<Part<'a>>,
    /// What the entry of the last row is to be.
    wanted: Wanted,
}

/// Where a part of the index is in a row.
enum Part<'a> {
    Sealed(usize, Box<SealedSorter<'a>>),
    Other(usize),
}

/// What the entry of a row is to be.
#[derive(Clone, Copy)]
enum Wanted {
    Entry(IndexEntry),
    /// There is no value.
    None,
    /// The value cannot be had; or it opened, and is no text.
    Unknown {
        is_open: bool,
    },
}

/// What does not open has no entry that could be told.
const UNKNOWN: Wanted = Wanted::Unknown { is_open: false };

impl<'a> IndexSorter<'a> {
    pub(super) async fn new(
        index: &'a Index,
        columns: &'a [Column],
        table: &'a Table,
        persons: &Persons,
    ) -> Result<Self, Error> {
        if index.of.len() != index.index.kind().part_count() {
            let message = "an index has as many columns as it has parts";
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let mut parts = Vec::new();
        for name in &index.of {
            let sealed = table.sealed().iter().position(|column| column == name);
            let content = sealed.and_then(|place| Some((place, &columns.get(place)?.0)));
            parts.push(match (content, table.others().iter().position(|column| column == name)) {
                (Some((place, Content::Sealed { domain, binding })), _) => {
                    let meaning = Meaning::Bound(binding.shape(table)?);
                    let sorter = SealedSorter::new(domain, meaning, persons.clone()).await?;
                    Part::Sealed(place, Box::new(sorter))
                }
                (None, Some(place)) => Part::Other(place),
                _ => {
                    let message = "an index is of columns that are sealed, or read with the row";
                    return Err(Error::new(ErrorKind::Invalid, message));
                }
            });
        }
        let home = Home::of(index.domain()).await?;
        let keyed = index.index.ready().await?;
        Ok(Self { home, index, keyed, parts, wanted: UNKNOWN })
    }

    pub(super) fn another(&self) -> Self {
        let parts = self.parts.iter().map(|part| match part {
            Part::Sealed(place, sorter) => Part::Sealed(*place, Box::new(sorter.another())),
            Part::Other(place) => Part::Other(*place),
        });
        Self {
            home: self.home.clone(),
            index: self.index,
            keyed: self.keyed.clone(),
            parts: parts.collect(),
            wanted: UNKNOWN,
        }
    }

    pub(super) async fn look(&mut self) -> Result<(), Error> {
        for part in &mut self.parts {
            if let Part::Sealed(_, sorter) = part {
                sorter.look().await?;
            }
        }
        self.keyed = self.index.index.ready().await?;
        Ok(())
    }

    pub(super) async fn class(&mut self, row: &Row, value: &Stored) -> Result<Class, Error> {
        self.wanted = self.wanted_in(row).await?;
        let entry = match (value, self.index.is_text) {
            (Stored::Nothing, _) => {
                return Ok(match self.wanted {
                    Wanted::Entry(_) | Wanted::Unknown { is_open: true } => Class::Unindexed,
                    // What does not open is counted where it is.
                    Wanted::None | Wanted::Unknown { is_open: false } => Class::Nothing,
                });
            }
            (Stored::Bytes(bytes), false) => Some(bytes.clone()),
            (Stored::Text(text), true) => hex::decode(text).ok(),
            _ => None,
        };
        // What is no entry may be all that there is of something else: it is left.
        let Some(entry) = entry.filter(|entry| self.index.index.kind().takes(entry)) else {
            return Ok(Class::Plaintext);
        };
        match self.wanted {
            Wanted::Entry(wanted) if wanted.as_bytes() == entry => Ok(Class::Current),
            wanted => self.class_of(wanted, &entry),
        }
    }

    /// What an entry is that is not the one that is wanted, by its name.
    fn class_of(&self, wanted: Wanted, entry: &[u8]) -> Result<Class, Error> {
        let keyset = &self.home.keyset;
        let is_unknown = matches!(wanted, Wanted::Unknown { .. });
        let (key_id, redefined) = match self.keyed.generation(entry) {
            Ok(IndexGeneration::Current) => (self.home.primary_id()?, false),
            Ok(IndexGeneration::Earlier { key_id, redefined }) => (key_id, redefined),
            // Tokens are not made again of what is beside them.
            _ if Token::try_from(entry)
                .is_ok_and(|it| keyset.by_key_id(&it.key_id()).is_some()) =>
            {
                return Ok(Class::Foreign);
            }
            // A version that opens nothing now has no names.
            Err(error) if error.kind() != ErrorKind::State => return Err(error),
            _ if is_unknown => return Ok(self.home.closed().map_or(Class::Damaged, Class::Closed)),
            _ if matches!(wanted, Wanted::None) => return Ok(Class::Leftover),
            _ => return Ok(Class::Stray),
        };
        if matches!(wanted, Wanted::None) {
            return Ok(Class::Leftover);
        }
        let number = keyset.by_key_id(&key_id).map(KeyVersion::number);
        Ok(match number.map(|number| self.home.class_of(number)) {
            // Its value cannot be had.
            Some(Class::Current) if is_unknown && !redefined => Class::Current,
            Some(Class::Current) | None => Class::Stray,
            Some(class) => class,
        })
    }

    /// What stands in the place of the last value.
    pub(super) fn renewed(&mut self) -> Result<Renewed<'static>, Error> {
        let wanted = mem::replace(&mut self.wanted, UNKNOWN);
        // To take an entry away takes no key.
        if !matches!(wanted, Wanted::None) {
            self.home.check_newest(self.keyed.key_id()?)?;
        }
        Ok(match wanted {
            Wanted::Entry(entry) if self.index.is_text => {
                Renewed::Stored(Some(Stored::Text(entry.to_string())))
            }
            Wanted::Entry(entry) => Renewed::Stored(Some(Stored::Bytes(entry.as_bytes().to_vec()))),
            Wanted::None => Renewed::Stored(None),
            Wanted::Unknown { .. } => Renewed::Cannot,
        })
    }

    /// The places of the sealed values that an entry is made of.
    pub(super) fn made_of(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().filter_map(|part| match part {
            Part::Sealed(place, _) => Some(*place),
            Part::Other(_) => None,
        })
    }

    pub(super) fn forget(&mut self) {
        self.wanted = UNKNOWN;
        for part in &mut self.parts {
            if let Part::Sealed(_, sorter) = part {
                sorter.forget();
            }
        }
    }

    pub(super) const fn home(&self) -> &Home {
        &self.home
    }

    /// The entry that the row is to have, by its other values: none where one of them is not there.
    async fn wanted_in(&mut self, row: &Row) -> Result<Wanted, Error> {
        let mut values: Vec<Zeroizing<String>> = Vec::with_capacity(self.parts.len());
        let (mut is_closed, mut is_no_text) = (false, false);
        for part in &mut self.parts {
            match part {
                Part::Other(place) => match row.others.get(*place) {
                    None | Some(Scalar::Nothing) => return Ok(Wanted::None),
                    Some(Scalar::Text(text)) => values.push(Zeroizing::new(text.clone())),
                    Some(Scalar::Integer(number)) => {
                        values.push(Zeroizing::new(number.to_string()))
                    }
                    Some(Scalar::Bytes(_)) => is_no_text = true,
                },
                Part::Sealed(place, sorter) => {
                    let value = row.sealed.get(*place).unwrap_or(&Stored::Nothing);
                    match sorter.class(row, value).await? {
                        Class::Nothing | Class::Shredded => return Ok(Wanted::None),
                        class if class.is_open() => {
                            match core::str::from_utf8(sorter.plaintext()) {
                                Ok(text) => values.push(Zeroizing::new(text.to_owned())),
                                Err(_) => is_no_text = true,
                            }
                        }
                        _ => is_closed = true,
                    }
                }
            }
        }
        if is_closed || is_no_text {
            return Ok(Wanted::Unknown { is_open: !is_closed });
        }
        let values: Vec<&str> = values.iter().map(|value| value.as_str()).collect();
        match self.keyed.entry_under(&self.home.primary_id()?, &values) {
            Ok(entry) => Ok(Wanted::Entry(entry)),
            // What an index cannot take, such as a date that is none, has no entry.
            Err(error) if error.kind() == ErrorKind::Invalid => Ok(Wanted::None),
            // The primary version opens nothing now.
            Err(error) if error.kind() == ErrorKind::State => Ok(UNKNOWN),
            // The keys were changed after the keyset was read.
            Err(error) if error.kind() == ErrorKind::Foreign => Err(changed()),
            Err(error) => Err(error),
        }
    }
}
