//! Tells what the values of one column are, and opens those that open.

use crate::source::{Row, Stored, Table};
use crate::{Class, Column, ColumnCensus};
use phiseal_envelope::{Sealed, Subject};
use phiseal_format::{Context, FIELD_OVERHEAD, FieldEnvelope, KeyId, text};
use phiseal_keys::{Error, ErrorKind, KeyUse, Keyset, SubjectState};
use std::collections::BTreeMap;
use zeroize::{Zeroize, Zeroizing};

/// Tells what the values of one column are, as the domain's keyset was when it began.
pub(crate) struct Sorter<'a> {
    column: &'a Column,
    name: &'a str,
    table: &'a Table,
    keyset: Keyset,
    /// The person whom the last row was about.
    person: Option<(String, Person)>,
    /// What the last value is that was opened, in its first bytes.
    plaintext: Zeroizing<Vec<u8>>,
    length: usize,
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
    columns.iter().try_for_each(|column| column.binding.check(table))?;
    let mut sorters = Vec::new();
    for (column, name) in columns.iter().zip(table.sealed()) {
        sorters.push(Sorter::new(column, name, table).await?);
    }
    Ok(sorters)
}

/// What the key store says of a person.
#[derive(Clone)]
enum Person {
    Unknown,
    Shredded(KeyId),
    /// Under a version of the domain's key that opens nothing now.
    Closed(KeyId, u32),
    Active(KeyId, Subject),
}

/// Where in an envelope the id of its key is.
const KEY_ID: core::ops::Range<usize> = 1..17;

/// The most bits in which an id that was damaged differs from what it was. Two ids that have nothing to do with each other
/// differ in 64 of their 128 bits, in as few as these with a probability below 2^-60.
const LIKE: u32 = 16;

