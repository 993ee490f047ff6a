//! Forgetting tokens.

use super::Vault;
use super::found::{Found, TRIES};
use super::making::token_in;
use super::writes::Writes;
use phiseal_format::SubjectTag;
use phiseal_keys::{Error, ErrorKind, Record, RecordKind};

impl Vault {
    /// Forgets a token and all entries that name it. Whether there was one.
    pub(super) async fn forgotten(&self, token: &str) -> Result<bool, Error> {
        // Entries under a key that another process has made are to go as well.
        self.column.domain().refresh().await?;
        for _ in 0..TRIES {
            let place = self.places.token(token);
            let record = self.store.read(RecordKind::Token, &place).await?;
            let Some(record) = record.filter(|record| !record.bytes.is_empty()) else {
                return Ok(false);
            };
            let revision = record.revision;
            let writes = match Found::parse(record) {
                Ok(found) => self.erased(token, &found).await?,
                // What is no record any more can be forgotten all the same; entries that name it go with the next renewal.
                Err(_) => {
                    let mut writes = Writes::default();
                    writes.erase(RecordKind::Token, place, revision);
                    writes
                }
            };
            match self.store.write_all(&writes.all()).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                done => return done.map(|()| true),
            }
        }
        Err(Error::new(ErrorKind::Conflict, "others changed the token time after time"))
    }

    /// What forgets a token, and the entries by which it is found.
    pub(super) async fn erased(&self, token: &str, found: &Found) -> Result<Writes, Error> {
        let mut writes = Writes::default();
        writes.erase(RecordKind::Token, self.places.token(token), found.revision);
        match self.opened::<Vec<u8>>(token, found).await {
            Ok(value) => {
                let keyed = self.column.ready().await?;
                // An entry under a key that is withheld names nothing afterwards, and goes with the next renewal.
                for (_, key) in keyed.keys.at_hand()? {
                    let place = key.entry(&self.places, found.header.person, value.expose_secret());
                    if let Some((place, revision)) = self.entry_of(&place, token).await? {
                        writes.erase(RecordKind::TokenEntry, place, revision);
                    }
                }
            }
            Err(error) if error.is_retryable() => return Err(error),
            // Nothing opens it any more: its entries are found by the person, or by the next renewal.
            Err(_) => {}
        }
        for prefix in found.header.person.iter().flat_map(|person| self.places.entries_of(*person))
        {
            let mut entries = self.walk(RecordKind::TokenEntry, prefix);
            while let Some((id, record)) = entries.next().await? {
                if record.bytes == token.as_bytes() {
                    writes.erase_once(RecordKind::TokenEntry, id, record.revision);
                }
            }
        }
        Ok(writes)
    }

    /// Forgets all tokens of a person, and all entries.
    pub(super) async fn forget_person(&self, person: SubjectTag) -> Result<u64, Error> {
        let mut forgotten = 0;
        for prefix in self.places.entries_of(person) {
            let mut entries = self.walk(RecordKind::TokenEntry, prefix);
            while let Some((id, record)) = entries.next().await? {
                forgotten += u64::from(self.forgotten_entry(id, record).await?);
            }
        }
        Ok(forgotten)
    }

    /// Forgets an entry and the token that it names. Whether there was one.
    async fn forgotten_entry(&self, id: Vec<u8>, record: Record) -> Result<bool, Error> {
        let mut entry = Some(record);
        for _ in 0..TRIES {
            let Some(record) = entry else { return Ok(false) };
            let Some(token) = token_in(&record) else { return Ok(false) };
            let mut writes = Writes::default();
            writes.erase(RecordKind::TokenEntry, id.clone(), record.revision);
            let place = self.places.token(&token);
            let held = self.store.read(RecordKind::Token, &place).await?;
            let held = held.filter(|held| !held.bytes.is_empty());
            if let Some(held) = &held {
                writes.erase(RecordKind::Token, place, held.revision);
            }
            match self.store.write_all(&writes.all()).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                done => return done.map(|()| held.is_some()),
            }
            entry = self.store.read(RecordKind::TokenEntry, &id).await?;
        }
        Err(Error::new(ErrorKind::Conflict, "others changed the entry time after time"))
    }

    /// The entry at this place, where it names this token: place and revision.
    pub(super) async fn entry_of(
        &self,
        place: &[u8],
        token: &str,
    ) -> Result<Option<(Vec<u8>, u64)>, Error> {
        let record = self.store.read(RecordKind::TokenEntry, place).await?;
        let named = record.filter(|record| record.bytes == token.as_bytes());
        Ok(named.map(|record| (place.to_vec(), record.revision)))
    }
}
