//! What a worker has claimed, while it works on it.

use super::work::{Claim, LEASE};
use super::{Event, Rotator, Step, Totals};
use crate::reseal::Watch;
use crate::{Digest, Finding};
use phiseal_keys::Error;

/// A claim, which is renewed while it is worked on.
pub(super) struct Held<'r> {
    pub(super) rotator: &'r Rotator<'r>,
    pub(super) id: Digest,
    pub(super) claim: Claim,
}

impl Held<'_> {
    /// Refuses to go on when somebody else has taken over.
    pub(super) fn keep(&mut self) -> Result<(), Error> {
        let now = self.rotator.now();
        if now.saturating_add(LEASE / 2) < self.claim.until {
            return Ok(());
        }
        let claim = &self.claim;
        let (_, renewed) =
            self.rotator.update(self.id, |journal| journal.work.renew(claim, now))?;
        self.claim = renewed;
        Ok(())
    }
}

/// What a part of a table tells while it is resealed.
pub(super) struct Watching<'w, 'r> {
    pub(super) table: &'w str,
    pub(super) held: &'w mut Held<'r>,
    pub(super) hear: &'w mut (dyn FnMut(Event<'_>) + Send),
    pub(super) done: &'w mut Totals,
}

impl Watch for Watching<'_, '_> {
    fn finding(&mut self, finding: Finding) {
        let count = self.done.findings.entry(finding.class.to_string()).or_default();
        *count = count.saturating_add(1);
        (self.hear)(Event::Finding { table: self.table, finding: &finding });
    }

    fn may_write(&mut self, changes: usize) -> Result<(), Error> {
        self.held.keep()?;
        if changes > 0 {
            (self.hear)(Event::Step(Step::Write));
        }
        Ok(())
    }

    fn rows(&mut self, rows: u64) {
        (self.hear)(Event::Resealed { table: self.table, rows });
    }
}
