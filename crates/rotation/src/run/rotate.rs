use super::held::{Held, Watching};
use super::holding::check_domain;
use super::work::{Claim, Item};
use super::{Event, Holding, Journal, Phase, Step, Totals, Worker, cursor};
use crate::Digest;
use crate::certificate::Counted;
use crate::custody::{Approved, Custodians, Operation};
use crate::reseal::{Part, reseal_part};
use crate::source::RowKey;
use crate::{Census, Pace};
use core::time::Duration;
use phiseal_envelope::Domain;
use phiseal_keys::{Error, ErrorKind, KeyState, KeyStore, KeyVersion, Keyset, Renewal};
use pollster::block_on;
use std::sync::Arc;
use std::thread;

/// Rotates the keys of one domain over all holdings where its values are, as custodians agreed.
///
/// Several may do so at once, each in a process of its own, on several machines: each takes what nobody does, holds it by a
/// lease in the key store, and goes on with what a dead one has left. None of them needs the others. Blocks.
#[derive(Debug)]
pub struct Rotator<'a> {
    pub(super) domain: Domain,
    pub(super) holdings: &'a [Holding],
    pace: Pace,
    worker: Worker,
    /// Where the tables can be divided, when this process has counted them.
    pub(super) borders: Option<Vec<Vec<RowKey>>>,
}

/// The most borders that a journal holds.
const MOST_BORDERS: usize = 2_048;
/// How often everything is gone through before it is left to a later call.
const PASSES: u32 = 3;
/// How often a journal that others write is read again.
pub(super) const ATTEMPTS: usize = 1_000;

