//! Finding the token of a value, or making it.

use super::Vault;
use super::entry::EntryKey;
use super::found::{Found, TRIES};
use super::random::Random;
use super::record::Header;
use super::writes::Writes;
use crate::{Keyed, Vaulted};
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;
use phiseal_envelope::{Phi, Subject};
use phiseal_format::{KeyId, MAX_TOKEN_PLAINTEXT, SubjectTag};
use phiseal_keys::{Error, ErrorKind, Moment, Record, RecordKind};
use phiseal_primitives::constant_time::equal;

/// What a look at all entries of a value brought.
struct Search {
    /// Where the entry under the newest key is.
    newest: Vec<u8>,
    /// That entry's revision; 0 where there is none.
    revision: u64,
    /// What that entry names.
    named: Option<String>,
    /// A token that may be given out, where it was found, and what there is of it.
    usable: Option<(String, Vec<u8>, Found)>,
    /// Tokens that have ended, and what names them: to be forgotten.
    over: Writes,
}

/// What became of the token that an entry names.
enum Kept {
    Usable(Found),
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
        check_len(value)?;
        if let Some(person) = person
            && person.domain().id().await? != self.column.domain().id().await?
        {
            return Err(Error::new(
                ErrorKind::Foreign,
                "the person is of another domain than the vault",
            ));
        }
        if self.column.kind().repeats && self.last_was_new.load(Relaxed) {
            if let Ok(mut tokens) = self.made_together(&[value], person, true).await {
                return Ok(tokens.pop().unwrap_or_default());
            }
            // A value that has a token is found where nothing new can be made.
            self.last_was_new.store(false, Relaxed);
        }
        self.looked_up(value, person).await
    }

    /// As [`Vault::token_of`], with a look at the entries of the value before anything is written.
    async fn looked_up(&self, value: &[u8], person: Option<&Subject>) -> Result<String, Error> {
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
        let (id, _) = keyed.keys.newest()?;
        let mut random = Random::of(self.column.domain().key_store().engine(), 1);
        if !self.column.kind().repeats {
            let mut writes = Writes::default();
            let token = self.draw(value, person, &mut random, &mut writes).await?;
            self.store.write_all(&writes.all()).await?;
            return Ok(token);
        }
        let search = self.search(&keyed, value, tag, None).await?;
        self.last_was_new.store(search.usable.is_none(), Relaxed);
        if let Some((token, place, found)) = search.usable {
            if place != search.newest {
                // Somebody who sees the newest entry only must find the same token there; and whoever purges the token meanwhile
                // is to notice.
                let mut writes = Writes::default();
                writes.touch(self.places.token(&token), &found);
                let bytes = token.as_bytes().to_vec();
                writes.put(RecordKind::TokenEntry, search.newest, search.revision, bytes);
                self.store.write_all(&writes.all()).await?;
            } else if self.now().abs_diff(found.header.made) < SETTLED_AFTER
                && !self.column.domain().seals_under(id).await?
            {
                self.column.domain().refresh().await?;
                return Err(Error::new(ErrorKind::Conflict, "the keys were rotated meanwhile"));
            }
            return Ok(token);
        }
        let mut writes = search.over;
        let token = self.draw(value, person, &mut random, &mut writes).await?;
        let bytes = token.as_bytes().to_vec();
        writes.put(RecordKind::TokenEntry, search.newest.clone(), search.revision, bytes);
        self.store.write_all(&writes.all()).await?;
        if self.column.domain().seals_under(id).await? {
            return Ok(token);
        }
        // The keys were rotated meanwhile: somebody who knows that looks for another entry, and may have made a token too.
        self.settled(value, tag, (search.newest, began), token).await
    }

    /// The one token of a value for which this caller made `token`, with an entry under a key that is not the newest any more.
    async fn settled(
        &self,
        value: &[u8],
        tag: Option<SubjectTag>,
        (older, began): (Vec<u8>, Moment),
        token: String,
    ) -> Result<String, Error> {
        for _ in 0..TRIES {
            self.column.domain().refresh().await?;
            let keyed = self.column.ready().await?;
            let (id, _) = keyed.keys.newest()?;
            let search = self.search(&keyed, value, tag, Some(&token)).await?;
            let (mut writes, given) = (search.over, search.usable.map(|(theirs, ..)| theirs));
            if given.is_some() {
                // Nobody was given a token that is so young. Later, after this process slept, somebody may have been: then the value
                // has two, which both lead back to it.
                if self.clock().now().since(began) < ERASED_WITHIN {
                    writes.erase(RecordKind::Token, self.places.token(&token), 1);
                }
                if older != search.newest
                    && let Some((place, revision)) = self.entry_of(&older, &token).await?
                {
                    writes.erase(RecordKind::TokenEntry, place, revision);
                }
            }
            let given = given.unwrap_or_else(|| token.clone());
            if search.named.as_ref() != Some(&given) {
                let bytes = given.as_bytes().to_vec();
                writes.put(RecordKind::TokenEntry, search.newest, search.revision, bytes);
            }
            match self.store.write_all(&writes.all()).await {
                Err(error) if error.kind() == ErrorKind::Conflict => continue,
                done => done?,
            }
            if self.column.domain().seals_under(id).await? {
                return Ok(given);
            }
        }
        Err(Error::new(ErrorKind::Conflict, "the keys were rotated time after time"))
    }

    /// Looks at the entries of a value under all keys, for another token than `but`.
    ///
    /// They are read from the oldest key to the newest: whoever moves one meanwhile moves it to a newer key, so that it is seen once
    /// at least. Of several tokens the one under the newest key counts.
    async fn search(
        &self,
        keyed: &Keyed<Vaulted>,
        value: &[u8],
        tag: Option<SubjectTag>,
        but: Option<&str>,
    ) -> Result<Search, Error> {
        let newest = keyed.keys.newest()?.1.entry(&self.places, tag, value);
        let mut entries = Vec::new();
        let older = keyed.keys.all()?.map(|(_, key)| key.entry(&self.places, tag, value));
        let older: Vec<_> = older.filter(|place| *place != newest).collect();
        for place in older.into_iter().chain([newest.clone()]) {
            if let Some(record) = self.store.read(RecordKind::TokenEntry, &place).await? {
                entries.push((place, record));
            }
        }
        let at_newest =
            entries.iter().find(|(place, _)| *place == newest).map(|(_, record)| record);
        let mut search = Search {
            revision: at_newest.map_or(0, |record| record.revision),
            named: at_newest.and_then(token_in),
            newest,
            usable: None,
            over: Writes::default(),
        };
        for (place, record) in entries.into_iter().rev() {
            let Some(token) = token_in(&record).filter(|token| Some(token.as_str()) != but) else {
                continue;
            };
            match self.kept(&token, value, tag).await? {
                Kept::Usable(found) => {
                    search.usable = Some((token, place, found));
                    return Ok(search);
                }
                Kept::Over(found) => {
                    search.over.erase_once(
                        RecordKind::Token,
                        self.places.token(&token),
                        found.revision,
                    );
                    if place != search.newest {
                        search.over.erase_once(RecordKind::TokenEntry, place, record.revision);
                    }
                }
                Kept::Gone => {}
            }
        }
        Ok(search)
    }

    /// Whether the newest key has no entry of this value, so that those beside it may be new as well.
    pub(super) async fn is_new(&self, value: &[u8]) -> Result<bool, Error> {
        let keyed = self.column.ready().await?;
        let place = keyed.keys.newest()?.1.entry(&self.places, None, value);
        Ok(self.store.read(RecordKind::TokenEntry, &place).await?.is_none())
    }

    /// Tokens for all of these, of one person or of none, found or made, with one write of what is new. Where they are taken to be new, that write finds out
    /// whether they are, and no entry under the newest key is looked at before: [`ErrorKind::Conflict`].
    pub(super) async fn made_together(
        &self,
        values: &[impl AsRef<[u8]>],
        person: Option<&Subject>,
        are_new: bool,
    ) -> Result<Vec<String>, Error> {
        let tag = person.map(Subject::tag);
        let began = self.clock().now();
        let keyed = self.column.ready().await?;
        let (id, newest) = keyed.keys.newest()?;
        let keys: Vec<(KeyId, &EntryKey)> = keyed.keys.all()?.collect();
        let (mut tokens, mut writes) = (Vec::with_capacity(values.len()), Writes::of(values.len()));
        let mut drawn: Vec<(usize, Vec<u8>)> = Vec::new();
        let mut random = Random::of(self.column.domain().key_store().engine(), values.len());
        for (number, value) in values.iter().enumerate() {
            let value = value.as_ref();
            check_len(value)?;
            if !self.column.kind().repeats {
                tokens.push(self.draw(value, person, &mut random, &mut writes).await?);
                continue;
            }
            let place = newest.entry(&self.places, tag, value);
            if let Some(token) = writes.get(RecordKind::TokenEntry, &place) {
                tokens.push(String::from_utf8_lossy(token).into_owned());
                continue;
            }
            let mut is_known = false;
            for (key_id, key) in &keys {
                if !(are_new && *key_id == id) {
                    let entry = key.entry(&self.places, tag, value);
                    is_known |= self.store.read(RecordKind::TokenEntry, &entry).await?.is_some();
                }
            }
            let token = if is_known {
                self.looked_up(value, person).await?
            } else {
                let token = self.draw(value, person, &mut random, &mut writes).await?;
                let bytes = token.as_bytes().to_vec();
                drawn.push((number, place.clone()));
                writes.put(RecordKind::TokenEntry, place, 0, bytes);
                token
            };
            tokens.push(token);
        }
        self.store.write_all(&writes.all()).await?;
        if !drawn.is_empty() && !self.column.domain().seals_under(id).await? {
            self.settle_all(values, tag, &drawn, began, &mut tokens).await?;
        }
        Ok(tokens)
    }

    /// [`Vault::settled`] for each of those that were drawn.
    async fn settle_all(
        &self,
        values: &[impl AsRef<[u8]>],
        tag: Option<SubjectTag>,
        drawn: &[(usize, Vec<u8>)],
        began: Moment,
        tokens: &mut [String],
    ) -> Result<(), Error> {
        for (number, place) in drawn {
            let (Some(value), Some(before)) = (values.get(*number), tokens.get(*number).cloned())
            else {
                continue;
            };
            let older = (place.clone(), began);
            let token = self.settled(value.as_ref(), tag, older, before.clone()).await?;
            let same = tokens.iter_mut().filter(|other| **other == before);
            same.for_each(|other| other.clone_from(&token));
        }
        Ok(())
    }

    /// A new token, whose record is to be written with the rest.
    async fn draw(
        &self,
        value: &[u8],
        person: Option<&Subject>,
        random: &mut Random<'_>,
        writes: &mut Writes,
    ) -> Result<String, Error> {
        let kind = self.column.kind();
        let mut token = kind.form.draw(random)?;
        while writes.get(RecordKind::Token, &self.places.token(&token)).is_some() {
            token = kind.form.draw(random)?;
        }
        let made = self.now();
        let ends =
            kind.lifetime.map_or(0, |lifetime| made.saturating_add(lifetime.as_secs().max(1)));
        let header = Header { disabled: false, made, ends, person: person.map(Subject::tag) };
        let context = header.context(&self.context, &token);
        let sealed = match person {
            Some(person) => person.seal(value, &context).await?,
            None => self.column.domain().seal(value, &context).await?,
        };
        let bytes = header.with(sealed.as_bytes());
        writes.put(RecordKind::Token, self.places.token(&token), 0, bytes);
        if let Some(person) = header.person {
            let place = self.places.of_person(person, &token);
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
        let Some(found) = self.present(token).await? else { return Ok(Kept::Gone) };
        let opened: Phi<Vec<u8>> = self.opened(token, &found).await?;
        if !equal(opened.expose_secret(), value) || found.header.person != person {
            return Err(Error::new(
                ErrorKind::Tampered,
                "an entry of the vault names the token of another value: rebuild its index",
            ));
        }
        match found.header.usable(self.now()) {
            Ok(()) => Ok(Kept::Usable(found)),
            Err(error) if found.header.disabled => Err(error),
            Err(_) => Ok(Kept::Over(found)),
        }
    }
}

fn check_len(value: &[u8]) -> Result<(), Error> {
    if value.len() > MAX_TOKEN_PLAINTEXT {
        return Err(Error::new(ErrorKind::Invalid, "a vaulted value is of at most 64 KiB"));
    }
    Ok(())
}

/// The token that an entry names; none where it was purged.
pub(super) fn token_in(record: &Record) -> Option<String> {
    String::from_utf8(record.bytes.clone()).ok().filter(|token| !token.is_empty())
}
