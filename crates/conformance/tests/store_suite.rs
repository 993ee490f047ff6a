//! The suite for stores against a correct one and against ones that each break the contract on purpose.
#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

use phiseal_conformance::store::{Fixture, suite};
use phiseal_keys::{
    BoxFuture, Erasure, Error, ErrorKind, MAX_ID, MAX_RECORD, Record, RecordKind, RecordWrite,
    Store,
};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a store does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    FindsWhatIsNotThere,
    CreatesOverWhatIsThere,
    IgnoresExpected,
    AcceptsALaterExpected,
    CreatesAtAnyExpected,
    ComparesTheLowHalfOfRevisions,
    ChangesTheRecordWhenItRefuses,
    RefusesAsInvalid,
    ComparesAndSwapsInTwoSteps,
    ReadsFromACache,
    ScansFromACache,
    ForgetsWhenTheLastHandleCloses,
    TruncatesIds,
    TrimsZerosFromIds,
    FoldsTheCaseOfIds,
    MixesKinds,
    ReadsFromOtherKinds,
    ScansOutOfOrder,
    ScansWhatItWasToScanAfter,
    ScansOverTheLimit,
    ScansWithoutTheLast,
    ScansWithoutRevisions,
    TruncatesRecords,
    TakesEmptyForAbsent,
    LiesAboutErasure,
    ErasesWhatIsThere,
    ForgetsRevisionsWhenItErases,
    ShowsRecordsInErrors,
    ShowsRecordsInDebug,
    DoesSomeOfAllWrites,
    DoesTheFirstOfAllWritesOnly,
    WritesARecordTwice,
    WritesAllOneByOne,
}

/// Each fault and the clauses that it breaks.
const FAULTS: [(Fault, &[u8]); 33] = [
    (Fault::FindsWhatIsNotThere, &[1]),
    (Fault::CreatesOverWhatIsThere, &[2, 4, 11]),
    (Fault::IgnoresExpected, &[2, 3, 4, 11]),
    (Fault::AcceptsALaterExpected, &[3, 11]),
    (Fault::CreatesAtAnyExpected, &[3, 11]),
    (Fault::ComparesTheLowHalfOfRevisions, &[3]),
    (Fault::ChangesTheRecordWhenItRefuses, &[3]),
    (Fault::RefusesAsInvalid, &[2, 3, 4]),
    (Fault::ComparesAndSwapsInTwoSteps, &[4]),
    (Fault::ReadsFromACache, &[4, 5, 11]),
    (Fault::ScansFromACache, &[5]),
    (Fault::ForgetsWhenTheLastHandleCloses, &[5]),
    (Fault::TruncatesIds, &[6, 8]),
    (Fault::TrimsZerosFromIds, &[6, 7, 8]),
    (Fault::FoldsTheCaseOfIds, &[6, 7, 8]),
    (Fault::MixesKinds, &[6, 7, 8, 11]),
    (Fault::ReadsFromOtherKinds, &[6]),
    (Fault::ScansOutOfOrder, &[7]),
    (Fault::ScansWhatItWasToScanAfter, &[7]),
    (Fault::ScansOverTheLimit, &[7]),
    (Fault::ScansWithoutTheLast, &[7]),
    (Fault::ScansWithoutRevisions, &[7]),
    (Fault::TruncatesRecords, &[8]),
    (Fault::TakesEmptyForAbsent, &[8, 11]),
    (Fault::LiesAboutErasure, &[9]),
    (Fault::ErasesWhatIsThere, &[9]),
    (Fault::ForgetsRevisionsWhenItErases, &[9]),
    (Fault::ShowsRecordsInErrors, &[10]),
    (Fault::ShowsRecordsInDebug, &[10]),
    (Fault::DoesSomeOfAllWrites, &[11]),
    (Fault::DoesTheFirstOfAllWritesOnly, &[11]),
    (Fault::WritesARecordTwice, &[11]),
    (Fault::WritesAllOneByOne, &[11]),
];

#[test]
fn a_correct_store_passes_every_clause() {
    let report = suite(|| fixture(Fault::None));
    report.assert_passed();
    assert_eq!(report.cases().len(), 11);
}

#[test]
fn each_fault_breaks_its_own_clauses_and_no_other() {
    let found: Vec<_> =
        FAULTS.iter().map(|(fault, _)| (*fault, suite(|| fixture(*fault)).failed())).collect();
    let expected: Vec<_> =
        FAULTS.iter().map(|(fault, clauses)| (*fault, clauses.to_vec())).collect();
    assert_eq!(found, expected);
    // Every clause has a store that breaks it; clause 2 cannot be broken without clause 4.
    for clause in (1..=11).filter(|clause| *clause != 2) {
        assert!(
            FAULTS.iter().any(|(_, clauses)| *clauses == [clause]),
            "no fault breaks clause {clause} alone"
        );
    }
}

#[test]
fn a_medium_that_is_not_the_store_s_is_noticed() {
    let elsewhere = || fixture(Fault::None).with_medium(Vec::new);
    assert_eq!(suite(elsewhere).failed(), [9]);
}

fn correct() -> Fixture {
    fixture(Fault::None)
}

