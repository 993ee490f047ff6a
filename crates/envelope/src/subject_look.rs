//! A look at a person's record, and what is kept of it.

use crate::cipher::FieldCipher;
use crate::deadline::Deadline;
use crate::loaded::{Loaded, sealing_config};
use crate::missing::{Life, Missing};
use crate::opening::OpeningKey;
use crate::person::{Current, Person, may_seal};
use crate::sealing::SealingKey;
use crate::subject::Subject;
use phiseal_keys::{DataKey, Error, ErrorKind, KeyState, Moment, SubjectKey, SubjectRecord};
use std::sync::Arc;

impl Subject {
    /// The person's keys at hand, after whatever look is due.
    pub(crate) async fn person(&self, loaded: &Arc<Loaded>) -> Result<Arc<Person>, Error> {
        let mut newer = None;
        loop {
            match self.looked_up(newer.as_ref().unwrap_or(loaded)).await {
                // Somebody was shredded while the record was read, and it may have been this person; or the domain's keys
                // changed, and the record is read with what is at hand of them now.
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    newer = Some(self.domain().current().await?);
                }
                looked_up => return looked_up,
            }
        }
    }

    async fn looked_up(&self, loaded: &Arc<Loaded>) -> Result<Arc<Person>, Error> {
        let store = self.domain().key_store();
        let removals = self.domain().people().removals();
        let known = self.domain().people().find(self.tag());
        if let Some(person) = &known
            && store.clock().coarse() < person.look_at()
        {
            return Ok(person.clone());
        }
        let began = store.clock().now();
        let found = match store.find_subject(loaded.keyset(), self.tag()).await {
            // What is at hand serves out its lease.
            Err(error) if error.is_retryable() => {
                return known.filter(|person| person.is_live()).ok_or(error);
            }
            found => found,
        };
        self.taken(loaded, known, found, began, removals).await
    }

    /// What the key store holds of the person now. Keys of it that can be had are kept.
    pub(crate) async fn record(
        &self,
        loaded: &Arc<Loaded>,
    ) -> Result<Option<SubjectRecord>, Error> {
        let (store, people) = (self.domain().key_store(), self.domain().people());
        let (removals, known) = (people.removals(), people.find(self.tag()));
        let began = store.clock().now();
        let found = store.find_subject(loaded.keyset(), self.tag()).await?;
        if found.as_ref().is_some_and(|record| record.current().is_ok()) {
            // Why keys cannot be had is for their use to say.
            let _ = self.taken(loaded, known, Ok(found.clone()), began, removals).await;
        }
        Ok(found)
    }

    /// The person's keys out of what was found, in place of those that were known before, with a look at the domain's where
    /// that is called for.
    async fn taken(
        &self,
        loaded: &Arc<Loaded>,
        known: Option<Arc<Person>>,
        found: Result<Option<SubjectRecord>, Error>,
        began: Moment,
        removals: u64,
    ) -> Result<Arc<Person>, Error> {
        let found = found.and_then(|found| match (&known, &found) {
            (Some(known), Some(record)) if record.revision() < known.revision() => Err(Error::new(
                ErrorKind::Tampered,
                "the key store holds an older record of the person than it did before",
            )),
            _ => Ok(found),
        });
        // Another process rotated since this one looked, and made the person or moved the person's keys: the version is not
        // known, or was not in use yet. Or it may be in use again.
        let record = found.as_ref().ok().and_then(Option::as_ref);
        let keys = record.map_or(&[][..], SubjectRecord::keys);
        let is_under =
            |loaded: &Loaded, state| keys.iter().any(|key| state_in(loaded, key) == state);
        let look = is_under(loaded, KeyState::PreActive)
            || is_under(loaded, KeyState::Suspended) && self.domain().may_look_for_foreign();
        let renewed = if look {
            let in_use = |loaded: &Loaded| !is_under(loaded, KeyState::PreActive);
            match self.domain().renewed_until(in_use).await {
                Ok(renewed) => renewed,
                Err(error) if error.is_retryable() => {
                    return known.filter(|person| person.is_live()).ok_or(error);
                }
                Err(error) => return Err(error),
            }
        } else {
            loaded.clone()
        };
        let is_new = known.is_none() && matches!(found, Ok(None));
        self.unwrapped(&renewed, found, began, removals).inspect_err(|error| {
            // Of somebody who was never there nobody has anything, and everybody else would have to look again.
            if !error.is_retryable() && !is_new {
                self.domain().people().remove(self.tag());
            }
        })
    }

    /// The person's keys out of the record that was found: those that can be had.
    pub(crate) fn unwrapped(
        &self,
        loaded: &Loaded,
        found: Result<Option<SubjectRecord>, Error>,
        began: Moment,
        removals: u64,
    ) -> Result<Arc<Person>, Error> {
        let record =
            found?.ok_or(Error::new(ErrorKind::NotFound, "there is no key for this person"))?;
        let current = record.current()?;
        let store = self.domain().key_store();
        let (mut at_hand, mut missing) = (Vec::new(), Vec::new());
        for key in record.keys() {
            let unwrapped = loaded
                .subject_wrap(key.domain_version())
                .and_then(|wrap| store.unwrap_subject(loaded.keyset(), self.tag(), key, wrap));
            match unwrapped {
                Ok(data_key) => at_hand.push((key, data_key)),
                Err(error) => missing.push(Missing::withheld(key.key_id().short(), error)),
            }
        }
        // Of nothing that opens, why the current key does not.
        if at_hand.is_empty()
            && let Some(key) = missing.pop()
        {
            return Err(key.why);
        }
        missing.extend(record.gone().iter().map(|id| Missing {
            id: id.short(),
            why: Error::new(ErrorKind::State, "the person's key was dropped"),
            life: Life::Over,
        }));
        let lease = Lease { began, removals, revision: record.revision() };
        self.keep(loaded, current.into(), &at_hand, missing, &lease)
    }

    /// Keeps the person with the keys that are at hand.
    fn keep(
        &self,
        loaded: &Loaded,
        current: Current,
        at_hand: &[(&SubjectKey, DataKey)],
        missing: Vec<Missing>,
        lease: &Lease,
    ) -> Result<Arc<Person>, Error> {
        let (store, options) = (self.domain().key_store(), self.domain().options());
        let until = lease.began.saturating_add(options.lease).min(loaded.until());
        // The same keys go on in the ciphers that were handed out.
        let earlier = self.domain().people().find(self.tag());
        let mut opening = Vec::new();
        for (key, data_key) in at_hand {
            let id = key.key_id().short();
            let opener = match earlier.as_ref().and_then(|earlier| earlier.opener(id)) {
                Some(opener) => opener.clone(),
                None => {
                    let clock = store.clock().clone();
                    Arc::new(OpeningKey::new(store.engine(), clock, id, data_key, until)?)
                }
            };
            opener.renew(until);
            opening.push(opener);
        }
        let sealing = self.sealing(loaded, &current, &opening, &missing, until);
        let earlier = earlier.as_ref().and_then(|earlier| earlier.cipher().sealing());
        if let Some(earlier) = earlier
            && !sealing.as_ref().is_ok_and(|sealing| Arc::ptr_eq(sealing, earlier))
        {
            earlier.deadline().revoke();
        }
        let known = Deadline::new(store.clock().clone(), until);
        let domain = loaded.keyset().domain();
        let cipher = Arc::new(FieldCipher::new(domain, sealing, opening, missing, known));
        let look_at = lease.began.saturating_add(options.lease.mul_f64(0.75)).min(loaded.until());
        let versions = at_hand.iter().map(|(key, _)| key.domain_version()).collect();
        let person = Person::new(cipher, lease.revision, current, versions, look_at);
        let person = Arc::new(person);
        if self.domain().people().insert(self.tag(), person.clone(), lease.removals) {
            Ok(person)
        } else {
            Err(Error::new(ErrorKind::Conflict, "a person was looked at or shredded meanwhile"))
        }
    }

    /// What seals under the person's current key, which is among those that open: what did so before, if it still may.
    fn sealing(
        &self,
        loaded: &Loaded,
        current: &Current,
        opening: &[Arc<OpeningKey>],
        missing: &[Missing],
        until: Moment,
    ) -> Result<Arc<SealingKey>, Error> {
        /// Four epochs: a person's record is small.
        const EPOCHS: usize = 4;
        let (store, options) = (self.domain().key_store(), self.domain().options());
        let ends = may_seal(loaded, current, options.read_only)?;
        let id = current.key_id;
        let Some(opener) = opening.iter().find(|key| key.key_id() == id) else {
            let why = Missing::reason(missing, &id);
            let unknown =
                || Error::new(ErrorKind::State, "the person's current key cannot be used");
            return Err(why.unwrap_or_else(unknown));
        };
        let earlier = self.domain().people().find(self.tag());
        // One that is not with the same opener was of a person who ended.
        let earlier = earlier.as_ref().filter(|earlier| earlier.opener(id).is_some());
        let earlier = earlier.and_then(|earlier| earlier.cipher().sealing());
        let sealing = match earlier {
            Some(earlier)
                if earlier.key_id() == id
                    && !earlier.is_used_up()
                    && !earlier.deadline().is_revoked() =>
            {
                earlier.clone()
            }
            _ => {
                let config = sealing_config(store, options, EPOCHS)?;
                let field_key = opener.field_key(options.suite)?.clone();
                Arc::new(SealingKey::new(config, id, field_key, until))
            }
        };
        sealing.deadline().set(until.min(ends));
        sealing.allow(u64::MAX);
        Ok(sealing)
    }
}

/// The look that keys are kept by.
struct Lease {
    /// When it began.
    began: Moment,
    /// How many persons had been removed then.
    removals: u64,
    /// The revision that it found.
    revision: u64,
}

/// The state of the version of the domain's key that wraps a person's.
fn state_in(loaded: &Loaded, key: &SubjectKey) -> KeyState {
    let version = loaded.keyset().version(key.domain_version());
    version.map_or(KeyState::PreActive, |version| version.state())
}
