//! Finding the token of a value, or making it.

use super::Vault;
use super::found::{Found, TRIES};
use super::record::Header;
use super::writes::Writes;
use core::time::Duration;
use phiseal_envelope::{Phi, Subject};
use phiseal_format::{MAX_TOKEN_PLAINTEXT, SubjectTag};
use phiseal_keys::{Error, ErrorKind, Moment, Record, RecordKind};
use phiseal_primitives::constant_time::equal;
use std::collections::HashMap;

/// What became of the token that an entry names.
enum Kept {
    /// Made at this time, in seconds since 1970.
    Usable(u64),
    /// It has ended, and another takes its place.
    Over(Found),
    Gone,
}

/// For how many seconds a token may be one of two that callers with keys from before and after a rotation made at the same
/// moment: before it is given out to anybody else in that time, the key store is asked.
const SETTLED_AFTER: u64 = 15 * 60;

/// Within which time the one that is not kept is erased, by whoever made it: long before anybody trusts it unasked.
const ERASED_WITHIN: Duration = Duration::from_secs(60);

impl Vault {
    pub(super) async fn token_of(
        &self,
        value: &[u8],
        person: Option<&Subject>,
    ) -> Result<String, Error> {
        if value.len() > MAX_TOKEN_PLAINTEXT {
            return Err(Error::new(ErrorKind::Invalid, "a vaulted value is of at most 64 KiB"));
        }
        for _ in 0..TRIES {
            match self.found_or_made(value, person).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                done => return done,
            }
        }
        Err(Error::new(ErrorKind::Conflict, "others changed the vault time after time"))
    }

    async fn found_or_made(&self, value: &[u8], person: Option<&Subject>) -> Result<String, Error> {
        let began = self.clock().now();
        let keyed = self.column.ready().await?;
        let tag = person.map(Subject::tag);
        let (id, key) = keyed.keys.newest()?;
        let mut writes = Writes::default();
        if !self.column.kind().repeats {
            let token = self.draw(value, person, &mut writes).await?;
            self.store.write_all(&writes.all()).await?;
            return Ok(token);
        }
        let newest = key.entry(&self.places, tag, value);
        let others = keyed.keys.all()?.map(|(_, key)| key.entry(&self.places, tag, value));
        let others: Vec<_> = others.filter(|place| *place != newest).collect();
        let mut expected = 0;
        for place in core::iter::once(&newest).chain(others.iter().rev()) {
            let Some(record) = self.store.read(RecordKind::TokenEntry, place).await? else {
                continue;
            };
            if *place == newest {
                expected = record.revision;
            }
            let Some(token) = token_in(&record) else { continue };
            match self.kept(&token, value, tag).await? {
                // Somebody who sees the newest entry only must find the same token there.
                Kept::Usable(_) if *place != newest => {
                    let bytes = token.as_bytes();
                    self.store.write(RecordKind::TokenEntry, &newest, expected, bytes).await?;
                    return Ok(token);
                }
                Kept::Usable(made) => {
                    let is_young = self.now().abs_diff(made) < SETTLED_AFTER;
                    if is_young && !self.domain().seals_under(id).await? {
                        return self.again().await;
                    }
                    return Ok(token);
                }
                Kept::Over(found) => {
                    let of_token = self.places.token(&token);
                    if !writes.writes.iter().any(|(_, id, ..)| *id == of_token) {
                        writes.erase(RecordKind::Token, of_token, found.revision);
                    }
                    if *place != newest {
                        writes.erase(RecordKind::TokenEntry, place.clone(), record.revision);
                    }
                }
                Kept::Gone => {}
            }
        }
        let token = self.draw(value, person, &mut writes).await?;
        writes.put(RecordKind::TokenEntry, newest.clone(), expected, token.as_bytes().to_vec());
        self.store.write_all(&writes.all()).await?;
        if self.domain().seals_under(id).await? {
            return Ok(token);
        }
        // The keys were rotated meanwhile: somebody who knows that looks for another entry, and may have made a token too.
        self.settled(value, tag, (newest, began), token).await
    }

    /// The keys were rotated: the value is looked up anew, with what they are now.
    async fn again(&self) -> Result<String, Error> {
        self.domain().refresh().await?;
        Err(Error::new(ErrorKind::Conflict, "the keys were rotated meanwhile"))
    }

    /// The one token of a value whose entry, the older one, was written under a key that is not the newest any more.
    async fn settled(
        &self,
        value: &[u8],
        tag: Option<SubjectTag>,
        (older, began): (Vec<u8>, Moment),
        token: String,
    ) -> Result<String, Error> {
        for _ in 0..TRIES {
            self.domain().refresh().await?;
            let keyed = self.column.ready().await?;
            let (id, key) = keyed.keys.newest()?;
            let place = key.entry(&self.places, tag, value);
            let record = self.store.read(RecordKind::TokenEntry, &place).await?;
            let revision = record.as_ref().map_or(0, |record| record.revision);
            let mut writes = Writes::default();
            let theirs = record.as_ref().and_then(token_in).filter(|theirs| *theirs != token);
            match &theirs {
                Some(theirs) => {
                    // Nobody was given a token that is so young. Later, after this process slept, somebody may have been: then
                    // the value has two, which both lead back to it.
                    if self.clock().now().since(began) < ERASED_WITHIN {
                        writes.erase(RecordKind::Token, self.places.token(&token), 1);
                    }
                    if let Some((place, revision)) = self.entry_of(&older, &token).await? {
                        let bytes = theirs.as_bytes().to_vec();
                        writes.put(RecordKind::TokenEntry, place, revision, bytes);
                    }
                }
                None if place == older => {}
                None => {
                    writes.put(RecordKind::TokenEntry, place, revision, token.as_bytes().to_vec());
                }
            }
            match self.store.write_all(&writes.all()).await {
                Err(error) if error.kind() == ErrorKind::Conflict => continue,
                done => done?,
            }
            if self.domain().seals_under(id).await? {
                return Ok(theirs.unwrap_or(token));
            }
        }
        Err(Error::new(ErrorKind::Conflict, "the keys were rotated time after time"))
    }

    /// Tokens for all of these, found or made, with one write of what is new.
    pub(super) async fn made_together(
        &self,
        values: &[impl AsRef<[u8]>],
    ) -> Result<Vec<String>, Error> {
        let began = self.clock().now();
        let keyed = self.column.ready().await?;
        let (id, newest) = keyed.keys.newest()?;
        let (mut tokens, mut writes) = (Vec::with_capacity(values.len()), Writes::default());
        let mut made: HashMap<Vec<u8>, String> = HashMap::new();
        let mut drawn: Vec<(usize, Vec<u8>)> = Vec::new();
        for (number, value) in values.iter().enumerate() {
            let value = value.as_ref();
            if value.len() > MAX_TOKEN_PLAINTEXT {
                return Err(Error::new(ErrorKind::Invalid, "a vaulted value is of at most 64 KiB"));
            }
            if !self.column.kind().repeats {
                tokens.push(self.draw(value, None, &mut writes).await?);
                continue;
            }
            let place = newest.entry(&self.places, None, value);
            if let Some(token) = made.get(&place) {
                tokens.push(token.clone());
                continue;
            }
            let mut is_known = false;
            for (_, key) in keyed.keys.all()? {
                let place = key.entry(&self.places, None, value);
                is_known |= self.store.read(RecordKind::TokenEntry, &place).await?.is_some();
            }
            let token = if is_known {
                self.token_of(value, None).await?
            } else {
                let token = self.draw(value, None, &mut writes).await?;
                let bytes = token.as_bytes().to_vec();
                writes.put(RecordKind::TokenEntry, place.clone(), 0, bytes);
                drawn.push((number, place.clone()));
                token
            };
            made.insert(place, token.clone());
            tokens.push(token);
        }
        self.store.write_all(&writes.all()).await?;
        if !drawn.is_empty() && !self.domain().seals_under(id).await? {
            for (number, place) in drawn {
                let (Some(value), Some(before)) = (values.get(number), tokens.get(number).cloned())
                else {
                    continue;
                };
                let older = (place, began);
                let token = self.settled(value.as_ref(), None, older, before.clone()).await?;
                let same = tokens.iter_mut().filter(|other| **other == before);
                same.for_each(|other| other.clone_from(&token));
            }
        }
        Ok(tokens)
    }

    /// A new token, whose record is to be written with the rest.
    async fn draw(
        &self,
        value: &[u8],
        person: Option<&Subject>,
        writes: &mut Writes,
    ) -> Result<String, Error> {
        let kind = self.column.kind();
        let token = kind.form.draw(self.domain().key_store().engine())?;
        let made = self.now();
        let ends =
            kind.lifetime.map_or(0, |lifetime| made.saturating_add(lifetime.as_secs()).max(1));
        let header = Header { disabled: false, made, ends, person: person.map(Subject::tag) };
        let context = header.context(&self.context, &token);
        let sealed = match person {
            Some(person) => person.seal(value, &context).await?,
            None => self.domain().seal(value, &context).await?,
        };
        let bytes = header.with(sealed.as_bytes());
        writes.put(RecordKind::Token, self.places.token(&token), 0, bytes);
        if let (Some(person), false) = (header.person, kind.repeats) {
            // No value is to find it, but the person is.
            let place = self.places.fresh(person, &token);
            writes.put(RecordKind::TokenEntry, place, 0, token.as_bytes().to_vec());
        }
        Ok(token)
    }

    /// Whether the token that an entry names may be given out for the value that the entry is of.
    async fn kept(
        &self,
        token: &str,
        value: &[u8],
        person: Option<SubjectTag>,
    ) -> Result<Kept, Error> {
        let found = match self.found(token).await {
            Err(error) if error.kind() == ErrorKind::State => return Ok(Kept::Gone),
            found => found?,
        };
        let Some(found) = found else { return Ok(Kept::Gone) };
        let opened: Phi<Vec<u8>> = self.opened(token, &found).await?;
        if !equal(opened.expose_secret(), value) || found.header.person != person {
            return Err(Error::new(
                ErrorKind::Tampered,
                "an entry of the vault names the token of another value: rebuild its index",
            ));
        }
        if found.header.is_over(self.now()) {
            return Ok(Kept::Over(found));
        }
        found.header.usable(self.now()).map(|()| Kept::Usable(found.header.made))
    }
}

/// The token that an entry names; none where it was purged.
pub(super) fn token_in(record: &Record) -> Option<String> {
    String::from_utf8(record.bytes.clone()).ok().filter(|token| !token.is_empty())
}
