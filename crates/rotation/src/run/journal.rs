//! How far a run has come: written before and after each step, by whoever works at it, so that it goes on after a crash.

use super::work::Work;
use crate::Digest;
use crate::certificate::Counted;
use crate::custody::{Approved, Request};
use crate::{Class, ColumnCensus};
use phiseal_audit::note::Note;
use phiseal_format::DomainId;
use phiseal_keys::{Error, ErrorKind, KeyState, KeyStore, KeyVersion, Keyset, MAX_RECORD};
use serde::{Deserialize, Serialize};

/// How far an approved rotation has come, as the key store keeps it under the SHA-256 of its request.
///
/// It holds no plaintext and no row's key in the clear: those may name people, and stand sealed in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Journal {
    v: u8,
    /// The request as it was signed; unsigned where one custodian acts alone.
    request: String,
    /// Where it is.
    pub phase: Phase,
    /// The primary version before.
    pub from: u32,
    /// The primary version after.
    pub to: u32,
    /// The state of the primary version before.
    #[serde(with = "state")]
    pub state_before: KeyState,
    /// When it began, in seconds since 1970.
    pub began: u64,
    /// When the new version became the primary; 0: not yet.
    pub switched: u64,
    /// When it ended; 0: not yet.
    pub ended: u64,
    /// What there was before.
    pub before: Vec<Counted>,
    /// What there was when everything had been gone through last.
    pub after: Vec<Counted>,
    /// How many persons' keys were not as they should be then: under an older version, or, where keys are in wrong hands, not new.
    #[serde(default)]
    pub persons_left: u64,
    /// What is left to do, and who does it.
    pub(super) work: Work,
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Phase {
    /// It is known what there is. The keys are as they were.
    Begun,
    /// The new version is the primary. Values are being resealed.
    Switched,
    /// A count has shown that nothing is left under older versions.
    Done,
    /// Its request expired, or another one was quicker, before the keys were changed: it will not change them any more.
    Expired,
}

const VERSION: u8 = 1;

/// Room for more classes of a column than there were before, in bytes.
const MORE_CLASSES: usize = 512;

/// Room for what is done and by whom, and for the record's MAC, in bytes.
const REST: usize = 64 * 1_024;

impl Journal {
    pub(super) fn new(
        approved: &Approved,
        keyset: &Keyset,
        began: u64,
        before: Vec<Counted>,
        work: Work,
    ) -> Self {
        let request = if approved.is_single() {
            approved.request().to_string()
        } else {
            approved.note().to_string()
        };
        let (phase, after) = (Phase::Begun, Vec::new());
        let (from, to) = (keyset.primary(), keyset.next_number());
        let state_before = keyset.version(from).map_or(KeyState::Active, KeyVersion::state);
        Self {
            v: VERSION,
            request,
            phase,
            from,
            to,
            state_before,
            began,
            switched: 0,
            ended: 0,
            before,
            after,
            persons_left: 0,
            work,
        }
    }

    /// The journal of the run of the request of this SHA-256, and its revision.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] for one of another release; and what the key store answers.
    pub async fn load(store: &KeyStore, id: Digest) -> Result<Option<(Self, u64)>, Error> {
        let Some(record) = store.run(id.as_bytes()).await? else { return Ok(None) };
        let journal: Self = serde_json::from_slice(&record.bytes).map_err(|_| malformed())?;
        let request = journal.request()?;
        if journal.v != VERSION || request.digest(store.engine()) != id {
            return Err(malformed());
        }
        Ok(Some((journal, record.revision)))
    }

    /// Those of all runs that are neither done nor expired, with their ids.
    ///
    /// # Errors
    ///
    /// As [`Journal::load`].
    pub async fn open(store: &KeyStore) -> Result<Vec<(Digest, Self)>, Error> {
        const PAGE: usize = 64;
        let (mut open, mut after) = (Vec::new(), None::<Vec<u8>>);
        loop {
            let ids = store.runs(after.as_deref(), PAGE).await?;
            for id in &ids {
                let bytes = id.as_slice().try_into().map_err(|_| malformed())?;
                let id = Digest::from_bytes(bytes);
                let journal = Self::load(store, id).await?.map(|(journal, _)| journal);
                open.extend(journal.filter(Self::is_open).map(|journal| (id, journal)));
            }
            if ids.len() < PAGE {
                return Ok(open);
            }
            after = ids.into_iter().last();
        }
    }

