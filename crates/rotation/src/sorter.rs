//! Tells what the values of one column are, and opens those that open.

use crate::binding::Shape;
use crate::opened::{Keys, Opened, changed};
use crate::persons::{KeyOf, Person, Persons};
use crate::source::{Row, Stored, Table};
use crate::{Class, Column, ColumnCensus};
use phiseal_envelope::{Domain, FieldCipher, Subject};
use phiseal_format::{FieldEnvelope, KeyId, text};
use phiseal_keys::{Error, ErrorKind, KeyUse, Keyset};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Tells what the values of one column are, as the domain's keyset was when it began.
pub(crate) struct Sorter<'a> {
    /// Whose values they are. What is opened here is shown nobody, so nothing judges it.
    domain: Domain,
    name: &'a str,
    /// How a context is built from a row.
    shape: Shape<'a>,
    keyset: Keyset,
    /// The persons whom the last rows were about.
    persons: Persons,
    /// The domain's cipher, as [`Sorter::look`] found it.
    cipher: Arc<FieldCipher>,
    /// The one under whose key the last value that was opened is.
    person: Option<Arc<Person>>,
    opened: Opened,
    /// The envelope of the last value that was text.
    decoded: Vec<u8>,
}

/// One for each sealed column of `table`.
pub(crate) async fn sorters<'a>(
    columns: &'a [Column],
    table: &'a Table,
) -> Result<Vec<Sorter<'a>>, Error> {
    if columns.len() != table.sealed().len() {
        let message = "each sealed column needs a domain and a context";
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    let shapes = columns.iter().map(|column| column.binding.shape(table));
    let shapes = shapes.collect::<Result<Vec<_>, Error>>()?;
    let (mut sorters, persons) = (Vec::new(), Persons::default());
    for ((column, shape), name) in columns.iter().zip(shapes).zip(table.sealed()) {
        sorters.push(Sorter::new(column, name, shape, persons.clone()).await?);
    }
    Ok(sorters)
}

/// Where in an envelope the id of its key is.
const KEY_ID: core::ops::Range<usize> = 1..17;

/// The most bits in which an id that was damaged differs from what it was. Two ids that have nothing to do with each other
/// differ in 64 of their 128 bits, in as few as these with a probability below 2^-60.
const LIKE: u32 = 16;

impl<'a> Sorter<'a> {
    async fn new(
        column: &'a Column,
        name: &'a str,
        shape: Shape<'a>,
        persons: Persons,
    ) -> Result<Self, Error> {
        // Somebody else may have rotated while the handle's lease ran.
        let domain = column.domain.assume_allowed();
        domain.refresh().await?;
        let keyset = domain.key_store().keyset(domain.name()).await?;
        let cipher = domain.ready().await?;
        let (person, opened, decoded) = (None, Opened::default(), Vec::new());
        Ok(Self { domain, name, shape, keyset, persons, cipher, person, opened, decoded })
    }

    /// The same for another thread.
    pub(crate) fn another(&self) -> Self {
        Self {
            domain: self.domain.clone(),
            shape: self.shape.clone(),
            keyset: self.keyset.clone(),
            persons: self.persons.clone(),
            cipher: self.cipher.clone(),
            person: None,
            opened: Opened::default(),
            decoded: Vec::new(),
            ..*self
        }
    }

    /// Looks whether the domain's keys may still be used: to be called before each page.
    pub(crate) async fn look(&mut self) -> Result<(), Error> {
        self.cipher = self.domain.ready().await?;
        Ok(())
    }

    /// What `value`, of this column of `row`, is.
    pub(crate) async fn class(&mut self, row: &Row, value: &Stored) -> Result<Class, Error> {
        self.forget();
        let bytes = match value {
            Stored::Bytes(bytes) => bytes,
            Stored::Text(text) => text.as_bytes(),
            Stored::Nothing => return Ok(Class::Nothing),
            Stored::Other => return Ok(Class::Plaintext),
        };
        let Stored::Text(text) = value else {
            return self.class_of(row, value, bytes, Some(bytes)).await;
        };
        let mut decoded = core::mem::take(&mut self.decoded);
        decoded.resize(text::decoded_len(text).unwrap_or_default(), 0);
        let is_text = text::decode_into(text, &mut decoded).is_ok();
        let class = self.class_of(row, value, bytes, is_text.then_some(&decoded)).await;
        self.decoded = decoded;
        class
    }

