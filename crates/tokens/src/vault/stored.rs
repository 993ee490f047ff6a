//! A vault gone through record by record, for whoever counts and renews all that is stored.

use super::Vault;
use super::entry::COLUMN;
use super::found::{Found, Opening};
use super::making::token_in;
use super::record::Header;
use super::renewal::VaultRenewed;
use super::writes::Writes;
use crate::{Keyed, Vaulted};
use phiseal_format::{Context, KeyId, SubjectTag};
use phiseal_keys::{Error, ErrorKind, MAX_ID, RecordKind, Store};

/// Which records of a vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a vault has no others")]
pub enum VaultPart {
    /// Tokens, each with its sealed value.
    Tokens,
    /// Entries by which the token of a value is found.
    Entries,
}

/// A record of a vault.
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what callers build")]
pub struct VaultRecord {
    /// Where it is among those of its part, which are in the order of these bytes: a token is at its own text.
    pub key: Vec<u8>,
    /// What is stored: of a token what [`Vault::stored`] takes apart, of an entry the token that it names.
    pub bytes: Vec<u8>,
}

/// What is known of a token whose record is one, without a key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoredToken {
    /// What the value is sealed as.
    pub context: Context,
    /// Under whose key it is sealed, where it is not the domain's.
    pub person: Option<SubjectTag>,
    /// How many bytes of the record are before the sealed value.
    pub header_len: usize,
}

