//! What no certificate may be like, whoever built it.

use super::{Certificate, Erasure, Operation};
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
        let all_told = match self.operation {
            Operation::Rotate { .. } => {
                told(self.keys.primary_before) && told(self.keys.primary_after)
            }
            Operation::Shred { wrapped_by, .. } => told(wrapped_by),
            Operation::Retire { version } | Operation::Destroy { version } => told(version),
        };
        if all_told { Ok(()) } else { Err(invalid("the versions that the act is about are told")) }
    }

    /// Nobody is counted twice, under whatever name, and nobody acts alone unless the certificate says so.
    fn check_approval(&self, engine: &dyn Engine) -> Result<(), Error> {
        let approval = &self.approval;
        if approval.approvers.len() > MAX_APPROVERS {
            return Err(invalid("at most 100 approvers are named"));
        }
        let (mut names, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for approver in &approval.approvers {
            let key = approver.checked(engine)?;
            let is_new = names.insert(approver.name()) & keys.insert(*key.public_key().as_bytes());
            if !is_new {
                return Err(invalid("an approver is named twice, or has another's key"));
            }
        }
        let requester = approval.requester.checked(engine)?;
        names.insert(approval.requester.name());
        keys.insert(*requester.public_key().as_bytes());
        if approval.threshold > approval.custodians {
            return Err(invalid("no more approvals are needed than there are custodians"));
        }
        if approval.single_custodian {
            return Ok(());
        }
        let people = u32::try_from(names.len().min(keys.len())).unwrap_or(u32::MAX);
        if people < 2 || people < approval.threshold || approval.threshold == 0 {
            return Err(invalid(
                "fewer people than the threshold asks for, and no single custodian",
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
