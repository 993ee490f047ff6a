use super::{Custodians, KeysetState, Refusal, Request};
use crate::Digest;
use phiseal_audit::note::{Note, VerifierKey};
use phiseal_keys::{Authority, Changes, Error, KeyStore, Keyset};
use phiseal_primitives::Engine;

/// A request that holds: enough custodians have signed it, for this key store, this keyset as it is, and now.
///
/// What changes the keyset changes what the request is about, and is done once. What is done already and asked for again, to erase
/// what is left and to certify it, may be done again until the request expires.
#[derive(Clone, Debug)]
pub struct Approved {
    request: Request,
    digest: Digest,
    note: Note,
    requester: Option<VerifierKey>,
    approvers: Vec<VerifierKey>,
    roster: u64,
}

/// By how much two machines' clocks may differ: five minutes, in seconds.
pub(crate) const SKEW: u64 = 300;

impl Custodians {
    /// Checks that `notes`, files of `request` that custodians have signed, are enough to do it now, in seconds since 1970;
    /// `keyset` is the one that it is about, as the key store holds it, and `None` where it is about none.
    ///
    /// One person counts once, whatever he signed how often, and the requester not at all.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub fn check(
        &self,
        request: &Request,
        notes: &[Note],
        keyset: Option<&Keyset>,
        now: u64,
    ) -> Result<Approved, Refusal> {
        self.check_place(request)?;
        check_sound(request)?;
        check_time(request, keyset, now)?;
        let (requester, approvers) = self.check_signatures(request, notes)?;
        check_keyset(self.engine(), request, keyset)?;
        let mut note = Note::new(&request.to_string()).map_err(|_| Refusal::OtherText)?;
        for signed in notes {
            note = note.merged(signed).map_err(|_| Refusal::OtherText)?;
        }
        Ok(Approved {
            digest: request.digest(self.engine()),
            request: request.clone(),
            note,
            requester: Some(requester),
            approvers,
            roster: self.revision(),
        })
    }

    /// The keys of the one who requested, and of those others who signed `request`, when they are enough; whatever became of
    /// what it was about.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub fn signers(
        &self,
        request: &Request,
        notes: &[Note],
    ) -> Result<(VerifierKey, Vec<VerifierKey>), Refusal> {
        self.check_place(request)?;
        self.check_signatures(request, notes)
    }

    /// The requester, and those others who have signed, when they are enough.
    pub(super) fn check_signatures(
        &self,
        request: &Request,
        notes: &[Note],
    ) -> Result<(VerifierKey, Vec<VerifierKey>), Refusal> {
        let roster = self.in_force();
        let requester = roster.custodian(request.requester.as_str()).ok_or(Refusal::Requester)?;
        let text = request.to_string();
        let mut signers: Vec<&VerifierKey> = Vec::new();
        for note in notes {
            if note.text() != text {
                return Err(Refusal::OtherText);
            }
            for key in note.verify(roster.custodians()).map_err(|_| Refusal::Forged)? {
                if !signers.contains(&key) {
                    signers.push(key);
                }
            }
        }
        if !signers.contains(&requester) {
            return Err(Refusal::Unsigned);
        }
        // The roster has each name and each key once.
        let approvers: Vec<_> =
            signers.into_iter().filter(|key| *key != requester).cloned().collect();
        let (there, needed) = (approvers.len(), roster.threshold());
        if there < needed {
            return Err(Refusal::Approvals { there, needed });
        }
        Ok((requester.clone(), approvers))
    }
}

