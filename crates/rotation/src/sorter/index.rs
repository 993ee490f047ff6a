//! Entries of an index beside the values that they are of.

use super::sealed::SealedSorter;
use super::{Home, Renewed};
use crate::column::Content;
use crate::persons::Persons;
use crate::source::{Row, Scalar, Stored, Table};
use crate::{Class, Column};
use core::cmp::Ordering;
use core::mem;
use phiseal_envelope::Domain;
use phiseal_keys::{Error, ErrorKind};
use phiseal_tokens::{BlindIndex, IndexEntry, IndexGeneration, Keyed};
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
    /// index cannot take), and where the person was shredded, there is no entry: the column has to take `NULL`.
    #[must_use]
    pub fn index(index: &phiseal_tokens::Column<BlindIndex>, of: &[&str]) -> Self {
        let of = of.iter().copied().map(str::to_owned).collect();
        Self(Content::Index(Index { index: index.assume_allowed(), of, is_text: false }))
    }

    /// The same, with entries in hexadecimal: for columns of text, and for files.
    #[must_use]
    pub fn index_as_text(index: &phiseal_tokens::Column<BlindIndex>, of: &[&str]) -> Self {
        let of = of.iter().copied().map(str::to_owned).collect();
        Self(Content::Index(Index { index: index.assume_allowed(), of, is_text: true }))
    }
}

impl Index {
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
enum Wanted {
    Entry(IndexEntry),
    /// There is no value.
    None,
    /// The value cannot be had.
    Unknown,
}

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
                    let shape = binding.shape(table)?;
                    let sorter = SealedSorter::new(domain, shape, persons.clone()).await?;
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
        Ok(Self { home, index, keyed, parts, wanted: Wanted::Unknown })
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
            wanted: Wanted::Unknown,
        }
    }

    pub(super) async fn look(&mut self) -> Result<(), Error> {
        for part in &mut self.parts {
            if let Part::Sealed(_, sorter) = part {
                sorter.look().await?;
            }
        }
        self.keyed = self.index.index.ready().await?;
        self.home.check_newest(self.keyed.key_id()?)
    }

    pub(super) async fn class(&mut self, row: &Row, value: &Stored) -> Result<Class, Error> {
        self.wanted = self.wanted_in(row).await?;
        let stored = match value {
            Stored::Nothing => {
                let is_wanted = matches!(self.wanted, Wanted::Entry(_));
                return Ok(if is_wanted { Class::Unindexed } else { Class::Nothing });
            }
            Stored::Bytes(bytes) => bytes.clone(),
            Stored::Text(text) => from_hex(text).unwrap_or_default(),
            Stored::Other => return Ok(Class::Stray),
        };
        match &self.wanted {
            Wanted::None => return Ok(Class::Leftover),
            Wanted::Entry(entry) if entry.as_bytes() == stored => return Ok(Class::Current),
            Wanted::Entry(_) | Wanted::Unknown => {}
        }
        let is_unknown = matches!(self.wanted, Wanted::Unknown);
        Ok(match self.keyed.generation(&stored)? {
            // By its name; its value cannot be had.
            IndexGeneration::Current if is_unknown => Class::Current,
            IndexGeneration::Earlier { key_id, .. } => {
                let primary = self.home.keyset.primary();
                let number = self.home.keyset.by_key_id(&key_id).map(|version| version.number());
                match number.map(|number| (number, number.cmp(&primary))) {
                    Some((number, Ordering::Less)) => Class::Older(number),
                    Some((number, Ordering::Greater)) => Class::Newer(number),
                    Some((_, Ordering::Equal)) | None => Class::Stray,
                }
            }
            _ => Class::Stray,
        })
    }

    /// What stands in the place of the last value.
    pub(super) fn renewed(&mut self) -> Renewed<'static> {
        match mem::replace(&mut self.wanted, Wanted::Unknown) {
            Wanted::Entry(entry) if self.index.is_text => {
                Renewed::Stored(Some(Stored::Text(entry.to_string())))
            }
            Wanted::Entry(entry) => Renewed::Stored(Some(Stored::Bytes(entry.as_bytes().to_vec()))),
            Wanted::None => Renewed::Stored(None),
            Wanted::Unknown => Renewed::Cannot,
        }
    }

    /// The places of the sealed values that an entry is made of.
    pub(super) fn made_of(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().filter_map(|part| match part {
            Part::Sealed(place, _) => Some(*place),
            Part::Other(_) => None,
        })
    }

    pub(super) fn forget(&mut self) {
        self.wanted = Wanted::Unknown;
        for part in &mut self.parts {
            if let Part::Sealed(_, sorter) = part {
                sorter.forget();
            }
        }
    }

    pub(super) const fn home(&self) -> &Home {
        &self.home
    }

    /// The entry that the row is to have, by its other values.
    async fn wanted_in(&mut self, row: &Row) -> Result<Wanted, Error> {
        let mut values: Vec<Zeroizing<String>> = Vec::with_capacity(self.parts.len());
        for part in &mut self.parts {
            let text = match part {
                Part::Other(place) => match row.others.get(*place) {
                    None | Some(Scalar::Nothing) => return Ok(Wanted::None),
                    Some(Scalar::Text(text)) => Some(text.clone()),
                    Some(Scalar::Integer(number)) => Some(number.to_string()),
                    Some(Scalar::Bytes(_)) => None,
                },
                Part::Sealed(place, sorter) => {
                    let value = row.sealed.get(*place).unwrap_or(&Stored::Nothing);
                    match sorter.class(row, value).await? {
                        Class::Nothing | Class::Shredded => return Ok(Wanted::None),
                        class if class.is_open() => {
                            core::str::from_utf8(sorter.plaintext()).ok().map(str::to_owned)
                        }
                        _ => None,
                    }
                }
            };
            let Some(text) = text else { return Ok(Wanted::Unknown) };
            values.push(Zeroizing::new(text));
        }
        let values: Vec<&str> = values.iter().map(|value| value.as_str()).collect();
        match self.keyed.entry(&values) {
            Ok(entry) => Ok(Wanted::Entry(entry)),
            // What an index cannot take, such as a date that is none, has no entry.
            Err(error) if error.kind() == ErrorKind::Invalid => Ok(Wanted::None),
            Err(error) => Err(error),
        }
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    if rest.is_empty() { bytes.collect() } else { None }
}
