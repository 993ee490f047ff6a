//! What is left to do of a run, and who does it: leases with fences, as a journal keeps them.

use super::worker::Worker;
use phiseal_keys::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is left to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Work {
    /// How often everything has been gone through, this time included.
    pub(super) pass: u32,
    /// For each holding the sealed keys at which one part ends and the next one begins.
    pub(super) borders: Vec<Vec<String>>,
    left: Vec<Item>,
    claims: Vec<Claim>,
    /// How often something has been claimed.
    fence: u64,
    totals: Totals,
}

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Item {
    /// The keys of all persons.
    Persons,
    /// One part of one holding.
    Part(usize, usize),
    /// A count of everything, when all else is done.
    Count,
}

/// That somebody does something, until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    pub(super) item: Item,
    worker: String,
    /// Higher than that of every claim before: who holds an older one has lost it.
    pub(super) fence: u64,
    /// In seconds since 1970.
    pub(super) until: u64,
}

/// What was done, by all workers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Totals {
    /// Rows that were read.
    pub rows: u64,
    /// Rows that were written.
    pub written: u64,
    /// Values that were made anew.
    pub values: u64,
    /// How many of them are entries of indexes, or deterministic tokens: the others were sealed anew.
    #[serde(default)]
    pub entries: u64,
    /// Rows that somebody else wrote in between, and that were read again.
    pub overtaken: u64,
    /// Persons whose keys were made anew or wrapped anew.
    pub persons: u64,
    /// Values that could not be resealed, by class.
    pub findings: BTreeMap<String, u64>,
}

/// How long a claim holds without being renewed, in seconds.
pub(super) const LEASE: u64 = 30;

impl Work {
    /// Everything, in parts that end at `borders`.
    pub(super) fn of(borders: Vec<Vec<String>>) -> Self {
        let mut work = Self { borders, ..Self::default() };
        work.again();
        work
    }

    /// The borders of a part: the sealed keys after which it begins and with which it ends.
    pub(super) fn part(&self, place: usize, part: usize) -> [Option<&String>; 2] {
        let borders = self.borders.get(place).map(Vec::as_slice).unwrap_or_default();
        [part.checked_sub(1).and_then(|before| borders.get(before)), borders.get(part)]
    }

    /// One border of each holding that has some, of those that are still needed, with its place.
    pub(super) fn some_borders(&self) -> impl Iterator<Item = (usize, &String)> {
        let is_needed = self.left.iter().any(|item| matches!(item, Item::Part(..)));
        let needed = self.borders.iter().take(if is_needed { usize::MAX } else { 0 });
        needed.enumerate().filter_map(|(place, borders)| Some((place, borders.first()?)))
    }

    /// Everything once more, each holding in one part, if any is in more.
    pub(super) fn undivided(&mut self) {
        if self.borders.iter().any(|borders| !borders.is_empty()) {
            self.borders.iter_mut().for_each(Vec::clear);
            self.again();
        }
    }

    /// What nobody needs any more when it is done.
    pub(super) fn forget_borders(&mut self) {
        self.borders.clear();
    }

    /// Everything once more.
    pub(super) fn again(&mut self) {
        self.pass = self.pass.saturating_add(1);
        let parts = self.borders.iter().enumerate().flat_map(|(place, borders)| {
            (0..=borders.len()).map(move |part| Item::Part(place, part))
        });
        self.left = [Item::Persons].into_iter().chain(parts).chain([Item::Count]).collect();
        self.claims.clear();
        // What could not be done then is found again.
        self.totals.findings.clear();
    }

    /// Something that nobody does, which `worker` does from `now` on; `None` when others do all that can be done now.
    pub(super) fn claim(&mut self, worker: &Worker, now: u64) -> Option<Claim> {
        self.claims.retain(|claim| claim.until > now && !claim.is_abandoned());
        let is_free = |item: &&Item| !self.claims.iter().any(|claim| claim.item == **item);
        // Persons first: values under their keys need them. The count when nothing else is left.
        let item = match self.left.as_slice() {
            [first @ Item::Persons, ..] => Some(*first).filter(|item| is_free(&item)),
            [only] => Some(*only).filter(|item| is_free(&item)),
            left => left.iter().filter(|item| **item != Item::Count).find(is_free).copied(),
        }?;
        self.fence = self.fence.saturating_add(1);
        let until = now.saturating_add(LEASE);
        let claim = Claim { item, worker: worker.to_string(), fence: self.fence, until };
        self.claims.push(claim.clone());
        Some(claim)
    }

    /// Lets a claim hold for longer.
    pub(super) fn renew(&mut self, claim: &Claim, now: u64) -> Result<Claim, Error> {
        let held = self.held(claim)?;
        held.until = now.saturating_add(LEASE);
        Ok(held.clone())
    }

    /// What was claimed is done.
    pub(super) fn finish(&mut self, claim: &Claim, done: &Totals) -> Result<(), Error> {
        self.held(claim)?;
        self.claims.retain(|other| other.fence != claim.fence);
        self.left.retain(|item| *item != claim.item);
        self.totals.add(done);
        Ok(())
    }

