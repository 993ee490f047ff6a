//! The persons whose keys were used last.

use crate::cipher::FieldCipher;
use crate::loaded::Loaded;
use crate::person::{Person, may_seal};
use core::time::Duration;
use phiseal_format::SubjectTag;
use phiseal_keys::Moment;
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
    /// When a key that was not known had the record looked at.
    looked_for_foreign: Option<Moment>,
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

    /// Keeps a person whose record was read when `removals` was the count. Refused when somebody was removed since, as it
    /// may have been this one, and when what is kept is of a later record.
    ///
    /// A key that is not the current one any more seals no longer, and one that is gone opens no longer, also in ciphers
    /// that were handed out.
    #[must_use]
    pub(crate) fn insert(&self, tag: SubjectTag, person: Arc<Person>, removals: u64) -> bool {
        let mut kept = self.kept();
        let entry = kept.people.get(&tag);
        let is_later = entry.is_some_and(|entry| entry.person.revision() > person.revision());
        if kept.removals != removals || is_later {
            // Who is kept was read in time, or ended when removed: the keys that the two may share stay as they are.
            if !entry.is_some_and(|entry| entry.person.shares_keys(person.cipher())) {
                person.cipher().revoke_but(entry.map(|entry| &**entry.person.cipher()));
            }
            return false;
        }
        let looked_for_foreign = entry.and_then(|entry| entry.looked_for_foreign);
        kept.turn += 1;
        let used = kept.turn;
        let follow = person.cipher().clone();
        let current = person.current().key_id;
        kept.handed_out(tag).for_each(|cipher| cipher.follow(&follow, current));
        if let Some(replaced) = kept.people.insert(tag, Entry { person, used, looked_for_foreign })
        {
            replaced.person.cipher().follow(&follow, current);
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

    /// The domain's keys changed: persons are looked at again, and those end at once of whose keys one is wrapped by a version
    /// that may not be used so any more. Ciphers of persons that are not kept any more end too.
    pub(crate) fn follow(&self, loaded: &Loaded) {
        let mut kept = self.kept();
        kept.removals += 1;
        kept.people.retain(|_, entry| {
            let usable = entry.person.is_usable(loaded);
            if usable {
                entry.person.look_again(may_seal(loaded, entry.person.current(), false).is_ok());
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

    /// The person has a newer key: nothing is sealed under the one before, at once and also by ciphers that were handed
    /// out, and whoever has read the record before reads it again.
    pub(crate) fn renewed(&self, tag: SubjectTag) {
        let mut kept = self.kept();
        kept.removals += 1;
        kept.handed_out(tag).for_each(|cipher| cipher.end_sealing());
        if let Some(entry) = kept.people.get(&tag) {
            entry.person.look_again(false);
        }
    }

    /// A key that is not known may be one that another process has just made: worth a look at the record, one a second.
    pub(crate) fn may_look_for_foreign(&self, tag: SubjectTag, now: Moment) -> bool {
        const EVERY: Duration = Duration::from_secs(1);
        let mut kept = self.kept();
        let Some(entry) = kept.people.get_mut(&tag) else { return true };
        let due = entry.looked_for_foreign.is_none_or(|last| now.since(last) >= EVERY);
        if due {
            entry.looked_for_foreign = Some(now);
        }
        due
    }

    /// Forgets a person, and ends the use of the keys at once, also by ciphers that were handed out.
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
    /// The ciphers that somebody may still hold, of this person.
    fn handed_out(&self, tag: SubjectTag) -> impl Iterator<Item = Arc<FieldCipher>> {
        let of_person = self.handed_out.iter().filter(move |(of, _)| *of == tag);
        of_person.filter_map(|(_, cipher)| cipher.upgrade())
    }

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
    use crate::deadline::Deadline;
    use crate::opening::OpeningKey;
    use crate::person::Current;
    use phiseal_format::{DomainId, KeyId};
    use phiseal_keys::{DataKey, ErrorKind, ManualClock, VersionSet};
    use phiseal_primitives::default_engine;

    /// Somebody's keys as a record of this revision has them: one, of this id.
    fn person_of(revision: u64, id: u8) -> Arc<Person> {
        let data_key = DataKey::generate(default_engine()).unwrap();
        let (clock, until) = (Arc::new(ManualClock::at(0)), Moment::from_nanos(u64::MAX));
        let id = KeyId::from_bytes([id; 16]);
        let known = Deadline::new(clock.clone(), until);
        let opening = OpeningKey::new(default_engine(), clock, id, &data_key, until).unwrap();
        let reads = Err(phiseal_keys::Error::new(ErrorKind::Denied, "only reads"));
        let domain = DomainId::from_bytes([2; 16]);
        let cipher = FieldCipher::new(domain, reads, vec![Arc::new(opening)], Vec::new(), known);
        let current = Current { key_id: id, domain_version: 1, wrapped_by: VersionSet::of(1) };
        Arc::new(Person::new(Arc::new(cipher), revision, current, vec![1], until))
    }

    fn person() -> Arc<Person> {
        person_of(1, 1)
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
    /// Two looks at once, of which the later one is kept first.
    #[test]
    fn what_was_read_of_an_older_record_does_not_take_the_place_of_a_newer_one() {
        let (people, ada) = (People::new(8), SubjectTag::from_bytes([1; 16]));
        let (older, newer) = (person_of(1, 1), person_of(2, 2));
        assert!(people.insert(ada, newer.clone(), people.removals()));
        assert!(!people.insert(ada, older.clone(), people.removals()));
        assert!(!older.is_live() && newer.is_live());
        assert!(people.find(ada).is_some_and(|kept| Arc::ptr_eq(&kept, &newer)));
        let newest = person_of(3, 2);
        assert!(people.insert(ada, newest.clone(), people.removals()), "the control");
        assert!(newest.is_live() && newer.is_live(), "the same key, which two looks unwrapped");
        assert!(people.insert(ada, person_of(4, 3), people.removals()));
        assert!(
            !newest.is_live() && !newer.is_live(),
            "another key: also what was handed out ends"
        );
    }

    #[test]
    fn a_key_that_is_not_known_is_looked_for_once_a_second() {
        let (people, ada) = (People::new(8), SubjectTag::from_bytes([1; 16]));
        let at = |millis: u64| Moment::from_nanos(millis * 1_000_000);
        assert!(people.insert(ada, person_of(1, 1), people.removals()));
        assert!(people.may_look_for_foreign(ada, at(5_000)));
        assert!(!people.may_look_for_foreign(ada, at(5_999)));
        // The look does not begin another second.
        assert!(people.insert(ada, person_of(2, 1), people.removals()));
        assert!(!people.may_look_for_foreign(ada, at(5_999)));
        assert!(people.may_look_for_foreign(ada, at(6_000)));
    }
}
