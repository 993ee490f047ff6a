use super::{Approved, Operation, Refusal, Request, Roster};
use crate::Digest;
use core::time::Duration;
use phiseal_audit::note::{KeyName, Note};
use phiseal_format::{Cursor, EnvironmentId, write};
use phiseal_keys::{Error, ErrorKind, KeyStore};
use phiseal_primitives::Engine;

/// The custodians of a key store: its roster in force, and every one before, back to the first.
///
/// Each roster but the first is there because enough of the one before agreed to it: that is verified whenever they are loaded.
/// The SHA-256 of the first is kept outside of the key store, in a configuration, so that whoever can write the store, even
/// with its keys, cannot put custodians of his own in their place.
#[derive(Clone, Debug)]
pub struct Custodians {
    engine: &'static dyn Engine,
    first: Digest,
    rosters: Vec<(Roster, Option<Note>)>,
    revision: u64,
}

/// The most rosters that a key store keeps.
const MOST_ROSTERS: u16 = 64;
/// The longest text of a roster, and of a request with its signatures, in bytes.
const LONGEST: usize = 60_000;
const VERSION: u8 = 1;

impl Custodians {
    /// Those of the key store; `None` when it has none. `first` is the SHA-256 of the first roster, from the configuration.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Tampered`] when the first roster is not `first`, when there is none although `first` is given, and when a
    /// later one was not agreed to by the one before; and what the store answers.
    pub async fn load(store: &KeyStore, first: Option<Digest>) -> Result<Option<Self>, Error> {
        let tampered = |message| Err(Error::new(ErrorKind::Tampered, message));
        let Some(record) = store.roster().await? else {
            return match first {
                None => Ok(None),
                Some(_) => tampered("the key store has lost its roster of custodians"),
            };
        };
        let custodians = Self::parse(store.engine(), record.revision, &record.bytes)?;
        if custodians.environment() != store.environment() {
            return tampered("the roster is another key store's");
        }
        if first.is_some_and(|first| first != custodians.first) {
            return tampered("the first roster is not the one that the configuration names");
        }
        Ok(Some(custodians))
    }

    /// Puts the first roster in force. From then on no change of keys is made without it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when the key store has one already; [`ErrorKind::Invalid`] for one of another key store or one
    /// that is not the first; and what the store answers.
    pub async fn found(store: &KeyStore, roster: Roster) -> Result<Self, Error> {
        if roster.environment() != store.environment() || roster.number() != 1 {
            return Err(Error::new(ErrorKind::Invalid, "not a first roster of this key store"));
        }
        let first = roster.digest(store.engine());
        let founded =
            Self { engine: store.engine(), first, rosters: vec![(roster, None)], revision: 1 };
        store.set_roster(0, founded.to_bytes()?).await?;
        Ok(founded)
    }

    /// Puts `next` in force, which `approved` is about.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Denied`] when that is not what was approved; [`ErrorKind::Conflict`] when the roster changed meanwhile;
    /// [`ErrorKind::Exhausted`] after 64 rosters; and what the store answers.
    pub async fn replace(
        &self,
        store: &KeyStore,
        next: Roster,
        approved: &Approved,
    ) -> Result<Self, Error> {
        let is_it = approved.request().operation == Operation::Roster(next.digest(self.engine))
            && approved.roster_revision() == self.revision
            && next.follows(self.in_force(), self.engine);
        if !is_it {
            return Err(Error::new(ErrorKind::Denied, "this roster is not what was agreed to"));
        }
        if self.rosters.len() >= usize::from(MOST_ROSTERS) {
            return Err(Error::new(ErrorKind::Exhausted, "a key store has at most 64 rosters"));
        }
        let mut replaced = self.clone();
        replaced.rosters.push((next, Some(approved.note().clone())));
        replaced.revision = self.revision.saturating_add(1);
        store.set_roster(self.revision, replaced.to_bytes()?).await?;
        Ok(replaced)
    }

