//! The persons whom the last rows were about.

use phiseal_envelope::{Domain, Subject};
use phiseal_format::{DomainId, KeyId};
use phiseal_keys::{Error, KeyUse, Keyset, SubjectRecord, SubjectState};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the key store says of a person.
#[derive(Debug)]
pub(crate) struct Person {
    record: Option<SubjectRecord>,
    /// Where a key of the person's can be had.
    subject: Option<Subject>,
}

/// How a row says whom it is about.
#[derive(PartialEq, Eq)]
pub(crate) enum Who {
    Named(String),
    #[cfg(feature = "tokens")]
    Tagged(phiseal_format::SubjectTag),
}

/// What a key is to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyOf {
    /// The current one.
    Current,
    /// One before that.
    Older,
    /// Under a version of the domain's key that opens nothing now.
    Closed(u32),
    /// One that was dropped.
    Dropped,
    /// One that was destroyed with all the person's.
    Shredded,
    /// None of the person's.
    Nothing,
}

impl Person {
    /// Somebody of whom the key store knows nothing, or a row about nobody.
    pub(crate) const UNKNOWN: Self = Self { record: None, subject: None };

    /// What the key of this id is to the person, with the domain's keys as they are in `keyset`.
    pub(crate) fn key(&self, id: &KeyId, keyset: &Keyset) -> KeyOf {
        let Some(record) = &self.record else { return KeyOf::Nothing };
        if let Some(key) = record.by_key_id(id) {
            return if !is_open(keyset, key.domain_version()) {
                KeyOf::Closed(key.domain_version())
            } else if record.current().is_ok_and(|current| current == key) {
                KeyOf::Current
            } else {
                KeyOf::Older
            };
        }
        match record.state() {
            _ if !record.gone().iter().any(|gone| gone.short() == *id) => KeyOf::Nothing,
            SubjectState::Shredded { .. } => KeyOf::Shredded,
            _ => KeyOf::Dropped,
        }
    }

    /// The id of the current key, if it opens with the domain's keys as they are in `keyset`.
    pub(crate) fn current(&self, keyset: &Keyset) -> Option<KeyId> {
        let current = self.record.as_ref()?.current().ok()?;
        is_open(keyset, current.domain_version()).then(|| current.key_id().short())
    }

    /// The ids of all keys that the person has or had.
    pub(crate) fn key_ids(&self) -> impl Iterator<Item = KeyId> {
        let keys = self.record.iter().flat_map(SubjectRecord::keys).map(|key| key.key_id().short());
        keys.chain(self.record.iter().flat_map(SubjectRecord::gone).map(|id| id.short()))
    }

    /// What opens under the person's keys, where one can be had.
    pub(crate) const fn subject(&self) -> Option<&Subject> {
        self.subject.as_ref()
    }

    /// Looks the person up: one read of the key store.
    async fn look_up(who: &Who, domain: &Domain, keyset: &Keyset) -> Result<Self, Error> {
        let tag = match who {
            Who::Named(name) => match domain.key_store().subject_tag(keyset, name) {
                Ok(tag) => tag,
                // No person can have such a name.
                Err(_) => return Ok(Self::UNKNOWN),
            },
            #[cfg(feature = "tokens")]
            Who::Tagged(tag) => *tag,
        };
        let record = domain.subject_record_of(tag).await?;
        let mut keys = record.iter().flat_map(SubjectRecord::keys);
        let subject = match keys.any(|key| is_open(keyset, key.domain_version())) {
            true => Some(domain.subject_of_tag(tag).await?),
            false => None,
        };
        Ok(Self { record, subject })
    }
}

fn is_open(keyset: &Keyset, version: u32) -> bool {
    keyset.version(version).is_some_and(|version| version.state().allows(KeyUse::Open))
}

/// The last few persons, shared by the columns of a table, so that one whom several values of a row are about is looked up
/// once. Their names are what the rows say: no `Debug`.
#[derive(Clone, Default)]
pub(crate) struct Persons(Arc<Mutex<VecDeque<Entry>>>);

struct Entry {
    domain: DomainId,
    who: Who,
    person: Arc<Person>,
}

impl Persons {
    /// Whoever is called so in the domain.
    pub(crate) async fn find(
        &self,
        who: Who,
        domain: &Domain,
        keyset: &Keyset,
    ) -> Result<Arc<Person>, Error> {
        /// Many more than a row is about.
        const MOST: usize = 64;
        let id = keyset.domain();
        let known = |entry: &&Entry| entry.who == who && entry.domain == id;
        if let Some(entry) = self.entries().iter().rev().find(known) {
            return Ok(entry.person.clone());
        }
        let person = Arc::new(Person::look_up(&who, domain, keyset).await?);
        let mut entries = self.entries();
        if entries.len() >= MOST {
            entries.pop_front();
        }
        entries.push_back(Entry { domain: id, who, person: person.clone() });
        Ok(person)
    }

    fn entries(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