    /// What `value` is, which is these bytes, and this envelope if it is one.
    async fn class_of(
        &mut self,
        row: &Row,
        value: &Stored,
        bytes: &[u8],
        envelope: Option<&[u8]>,
    ) -> Result<Class, Error> {
        let parsed = envelope.and_then(|envelope| FieldEnvelope::parse(envelope).ok());
        let (Some(envelope), Some(parsed)) = (envelope, parsed) else {
            return self.of_no_envelope(value, bytes, row).await;
        };
        let id = parsed.key_id();
        if let Some(version) = self.keyset.by_key_id(&id) {
            let number = version.number();
            if !version.state().allows(KeyUse::Open) {
                return Ok(Class::Closed(number));
            }
            let sealed = match number.cmp(&self.keyset.primary()) {
                core::cmp::Ordering::Less => Class::Older(number),
                core::cmp::Ordering::Equal => Class::Current,
                core::cmp::Ordering::Greater => Class::Newer(number),
            };
            let opens = self.opens(None, row, envelope).await?;
            return Ok(if opens { sealed } else { Class::Damaged });
        }
        // Only now: of what is under the domain's keys, it does not matter whom it is about.
        let person = self.person_of(row).await?;
        let sealed = match person.key(&id, &self.keyset) {
            KeyOf::Current => Class::Person,
            KeyOf::Older => Class::PersonOlder,
            KeyOf::Closed(version) => return Ok(Class::Closed(version)),
            KeyOf::Dropped => return Ok(Class::PersonDropped),
            KeyOf::Shredded => return Ok(Class::Shredded),
            KeyOf::Nothing if self.is_like_a_domain_s(&id) || is_like(&id, person.key_ids()) => {
                return Ok(Class::Damaged);
            }
            KeyOf::Nothing => return Ok(Class::Foreign),
        };
        let opens = match person.subject() {
            Some(subject) => self.opens(Some(subject), row, envelope).await?,
            None => false,
        };
        self.person = Some(person);
        Ok(if opens { sealed } else { Class::Damaged })
    }

    /// What was counted. A keyset that has changed meanwhile makes it worthless.
    pub(crate) async fn described(
        self,
        counts: BTreeMap<Class, u64>,
    ) -> Result<ColumnCensus, Error> {
        let domain = &self.domain;
        let now = domain.key_store().keyset(domain.name()).await?;
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
            column: self.name.to_owned(),
            domain: domain.name().to_owned(),
            domain_id: self.keyset.domain(),
            revision: self.keyset.revision(),
            primary: self.keyset.primary(),
            counts,
        })
    }

    /// The last value, which was opened, sealed under the primary version, or, if it is a person's, the person's current key,
    /// and found to open.
    pub(crate) async fn seal(&mut self) -> Result<&[u8], Error> {
        let subject = self.person.as_ref().and_then(|person| person.subject());
        let (keys, key) = match subject.zip(self.person.as_ref()) {
            Some((subject, person)) => (Keys::Person(subject), person.current(&self.keyset)),
            None => {
                let primary = self.keyset.version(self.keyset.primary());
                (Keys::Domain(&self.domain), primary.map(|it| it.key_id().short()))
            }
        };
        self.opened.seal(keys, key.ok_or_else(changed)?).await
    }

    /// The name of the column.
    pub(crate) const fn name(&self) -> &'a str {
        self.name
    }

    /// Wipes the last plaintext.
    pub(crate) fn forget(&mut self) {
        self.person = None;
        self.opened.forget();
    }

    /// Opens it as what the row says it is, under the domain's keys or this person's; whether it does.
    async fn opens(
        &mut self,
        person: Option<&Subject>,
        row: &Row,
        envelope: &[u8],
    ) -> Result<bool, Error> {
        let Some(context) = self.shape.context(row) else { return Ok(false) };
        match person {
            Some(person) => {
                let cipher = person.ready().await?;
                self.opened.open(Keys::Person(person), &cipher, context, envelope).await
            }
            None => {
                let keys = Keys::Domain(&self.domain);
                self.opened.open(keys, &self.cipher, context, envelope).await
            }
        }
    }

    /// What is no envelope: damaged where there is still something of one in it.
    async fn of_no_envelope(
        &self,
        value: &Stored,
        bytes: &[u8],
        row: &Row,
    ) -> Result<Class, Error> {
        let id = match value {
            Stored::Text(text) if text.starts_with(text::PREFIX) => return Ok(Class::Damaged),
            // The beginning, whatever was made of the prefix, up to what no symbol can be.
            Stored::Text(_) => {
                let symbols = bytes.get(text::PREFIX.len()..).unwrap_or_default();
                let head = symbols.get(..24).and_then(|head| core::str::from_utf8(head).ok());
                let head = head.map(|head| format!("{}{head}", text::PREFIX));
                head.and_then(|head| text::decode(&head).ok()).and_then(|head| id_in(&head))
            }
            _ => id_in(bytes),
        };
        let is_damaged = match id {
            None => false,
            Some(id) if self.is_like_a_domain_s(&id) => true,
            Some(id) => is_like(&id, self.person_of(row).await?.key_ids()),
        };
        Ok(if is_damaged { Class::Damaged } else { Class::Plaintext })
    }

    fn is_like_a_domain_s(&self, id: &KeyId) -> bool {
        is_like(id, self.keyset.versions().iter().map(|version| version.key_id().short()))
    }

    /// The person whom the row is about.
    async fn person_of(&self, row: &Row) -> Result<Arc<Person>, Error> {
        match self.shape.person(row) {
            Some(name) => self.persons.find(name, &self.domain, &self.keyset).await,
            None => Ok(Arc::new(Person::UNKNOWN)),
        }
    }
}

/// What stands where an envelope has the id of its key.
fn id_in(bytes: &[u8]) -> Option<KeyId> {
    let id = bytes.get(KEY_ID).and_then(|id| <[u8; 16]>::try_from(id).ok());
    id.map(KeyId::from_bytes)
}

/// Whether it is one of these, or was before it was damaged.
fn is_like(id: &KeyId, mut known: impl Iterator<Item = KeyId>) -> bool {
    known.any(|known| {
        let pairs = known.as_bytes().iter().zip(id.as_bytes());
        pairs.map(|(one, other)| (one ^ other).count_ones()).sum::<u32>() <= LIKE
    })
}
