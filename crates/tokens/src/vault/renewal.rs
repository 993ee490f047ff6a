//! Bringing what is in a vault under the newest key, and counting what is under which.

use super::Vault;
use super::found::{Found, TRIES};
use super::making::token_in;
use super::writes::Writes;
use crate::Keyed;
use crate::vault::Vaulted;
use phiseal_format::KeyId;
use phiseal_keys::{Error, ErrorKind, RecordKind};
use std::collections::BTreeMap;

/// What is in a vault's column, and under which keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VaultCensus {
    /// Tokens by the id of the key under which their value is sealed: the domain's, or a person's.
    pub tokens: BTreeMap<KeyId, u64>,
    /// Entries by which tokens are found, by the domain's key; without those of keys that are gone.
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
    /// Entries that were written, because there was none under the newest key.
    pub entries_written: u64,
    /// Entries under older keys that were erased.
    pub entries_erased: u64,
    /// Tokens whose value does not open any more: of persons who were shredded, under keys that are gone, or damaged.
    pub closed: u64,
    /// Tokens beside which the same value has another one, which is the one that is given out.
    pub duplicates: u64,
}

impl Vault {
    /// Counts what is there.
    ///
    /// # Errors
    ///
    /// As [`Column::ready`](crate::Column::ready), and what the vault's store answers.
    pub async fn census(&self) -> Result<VaultCensus, Error> {
        self.domain().refresh().await?;
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

    /// Brings every token under the newest key: seals its value again where it is under an older one, writes the entry by which
    /// it is found where that is missing, and erases entries under older keys. What was done stays done: after a process was
    /// killed in the middle, the next call does the rest.
    ///
    /// It also makes an index anew that was lost, or whose keys were.
    ///
    /// # Errors
    ///
    /// As [`Vault::tokenize`], but that a value which does not open is counted.
    pub async fn renew(&self) -> Result<VaultRenewed, Error> {
        self.domain().refresh().await?;
        let mut renewed = VaultRenewed::default();
        let mut tokens = self.walk(RecordKind::Token, self.places.tokens());
        while let Some((id, _)) = tokens.next().await? {
            let Some(token) = self.places.token_at(&id) else { continue };
            let (keyed, mut tries) = (self.column.ready().await?, 1);
            // Who changed it meanwhile may have done all that was to be done.
            while let Err(error) = self.renew_one(&keyed, &token, &mut renewed).await {
                if error.kind() != ErrorKind::Conflict || tries == TRIES {
                    return Err(error);
                }
                tries += 1;
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
        let found = match self.found(token).await {
            // Purged meanwhile.
            Err(error) if error.kind() == ErrorKind::State => return Ok(()),
            found => found?,
        };
        let Some(found) = found else { return Ok(()) };
        let value = match self.opened::<Vec<u8>>(token, &found).await {
            Ok(value) => value,
            Err(error) if error.is_retryable() => return Err(error),
            Err(_) => {
                renewed.closed += 1;
                return Ok(());
            }
        };
        if !self.is_newest(&found).await? {
            self.resealed(token, &found, found.header).await?;
            renewed.resealed += 1;
        }
        if !self.column.kind().repeats {
            return Ok(());
        }
        let person = found.header.person;
        let (newest_id, _) = keyed.keys.newest()?;
        let mut writes = Writes::default();
        let (mut written, mut erased, mut is_duplicate) = (0, 0, false);
        for (id, key) in keyed.keys.all()? {
            let place = key.entry(&self.places, person, value.expose_secret());
            let record = self.store.read(RecordKind::TokenEntry, &place).await?;
            let revision = record.as_ref().map_or(0, |record| record.revision);
            let named = record.as_ref().and_then(token_in);
            match named {
                None if id == newest_id => {
                    writes.put(RecordKind::TokenEntry, place, revision, token.as_bytes().to_vec());
                    written += 1;
                }
                Some(named) if id == newest_id => is_duplicate = named != token,
                Some(named) if named == token => {
                    writes.erase(RecordKind::TokenEntry, place, revision);
                    erased += 1;
                }
                _ => {}
            }
        }
        self.store.write_all(&writes.all()).await?;
        renewed.entries_written += written;
        renewed.entries_erased += erased;
        renewed.duplicates += u64::from(is_duplicate);
        Ok(())
    }

    /// Whether the value is under the key that seals now.
    async fn is_newest(&self, found: &Found) -> Result<bool, Error> {
        let cipher = match found.header.person {
            None => self.domain().ready().await?,
            Some(tag) => self.domain().subject_of_tag(tag).await?.ready().await?,
        };
        Ok(cipher.sealing_key_id() == Some(found.sealed.key_id()))
    }
}
