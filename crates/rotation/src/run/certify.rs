//! The facts of an act, for its certificate.

use super::{Ended, Journal};
use crate::certificate::{
    Approval, Certificate, Counts, Erasure, Keys, LogHead, Operation as Act, Reason, Signatory,
    TableResealed, Times, Tool, Version,
};
use crate::custody::{Custodians, Operation};
use crate::{Digest, Resealed};
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
    /// [`ErrorKind::Invalid`] when the roster is not the one under which it was approved any more; [`ErrorKind::Malformed`].
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
        let approval = approval(store, self.note()?.as_ref(), &request, circumstances)?;
        // The rotation made one version and compromised others; what their states were is in no record but this.
        let versions = now
            .versions()
            .iter()
            .filter(|version| compromised || [self.from, self.to].contains(&version.number()));
        let versions = versions.map(|version| {
            let before = (version.number() != self.to).then_some(version);
            let mut told = Version::new(before, version, version.activated(), version.replaced());
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
        let totals = self.totals();
        // The tables are counted each by itself, and resealed by all workers together.
        let table = match self.before.as_slice() {
            [one] => one.census().table.clone(),
            _ => "all tables".to_owned(),
        };
        let done = Resealed {
            rows: totals.rows,
            written: totals.written,
            values: totals.values,
            overtaken: totals.overtaken,
        };
        let resealed = vec![TableResealed::new(&table, done)];
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
    /// [`ErrorKind::Invalid`] for such, when a person's record is missing, and when the roster is not the one under which it was
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
        let (operation, number) = match request.operation {
            Operation::Retire(version) => (Act::Retire { version }, Some(version)),
            Operation::Destroy(version) => (Act::Destroy { version }, Some(version)),
            Operation::Shred(tag) => {
                let record =
                    person.ok_or_else(|| invalid("whose keys were destroyed is not told"))?;
                let gone = record.gone().last();
                let key_id = gone.map_or([0; 32], |id| *id.as_bytes());
                let shredded = record.current().is_err() && record.tag() == tag;
                let wrapped_by = self.before.primary();
                let key_id = Digest::from_bytes(key_id);
                (Act::Shred { person: tag, key_id, wrapped_by, shredded }, None)
            }
            _ => return Err(invalid("nothing ended")),
        };
        let approval = approval(store, Some(note), &request, circumstances)?;
        let versions =
            self.after.versions().iter().filter(|version| Some(version.number()) == number);
        let versions = versions.map(|version| {
            let before = self.before.version(version.number());
            Version::new(before, version, version.activated(), version.replaced())
        });
        let keys = Keys {
            primary_before: self.before.primary(),
            primary_after: self.after.primary(),
            versions: versions.collect(),
        };
        // Backups of the key store are not known here; nobody has said that they have expired.
        let erasure = match self.erasure {
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
    let request_hash = request.digest(store.engine());
    let signatory = |key: &VerifierKey| Signatory::new(key.name(), key);
    let Some(custodians) = circumstances.custodians else {
        return Ok(Approval {
            requester: signatory(circumstances.actor),
            approvers: Vec::new(),
            threshold: 0,
            custodians: 1,
            roster: 0,
            roster_hash: Digest::from_bytes([0; 32]),
            request_hash,
            single_custodian: true,
        });
    };
    let notes = note.map(core::slice::from_ref).unwrap_or_default();
    let (requester, approvers) = custodians.signers(request, notes)?;
    let roster = custodians.in_force();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(Approval {
        requester: signatory(&requester),
        approvers: approvers.iter().map(signatory).collect(),
        threshold: count(roster.threshold()),
        custodians: count(roster.custodians().len()),
        roster: roster.number().into(),
        roster_hash: custodians.digest(),
        request_hash,
        single_custodian: false,
    })
}