impl<'a> Sorter<'a> {
    async fn new(column: &'a Column, name: &'a str, table: &'a Table) -> Result<Self, Error> {
        // Somebody else may have rotated while the handle's lease ran.
        column.domain.refresh().await?;
        let keyset = column.domain.key_store().keyset(column.domain.name()).await?;
        let plaintext = Zeroizing::default();
        Ok(Self { column, name, table, keyset, person: None, plaintext, length: 0 })
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
        let person = self.person_of(row).await?;
        let decoded = match value {
            Stored::Text(text) => text::decode(text).ok(),
            _ => None,
        };
        let envelope = match value {
            Stored::Text(_) => decoded.as_deref(),
            _ => Some(bytes),
        };
        let parsed = envelope.and_then(|envelope| FieldEnvelope::parse(envelope).ok());
        let (Some(envelope), Some(parsed)) = (envelope, parsed) else {
            return Ok(self.of_no_envelope(value, bytes, &person));
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
        match &person {
            Person::Shredded(of) if *of == id => Ok(Class::Shredded),
            Person::Closed(of, version) if *of == id => Ok(Class::Closed(*version)),
            Person::Active(of, subject) if *of == id => {
                let opens = self.opens(Some(subject), row, envelope).await?;
                Ok(if opens { Class::Person } else { Class::Damaged })
            }
            _ if self.is_like_a_known_one(&id, &person) => Ok(Class::Damaged),
            _ => Ok(Class::Foreign),
        }
    }

    /// What was counted. A keyset that has changed meanwhile makes it worthless.
    pub(crate) async fn described(
        self,
        counts: BTreeMap<Class, u64>,
    ) -> Result<ColumnCensus, Error> {
        let domain = &self.column.domain;
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

    /// What the last value was, if it was opened.
    pub(crate) fn plaintext(&self) -> &[u8] {
        self.plaintext.get(..self.length).unwrap_or_default()
    }

    /// What a value of this column of `row` is sealed as.
    pub(crate) fn context(&self, row: &Row) -> Option<Context> {
        self.column.binding.context(self.table, row)
    }

    /// Whether this is sealed under the primary version.
    pub(crate) fn is_current(&self, sealed: &Sealed) -> bool {
        let primary = self.keyset.version(self.keyset.primary());
        primary.is_some_and(|primary| primary.key_id().short() == sealed.key_id())
    }

    /// The name of the column.
    pub(crate) const fn name(&self) -> &'a str {
        self.name
    }

    /// Wipes the last plaintext.
    pub(crate) fn forget(&mut self) {
        if let Some(plaintext) = self.plaintext.get_mut(..self.length) {
            plaintext.zeroize();
        }
        self.length = 0;
    }

    /// Opens it as what the row says it is, under the domain's keys or this person's; whether it does.
    async fn opens(
        &mut self,
        person: Option<&Subject>,
        row: &Row,
        envelope: &[u8],
    ) -> Result<bool, Error> {
        let Some(context) = self.context(row) else { return Ok(false) };
        let domain = &self.column.domain;
        let cipher = match person {
            Some(person) => person.ready().await?,
            None => domain.ready().await?,
        };
        // A context that cannot be encoded is none that anything was sealed as.
        let Ok(bound) = cipher.bind(&context) else { return Ok(false) };
        let length = envelope.len().saturating_sub(FIELD_OVERHEAD);
        if self.plaintext.len() < length {
            // Not grown, which would leave what was in it behind.
            self.plaintext = Zeroizing::new(vec![0; length]);
        }
        let opened = match cipher.open_into(envelope, &bound, &mut self.plaintext) {
            // The cipher knows less than the key store by now: the handle looks.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Stale | ErrorKind::Foreign | ErrorKind::State
                ) =>
            {
                let sealed = Sealed::try_from(envelope)?;
                let opened = match person {
                    Some(person) => person.open::<Vec<u8>>(&sealed, &context).await,
                    None => domain.open::<Vec<u8>>(&sealed, &context).await,
                };
                opened.map(|plain| {
                    let plain = plain.expose_secret();
                    self.plaintext.iter_mut().zip(plain).for_each(|(to, from)| *to = *from);
                    plain.len()
                })
            }
            opened => opened,
        };
        match opened {
            Ok(length) => {
                self.length = length;
                Ok(true)
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::Malformed) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// What is no envelope: damaged where there is still something of one in it.
    fn of_no_envelope(&self, value: &Stored, bytes: &[u8], person: &Person) -> Class {
        let is_like_one = |bytes: &[u8]| {
            let id = bytes.get(KEY_ID).and_then(|id| <[u8; 16]>::try_from(id).ok());
            id.is_some_and(|id| self.is_like_a_known_one(&KeyId::from_bytes(id), person))
        };
        let is_damaged = match value {
            Stored::Text(text) if text.starts_with(text::PREFIX) => true,
            // The beginning, whatever was made of the prefix, up to what no symbol can be.
            Stored::Text(_) => {
                let symbols = bytes.get(text::PREFIX.len()..).unwrap_or_default();
                let head = symbols.get(..24).and_then(|head| core::str::from_utf8(head).ok());
                let head = head.map(|head| format!("{}{head}", text::PREFIX));
                head.and_then(|head| text::decode(&head).ok())
                    .is_some_and(|head| is_like_one(&head))
            }
            _ => is_like_one(bytes),
        };
        if is_damaged { Class::Damaged } else { Class::Plaintext }
    }

    fn is_like_a_known_one(&self, id: &KeyId, person: &Person) -> bool {
        let known = self.keyset.versions().iter().map(|version| version.key_id().short());
        let persons = match person {
            Person::Shredded(id) | Person::Closed(id, _) | Person::Active(id, _) => Some(*id),
            Person::Unknown => None,
        };
        known.chain(persons).any(|known| {
            let pairs = known.as_bytes().iter().zip(id.as_bytes());
            pairs.map(|(one, other)| (one ^ other).count_ones()).sum::<u32>() <= LIKE
        })
    }

    async fn person_of(&mut self, row: &Row) -> Result<Person, Error> {
        let Some(name) = self.column.binding.person(self.table, row) else {
            return Ok(Person::Unknown);
        };
        if let Some((known, person)) = &self.person
            && *known == name
        {
            return Ok(person.clone());
        }
        let domain = &self.column.domain;
        let store = domain.key_store();
        let record = match store.subject_tag(&self.keyset, &name) {
            Ok(tag) => store.find_subject(&self.keyset, tag).await?,
            // No person can have this name.
            Err(_) => None,
        };
        let person = match record.as_ref().map(|record| record.state()) {
            None => Person::Unknown,
            Some(SubjectState::Shredded { key_id, .. }) => Person::Shredded(key_id.short()),
            Some(SubjectState::Active { key_id, domain_version, .. }) => {
                let (id, version) = (key_id.short(), self.keyset.version(*domain_version));
                if version.is_some_and(|version| version.state().allows(KeyUse::Open)) {
                    Person::Active(id, domain.subject(&name).await?)
                } else {
                    Person::Closed(id, *domain_version)
                }
            }
            Some(_) => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "a person of a state that this release does not know",
                ));
            }
        };
        self.person = Some((name, person.clone()));
        Ok(person)
    }
}