phiseal_conformance::store_tests!(correct);

fn fixture(fault: Fault) -> Fixture {
    let disk = Arc::new(Disk { fault, together: Mutex::default(), contents: Mutex::default() });
    let medium = Arc::clone(&disk);
    Fixture::new(move || {
        Arc::new(Toy { disk: Arc::clone(&disk), cache: Mutex::default(), scans: Mutex::default() })
    })
    .with_medium(move || medium.contents.lock().unwrap().medium())
    .with_patience(Duration::from_secs(30))
}

struct Disk {
    fault: Fault,
    /// Held by whoever writes several records.
    together: Mutex<()>,
    contents: Mutex<Contents>,
}

#[derive(Default)]
struct Contents {
    records: BTreeMap<Key, Record>,
    replaced: Vec<u8>,
}

impl Contents {
    fn medium(&self) -> Vec<u8> {
        let live = self.records.values().flat_map(|record| record.bytes.clone());
        live.chain(self.replaced.clone()).collect()
    }
}

type Key = (RecordKind, Vec<u8>);
type Scan = (RecordKind, Option<Vec<u8>>, usize);
type Scanned = Vec<(Vec<u8>, Record)>;

/// A handle.
struct Toy {
    disk: Arc<Disk>,
    cache: Mutex<BTreeMap<Key, Option<Record>>>,
    scans: Mutex<BTreeMap<Scan, Scanned>>,
}

impl Toy {
    fn fault(&self) -> Fault {
        self.disk.fault
    }

    fn key(&self, kind: RecordKind, id: &[u8]) -> Key {
        let mut id = id.to_vec();
        match self.fault() {
            Fault::TruncatesIds => id.truncate(16),
            Fault::TrimsZerosFromIds => {
                id.truncate(id.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1))
            }
            Fault::FoldsTheCaseOfIds => id.make_ascii_lowercase(),
            _ => {}
        }
        (if self.fault() == Fault::MixesKinds { RecordKind::Keyset } else { kind }, id)
    }

    fn lookup(&self, kind: RecordKind, id: &[u8]) -> Option<Record> {
        let contents = self.disk.contents.lock().unwrap();
        let mut found = contents.records.get(&self.key(kind, id)).cloned();
        match self.fault() {
            Fault::FindsWhatIsNotThere if contents.records.len() == 1 && found.is_none() => {
                found = contents
                    .records
                    .values()
                    .next()
                    .cloned()
                    .filter(|record| record.bytes == b"bytes");
            }
            Fault::ReadsFromOtherKinds if found.is_none() => {
                found = RecordKind::ALL
                    .iter()
                    .find_map(|kind| contents.records.get(&(*kind, id.to_vec())).cloned());
            }
            Fault::TakesEmptyForAbsent => found = found.filter(|record| !record.bytes.is_empty()),
            _ => {}
        }
        found
    }

    fn refuse(&self, held: Option<&Record>) -> Error {
        match self.fault() {
            Fault::RefusesAsInvalid => Error::new(ErrorKind::Invalid, "no"),
            Fault::ShowsRecordsInErrors => Error::new(ErrorKind::Conflict, "no")
                .with_source(format!("held {:?}", held.map(|record| &record.bytes))),
            _ => Error::new(ErrorKind::Conflict, "no"),
        }
    }

    fn swap(&self, kind: RecordKind, id: &[u8], expected: u64, bytes: &[u8]) -> Result<(), Error> {
        if id.is_empty() || id.len() > MAX_ID || bytes.len() > MAX_RECORD {
            return Err(Error::new(ErrorKind::Invalid, "a length is out of bounds"));
        }
        let key = self.key(kind, id);
        let two_steps = self.fault() == Fault::ComparesAndSwapsInTwoSteps;
        let mut contents = self.disk.contents.lock().unwrap();
        let revision = contents.records.get(&key).map_or(0, |record| record.revision);
        if two_steps {
            drop(contents);
            std::thread::sleep(Duration::from_millis(1));
            contents = self.disk.contents.lock().unwrap();
        }
        let accepted = match self.fault() {
            Fault::IgnoresExpected => true,
            Fault::CreatesOverWhatIsThere => expected == 0 || expected == revision,
            Fault::AcceptsALaterExpected => {
                expected == revision || (revision > 0 && expected > revision)
            }
            Fault::CreatesAtAnyExpected => expected == revision || revision == 0,
            Fault::ComparesTheLowHalfOfRevisions => {
                (expected == 0) == (revision == 0)
                    && expected & 0xffff_ffff == revision & 0xffff_ffff
            }
            _ => expected == revision,
        };
        if !accepted {
            if self.fault() == Fault::ChangesTheRecordWhenItRefuses
                && expected > revision
                && let Some(record) = contents.records.get_mut(&key)
            {
                record.bytes = bytes.to_vec();
            }
            return Err(self.refuse(contents.records.get(&key)));
        }
        let mut bytes = bytes.to_vec();
        if self.fault() == Fault::TruncatesRecords {
            bytes.truncate(65_535);
        }
        let replaced = contents.records.insert(key, Record { revision: revision + 1, bytes });
        contents.replaced.extend(replaced.into_iter().flat_map(|record| record.bytes));
        Ok(())
    }

    fn found(&self, kind: RecordKind, after: Option<&[u8]>, limit: usize) -> Scanned {
        let contents = self.disk.contents.lock().unwrap();
        let inclusive = self.fault() == Fault::ScansWhatItWasToScanAfter;
        let of_kind = contents.records.iter().filter(|((of, id), _)| {
            let begun = after
                .is_none_or(|after| id.as_slice() > after || (inclusive && id.as_slice() == after));
            (*of == kind || self.fault() == Fault::MixesKinds) && begun
        });
        let limit = if self.fault() == Fault::ScansOverTheLimit && limit > 5 {
            limit.saturating_add(1)
        } else {
            limit
        };
        let mut found: Vec<_> =
            of_kind.map(|((_, id), record)| (id.clone(), record.clone())).take(limit).collect();
        let length = found.len();
        match self.fault() {
            Fault::ScansOutOfOrder if length > 5 => found.swap(length - 2, length - 1),
            Fault::ScansWithoutTheLast if length > 5 => drop(found.pop()),
            Fault::ScansWithoutRevisions if length > 5 => found[0].1.revision = 0,
            _ => {}
        }
        found
    }
}