    /// The roster in force.
    #[must_use]
    pub fn in_force(&self) -> &Roster {
        // There always is one.
        &self.rosters[self.rosters.len() - 1].0
    }

    /// The SHA-256 of the first roster, to be kept in the configuration.
    #[must_use]
    pub const fn first(&self) -> Digest {
        self.first
    }

    /// The SHA-256 of the roster in force.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.in_force().digest(self.engine)
    }

    /// Asks for `next` to be put in force.
    ///
    /// # Errors
    ///
    /// As [`Request::new`].
    pub fn request_roster(
        &self,
        next: &Roster,
        requester: KeyName,
        requested: u64,
        holds: Duration,
    ) -> Result<Request, Error> {
        let operation = Operation::Roster(next.digest(self.engine));
        let environment = self.environment();
        let mut request = Request::of_no_keyset(
            self.engine,
            environment,
            operation,
            requester,
            requested,
            holds,
        )?;
        request.roster = Some(self.digest());
        Ok(request)
    }

    pub(super) const fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) const fn engine(&self) -> &'static dyn Engine {
        self.engine
    }

    pub(super) fn environment(&self) -> EnvironmentId {
        self.in_force().environment()
    }

    /// `0x01 | rosters u16 | { roster u16 + text | signed request u16 + text, nothing of the first }`.
    fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut out = vec![VERSION];
        write::push_u16(&mut out, u16::try_from(self.rosters.len()).unwrap_or(u16::MAX));
        for (roster, note) in &self.rosters {
            let note = note.as_ref().map(Note::to_string).unwrap_or_default();
            for text in [roster.to_string(), note] {
                if text.len() > LONGEST {
                    return Err(Error::new(ErrorKind::Invalid, "a roster is too long"));
                }
                write::push_prefixed_u16(&mut out, text.as_bytes())?;
            }
        }
        Ok(out)
    }

    fn parse(engine: &'static dyn Engine, revision: u64, bytes: &[u8]) -> Result<Self, Error> {
        let malformed = |message| Error::new(ErrorKind::Malformed, message);
        let mut cursor = Cursor::new(bytes);
        let (version, count) = (cursor.u8()?, cursor.u16()?);
        if version != VERSION || count == 0 || count > MOST_ROSTERS {
            return Err(malformed("rosters of an unknown format version, or none"));
        }
        let mut text = || -> Result<&str, Error> {
            core::str::from_utf8(cursor.prefixed_u16(LONGEST)?)
                .map_err(|_| malformed("a roster is not text"))
        };
        let roster = Roster::parse(text()?, engine)?;
        if roster.number() != 1 || !text()?.is_empty() {
            return Err(malformed("the first roster is not a first one"));
        }
        let first = roster.digest(engine);
        let mut custodians = Self { engine, first, rosters: vec![(roster, None)], revision };
        for _ in 1..count {
            let next = Roster::parse(text()?, engine)?;
            let note = Note::parse(text()?.as_bytes())?;
            if !custodians.agreed_to(&next, &note) {
                let message = "a roster is in force that the custodians before did not agree to";
                return Err(Error::new(ErrorKind::Tampered, message));
            }
            custodians.rosters.push((next, Some(note)));
        }
        cursor.finish()?;
        Ok(custodians)
    }

    /// Whether enough of the last roster have signed that `next` comes after it. When that was is not asked any more.
    fn agreed_to(&self, next: &Roster, note: &Note) -> bool {
        let Ok(request) = Request::parse(note.text()) else { return false };
        request.operation == Operation::Roster(next.digest(self.engine))
            && next.follows(self.in_force(), self.engine)
            && self.check_place(&request).is_ok()
            && self.check_signatures(&request, core::slice::from_ref(note)).is_ok()
    }

    pub(super) fn check_place(&self, request: &Request) -> Result<(), Refusal> {
        if request.environment != self.environment() {
            return Err(Refusal::Environment);
        }
        if request.roster != Some(self.digest()) {
            return Err(Refusal::Roster);
        }
        Ok(())
    }
}
