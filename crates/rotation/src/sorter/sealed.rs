//! Tells what the sealed values of one column are, and opens those that open.

use super::Home;
use super::remains::{Remains, is_like, remains};
use crate::Class;
use crate::binding::Shape;
use crate::opened::{Keys, Opened, changed};
use crate::persons::{KeyOf, Person, Persons, Who};
#[cfg(feature = "tokens")]
use crate::source::Scalar;
use crate::source::{Row, Stored};
use phiseal_envelope::{Domain, FieldCipher, Subject};
use phiseal_format::{Context, FieldEnvelope, text};
use phiseal_keys::{Error, KeyUse};
#[cfg(feature = "tokens")]
use phiseal_tokens::{StoredToken, Vault};
use std::sync::Arc;

/// As what a value is sealed, and under whose key it may be.
#[derive(Clone)]
pub(super) enum Meaning<'a> {
    /// As its row says.
    Bound(Shape<'a>),
    /// As a vault says.
    #[cfg(feature = "tokens")]
    Vaulted(&'a Vault),
}

impl Meaning<'_> {
    fn context(&mut self, row: &Row) -> Option<Context> {
        match self {
            Self::Bound(shape) => shape.context(row),
            #[cfg(feature = "tokens")]
            Self::Vaulted(vault) => Some(token_of(vault, row)?.context),
        }
    }

    fn person(&self, row: &Row) -> Option<Who> {
        match self {
            Self::Bound(shape) => shape.person(row).map(Who::Named),
            #[cfg(feature = "tokens")]
            Self::Vaulted(vault) => token_of(vault, row)?.person.map(Who::Tagged),
        }
    }

    /// Whether nobody but its owner writes the column, so that what is no envelope was one.
    const fn is_always_sealed(&self) -> bool {
        match self {
            Self::Bound(_) => false,
            #[cfg(feature = "tokens")]
            Self::Vaulted(_) => true,
        }
    }
}

/// What is known of the token that a row is.
#[cfg(feature = "tokens")]
fn token_of(vault: &Vault, row: &Row) -> Option<StoredToken> {
    match (row.key.parts(), row.others.as_slice()) {
        ([Scalar::Bytes(token)], [Scalar::Bytes(header)]) => vault.stored(token, header),
        _ => None,
    }
}

/// Tells what the sealed values of one column are, as the domain's keyset was when it began.
pub(crate) struct SealedSorter<'a> {
    home: Home,
    meaning: Meaning<'a>,
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
        meaning: Meaning<'a>,
        persons: Persons,
    ) -> Result<Self, Error> {
        let home = Home::of(domain).await?;
        let cipher = home.domain.ready().await?;
        let (person, opened, decoded) = (None, Opened::default(), Vec::new());
        Ok(Self { home, meaning, persons, cipher, person, opened, decoded })
    }

    /// The same for another thread.
    pub(super) fn another(&self) -> Self {
        Self {
            home: self.home.clone(),
            meaning: self.meaning.clone(),
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
            let opens = self.opens(None, row, envelope).await?;
            return Ok(if opens { self.home.class_of(number) } else { Class::Damaged });
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
        let Some(context) = self.meaning.context(row) else { return Ok(false) };
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
        Ok(if is_damaged || self.meaning.is_always_sealed() {
            Class::Damaged
        } else {
            Class::Plaintext
        })
    }

    /// The person whom the row is about.
    async fn person_of(&self, row: &Row) -> Result<Arc<Person>, Error> {
        match self.meaning.person(row) {
            Some(who) => self.persons.find(who, &self.home.domain, &self.home.keyset).await,
            None => Ok(Arc::new(Person::UNKNOWN)),
        }
    }
}
