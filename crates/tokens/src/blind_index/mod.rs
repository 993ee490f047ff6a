//! Blind indexes: searching sealed columns for equal values.

mod date;
mod entry;
mod normaliser;
mod part;
#[cfg(feature = "phone")]
mod phone;
mod text;

pub use date::DateOrder;
pub use entry::{IndexEntry, IndexGeneration};
pub use normaliser::Normaliser;
pub use part::Part;

use crate::column::sealed::Sealed;
use crate::{Cardinality, Column, Keyed, Kind};
use core::fmt;
use entry::Generation;
use phiseal_envelope::{ColumnSecrets, RevealForm};
use phiseal_format::{KeyId, TokenUse};
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::hmac::HmacKey;
use zeroize::Zeroizing;

/// An index of a sealed column, or of several together, by HMAC-SHA-256 over normalised values: equal values have equal
/// entries, and nothing else of a value shows.
///
/// # Security
///
/// Whoever sees the entries sees which rows have equal values and how often each value occurs; with knowledge of how often
/// values occur among people, that tells frequent ones. Whoever may *search* learns whether a value he guesses is there. Both
/// are worse the fewer values there are, so an index of fewer than 10,000, counted in the form that is indexed (the first
/// three letters, the year), is refused unless the leakage is accepted ([`Cardinality`]). Fewer [bits](BlindIndex::bits) put
/// unequal values under one entry: that hides which rows are equal, at the price of rows that a search must open and drop.
/// An entry does not open and is bound to no row.
///
/// ```
/// # pollster::block_on(async {
/// # use phiseal_backends::memory::MemoryKek;
/// # use phiseal_envelope::{Domain, Options};
/// # use phiseal_keys::{Keks, KeyStore, KeyStoreConfig};
/// # use std::sync::Arc;
/// # let engine = phiseal_primitives::default_engine();
/// # let keks = Keks::later(Arc::new(MemoryKek::new(engine)?), engine);
/// # let store = KeyStore::open(Arc::new(phiseal_stores::MemoryStore::new()), keks, KeyStoreConfig::new(engine)).await?;
/// # let domain = Domain::connect(store.into(), "clinic/search", Options::new(engine).into()).await?;
/// use phiseal_tokens::{BlindIndex, Cardinality, Column, DateOrder, Normaliser, Part};
///
/// let name = Part::new(Normaliser::Text, Cardinality::of(160_000));
/// let born = Part::new(Normaliser::Date(DateOrder::MonthFirst), Cardinality::BIRTH_DATE);
/// let index = Column::new(&domain, "last name and birth date", BlindIndex::new([name, born])?);
///
/// let stored = index.entry(&["Müller", "1980-01-31"]).await?;       // beside the sealed row
/// let wanted = index.terms(&[" MULLER ", "1/31/1980"]).await?;      // WHERE entry IN (…)
/// assert!(wanted.contains(&stored));
/// # Ok::<(), phiseal_keys::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct BlindIndex {
    parts: Vec<Part>,
    bits: u16,
    cardinality: Cardinality,
    replaced: Option<Box<Self>>,
}