    /// How many bytes of its record are left for borders, when everything has been counted once more.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when so many tables and columns do not fit into it. That is to be known before any key is changed.
    pub(super) fn room(&self) -> Result<usize, Error> {
        let now = serde_json::to_vec(self).map_err(|_| malformed())?.len();
        let before = serde_json::to_vec(&self.before).map_err(|_| malformed())?.len();
        let columns = self.before.iter().map(|counted| counted.census().columns.len());
        let after = before.saturating_add(columns.sum::<usize>().saturating_mul(MORE_CLASSES));
        let needed = now.saturating_add(after).saturating_add(REST);
        MAX_RECORD.checked_sub(needed).ok_or_else(|| {
            let message = "so many tables and columns do not fit into the journal of one run";
            Error::new(ErrorKind::Invalid, message)
        })
    }

    pub(super) async fn save(
        &self,
        store: &KeyStore,
        id: Digest,
        expected: u64,
    ) -> Result<(), Error> {
        let bytes = serde_json::to_vec(self).map_err(|_| malformed())?;
        store.set_run(id.as_bytes(), expected, bytes).await
    }

    /// What was asked for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`].
    pub fn request(&self) -> Result<Request, Error> {
        match self.note()? {
            Some(note) => Request::parse(note.text()),
            None => Request::parse(&self.request),
        }
    }

    /// The request with its signatures; none where one custodian acts alone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`].
    pub fn note(&self) -> Result<Option<Note>, Error> {
        // The text of a request has no empty line.
        let is_signed = self.request.contains("\n\n");
        is_signed.then(|| Note::parse(self.request.as_bytes())).transpose()
    }

    /// Whether there is something left to do.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Begun | Phase::Switched)
    }

    /// How many values of this domain were, when everything had been gone through last, under an older key than the one that was
    /// approved, or under another than the current one, or may have been: none when it is done.
    #[must_use]
    pub fn left(&self, domain: &DomainId) -> u64 {
        let left = |column: &ColumnCensus| {
            // Where an older version was made the primary again, nothing is under the one that the run made, or all is to move.
            column.sum(|class| class.is_left() || class == Class::Current && self.is_behind(column))
        };
        self.after_in(domain).map(left).sum()
    }

    /// Whether the last count has shown that all is done that was approved. Going through everything again may still fill and
    /// mend indexes.
    pub(super) fn is_at_its_end(&self, domain: &DomainId) -> bool {
        let is_behind = self.after_in(domain).any(|column| self.is_behind(column));
        self.left(domain) == 0 && self.persons_left == 0 && !is_behind
    }

    /// Nothing of it is left to do.
    pub(super) fn end(&mut self, at: u64) {
        (self.phase, self.ended) = (Phase::Done, at);
        self.work.forget_borders();
    }

    fn is_behind(&self, column: &ColumnCensus) -> bool {
        column.primary < self.to
    }

    /// Whether going through everything again may help: somebody has written a value or made a person's key meanwhile.
    pub(super) fn may_be_helped(&self, domain: &DomainId) -> bool {
        let mut columns = self.after_in(domain);
        self.persons_left > 0 || columns.any(|column| column.sum(Class::is_to_be_resealed) > 0)
    }

    fn after_in(&self, domain: &DomainId) -> impl Iterator<Item = &ColumnCensus> {
        let columns = self.after.iter().flat_map(|counted| &counted.census().columns);
        columns.filter(move |column| column.domain_id == *domain)
    }

    /// What was done so far.
    #[must_use]
    pub const fn totals(&self) -> &super::Totals {
        self.work.totals()
    }
}

fn malformed() -> Error {
    Error::new(ErrorKind::Malformed, "the journal of a run is not one of this release")
}

/// A state, by its name.
mod state {
    use phiseal_keys::KeyState;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(state: &KeyState, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(state)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<KeyState, D::Error> {
        let name = String::deserialize(from)?;
        let state = KeyState::ALL.into_iter().find(|state| state.to_string() == name);
        state.ok_or_else(|| D::Error::custom("an unknown state of a key"))
    }
}
