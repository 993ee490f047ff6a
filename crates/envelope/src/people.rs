//! The persons whose keys were used last.

use crate::cipher::FieldCipher;
use crate::loaded::Loaded;
use crate::person::{Person, may_seal};
use phiseal_format::SubjectTag;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// A bounded number of persons; of too many, the one that was not used for longest goes.
#[derive(Debug)]
pub(crate) struct People {
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    people: HashMap<SubjectTag, Entry>,
    turn: u64,
    /// How often a person was removed: whoever read a record before that has to read it again.
    removals: u64,
    /// Ciphers of persons that are not kept any more, which somebody may still hold.
    handed_out: Vec<(SubjectTag, Weak<FieldCipher>)>,
    /// How many of those there may be before the dropped ones are cleared away.
    enough: usize,
}

#[derive(Debug)]
struct Entry {
    person: Arc<Person>,
    used: u64,
}

impl People {
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), kept: Mutex::default() }
    }

    pub(crate) fn find(&self, tag: SubjectTag) -> Option<Arc<Person>> {
        let mut kept = self.kept();
        kept.turn += 1;
        let turn = kept.turn;
        kept.people.get_mut(&tag).map(|entry| {
            entry.used = turn;
            entry.person.clone()
        })
    }

    /// To be read before a person's record is, and given to [`People::insert`].
    pub(crate) fn removals(&self) -> u64 {
        self.kept().removals
    }

    /// Keeps a person whose record was read when `removals` was the count. Refused when somebody was removed since: it
    /// may have been this one.
    #[must_use]
    pub(crate) fn insert(&self, tag: SubjectTag, person: Arc<Person>, removals: u64) -> bool {
        let mut kept = self.kept();
        if kept.removals != removals {
            // Who is kept was read in time, or ended when removed: the keys that the two may share stay as they are.
            let kept = kept.people.get(&tag);
            if !kept.is_some_and(|entry| entry.person.shares_keys(person.cipher())) {
                person.cipher().revoke();
            }
            return false;
        }
        kept.turn += 1;
        let used = kept.turn;
        if let Some(replaced) = kept.people.insert(tag, Entry { person, used }) {
            kept.let_go(tag, &replaced);
        }
        while kept.people.len() > self.most {
            let oldest = kept.people.iter().min_by_key(|(_, entry)| entry.used);
            let Some(oldest) = oldest.map(|(tag, _)| *tag) else { break };
            if let Some(evicted) = kept.people.remove(&oldest) {
                kept.let_go(oldest, &evicted);
            }
        }
        true
    }

    /// The domain's keys changed: persons are looked at again, and those end at once whose key is wrapped by a version
    /// that may not be used so any more. Ciphers of persons that are not kept any more end too.
    pub(crate) fn follow(&self, loaded: &Loaded) {
        let mut kept = self.kept();
        kept.removals += 1;
        kept.people.retain(|_, entry| {
            let usable = loaded.subject_wrap(entry.person.domain_version()).is_ok();
            if usable {
                entry
                    .person
                    .look_again(may_seal(loaded, entry.person.domain_version(), false).is_ok());
            } else {
                entry.person.cipher().revoke();
            }
            usable
        });
        // Of a cipher that was handed out and shares no keys with a person who is kept, nothing is known. A person who was
        // let go and read again since has other keys.
        let Kept { people, handed_out, .. } = &mut *kept;
        handed_out.retain(|(tag, cipher)| {
            let Some(cipher) = cipher.upgrade() else { return false };
            let shared = people.get(tag).is_some_and(|entry| entry.person.shares_keys(&cipher));
            if !shared {
                cipher.revoke();
            }
            shared
        });
    }

    /// Has the person's record looked at before the key is used again.
    pub(crate) fn look_again(&self, tag: SubjectTag) {
        if let Some(entry) = self.kept().people.get(&tag) {
            entry.person.look_again(true);
        }
    }

    /// Forgets a person, and ends the use of the key at once, also by ciphers that were handed out.
    pub(crate) fn remove(&self, tag: SubjectTag) {
        let mut kept = self.kept();
        kept.removals += 1;
        if let Some(entry) = kept.people.remove(&tag) {
            entry.person.cipher().revoke();
        }
        kept.handed_out.retain(|(of, cipher)| {
            if *of == tag {
                revoke(cipher);
            }
            *of != tag
        });
    }

    /// As [`People::remove`], of all persons.
    pub(crate) fn clear(&self) {
        let mut kept = self.kept();
        kept.removals += 1;
        kept.people.drain().for_each(|(_, entry)| entry.person.cipher().revoke());
        kept.handed_out.drain(..).for_each(|(_, cipher)| revoke(&cipher));
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Remembers, for as long as anybody holds it, the cipher of a person that is not kept any more.
    fn let_go(&mut self, tag: SubjectTag, entry: &Entry) {
        const FEW: usize = 64;
        self.handed_out.push((tag, Arc::downgrade(entry.person.cipher())));
        if self.handed_out.len() > self.enough.max(FEW) {
            self.handed_out.retain(|(_, cipher)| cipher.strong_count() > 0);
            self.enough = self.handed_out.len().saturating_mul(2);
        }
    }
}

fn revoke(cipher: &Weak<FieldCipher>) {
    if let Some(cipher) = cipher.upgrade() {
        cipher.revoke();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opening::OpeningKey;
    use phiseal_format::{DomainId, KeyId};
    use phiseal_keys::{DataKey, ErrorKind, ManualClock, Moment};
    use phiseal_primitives::default_engine;

    fn person() -> Arc<Person> {
        let data_key = DataKey::generate(default_engine()).unwrap();
        let (clock, until) = (Arc::new(ManualClock::at(0)), Moment::from_nanos(u64::MAX));
        let id = KeyId::from_bytes([1; 16]);
        let opening = OpeningKey::new(default_engine(), clock, id, &data_key, until).unwrap();
        let reads = Err(phiseal_keys::Error::new(ErrorKind::Denied, "only reads"));
        let domain = DomainId::from_bytes([2; 16]);
        let cipher = FieldCipher::new(domain, reads, vec![Arc::new(opening)], Vec::new());
        Arc::new(Person::new(Arc::new(cipher), 1, until))
    }

    #[test]
    fn whoever_was_read_before_a_removal_is_not_kept_and_ends() {
        let people = People::new(8);
        let (ada, bob) = (SubjectTag::from_bytes([1; 16]), SubjectTag::from_bytes([2; 16]));
        let (before, read) = (people.removals(), person());
        people.remove(ada);
        assert!(!people.insert(ada, read.clone(), before));
        assert!(!read.is_live() && people.find(ada).is_none());
        let read = person();
        assert!(people.insert(bob, read.clone(), people.removals()), "the control");
        assert!(read.is_live() && people.find(bob).is_some());
    }
}