impl BlindIndex {
    /// An index of these parts together, with entries of 128 bits.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] where all forms together have few values ([`Cardinality::check`]); [`ErrorKind::Invalid`]
    /// for no part, more than eight, and a part of no characters.
    pub fn new(parts: impl IntoIterator<Item = Part>) -> Result<Self, Error> {
        let parts: Vec<Part> = parts.into_iter().collect();
        if parts.len() > MAX_PARTS || parts.iter().any(Part::is_empty) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "an index has one to eight parts, each of one character at least",
            ));
        }
        let cardinality = parts.iter().map(Part::cardinality).reduce(Cardinality::and);
        let cardinality = cardinality
            .ok_or_else(|| Error::new(ErrorKind::Invalid, "an index has one to eight parts"))?;
        cardinality.check()?;
        Ok(Self { parts, bits: 128, cardinality, replaced: None })
    }

    /// Entries of so many bits, 1 to 256.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for any other number.
    pub fn bits(mut self, bits: u16) -> Result<Self, Error> {
        if !(1..=256).contains(&bits) {
            return Err(Error::new(ErrorKind::Invalid, "an entry has 1 to 256 bits"));
        }
        self.bits = bits;
        Ok(self)
    }

    /// This index takes the place of another one of the column: until all entries are of this one, searches find those of the
    /// other as well.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] where the two are not of the same number of parts, so that one search does not fit both.
    pub fn replacing(mut self, other: Self) -> Result<Self, Error> {
        if self.parts.len() != other.parts.len() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "an index takes the place of one of as many parts: give it another column, and drop the old one when it is \
                 filled",
            ));
        }
        self.replaced = Some(Box::new(other));
        Ok(self)
    }

    /// Of how many parts it is.
    #[must_use]
    pub const fn part_count(&self) -> usize {
        self.parts.len()
    }

    /// How many different entries there can be, by what was declared.
    #[must_use]
    pub const fn cardinality(&self) -> &Cardinality {
        &self.cardinality
    }

    /// How long an entry is, in bytes.
    #[must_use]
    pub fn entry_len(&self) -> usize {
        entry::len(self.bits)
    }

    /// Whether stored bytes are as long as an entry of this index, or of one that it replaces. What is not is no entry of it.
    #[must_use]
    pub fn takes(&self, stored: &[u8]) -> bool {
        self.generations().any(|index| index.entry_len() == stored.len())
    }

    /// The values in the form in which they are indexed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for another number of values than of parts, for one that its normaliser does not take, and for one
    /// of which nothing is left: leave such a row without an entry.
    pub fn normalise(&self, values: &[impl AsRef<str>]) -> Result<Normalised, Error> {
        if values.len() != self.parts.len() {
            return Err(Error::new(ErrorKind::Invalid, "an index takes one value for each part"));
        }
        let mut encoded = Zeroizing::new(Vec::new());
        // One part needs no frame; of several, each has its number and length before it, as the components of a context.
        let is_framed = values.len() > 1;
        for ((part, value), number) in self.parts.iter().zip(values).zip(128_u8..) {
            let value = part.form(value.as_ref())?;
            if is_framed {
                let length = u32::try_from(value.len());
                let length = length.map_err(|_| Error::new(ErrorKind::Invalid, "too long"))?;
                encoded.push(number);
                encoded.extend_from_slice(&length.to_be_bytes());
            }
            encoded.extend_from_slice(value.as_bytes());
        }
        Ok(Normalised(encoded))
    }

    /// What the keys depend on: entries by another definition have nothing in common with those by this one.
    fn definition(&self) -> String {
        let parts: Vec<String> = self.parts.iter().map(ToString::to_string).collect();
        format!("{}; {} bits", parts.join(", "), self.bits)
    }

    /// This index, the one that it replaces, the one that that replaces.
    fn generations(&self) -> impl Iterator<Item = &Self> {
        core::iter::successors(Some(self), |index| index.replaced.as_deref())
    }
}

const MAX_PARTS: usize = 8;

/// Values in the form in which they are indexed. Wiped when dropped.
pub struct Normalised(Zeroizing<Vec<u8>>);

impl fmt::Debug for Normalised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Normalised")
    }
}

/// One version of a column's keys: one of each generation of the index, the newest definition first.
#[derive(Debug)]
pub struct BlindIndexKey {
    generations: Vec<GenerationKey>,
}

#[derive(Debug)]
struct GenerationKey {
    generation: Generation,
    hmac: HmacKey,
    bits: u16,
}

impl Sealed for BlindIndex {}

impl Kind for BlindIndex {
    type Key = BlindIndexKey;

    fn key(&self, secrets: &ColumnSecrets<'_>) -> Result<BlindIndexKey, Error> {
        let generations = self.generations().map(|index| {
            let definition = index.definition();
            let generation = Generation::of(secrets, &definition)?;
            let key = secrets.derive_by(TokenUse::BlindIndex, &definition)?;
            let hmac = HmacKey::new(secrets.engine(), key.expose_secret());
            Ok(GenerationKey { generation, hmac, bits: index.bits })
        });
        Ok(BlindIndexKey { generations: generations.collect::<Result<_, Error>>()? })
    }
}

impl GenerationKey {
    #[inline]
    fn entry(&self, value: &Normalised) -> IndexEntry {
        IndexEntry::new(self.generation, &self.hmac.code(&[&value.0]), self.bits)
    }
}

impl BlindIndexKey {
    fn newest(&self) -> Result<&GenerationKey, Error> {
        self.generations
            .first()
            .ok_or_else(|| Error::new(ErrorKind::Faulty, "an index without a key"))
    }
}