impl Store for Toy {
    fn read<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Record>, Error>> {
        Box::pin(async move {
            if self.fault() != Fault::ReadsFromACache {
                return Ok(self.lookup(kind, id));
            }
            let mut cache = self.cache.lock().unwrap();
            Ok(cache.entry((kind, id.to_vec())).or_insert_with(|| self.lookup(kind, id)).clone())
        })
    }

    fn write<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
        expected: u64,
        bytes: &'a [u8],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            // A handle's own writes make it look again.
            self.cache.lock().unwrap().clear();
            self.scans.lock().unwrap().clear();
            self.swap(kind, id, expected, bytes)
        })
    }

    fn write_all<'a>(&'a self, writes: &'a [RecordWrite<'a>]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.cache.lock().unwrap().clear();
            self.scans.lock().unwrap().clear();
            let twice = |(place, write): (usize, &RecordWrite<'_>)| {
                writes[..place]
                    .iter()
                    .any(|before| (before.kind, before.id) == (write.kind, write.id))
            };
            if self.fault() != Fault::WritesARecordTwice && writes.iter().enumerate().any(twice) {
                return Err(Error::new(ErrorKind::Invalid, "no"));
            }
            let in_steps = self.fault() == Fault::WritesAllOneByOne;
            let _alone = (!in_steps).then(|| self.disk.together.lock().unwrap());
            let before = self.disk.contents.lock().unwrap().records.clone();
            for (place, write) in writes.iter().enumerate() {
                let expected = match self.fault() {
                    // As if what was written a moment ago had been there before.
                    Fault::WritesARecordTwice if twice((place, write)) => 1,
                    _ => write.expected,
                };
                let done = self.swap(write.kind, write.id, expected, write.bytes);
                if done.is_err() && self.fault() != Fault::DoesSomeOfAllWrites {
                    self.disk.contents.lock().unwrap().records = before.clone();
                }
                done?;
                if in_steps {
                    std::thread::sleep(Duration::from_millis(1));
                }
                if self.fault() == Fault::DoesTheFirstOfAllWritesOnly {
                    break;
                }
            }
            Ok(())
        })
    }

    fn scan<'a>(
        &'a self,
        kind: RecordKind,
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Vec<u8>, Record)>, Error>> {
        Box::pin(async move {
            if self.fault() != Fault::ScansFromACache {
                return Ok(self.found(kind, after, limit));
            }
            let mut scans = self.scans.lock().unwrap();
            let key = (kind, after.map(<[u8]>::to_vec), limit);
            Ok(scans.entry(key).or_insert_with(|| self.found(kind, after, limit)).clone())
        })
    }

    fn erase(&self) -> BoxFuture<'_, Result<Erasure, Error>> {
        Box::pin(async move {
            let mut contents = self.disk.contents.lock().unwrap();
            match self.fault() {
                Fault::LiesAboutErasure => return Ok(Erasure::Done),
                Fault::ErasesWhatIsThere => drop(contents.records.pop_first()),
                Fault::ForgetsRevisionsWhenItErases => {
                    contents.records.values_mut().for_each(|record| record.revision = 1);
                }
                _ => {}
            }
            contents.replaced.clear();
            Ok(Erasure::Done)
        })
    }
}

impl Drop for Toy {
    fn drop(&mut self) {
        let mut contents = self.disk.contents.lock().unwrap();
        // The fixture and its medium hold the disk too.
        if self.disk.fault == Fault::ForgetsWhenTheLastHandleCloses
            && Arc::strong_count(&self.disk) == 3
        {
            contents.records.clear();
        }
    }
}

impl fmt::Debug for Toy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Toy")?;
        if self.disk.fault == Fault::ShowsRecordsInDebug {
            let contents = self.disk.contents.lock().unwrap();
            contents.records.values().try_for_each(|record| write!(f, " {:?}", record.bytes))?;
        }
        Ok(())
    }
}
