//! The facts of an act, for its certificate.

use super::{Ended, Journal};
use crate::Digest;
use crate::certificate::{
    Approval, Certificate, Counts, Erasure, Keys, LogHead, Operation as Act, Reason, RosterHead,
    Signatory, TableResealed, Times, Tool, Version,
};
use crate::custody::{Custodians, Operation};
use phiseal_audit::note::{Note, VerifierKey};
use phiseal_keys::{Erasure as Erased, Error, ErrorKind, KeyStore, Keyset, SubjectRecord};

/// Who did it, under whose eyes.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "what callers build")]
pub struct Circumstances<'a> {
    /// The key store's custodians; none where one works alone.
    pub custodians: Option<&'a Custodians>,
    /// The key of the one who acts, which stands for the requester where one works alone.
    pub actor: &'a VerifierKey,
    /// Up to where the audit log goes.
    pub log: Option<&'a LogHead>,
}

impl Journal {
    /// The certificate of this rotation, as far as it has come. `now` is the domain's keyset as it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when persons' keys are [left](Journal::persons_left), and when the roster is not the one under which it
    /// was approved any more; [`ErrorKind::Malformed`].
    pub fn certificate(
        &self,
        store: &KeyStore,
        now: &Keyset,
        circumstances: &Circumstances<'_>,
    ) -> Result<Certificate, Error> {
        let request = self.request()?;
        let Operation::Rotate { compromised } = request.operation else {
            return Err(Error::new(ErrorKind::Invalid, "the journal is of something else"));
        };
        if self.persons_left > 0 {
            let message = "persons' keys are left under older versions, which no certificate would tell: go on first";
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let approval = approval(store, self.note()?.as_ref(), &request, circumstances)?;
        // The rotation made one version and compromised others; what their states were is in no record but this.
        let versions = now
            .versions()
            .iter()
            .filter(|version| compromised || [self.from, self.to].contains(&version.number()));
        let versions = versions.map(|version| {
            let before = (version.number() != self.to).then_some(version);
            let mut told = Version::new(before, version);
            if version.number() == self.from {
                told.state_before = Some(self.state_before);
            }
            told
        });
        let keys = Keys {
            primary_before: self.from,
            primary_after: now.primary(),
            versions: versions.collect(),
        };
        // The tables are counted each by itself, and resealed by all workers together.
        let resealed = vec![TableResealed::from(self.totals())];
        let ended = if self.ended > 0 { self.ended } else { store.clock().wall() };
        let requested = request.requested.as_millis() / 1_000;
        Ok(Certificate {
            operation: Act::Rotate { compromised },
            environment: now.environment(),
            domain: now.name().to_owned(),
            domain_id: now.domain(),
            times: Times { requested, approved: None, began: self.began, ended },
            keys,
            approval,
            counts: Counts { before: self.before.clone(), resealed, after: self.after.clone() },
            erasure: Erasure::None {},
            tool: Tool::new(store.engine()),
            log: circumstances.log.cloned(),
        })
    }
}

impl Ended {
    /// The certificate of the end of a version, or of a person's keys; `person` is that person's record afterwards. Of keys that
    /// were wrapped anew there is none: nothing ended.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for such, when `note` is of another request, when a person's record is missing, and when the roster is not the one under which it was
    /// approved any more.
    pub fn certificate(
        &self,
        store: &KeyStore,
        note: &Note,
        person: Option<&SubjectRecord>,
        circumstances: &Circumstances<'_>,
    ) -> Result<Certificate, Error> {
        let request = crate::custody::Request::parse(note.text())?;
        let invalid = |message| Error::new(ErrorKind::Invalid, message);
        if request.digest(store.engine()) != self.request {
            return Err(invalid("it was done because of another request"));
        }
        let (operation, number) = match request.operation {
            Operation::Retire(version) => (Act::Retire { version }, Some(version)),
            Operation::Destroy(version) => (Act::Destroy { version }, Some(version)),
            Operation::Shred(tag) => {
                let record =
                    person.ok_or_else(|| invalid("whose keys were destroyed is not told"))?;
                let keys = record.gone().iter().map(|id| Digest::from_bytes(*id.as_bytes()));
                let shredded = record.current().is_err() && record.tag() == tag;
                (Act::Shred { person: tag, keys: keys.collect(), shredded }, None)
            }
            _ => return Err(invalid("nothing ended")),
        };
        let approval = approval(store, Some(note), &request, circumstances)?;
        let versions =
            self.after.versions().iter().filter(|version| Some(version.number()) == number);
        let versions = versions.map(|version| {
            let before = self.before.version(version.number());
            Version::new(before, version)
        });
        let keys = Keys {
            primary_before: self.before.primary(),
            primary_after: self.after.primary(),
            versions: versions.collect(),
        };
        // Backups of the key store are not known here: that they have expired is for the custodians to say.
        let erasure = match self.erasure {
            Some(_) if !request.grounds.is_empty() => {
                Erasure::Final { grounds: request.grounds.clone() }
            }
            None => Erasure::None {},
            Some(Erased::Done) => Erasure::Pending { reasons: vec![Reason::Backups] },
            Some(_) => Erasure::Pending { reasons: vec![Reason::WriteAheadLog, Reason::Backups] },
        };
        Ok(Certificate {
            operation,
            environment: self.after.environment(),
            domain: self.after.name().to_owned(),
            domain_id: self.after.domain(),
            times: Times {
                requested: request.requested.as_millis() / 1_000,
                approved: None,
                began: self.began,
                ended: self.ended,
            },
            keys,
            approval,
            counts: Counts {
                before: if self.counted.is_empty() { Vec::new() } else { self.counted.clone() },
                resealed: Vec::new(),
                after: self.counted.clone(),
            },
            erasure,
            tool: Tool::new(store.engine()),
            log: circumstances.log.cloned(),
        })
    }
}

fn approval(
    store: &KeyStore,
    note: Option<&Note>,
    request: &crate::custody::Request,
    circumstances: &Circumstances<'_>,
) -> Result<Approval, Error> {
    let engine = store.engine();
    let signatory = |key: &VerifierKey| Signatory::new(key.name(), key);
    let Some(custodians) = circumstances.custodians else {
        return Ok(Approval {
            requester: signatory(circumstances.actor),
            approvers: Vec::new(),
            request: request.digest(engine),
            roster: None,
            single_custodian: true,
        });
    };
    let notes = note.map(core::slice::from_ref).unwrap_or_default();
    let (requester, approvers) = custodians.signers(request, notes)?;
    Ok(Approval {
        requester: signatory(&requester),
        approvers: approvers.iter().map(signatory).collect(),
        request: request.digest(engine),
        roster: Some(RosterHead::new(custodians.in_force(), engine)),
        single_custodian: false,
    })
}
