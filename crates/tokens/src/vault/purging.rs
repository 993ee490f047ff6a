//! Forgetting tokens.

use super::Vault;
use super::found::Found;
use super::making::token_in;
use super::writes::Writes;
use phiseal_keys::{Error, Record, RecordKind};

impl Vault {
    /// Forgets a token and the entries by which it is found.
    pub(super) async fn purged(&self, token: &str, found: &Found) -> Result<(), Error> {
        let mut writes = Writes::default();
        writes.erase(RecordKind::Token, self.places.token(token), found.revision);
        match self.opened::<Vec<u8>>(token, found).await {
            Ok(value) => {
                let keyed = self.column.ready().await?;
                for (_, key) in keyed.keys.all()? {
                    let place = key.entry(&self.places, found.header.person, value.expose_secret());
                    let entry = self.entry_of(&place, token).await?;
                    entry.into_iter().for_each(|(place, revision)| {
                        writes.erase(RecordKind::TokenEntry, place, revision);
                    });
                }
            }
            Err(error) if error.is_retryable() => return Err(error),
            // Nothing opens it any more: its entries are found by the person, or lead to nothing.
            Err(_) => {}
        }
        for prefix in found.header.person.iter().flat_map(|person| self.places.entries_of(*person))
        {
            let mut entries = self.walk(RecordKind::TokenEntry, prefix);
            while let Some((id, record)) = entries.next().await? {
                let is_known = writes.writes.iter().any(|(_, known, ..)| *known == id);
                if record.bytes == token.as_bytes() && !is_known {
                    writes.erase(RecordKind::TokenEntry, id, record.revision);
                }
            }
        }
        self.store.write_all(&writes.all()).await
    }

    /// Forgets an entry and the token that it names. Whether there was one.
    pub(super) async fn purged_entry(&self, id: &[u8], record: &Record) -> Result<bool, Error> {
        let Some(token) = token_in(record) else { return Ok(false) };
        let mut writes = Writes::default();
        writes.erase(RecordKind::TokenEntry, id.to_vec(), record.revision);
        let place = self.places.token(&token);
        let held = self.store.read(RecordKind::Token, &place).await?;
        let held = held.filter(|held| !held.bytes.is_empty());
        if let Some(held) = &held {
            writes.erase(RecordKind::Token, place, held.revision);
        }
        self.store.write_all(&writes.all()).await?;
        Ok(held.is_some())
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
