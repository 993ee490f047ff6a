//! Tells what the sealed values of one column are, and opens those that open.

use super::Home;
use super::remains::{Remains, is_like, remains};
use crate::Class;
use crate::binding::Shape;
use crate::opened::{Keys, Opened, changed};
use crate::persons::{KeyOf, Person, Persons};
use crate::source::{Row, Stored};
use phiseal_envelope::{Domain, FieldCipher, Subject};
use phiseal_format::{FieldEnvelope, text};
use phiseal_keys::{Error, KeyUse};
use std::sync::Arc;

/// Tells what the sealed values of one column are, as the domain's keyset was when it began.
pub(crate) struct SealedSorter<'a> {
    home: Home,
    /// How a context is built from a row.
    shape: Shape<'a>,
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

impl<'a> SealedSorter<'a> {
    pub(super) async fn new(
        domain: &Domain,
        shape: Shape<'a>,
        persons: Persons,
    ) -> Result<Self, Error> {
        let home = Home::of(domain).await?;
        let cipher = home.domain.ready().await?;
        let (person, opened, decoded) = (None, Opened::default(), Vec::new());
        Ok(Self { home, shape, persons, cipher, person, opened, decoded })
    }

    /// The same for another thread.
    pub(super) fn another(&self) -> Self {
        Self {
            home: self.home.clone(),
            shape: self.shape.clone(),
            persons: self.persons.clone(),
            cipher: self.cipher.clone(),
            person: None,
            opened: Opened::default(),
            decoded: Vec::new(),
        }
    }

    /// Looks whether the domain's keys may still be used: to be called before each page.
    pub(super) async fn look(&mut self) -> Result<(), Error> {
        self.cipher = self.home.domain.ready().await?;
        Ok(())
    }

    /// What `value`, of this column of `row`, is.
    pub(super) async fn class(&mut self, row: &Row, value: &Stored) -> Result<Class, Error> {
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
        if let Some(version) = self.home.keyset.by_key_id(&id) {
            let number = version.number();
            if !version.state().allows(KeyUse::Open) {
                return Ok(Class::Closed(number));
            }
            let sealed = match number.cmp(&self.home.keyset.primary()) {
                core::cmp::Ordering::Less => Class::Older(number),
                core::cmp::Ordering::Equal => Class::Current,
                core::cmp::Ordering::Greater => Class::Newer(number),
            };
            let opens = self.opens(None, row, envelope).await?;
            return Ok(if opens { sealed } else { Class::Damaged });
        }
        // Only now: of what is under the domain's keys, it does not matter whom it is about.
        let person = self.person_of(row).await?;
        let sealed = match person.key(&id, &self.home.keyset) {
            KeyOf::Current => Class::Person,
            KeyOf::Older => Class::PersonOlder,
            KeyOf::Closed(version) => return Ok(Class::Closed(version)),
            KeyOf::Dropped => return Ok(Class::PersonDropped),
            KeyOf::Shredded => return Ok(Class::Shredded),
            KeyOf::Nothing if self.home.is_like_a_key(&id) || is_like(&id, person.key_ids()) => {
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

    /// What the last value is that was opened.
    #[cfg(feature = "tokens")]
    pub(super) fn plaintext(&self) -> &[u8] {
        self.opened.plaintext()
    }

    pub(super) const fn home(&self) -> &Home {
        &self.home
    }

    /// The last value, which was opened, sealed under the primary version, or, if it is a person's, the person's current key,
    /// and found to open.
    pub(super) async fn seal(&mut self) -> Result<&[u8], Error> {
        let subject = self.person.as_ref().and_then(|person| person.subject());
        let (keys, key) = match subject.zip(self.person.as_ref()) {
            Some((subject, person)) => (Keys::Person(subject), person.current(&self.home.keyset)),
            None => {
                let primary = self.home.keyset.version(self.home.keyset.primary());
                (Keys::Domain(&self.home.domain), primary.map(|it| it.key_id().short()))
            }
        };
        self.opened.seal(keys, key.ok_or_else(changed)?).await
    }

    /// Wipes the last plaintext.
    pub(super) fn forget(&mut self) {
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
                let keys = Keys::Domain(&self.home.domain);
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
        let id = match remains(value, bytes) {
            Remains::Prefix => return Ok(Class::Damaged),
            Remains::Id(id) => Some(id),
            Remains::Nothing => None,
        };
        let is_damaged = match id {
            None => false,
            Some(id) if self.home.is_like_a_key(&id) => true,
            Some(id) => is_like(&id, self.person_of(row).await?.key_ids()),
        };
        Ok(if is_damaged { Class::Damaged } else { Class::Plaintext })
    }

    /// The person whom the row is about.
    async fn person_of(&self, row: &Row) -> Result<Arc<Person>, Error> {
        match self.shape.person(row) {
            Some(name) => self.persons.find(name, &self.home.domain, &self.home.keyset).await,
            None => Ok(Arc::new(Person::UNKNOWN)),
        }
    }
}
