//! From an approved request to a new primary version, once, whoever else tries and wherever it is killed.

use super::rotate::{ATTEMPTS, Hear};
use super::{Event, Journal, Phase, Rotator, Step, Work, borders, cursor};
use crate::Digest;
use crate::custody::{Approved, Custodians, Operation, Refusal, Request};
use phiseal_keys::{Authority, Error, ErrorKind, KeyStore, Keyset};
use pollster::block_on;

impl Rotator<'_> {
    /// Writes down what there is, once.
    pub(super) fn begin(&mut self, approved: &Approved, hear: Hear<'_>) -> Result<(), Error> {
        let began = self.now();
        let keyset = self.keyset()?;
        if let Err(refused) = approved.check_keyset(self.store().engine(), &keyset) {
            // Unless this very request has changed it: by somebody who was quicker.
            return if self.load(approved.digest())?.is_some() { Ok(()) } else { Err(refused) };
        }
        let (before, borders) = match self.count(hear, |_| Ok(())) {
            // Somebody else was quicker, and has changed the keys meanwhile.
            Err(error)
                if error.kind() == ErrorKind::Conflict
                    && self.load(approved.digest())?.is_some() =>
            {
                return Ok(());
            }
            counted => counted?,
        };
        self.borders = Some(borders);
        let journal = Journal::new(approved, &keyset, began, before, Work::default());
        let _ = journal.room()?;
        hear(Event::Step(Step::Begin));
        match block_on(journal.save(self.store(), approved.digest(), 0)) {
            // Somebody else has begun it.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            written => written,
        }
    }

    /// Makes a new version the primary, once, whoever else tries.
    pub(super) fn switch(
        &self,
        id: Digest,
        journal: &Journal,
        custodians: Option<&Custodians>,
        hear: Hear<'_>,
    ) -> Result<(), Error> {
        let request = journal.request()?;
        let Operation::Rotate { compromised } = request.operation else {
            return Err(Error::new(ErrorKind::Malformed, "the journal is of something else"));
        };
        for _ in 0..ATTEMPTS {
            let keyset = self.keyset()?;
            if was_switched(&keyset, journal, id, self.store())? {
                hear(Event::Step(Step::Switched));
                return self.write_switched(id, journal);
            }
            let approved = match (journal.note()?, custodians) {
                (Some(note), Some(custodians)) => {
                    custodians.check(&request, &[note], Some(&keyset), self.now())
                }
                (None, None) => Approved::dangerous_single_custodian(
                    self.store().engine(),
                    &request,
                    Some(&keyset),
                    self.now(),
                ),
                (None, Some(_)) => Err(Refusal::Alone),
                (Some(_), None) => Err(Refusal::Roster),
            };
            if let Err(refusal) = &approved
                && is_final(refusal, &request, &keyset)
            {
                self.update(id, |journal| {
                    if journal.phase == Phase::Begun {
                        journal.phase = Phase::Expired;
                    }
                    Ok(())
                })?;
            }
            let approved = approved?;
            block_on(approved.check_keks(self.store()))?;
            hear(Event::Step(Step::Switch));
            match block_on(approved.changes(self.store()).rotate(&keyset, compromised)) {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                rotated => {
                    rotated?;
                }
            }
        }
        Err(Error::new(ErrorKind::Conflict, "the keyset changes each time it is read"))
    }

    fn write_switched(&self, id: Digest, begun: &Journal) -> Result<(), Error> {
        block_on(self.domain.refresh())?;
        let mut borders = vec![Vec::new(); self.holdings.len()];
        for ((holding, found), sealed) in
            self.holdings.iter().zip(self.borders.iter().flatten()).zip(&mut borders)
        {
            let table = holding.source.table().name();
            for key in found {
                sealed.push(block_on(cursor::seal(&self.domain, table, key))?);
            }
        }
        let borders = borders::fitting(borders, begun.room()?);
        let switched = self.now();
        self.update(id, |journal| {
            if journal.phase == Phase::Begun {
                (journal.phase, journal.switched) = (Phase::Switched, switched);
                journal.work = Work::of(borders.clone());
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// Whether a request that has not changed the keys so far never will.
fn is_final(refusal: &Refusal, request: &Request, keyset: &Keyset) -> bool {
    let before = request.keyset.as_ref().map(|before| before.revision);
    match refusal {
        Refusal::Expired(_) => true,
        // After a later change nothing tells whether this request had made the first one.
        Refusal::Keyset => before.and_then(|it| it.checked_add(1)) == Some(keyset.revision()),
        _ => false,
    }
}

/// Whether the change that the journal is about was made, by whoever it was.
fn was_switched(
    keyset: &Keyset,
    journal: &Journal,
    id: Digest,
    store: &KeyStore,
) -> Result<bool, Error> {
    let request = journal.request()?;
    let before = request.keyset.as_ref().map(|before| before.revision);
    let authority = match journal.note()? {
        Some(_) => Authority::Custodians { request: *id.as_bytes() },
        None => Authority::SingleCustodian { request: *id.as_bytes() },
    };
    Ok(keyset.environment() == store.environment()
        && keyset.authority() == authority
        && before.and_then(|before| before.checked_add(1)) == Some(keyset.revision())
        && keyset.primary() == journal.to)
}