pub(super) type Hear<'h> = &'h mut (dyn FnMut(Event<'_>) + Send);

impl<'a> Rotator<'a> {
    /// Over these holdings, which are all where values of the domain are.
    #[must_use]
    pub fn new(domain: Domain, holdings: &'a [Holding], pace: Pace) -> Self {
        Self { domain, holdings, pace, worker: Worker::this(), borders: None }
    }

    /// Begins what was approved, or joins whoever has begun it, and does it to the end. The journal that is returned says how
    /// far it came: it is [`Phase::Done`] when nothing is left under an older version.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Denied`] with a [`Refusal`](crate::custody::Refusal); [`ErrorKind::Invalid`] for a request of something else, and for holdings without
    /// a column of the domain; [`ErrorKind::Conflict`] when the domain's keys changed meanwhile; and what sources, key store and backends answer. What was done stays done,
    /// and [`Rotator::resume`] goes on.
    ///
    /// `hear` is called on this thread or another one, which waits until it has heard.
    pub fn run(
        &mut self,
        approved: &Approved,
        custodians: Option<&Custodians>,
        hear: Hear<'_>,
    ) -> Result<Journal, Error> {
        let Operation::Rotate { .. } = approved.request().operation else {
            return Err(Error::new(ErrorKind::Invalid, "the request is for something else"));
        };
        check_domain(self.holdings, &self.domain)?;
        let id = approved.digest();
        if self.load(id)?.is_none() {
            self.begin(approved, hear)?;
        }
        self.resume(id, custodians, hear)
    }

    /// Goes on with the run of the request of this SHA-256, after a crash or beside others.
    ///
    /// # Errors
    ///
    /// As [`Rotator::run`]; [`ErrorKind::NotFound`] when it was not begun; [`ErrorKind::Invalid`] over other holdings, or in another
    /// order, than those that it was begun over.
    pub fn resume(
        &mut self,
        id: Digest,
        custodians: Option<&Custodians>,
        hear: Hear<'_>,
    ) -> Result<Journal, Error> {
        let (journal, _) = self.journal(id)?;
        self.check_holdings(&journal)?;
        if journal.phase == Phase::Begun {
            self.switch(id, &journal, custodians, hear)?;
        }
        block_on(self.domain.refresh())?;
        let (journal, ()) = self.update(id, |journal| {
            // Everything was gone through, and something was left.
            if journal.phase == Phase::Switched && journal.work.is_done() {
                journal.work.again();
            }
            Ok(())
        })?;
        if !self.borders_open(&journal)? {
            self.update(id, |journal| {
                journal.work.undivided();
                Ok(())
            })?;
        }
        let domain = block_on(self.domain.id())?;
        let (mut passes, mut stuck) = (0, None);
        loop {
            let now = self.now();
            let (journal, claim) =
                self.update(id, |journal| Ok(journal.work.claim(&self.worker, now)))?;
            match claim {
                Some(claim) => stuck = self.work(id, &journal, &claim, hear)?.or(stuck),
                None if journal.phase != Phase::Switched => return Ok(journal),
                None if journal.work.is_done() => {
                    passes += 1;
                    if passes >= PASSES && journal.is_at_its_end(&domain) {
                        // What an index could not be mended of is told, and not waited for.
                        let ended = self.now();
                        self.update(id, |journal| {
                            if journal.phase == Phase::Switched && journal.work.is_done() {
                                journal.end(ended);
                            }
                            Ok(())
                        })?;
                        continue;
                    }
                    if passes >= PASSES || !journal.may_be_helped(&domain) {
                        // All else is done. Why somebody's keys are left is worth more than that they are.
                        let why = stuck.filter(|_| journal.persons_left > 0);
                        return why.map_or(Ok(journal), Err);
                    }
                    self.update(id, |journal| {
                        if journal.work.is_done() && journal.phase == Phase::Switched {
                            journal.work.again();
                        }
                        Ok(())
                    })?;
                }
                None => {
                    hear(Event::Step(Step::Wait));
                    thread::sleep(Duration::from_millis(200));
                }
            }
        }
    }

    /// Refuses to go on over other holdings than those that it was begun over: what is left out would not be counted.
    fn check_holdings(&self, journal: &Journal) -> Result<(), Error> {
        let begun = journal.before.iter().map(Counted::census);
        let mut pairs = self.holdings.iter().zip(begun);
        if self.holdings.len() == journal.before.len() && pairs.all(|(here, it)| here.is_of(it)) {
            return check_domain(self.holdings, &self.domain);
        }
        Err(Error::new(ErrorKind::Invalid, "the run was begun over other holdings"))
    }

    /// Whether the borders can be had. They are sealed under the version that the run made, which a later rotation may have
    /// replaced, and somebody destroyed, while this one was left half done.
    fn borders_open(&self, journal: &Journal) -> Result<bool, Error> {
        for (place, sealed) in journal.work.some_borders() {
            let Some(holding) = self.holdings.get(place) else { continue };
            let table = holding.source.table().name();
            match block_on(cursor::open(&self.domain, table, sealed)) {
                Ok(_) => {}
                Err(error) if error.is_retryable() => return Err(error),
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Does one thing that was claimed. What fails is given back, so that nobody waits for it. Answers with what keeps somebody's
    /// keys where they are.
    fn work(
        &self,
        id: Digest,
        journal: &Journal,
        claim: &Claim,
        hear: Hear<'_>,
    ) -> Result<Option<Error>, Error> {
        let (mut stuck, mut held) = (None, Held { rotator: self, id, claim: claim.clone() });
        let mut done = Totals::default();
        let mut after = None;
        let outcome = match claim.item {
            Item::Persons => {
                hear(Event::Step(Step::Persons));
                self.persons(journal, &mut held).map(|it| (done.persons, stuck) = it)
            }
            Item::Part(place, part) => {
                hear(Event::Step(Step::Reseal));
                self.part(journal, (place, part), &mut held, &mut done, hear)
            }
            Item::Count => {
                hear(Event::Step(Step::CountAgain));
                self.count(hear, |_| held.keep()).and_then(|(counted, _)| {
                    after = Some((counted, self.persons_left(journal)?));
                    Ok(())
                })
            }
        };
        if let Err(error) = outcome {
            let released = self.update(id, |journal| {
                journal.work.release(claim);
                Ok(())
            });
            // What is to be told is why it failed.
            drop(released);
            return Err(error);
        }
        hear(Event::Step(if after.is_some() { Step::End } else { Step::Finish }));
        let (ended, domain) = (self.now(), block_on(self.domain.id())?);
        let (journal, ()) = self.update(id, |journal| {
            journal.work.finish(claim, &done)?;
            if let Some((after, persons_left)) = &after {
                journal.after.clone_from(after);
                journal.persons_left = *persons_left;
                if journal.is_at_its_end(&domain) && !journal.may_be_helped(&domain) {
                    journal.end(ended);
                }
            }
            Ok(())
        })?;
        hear(Event::Done(journal.totals()));
        Ok(stuck)
    }

    /// Persons' keys under the new version; new ones where those before are in wrong hands. How many, and why not all: one person
    /// who has too many keys, or whose keys cannot be had, does not keep all values where they are.
    fn persons(
        &self,
        journal: &Journal,
        held: &mut Held<'_>,
    ) -> Result<(u64, Option<Error>), Error> {
        held.keep()?;
        let (mut persons, mut stuck) = (0, None);
        let mut or_stuck = |outcome: Result<u64, Error>| match outcome {
            Ok(done) => {
                persons += done;
                Ok(())
            }
            // All others were seen to.
            Err(error) if matches!(error.kind(), ErrorKind::Exhausted | ErrorKind::State) => {
                stuck.get_or_insert(error);
                Ok(())
            }
            Err(error) => Err(error),
        };
        if journal.request()?.operation == (Operation::Rotate { compromised: true }) {
            let keyset = self.keyset()?;
            let compromised = keyset.versions().iter();
            let compromised = compromised.filter(|it| it.state() == KeyState::Compromised);
            let versions: Vec<u32> = compromised.map(KeyVersion::number).collect();
            let renewed = block_on(self.domain.renew_subjects(&versions, Renewal::Compromised));
            or_stuck(renewed.map(|it| it.renewed))?;
            held.keep()?;
        }
        or_stuck(block_on(self.domain.rewrap_subjects()).map(|it| it.rewrapped))?;
        Ok((persons, stuck))
    }

    /// How many persons' keys are not as they should be: somebody made them while the keys were switched.
    fn persons_left(&self, journal: &Journal) -> Result<u64, Error> {
        let renewed = journal.request()?.operation == (Operation::Rotate { compromised: true });
        block_on(self.store().subjects_behind(&self.keyset()?, renewed))
    }

    fn part(
        &self,
        journal: &Journal,
        (place, part): (usize, usize),
        held: &mut Held<'_>,
        done: &mut Totals,
        hear: Hear<'_>,
    ) -> Result<(), Error> {
        let no_holding = || Error::new(ErrorKind::Invalid, "the run was begun over other holdings");
        let of = self.holdings.get(place).ok_or_else(no_holding)?;
        let table = of.source.table().name();
        let open = |sealed: Option<&String>| {
            sealed.map(|sealed| block_on(cursor::open(&self.domain, table, sealed))).transpose()
        };
        let [after, until] = journal.work.part(place, part);
        let part = Part { after: open(after)?, until: open(until)? };
        let mut watch = Watching { table, held, hear, done };
        let resealed = reseal_part(&*of.source, &of.columns, &part, self.pace, &mut watch)?;
        done.rows = resealed.rows;
        done.written = resealed.written;
        done.values = resealed.values;
        done.entries = resealed.entries;
        done.overtaken = resealed.overtaken;
        Ok(())
    }

    pub(super) fn count(
        &self,
        hear: Hear<'_>,
        mut may_go_on: impl FnMut(&Self) -> Result<(), Error>,
    ) -> Result<(Vec<Counted>, Vec<Vec<RowKey>>), Error> {
        hear(Event::Step(Step::Count));
        let most = MOST_BORDERS / self.holdings.len().max(1);
        let (mut counted, mut borders) = (Vec::new(), Vec::new());
        for holding in self.holdings {
            let (census, found): (Census, _) = holding.count(most, hear, || may_go_on(self))?;
            counted.push(Counted::new(census, self.store().engine()));
            borders.push(found);
        }
        Ok((counted, borders))
    }

    /// Changes the journal, whoever else does.
    pub(super) fn update<T>(
        &self,
        id: Digest,
        mut change: impl FnMut(&mut Journal) -> Result<T, Error>,
    ) -> Result<(Journal, T), Error> {
        for attempt in 0..ATTEMPTS {
            let (mut journal, revision) = self.journal(id)?;
            let before = journal.clone();
            let changed = change(&mut journal)?;
            if journal == before {
                return Ok((journal, changed));
            }
            match block_on(journal.save(self.store(), id, revision)) {
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    thread::sleep(Duration::from_micros(u64::try_from(attempt).unwrap_or(0) * 100));
                }
                saved => return saved.map(|()| (journal, changed)),
            }
        }
        Err(Error::new(ErrorKind::Conflict, "the journal changes each time it is read"))
    }

    fn journal(&self, id: Digest) -> Result<(Journal, u64), Error> {
        let none = || Error::new(ErrorKind::NotFound, "no run of this request was begun");
        self.load(id)?.ok_or_else(none)
    }

    pub(super) fn load(&self, id: Digest) -> Result<Option<(Journal, u64)>, Error> {
        block_on(Journal::load(self.store(), id))
    }

    pub(super) fn keyset(&self) -> Result<Keyset, Error> {
        block_on(self.store().keyset(self.domain.name()))
    }

    pub(super) fn store(&self) -> &Arc<KeyStore> {
        self.domain.key_store()
    }

    pub(super) fn now(&self) -> u64 {
        self.store().clock().wall()
    }
}
