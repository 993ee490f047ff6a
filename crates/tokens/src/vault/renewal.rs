//! Bringing what is in a vault under the newest key, and counting what is under which.

use super::Vault;
use super::found::{Found, Opening, TRIES};
use super::making::token_in;
use super::writes::Writes;
use crate::{Keyed, Vaulted};
use phiseal_format::KeyId;
use phiseal_keys::{Error, ErrorKind, RecordKind};
use std::collections::BTreeMap;

/// What is in a vault's column, and under which keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VaultCensus {
    /// Tokens by the id of the key under which their value is sealed: the domain's, or a person's.
    pub tokens: BTreeMap<KeyId, u64>,
    /// Entries by which the token of a value is found, by the domain's key.
    pub entries: BTreeMap<KeyId, u64>,
    /// Entries that no key of the domain made: no value leads to them.
    pub lost_entries: u64,
    /// Records that are none.
    pub malformed: u64,
}

/// What [`Vault::renew`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VaultRenewed {
    /// Values that were sealed again under the newest key.
    pub resealed: u64,
    /// Entries that were written, because there was none.
    pub entries_written: u64,
    /// Entries that were erased: under older keys, and those that named no token.
    pub entries_erased: u64,
    /// Tokens of persons who were shredded, which were forgotten with their entries.
    pub shredded: u64,
    /// Tokens whose value does not open, and whose entries stay as they are: under keys that are gone or withheld, or damaged.
    pub closed: u64,
    /// Tokens beside which the same value has another one, which is the one that is given out.
    pub duplicates: u64,
    /// Records that are none, and stay as they are.
    pub malformed: u64,
}

impl Vault {
    /// Counts what is there.
    ///
    /// # Errors
    ///
    /// As [`Column::ready`](crate::Column::ready), and what the vault's store answers.
    pub async fn census(&self) -> Result<VaultCensus, Error> {
        self.column.domain().refresh().await?;
        let mut census = VaultCensus::default();
        let mut tokens = self.walk(RecordKind::Token, self.places.tokens());
        while let Some((_, record)) = tokens.next().await? {
            match Found::parse(record) {
                Ok(found) => *census.tokens.entry(found.sealed.key_id()).or_default() += 1,
                Err(_) => census.malformed += 1,
            }
        }
        let keyed = self.column.ready().await?;
        let generations: BTreeMap<_, _> =
            keyed.keys.all()?.map(|(id, key)| (key.generation, id)).collect();
        let mut entries = self.walk(RecordKind::TokenEntry, self.places.entries());
        while let Some((id, _)) = entries.next().await? {
            match self.places.generation(&id) {
                Some(Some(name)) => match generations.get(&name) {
                    Some(key) => *census.entries.entry(*key).or_default() += 1,
                    None => census.lost_entries += 1,
                },
                Some(None) => {}
                None => census.malformed += 1,
            }
        }
        Ok(census)
    }