impl Approved {
    /// The request of one custodian who acts alone, which nobody has approved.
    ///
    /// # Security
    ///
    /// For demonstrations, and for a key store that nobody else depends on. A key store that has a roster refuses it; every
    /// keyset that is changed so is marked for ever, and so is every certificate.
    ///
    /// # Errors
    ///
    /// [`Refusal`], for all but signatures.
    pub fn dangerous_single_custodian(
        engine: &dyn Engine,
        request: &Request,
        keyset: Option<&Keyset>,
        now: u64,
    ) -> Result<Self, Refusal> {
        if request.roster.is_some() {
            return Err(Refusal::Roster);
        }
        if keyset.is_some_and(|keyset| keyset.environment() != request.environment) {
            return Err(Refusal::Environment);
        }
        check_sound(request)?;
        check_time(request, keyset, now)?;
        check_keyset(engine, request, keyset)?;
        Ok(Self {
            digest: request.digest(engine),
            request: request.clone(),
            note: Note::new(&request.to_string()).map_err(|_| Refusal::OtherText)?,
            requester: None,
            approvers: Vec::new(),
            roster: 0,
        })
    }

    /// What was approved.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// The SHA-256 of the request.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The request with all signatures: the evidence, to be kept.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// The key of the one who requested; `None` where one custodian acts alone.
    #[must_use]
    pub const fn requester(&self) -> Option<&VerifierKey> {
        self.requester.as_ref()
    }

    /// The keys of those who agreed.
    #[must_use]
    pub fn approvers(&self) -> &[VerifierKey] {
        &self.approvers
    }

    /// Whether nobody but the one who does it has agreed.
    #[must_use]
    pub const fn is_single(&self) -> bool {
        self.requester.is_none()
    }

    /// What a keyset says of who agreed.
    #[must_use]
    pub const fn authority(&self) -> Authority {
        let request = *self.digest.as_bytes();
        if self.is_single() {
            Authority::SingleCustodian { request }
        } else {
            Authority::Custodians { request }
        }
    }

    /// Changes of keysets by those who agreed.
    #[must_use]
    pub const fn changes<'a>(&self, store: &'a KeyStore) -> Changes<'a> {
        store.changes(self.authority(), self.roster)
    }

    /// Refuses to do it to another keyset than the one that was agreed about, or to that one when it has changed since.
    ///
    /// # Errors
    ///
    /// [`Refusal::Keyset`], as an error.
    pub fn check_keyset(&self, engine: &dyn Engine, keyset: &Keyset) -> Result<(), Error> {
        Ok(check_keyset(engine, &self.request, Some(keyset))?)
    }

    /// Refuses to wrap keys under other KEKs than those of the request.
    ///
    /// # Errors
    ///
    /// [`Refusal::Keks`], as an error; and what the backends answer.
    pub async fn check_keks(&self, store: &KeyStore) -> Result<(), Error> {
        let keks =
            if self.request.operation.wraps() { store.wrapping_keks().await? } else { vec![] };
        if keks == self.request.keks { Ok(()) } else { Err(Refusal::Keks.into()) }
    }

    pub(super) const fn roster_revision(&self) -> u64 {
        self.roster
    }
}

fn check_sound(request: &Request) -> Result<(), Refusal> {
    if request.is_sound() { Ok(()) } else { Err(Refusal::Unsound) }
}

fn check_time(request: &Request, keyset: Option<&Keyset>, now: u64) -> Result<(), Refusal> {
    let now = now.saturating_mul(1_000);
    if now >= request.expires.as_millis() {
        return Err(Refusal::Expired(request.expires));
    }
    if now.saturating_add(SKEW * 1_000) < request.requested.as_millis() {
        return Err(Refusal::NotYet(request.requested));
    }
    // A clock that was put back would make an expired request hold again.
    let versions = keyset.map(Keyset::versions).unwrap_or_default().iter();
    let latest = versions.flat_map(|it| [Some(it.created()), it.activated(), it.replaced()]);
    let latest = latest.flatten().max().unwrap_or_default();
    if now.saturating_add(SKEW * 1_000) < latest.saturating_mul(1_000) {
        return Err(Refusal::Clock);
    }
    Ok(())
}

fn check_keyset(
    engine: &dyn Engine,
    request: &Request,
    keyset: Option<&Keyset>,
) -> Result<(), Refusal> {
    let now = keyset.map(|keyset| KeysetState::of(engine, keyset)).transpose();
    if now.ok() == Some(request.keyset.clone()) { Ok(()) } else { Err(Refusal::Keyset) }
}