/// What became of a record that was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller has to do something else for each")]
pub enum VaultWrite {
    /// It is written.
    Written,
    /// Somebody else has written it since it was read.
    Changed,
    /// It is not there any more.
    Gone,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a census has to say something of each")]
pub enum EntryStanding {
    /// Under the key of this id, and the value of the token that it names opens.
    Under(KeyId),
    /// The same, but that the value does not open.
    Closed(KeyId),
    /// Under no key that is there, and the value of the token that it names opens.
    Stray,
    /// Under no key that is at hand, where one is withheld that it may be under; or the value does not open.
    Withheld,
    /// It names no token, or one of a person who was shredded.
    Leftover,
}

impl Vault {
    /// At most `limit` records of one part whose keys are after `after` and not after `until`, in order.
    ///
    /// # Errors
    ///
    /// What the vault's store answers.
    pub async fn scan(
        &self,
        part: VaultPart,
        after: Option<&[u8]>,
        until: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<VaultRecord>, Error> {
        let (kind, prefix) = match part {
            VaultPart::Tokens => (RecordKind::Token, self.places.tokens()),
            VaultPart::Entries => (RecordKind::TokenEntry, self.places.entries()),
        };
        let mut records = Vec::new();
        let mut walk = self.walk(kind, prefix.clone()).after(after.unwrap_or_default());
        while records.len() < limit
            && let Some((id, record)) = walk.next().await?
        {
            let key = id.get(prefix.len()..).unwrap_or_default();
            if until.is_some_and(|until| key > until) {
                break;
            }
            // What says which tokens are a person's is under no key.
            if part == VaultPart::Entries && self.places.generation(&id) == Some(None) {
                continue;
            }
            records.push(VaultRecord { key: key.to_vec(), bytes: record.bytes });
        }
        Ok(records)
    }

    /// What a token's record says; none where it is none.
    #[must_use]
    pub fn stored(&self, key: &[u8], record: &[u8]) -> Option<StoredToken> {
        let token = core::str::from_utf8(key).ok()?;
        let (header, sealed) = Header::parse(record).ok()?;
        Some(StoredToken {
            context: header.context(&self.context, token),
            person: header.person,
            header_len: record.len().checked_sub(sealed.len())?,
        })
    }

    /// Puts other sealed values in the place of tokens' (key, before, after), where they are still what they were.
    ///
    /// # Errors
    ///
    /// What the vault's store answers.
    pub async fn replace_tokens(
        &self,
        changes: &[(&[u8], &[u8], &[u8])],
    ) -> Result<Vec<VaultWrite>, Error> {
        let (mut outcomes, mut writes) = (Vec::with_capacity(changes.len()), Writes::default());
        for (key, before, after) in changes {
            let id = self.places.at(key);
            let held = self.store.read(RecordKind::Token, &id).await?;
            outcomes.push(match held.filter(|held| !held.bytes.is_empty()) {
                None => VaultWrite::Gone,
                Some(held) => match Header::parse(&held.bytes) {
                    Ok((header, sealed)) if sealed == *before => {
                        writes.put(RecordKind::Token, id, held.revision, header.with(after));
                        VaultWrite::Written
                    }
                    _ => VaultWrite::Changed,
                },
            });
        }
        match self.store.write_all(&writes.all()).await {
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            done => return done.map(|()| outcomes),
        }
        // Somebody was quicker with one of them: that one alone is not written.
        for write in writes.all() {
            let done = self.store.write(write.kind, write.id, write.expected, write.bytes).await;
            let Err(error) = done else { continue };
            if error.kind() != ErrorKind::Conflict {
                return Err(error);
            }
            let key = write.id.get(self.places.tokens().len()..);
            let places = changes.iter().zip(&mut outcomes);
            places
                .filter(|((at, ..), _)| Some(*at) == key)
                .for_each(|(_, it)| *it = VaultWrite::Changed);
        }
        Ok(outcomes)
    }

    /// The id of the key under which new entries are.
    ///
    /// # Errors
    ///
    /// As [`Keyed::key_id`](crate::Keyed::key_id) and [`Column::ready`](crate::Column::ready).
    pub async fn key_id(&self) -> Result<KeyId, Error> {
        self.column.ready().await?.key_id()
    }

    /// How many columns there are in `store` that are none of these: nobody counts them who counts these.
    ///
    /// # Errors
    ///
    /// What the store answers.
    pub async fn others_in(store: &dyn Store, known: &[&Self]) -> Result<u64, Error> {
        let (mut others, mut after) = (0_u64, Vec::new());
        loop {
            let from = Some(&after[..]).filter(|after| !after.is_empty());
            let page = store.scan(RecordKind::Token, from, 1).await?;
            let Some((id, _)) = page.first() else { return Ok(others) };
            if !known.iter().any(|vault| id.starts_with(&vault.places.tokens())) {
                others += 1;
            }
            // Behind all that begin as it does.
            after = id.get(..COLUMN).unwrap_or(id).to_vec();
            after.resize(MAX_ID, 0xff);
        }
    }

    /// What an entry is, whose record is this. Where it is under the key `newest`, what it names is not looked at.
    ///
    /// # Errors
    ///
    /// As [`Domain::ready`](phiseal_envelope::Domain::ready), and what the vault's store answers.
    pub async fn entry_standing(
        &self,
        record: &VaultRecord,
        newest: &KeyId,
    ) -> Result<EntryStanding, Error> {
        let keyed = self.column.ready().await?;
        let id = self.places.at(&record.key);
        let generation = self.places.generation(&id).flatten();
        let mut keys = keyed.keys.at_hand()?;
        let under = keys.find(|(_, key)| Some(key.generation) == generation).map(|(id, _)| id);
        if under.as_ref() == Some(newest) {
            return Ok(EntryStanding::Under(*newest));
        }
        let is_known = match keyed.keys.all().map(drop) {
            Err(error) if error.is_retryable() && under.is_none() => return Err(error),
            all => all.is_ok(),
        };
        let standing = |opens: bool| match under {
            Some(key) if opens => EntryStanding::Under(key),
            Some(key) => EntryStanding::Closed(key),
            None if opens && is_known => EntryStanding::Stray,
            None => EntryStanding::Withheld,
        };
        let token = core::str::from_utf8(&record.bytes).unwrap_or_default();
        let found = match self.present(token).await {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(EntryStanding::Leftover),
            Err(error) if error.kind() == ErrorKind::Malformed => {
                return Ok(standing(false));
            }
            Err(error) => return Err(error),
        };
        Ok(match self.opening(token, &found).await? {
            Opening::Value(_) => standing(true),
            Opening::Shredded => EntryStanding::Leftover,
            Opening::Closed(_) => standing(false),
        })
    }

    /// Takes an entry away that is not under the newest key, and sees to it that there is one under that for the token that it
    /// names. What is of a person who was shredded is forgotten. One that is under the newest key by now, and names a token, stays:
    /// [`VaultWrite::Changed`].
    ///
    /// # Errors
    ///
    /// As [`Vault::renew`](Vault::renew); and [`ErrorKind::State`] and others for a token whose value does not open.
    pub async fn renew_entry(&self, record: &VaultRecord) -> Result<VaultWrite, Error> {
        let id = self.places.at(&record.key);
        let held = self.store.read(RecordKind::TokenEntry, &id).await?;
        let Some(held) = held.filter(|held| !held.bytes.is_empty()) else {
            return Ok(VaultWrite::Gone);
        };
        if held.bytes != record.bytes {
            return Ok(VaultWrite::Changed);
        }
        let mut writes = Writes::default();
        let named = match token_in(&held) {
            Some(token) => self.present(&token).await?.map(|found| (token, found)),
            None => None,
        };
        if let Some((token, found)) = named {
            let keyed = self.column.ready().await?;
            let generation = self.places.generation(&id).flatten();
            if generation == Some(keyed.keys.newest()?.1.generation) {
                return Ok(VaultWrite::Changed);
            }
            writes = self.moved(&keyed, &token, &found).await?;
        }
        writes.erase_once(RecordKind::TokenEntry, id, held.revision);
        match self.store.write_all(&writes.all()).await {
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(VaultWrite::Changed),
            done => done.map(|()| VaultWrite::Written),
        }
    }

    /// What brings the entries of a token under the newest key.
    async fn moved(
        &self,
        keyed: &Keyed<Vaulted>,
        token: &str,
        found: &Found,
    ) -> Result<Writes, Error> {
        let value = match self.opening(token, found).await? {
            Opening::Value(value) => value,
            Opening::Shredded => return self.erased(token, found).await,
            Opening::Closed(error) => return Err(error),
        };
        let (mut writes, mut done) = (Writes::default(), VaultRenewed::default());
        let value_of = (token, found, value.expose_secret().as_slice());
        // That there was an entry says that equal values have one token, whatever this handle was told.
        self.entries(keyed, value_of, true, (&mut writes, &mut done)).await?;
        writes.touch(self.places.token(token), found);
        Ok(writes)
    }
}

impl core::fmt::Debug for VaultRecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("VaultRecord").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}