    /// Brings every token under the newest key: seals its value again where it is under an older one, writes the entries by which
    /// it is found where they are missing, erases entries under older keys and those that name no token, and forgets what is of
    /// persons who were shredded. What was done stays done: after a process was killed in the middle, the next call does the rest.
    ///
    /// It also makes an index anew that was lost, or whose keys were.
    ///
    /// # Errors
    ///
    /// As [`Vault::tokenize`], but that a record which is none, and a value that does not open, are counted.
    pub async fn renew(&self) -> Result<VaultRenewed, Error> {
        self.column.domain().refresh().await?;
        let mut renewed = VaultRenewed::default();
        let mut tokens = self.walk(RecordKind::Token, self.places.tokens());
        while let Some((id, _)) = tokens.next().await? {
            let Some(token) = self.places.token_at(&id) else {
                renewed.malformed += 1;
                continue;
            };
            let (keyed, mut tries) = (self.column.ready().await?, 1);
            // Who changed it meanwhile may have done all that was to be done.
            while let Err(error) = self.renew_one(&keyed, &token, &mut renewed).await {
                if error.kind() != ErrorKind::Conflict || tries == TRIES {
                    return Err(error);
                }
                tries += 1;
            }
        }
        let mut entries = self.walk(RecordKind::TokenEntry, self.places.entries());
        while let Some((id, record)) = entries.next().await? {
            let named = match token_in(&record) {
                Some(token) => {
                    self.store.read(RecordKind::Token, &self.places.token(&token)).await?
                }
                None => None,
            };
            if named.is_some_and(|named| !named.bytes.is_empty()) {
                continue;
            }
            match self.store.write(RecordKind::TokenEntry, &id, record.revision, b"").await {
                Ok(()) => renewed.entries_erased += 1,
                // It names another one now.
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        Ok(renewed)
    }

    async fn renew_one(
        &self,
        keyed: &Keyed<Vaulted>,
        token: &str,
        renewed: &mut VaultRenewed,
    ) -> Result<(), Error> {
        let found = match self.present(token).await {
            Ok(Some(found)) => found,
            // Purged meanwhile.
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Malformed => {
                renewed.malformed += 1;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let value = match self.opening(token, &found).await? {
            Opening::Value(value) => value,
            Opening::Shredded => {
                self.store.write_all(&self.erased(token, &found).await?.all()).await?;
                renewed.shredded += 1;
                return Ok(());
            }
            Opening::Closed(_) => {
                renewed.closed += 1;
                return Ok(());
            }
        };
        if let Err(error) = keyed.keys.all().map(drop) {
            // It may have an entry under a key that is withheld.
            if error.is_retryable() {
                return Err(error);
            }
            renewed.closed += 1;
            return Ok(());
        }
        let (mut writes, mut done) = (Writes::default(), VaultRenewed::default());
        let value_of = (token, &found, value.expose_secret().as_slice());
        let repeats = self.column.kind().repeats;
        self.entries(keyed, value_of, repeats, (&mut writes, &mut done)).await?;
        if !self.is_newest(&found).await? {
            let bytes = self.resealed(token, value.expose_secret(), found.header).await?;
            writes.put(RecordKind::Token, self.places.token(token), found.revision, bytes);
            done.resealed = 1;
        } else if !writes.is_empty() {
            writes.touch(self.places.token(token), &found);
        }
        self.store.write_all(&writes.all()).await?;
        renewed.resealed += done.resealed;
        renewed.entries_written += done.entries_written;
        renewed.entries_erased += done.entries_erased;
        renewed.duplicates += done.duplicates;
        Ok(())
    }

    /// What is to be written of the entries of a token; by its value only where it `repeats`.
    pub(super) async fn entries(
        &self,
        keyed: &Keyed<Vaulted>,
        (token, found, value): (&str, &Found, &[u8]),
        repeats: bool,
        (writes, done): (&mut Writes, &mut VaultRenewed),
    ) -> Result<(), Error> {
        let (person, bytes) = (found.header.person, token.as_bytes());
        if let Some(person) = person {
            let place = self.places.of_person(person, token);
            let record = self.store.read(RecordKind::TokenEntry, &place).await?;
            if record.as_ref().is_none_or(|record| record.bytes != bytes) {
                let revision = record.map_or(0, |record| record.revision);
                writes.put(RecordKind::TokenEntry, place, revision, bytes.to_vec());
                done.entries_written += 1;
            }
        }
        if !repeats {
            return Ok(());
        }
        let (newest, _) = keyed.keys.newest()?;
        for (id, key) in keyed.keys.at_hand()? {
            let place = key.entry(&self.places, person, value);
            let record = self.store.read(RecordKind::TokenEntry, &place).await?;
            let revision = record.as_ref().map_or(0, |record| record.revision);
            match record.as_ref().and_then(token_in) {
                None if id == newest => {
                    writes.put(RecordKind::TokenEntry, place, revision, bytes.to_vec());
                    done.entries_written += 1;
                }
                Some(named) if id == newest => done.duplicates = u64::from(named != token),
                Some(named) if named == token => {
                    writes.erase(RecordKind::TokenEntry, place, revision);
                    done.entries_erased += 1;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the value is under the key that seals now.
    async fn is_newest(&self, found: &Found) -> Result<bool, Error> {
        let cipher = match found.header.person {
            None => self.column.domain().ready().await?,
            Some(tag) => self.column.domain().subject_of_tag(tag).await?.ready().await?,
        };
        Ok(cipher.sealing_key_id() == Some(found.sealed.key_id()))
    }
}