impl Keyed<BlindIndex> {
    /// The entry of a row: one value for each part.
    ///
    /// # Errors
    ///
    /// As [`BlindIndex::normalise`] and [`Keyed::key_id`]; [`ErrorKind::Denied`] when a reader was named who may not search the column.
    pub fn entry(&self, values: &[impl AsRef<str>]) -> Result<IndexEntry, Error> {
        self.entry_of(&self.kind.normalise(values)?)
    }

    /// The entry of values that were normalised by this index.
    ///
    /// # Errors
    ///
    /// As [`Keyed::key_id`]; [`ErrorKind::Denied`] when a reader was named who may not search the column.
    #[inline]
    pub fn entry_of(&self, value: &Normalised) -> Result<IndexEntry, Error> {
        let key = self.keys.newest()?.1.newest()?;
        self.guard.make(RevealForm::Index, || Ok(key.entry(value)))
    }

    /// The entry of a row under the key of this id, by the newest definition: for who goes through what is stored, which a handle
    /// that only reads does as well.
    ///
    /// # Errors
    ///
    /// As [`BlindIndex::normalise`]; [`ErrorKind::Foreign`] for a key that is not of the domain; [`ErrorKind::Stale`]; why it could
    /// not be had; [`ErrorKind::Denied`] when a reader was named who may not search the column.
    pub fn entry_under(
        &self,
        key_id: &KeyId,
        values: &[impl AsRef<str>],
    ) -> Result<IndexEntry, Error> {
        let value = self.kind.normalise(values)?;
        let key = self.keys.of(key_id)?.newest()?;
        self.guard.make(RevealForm::Index, || Ok(key.entry(&value)))
    }

    /// What to look for: the entries of every generation that rows may still have, newest first. A handle that only reads can
    /// look for them too. What is known of other processes' keys is as old as the last look at the key store, at most a lease:
    /// [`Column::terms`] looks once a second.
    ///
    /// # Errors
    ///
    /// As [`BlindIndex::normalise`]; [`ErrorKind::Stale`]; and why a key could not be had that entries may be under, because a
    /// search without it would miss them; [`ErrorKind::Denied`] when the reader may not search the column.
    pub fn terms(&self, values: &[impl AsRef<str>]) -> Result<Vec<IndexEntry>, Error> {
        let normalised = self.kind.generations().map(|index| index.normalise(values));
        let normalised: Vec<Normalised> = normalised.collect::<Result<_, Error>>()?;
        let keys = self.keys.all()?;
        self.guard.reveal(RevealForm::Index, || {
            let mut terms = Vec::new();
            for (_, key) in keys {
                for (generation, value) in key.generations.iter().zip(&normalised).rev() {
                    terms.push(generation.entry(value));
                }
            }
            terms.reverse();
            Ok(terms)
        })
    }

    /// Of which generation a stored entry is. A handle that only reads makes none, so that it calls those of the newest key earlier
    /// ones.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stale`]; and, of what is under no key at hand, why one could not be had that it may be under.
    pub fn generation(&self, stored: &[u8]) -> Result<IndexGeneration, Error> {
        for (id, key) in self.keys.at_hand()? {
            let made = |key: &GenerationKey| key.generation.made(stored, key.bits);
            let Some(place) = key.generations.iter().position(made) else { continue };
            let newest = self.keys.newest().ok().map(|(id, _)| id);
            return Ok(if place == 0 && newest == Some(id) {
                IndexGeneration::Current
            } else {
                IndexGeneration::Earlier { key_id: id, redefined: place > 0 }
            });
        }
        self.keys.all().map(|_| IndexGeneration::Unknown)
    }
}

impl Column<BlindIndex> {
    /// As [`Keyed::entry`], after whatever look is due.
    ///
    /// # Errors
    ///
    /// As [`Keyed::entry`] and [`Column::ready`].
    pub async fn entry(&self, values: &[impl AsRef<str> + Sync]) -> Result<IndexEntry, Error> {
        self.with(|keyed| keyed.entry(values)).await
    }

    /// As [`Keyed::terms`], with the keys as they were at most a second ago: what another process made under a new key in that
    /// second is not found. While the key store does not answer, it is what is at hand, until its lease is over.
    ///
    /// # Errors
    ///
    /// As [`Keyed::terms`] and [`Column::ready`].
    pub async fn terms(&self, values: &[impl AsRef<str> + Sync]) -> Result<Vec<IndexEntry>, Error> {
        self.search(|keyed| keyed.terms(values)).await
    }
}
