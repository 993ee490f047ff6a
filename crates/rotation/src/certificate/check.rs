//! What no certificate may be like, whoever built it.

use super::{Approval, Certificate, Erasure, Operation};
use phiseal_keys::{Error, ErrorKind, Keyset};
use phiseal_primitives::Engine;
use std::collections::BTreeSet;

/// The most custodians that are named.
const MAX_APPROVERS: usize = 100;

impl Certificate {
    /// Refuses facts that contradict each other.
    pub(super) fn check(&self, engine: &dyn Engine) -> Result<(), Error> {
        Keyset::check_name(&self.domain)?;
        self.check_keys()?;
        self.check_approval(engine)?;
        self.check_erasure()?;
        let mut counted = self.counts.before.iter().chain(&self.counts.after);
        if !counted.all(|counted| counted.is_of_its_hash(engine)) {
            return Err(invalid("the hash of a census is not its hash"));
        }
        for counts in [&self.counts.before, &self.counts.after] {
            let tables: BTreeSet<_> = counts.iter().map(|it| &it.census().table).collect();
            if tables.len() != counts.len() {
                return Err(invalid("a table is counted twice"));
            }
        }
        self.log.as_ref().map_or(Ok(()), |log| log.checkpoint().map(drop))
    }

    fn check_keys(&self) -> Result<(), Error> {
        let versions = &self.keys.versions;
        if versions.len() > Keyset::MAX_VERSIONS {
            return Err(invalid("no domain has as many versions"));
        }
        if !versions.is_sorted_by(|one, next| one.number < next.number) {
            return Err(invalid("versions stand in ascending order, each once"));
        }
        let told = |number| self.version(number).is_some();
        let all_told = match &self.operation {
            Operation::Rotate { .. } => {
                told(self.keys.primary_before) && told(self.keys.primary_after)
            }
            Operation::Shred { .. } => true,
            Operation::Retire { version } | Operation::Destroy { version } => told(*version),
        };
        if all_told { Ok(()) } else { Err(invalid("the versions that the act is about are told")) }
    }

    /// Nobody is counted twice, under whatever name, and nobody acts alone unless the certificate says so.
    fn check_approval(&self, engine: &dyn Engine) -> Result<(), Error> {
        let Approval { requester, approvers, roster, single_custodian, .. } = &self.approval;
        let key = requester.checked(engine)?;
        let Some(roster) = roster else {
            let alone = *single_custodian && approvers.is_empty();
            return if alone { Ok(()) } else { Err(invalid("who approves is on a roster")) };
        };
        if *single_custodian {
            return Err(invalid("where there is a roster nobody acts alone"));
        }
        if approvers.len() > MAX_APPROVERS {
            return Err(invalid("at most 100 approvers are named"));
        }
        let mut names = BTreeSet::from([requester.name()]);
        let mut keys = BTreeSet::from([*key.public_key().as_bytes()]);
        for approver in approvers {
            let key = approver.checked(engine)?;
            let is_new = names.insert(approver.name()) & keys.insert(*key.public_key().as_bytes());
            if !is_new {
                return Err(invalid("somebody is named twice, or has another's key"));
            }
        }
        let there = u32::try_from(approvers.len()).unwrap_or(u32::MAX);
        if roster.threshold == 0 || there < roster.threshold || there >= roster.custodians {
            return Err(invalid(
                "fewer approvers than the threshold asks for, or more than there are",
            ));
        }
        Ok(())
    }

    fn check_erasure(&self) -> Result<(), Error> {
        let sound = match &self.erasure {
            Erasure::None {} => !self.operation.erases(),
            Erasure::Final { grounds } => self.operation.erases() && !grounds.is_empty(),
            Erasure::Pending { reasons } => self.operation.erases() && !reasons.is_empty(),
        };
        if sound {
            return Ok(());
        }
        Err(invalid("what destroys says whether the erasure is final, and why; nothing else does"))
    }
}

#[cold]
fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::Invalid, message)
}