    /// What was claimed is not done, and others may.
    pub(super) fn release(&mut self, claim: &Claim) {
        self.claims.retain(|other| other.fence != claim.fence);
    }

    pub(super) fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    pub(super) const fn totals(&self) -> &Totals {
        &self.totals
    }

    fn held(&mut self, claim: &Claim) -> Result<&mut Claim, Error> {
        let held = self.claims.iter_mut().find(|other| other.fence == claim.fence);
        held.ok_or_else(|| Error::new(ErrorKind::Stale, "another worker has taken this over"))
    }
}

impl Claim {
    fn is_abandoned(&self) -> bool {
        self.worker.parse::<Worker>().is_ok_and(|worker| worker.is_gone())
    }
}

impl Totals {
    pub(super) fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.rows, other.rows),
            (&mut self.written, other.written),
            (&mut self.values, other.values),
            (&mut self.entries, other.entries),
            (&mut self.overtaken, other.overtaken),
            (&mut self.persons, other.persons),
        ] {
            *sum = sum.saturating_add(more);
        }
        for (class, count) in &other.findings {
            let sum = self.findings.entry(class.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker() -> Worker {
        Worker::this()
    }

    #[test]
    fn each_thing_is_done_by_one_and_the_count_comes_last() {
        let mut work = Work::of(vec![vec!["b".to_owned()], vec![]]);
        let persons = work.claim(&worker(), 100).unwrap();
        assert_eq!(persons.item, Item::Persons);
        assert_eq!(work.claim(&worker(), 100), None, "values wait for persons");
        work.finish(&persons, &Totals::default()).unwrap();
        let parts: Vec<_> = (0..3).map(|_| work.claim(&worker(), 100).unwrap()).collect();
        let items: Vec<_> = parts.iter().map(|claim| claim.item).collect();
        assert_eq!(items, [Item::Part(0, 0), Item::Part(0, 1), Item::Part(1, 0)]);
        assert_eq!(work.claim(&worker(), 100), None);
        for claim in &parts[1..] {
            work.finish(claim, &Totals { rows: 5, ..Totals::default() }).unwrap();
        }
        assert_eq!(work.claim(&worker(), 100), None, "one part is not done yet");
        work.finish(&parts[0], &Totals::default()).unwrap();
        let count = work.claim(&worker(), 100).unwrap();
        assert_eq!(count.item, Item::Count);
        work.finish(&count, &Totals::default()).unwrap();
        assert!(work.is_done());
        assert_eq!(work.totals().rows, 10);
    }

    #[test]
    fn without_borders_each_holding_is_one_part() {
        let mut work = Work::of(vec![vec!["b".to_owned(), "d".to_owned()], vec![]]);
        assert_eq!(work.some_borders().collect::<Vec<_>>(), [(0, &"b".to_owned())]);
        let persons = work.claim(&worker(), 100).unwrap();
        work.undivided();
        assert!(work.finish(&persons, &Totals::default()).is_err(), "who was at it has lost it");
        let parts = [Item::Part(0, 0), Item::Part(1, 0)];
        assert_eq!(work.left, [&[Item::Persons], &parts[..], &[Item::Count]].concat());
        assert_eq!((work.part(0, 0), work.some_borders().count()), ([None, None], 0));
        let before = work.clone();
        work.undivided();
        assert_eq!(work, before, "once is enough");
    }

    #[test]
    fn who_lost_a_claim_can_neither_renew_nor_finish_it() {
        let mut work = Work::of(vec![]);
        let slow = work.claim(&worker(), 100).unwrap();
        assert_eq!(work.claim(&worker(), 100 + LEASE - 1), None);
        let renewed = work.renew(&slow, 110).unwrap();
        assert_eq!(renewed.until, 110 + LEASE);
        assert_eq!(work.claim(&worker(), 110 + LEASE - 1), None, "it was renewed");
        let quick = work.claim(&worker(), 110 + LEASE).unwrap();
        assert_eq!((quick.item, quick.fence), (slow.item, slow.fence + 1));
        for refused in [
            work.renew(&slow, 120).map(drop),
            work.finish(&slow, &Totals { rows: 7, ..Totals::default() }),
        ] {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Stale);
        }
        assert_eq!(work.totals().rows, 0);
        work.finish(&quick, &Totals::default()).expect("the control");
    }

    #[test]
    fn what_is_released_or_was_held_by_a_process_that_is_gone_is_free_at_once() {
        let mut work = Work::of(vec![]);
        let claim = work.claim(&worker(), 100).unwrap();
        work.release(&claim);
        let again = work.claim(&worker(), 100).unwrap();
        let mut dead = again.clone();
        dead.worker = {
            let text = worker().to_string();
            let (rest, started) = text.rsplit_once(':').unwrap();
            format!("{rest}:{}", started.parse::<u64>().unwrap() + 1)
        };
        work.claims = vec![dead];
        assert!(work.claim(&worker(), 100).is_some());
    }
}
