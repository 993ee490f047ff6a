//! The suite against a correct source and against ones that each break the contract on purpose.

use phiseal_keys::{BoxFuture, Error, ErrorKind};
use phiseal_rotation::source::contract::{Fixture, Sample, World, suite, table};
use phiseal_rotation::source::{Change, Outcome, Row, RowKey, Scalar, Source, Stored, Swap, Table};
use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

/// What a source does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    LosesARowAtAPageEdge,
    RepeatsARowAtAPageEdge,
    BringsOneRowTooMany,
    OrdersEachPageByItself,
    EndsWhereTheLastRowIsGone,
    EndsAPartTooEarly,
    EndsNoPart,
    TrimsText,
    TakesEmptyForNothing,
    ReplacesWithoutComparing,
    ComparesWithoutCase,
    ComparesWithoutType,
    TakesNothingForAnything,
    LeavesWhatIsToBeNothing,
    SaysChangedForGone,
    WritesOverOthers,
    WritesHalfAChange,
    GivesUpAtTheFirstChanged,
    TakesWhatMeansNothing,
    WritesNothing,
    WritesWhenItIsClosed,
    WritesAnotherColumn,
    WritesAnotherRow,
    ShowsValuesInDebug,
    ShowsKeysInErrors,
    HoldsUpWhoWrites,
}

/// Each fault and the clauses that it breaks.
const FAULTS: [(Fault, &[u8]); 26] = [
    (Fault::LosesARowAtAPageEdge, &[1]),
    (Fault::RepeatsARowAtAPageEdge, &[1]),
    (Fault::BringsOneRowTooMany, &[1]),
    (Fault::OrdersEachPageByItself, &[1]),
    (Fault::EndsWhereTheLastRowIsGone, &[1]),
    (Fault::EndsAPartTooEarly, &[1]),
    (Fault::EndsNoPart, &[1]),
    (Fault::TrimsText, &[2]),
    (Fault::TakesEmptyForNothing, &[2]),
    (Fault::ReplacesWithoutComparing, &[3]),
    (Fault::ComparesWithoutCase, &[3]),
    (Fault::ComparesWithoutType, &[3]),
    (Fault::TakesNothingForAnything, &[3]),
    (Fault::LeavesWhatIsToBeNothing, &[3]),
    (Fault::SaysChangedForGone, &[3]),
    (Fault::WritesOverOthers, &[3]),
    (Fault::WritesHalfAChange, &[4]),
    (Fault::GivesUpAtTheFirstChanged, &[4]),
    // What it would be refused with shows nothing either.
    (Fault::TakesWhatMeansNothing, &[4, 7]),
    (Fault::WritesNothing, &[5]),
    (Fault::WritesWhenItIsClosed, &[5]),
    (Fault::WritesAnotherColumn, &[6]),
    (Fault::WritesAnotherRow, &[6]),
    (Fault::ShowsValuesInDebug, &[7]),
    (Fault::ShowsKeysInErrors, &[7]),
    (Fault::HoldsUpWhoWrites, &[8]),
];

#[test]
fn a_correct_source_passes_every_clause() {
    let report = suite(|| fixture(Fault::None));
    report.assert_passed();
    assert_eq!(report.cases().len(), 8);
}

#[test]
fn each_fault_breaks_its_own_clause_and_no_other() {
    let found: Vec<_> =
        FAULTS.iter().map(|(fault, _)| (*fault, suite(|| fixture(*fault)).failed())).collect();
    let expected: Vec<_> =
        FAULTS.iter().map(|(fault, clauses)| (*fault, clauses.to_vec())).collect();
    assert_eq!(found, expected);
    for clause in 1..=8 {
        assert!(FAULTS.iter().any(|(_, clauses)| *clauses == [clause]), "{clause}");
    }
}

fn fixture(fault: Fault) -> Fixture {
    Fixture::new(Memory { fault, rows: Arc::default() })
}

fn correct() -> Fixture {
    fixture(Fault::None)
}

phiseal_rotation::source_tests!(correct);

type Rows = BTreeMap<(i64, String), Sample>;

struct Memory {
    fault: Fault,
    rows: Arc<Mutex<Rows>>,
}

impl World for Memory {
    fn open(&self) -> Result<Box<dyn Source>, Error> {
        let (fault, rows) = (self.fault, Arc::clone(&self.rows));
        Ok(Box::new(Toy {
            fault,
            rows,
            table: table(),
            read: Mutex::default(),
            own: Mutex::default(),
            scanning: AtomicBool::new(false),
        }))
    }

    fn put(&self, row: &Sample) {
        self.rows.lock().unwrap().insert((row.clinic, row.id.clone()), row.clone());
    }

    fn delete(&self, clinic: i64, id: &str) {
        self.rows.lock().unwrap().remove(&(clinic, id.to_owned()));
    }

    fn rows(&self) -> Vec<Sample> {
        self.rows.lock().unwrap().values().cloned().collect()
    }
}

struct Toy {
    fault: Fault,
    table: Table,
    rows: Arc<Mutex<Rows>>,
    /// What it has read so far, for the faults that remember it.
    read: Mutex<Vec<Row>>,
    /// What it keeps to itself.
    own: Mutex<Rows>,
    /// Whether a scan has begun and is not finished.
    scanning: AtomicBool,
}

impl Toy {
    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// What others have written, and then what it has not handed over.
    fn seen(&self) -> Rows {
        let mut rows = self.rows.lock().unwrap().clone();
        rows.extend(self.own.lock().unwrap().clone());
        rows
    }

    fn page(
        &self,
        after: Option<&RowKey>,
        until: Option<&RowKey>,
        limit: usize,
    ) -> Result<Vec<Row>, Error> {
        let rows = self.seen();
        let after = after.map(|key| self.place(key)).transpose()?;
        let until = until.map(|key| self.place(key)).transpose()?;
        if self.is(Fault::EndsWhereTheLastRowIsGone)
            && after.as_ref().is_some_and(|after| !rows.contains_key(after))
        {
            return Ok(vec![]);
        }
        let skipped = match &after {
            Some(_) if self.is(Fault::LosesARowAtAPageEdge) => 1,
            _ => 0,
        };
        let limit = if self.is(Fault::BringsOneRowTooMany) { limit + 1 } else { limit };
        let is_after = |key: &(i64, String)| match &after {
            Some(after) if self.is(Fault::RepeatsARowAtAPageEdge) && key == after => {
                rows.range(after.clone()..).count() > 1
            }
            Some(after) => key > after,
            None => true,
        };
        let is_until = |key: &(i64, String)| match &until {
            Some(until) if self.is(Fault::EndsAPartTooEarly) => key < until,
            Some(_) if self.is(Fault::EndsNoPart) => true,
            Some(until) => key <= until,
            None => true,
        };
        let page =
            rows.iter().filter(|(key, _)| is_after(key) && is_until(key)).skip(skipped).take(limit);
        let mut page: Vec<Row> = page.map(|(_, row)| self.shown(row)).collect();
        if self.is(Fault::OrdersEachPageByItself) && page.len() > 2 {
            page[..2].reverse();
        }
        self.read.lock().unwrap().extend(page.clone());
        Ok(page)
    }

    fn shown(&self, row: &Sample) -> Row {
        let text = |text: &String| match text {
            text if self.is(Fault::TrimsText) => Stored::Text(text.trim().to_owned()),
            text if self.is(Fault::TakesEmptyForNothing) && text.is_empty() => Stored::Nothing,
            text => Stored::Text(text.clone()),
        };
        Row {
            key: RowKey::new(vec![Scalar::Integer(row.clinic), Scalar::Text(row.id.clone())])
                .unwrap(),
            sealed: vec![
                row.ssn.clone().map_or(Stored::Nothing, Stored::Bytes),
                row.name.as_ref().map_or(Stored::Nothing, text),
            ],
            others: vec![
                row.note.clone().map_or(Scalar::Nothing, Scalar::Text),
                Scalar::Integer(row.version),
            ],
        }
    }

    fn place(&self, key: &RowKey) -> Result<(i64, String), Error> {
        match key.parts() {
            [Scalar::Integer(clinic), Scalar::Text(id)] => Ok((*clinic, id.clone())),
            parts if self.is(Fault::ShowsKeysInErrors) => {
                let text = parts.iter().map(|part| match part {
                    Scalar::Text(text) => text.clone(),
                    _ => String::new(),
                });
                let error = Error::new(ErrorKind::Invalid, "a key of another table");
                Err(error.with_source(text.collect::<String>()))
            }
            _ => Err(Error::new(ErrorKind::Invalid, "a key of another table")),
        }
    }

    fn is_old(&self, row: &Sample, swap: &Swap) -> bool {
        let now = match swap.column {
            0 => row.ssn.clone().map_or(Stored::Nothing, Stored::Bytes),
            _ => row.name.clone().map_or(Stored::Nothing, Stored::Text),
        };
        let bytes = |value: &Stored| match value {
            Stored::Bytes(bytes) => bytes.clone(),
            Stored::Text(text) => text.clone().into_bytes(),
            _ => vec![],
        };
        match self.fault {
            Fault::ReplacesWithoutComparing => true,
            Fault::ComparesWithoutCase => match (&now, &swap.old) {
                (Stored::Text(now), Stored::Text(old)) => now.eq_ignore_ascii_case(old),
                (now, old) => now == old,
            },
            Fault::ComparesWithoutType => bytes(&now) == bytes(&swap.old),
            Fault::TakesNothingForAnything => now == swap.old || swap.old == Stored::Nothing,
            // What it has read is what it takes to be there, until it writes itself.
            Fault::WritesOverOthers => {
                let read = self.read.lock().unwrap();
                let of = |it: &&Row| {
                    self.place(&it.key)
                        .is_ok_and(|(clinic, id)| (clinic, &id) == (row.clinic, &row.id))
                };
                match read.iter().rev().find(of) {
                    Some(read) if row.clinic == 2 => read.sealed[swap.column] == swap.old,
                    _ => now == swap.old,
                }
            }
            _ => now == swap.old,
        }
    }

    fn change(&self, change: &Change) -> Result<Outcome, Error> {
        let place = self.place(&change.key)?;
        let rows = self.seen();
        let Some(mut row) = rows.get(&place).cloned() else {
            let gone = !self.is(Fault::SaysChangedForGone);
            return Ok(if gone { Outcome::Gone } else { Outcome::Changed });
        };
        let mut changed = false;
        for swap in &change.swaps {
            if !self.is_old(&row, swap) {
                if self.is(Fault::WritesHalfAChange) {
                    changed = true;
                    continue;
                }
                return Ok(Outcome::Changed);
            }
            match (swap.column, swap.new.clone()) {
                (0, Stored::Bytes(bytes)) => row.ssn = Some(bytes),
                (_, Stored::Text(text)) => row.name = Some(text),
                (_, Stored::Nothing) if self.is(Fault::LeavesWhatIsToBeNothing) => {}
                (0, Stored::Nothing) => row.ssn = None,
                (_, Stored::Nothing) => row.name = None,
                _ => {}
            }
        }
        if self.is(Fault::WritesAnotherColumn) {
            row.version += 1;
        }
        if self.is(Fault::WritesAnotherRow)
            && let Some((key, next)) = rows.range(place.clone()..).nth(1)
        {
            let next = Sample { note: Some("touched".to_owned()), ..next.clone() };
            self.rows.lock().unwrap().insert(key.clone(), next);
        }
        let own = [Fault::WritesNothing, Fault::WritesWhenItIsClosed].contains(&self.fault);
        let rows = if own { &self.own } else { &self.rows };
        rows.lock().unwrap().insert(place, row);
        Ok(if changed { Outcome::Changed } else { Outcome::Written })
    }
}

impl Drop for Toy {
    fn drop(&mut self) {
        if self.is(Fault::WritesWhenItIsClosed) {
            self.rows.lock().unwrap().extend(self.own.lock().unwrap().clone());
        }
    }
}

impl Source for Toy {
    fn table(&self) -> &Table {
        &self.table
    }

    fn scan<'a>(
        &'a self,
        after: Option<&'a RowKey>,
        until: Option<&'a RowKey>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, Error>> {
        Box::pin(async move {
            self.scanning.store(true, Ordering::Relaxed);
            let mut is_first = true;
            let wait_once = poll_fn(|context| {
                context.waker().wake_by_ref();
                if core::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }
            });
            wait_once.await;
            self.scanning.store(false, Ordering::Relaxed);
            self.page(after, until, limit)
        })
    }

    fn replace<'a>(&'a self, changes: &'a [Change]) -> BoxFuture<'a, Result<Vec<Outcome>, Error>> {
        Box::pin(async move {
            for change in changes {
                self.place(&change.key)?;
                if !self.is(Fault::TakesWhatMeansNothing) {
                    change.check(&self.table)?;
                }
            }
            if self.is(Fault::HoldsUpWhoWrites) && self.scanning.load(Ordering::Relaxed) {
                return Ok(vec![Outcome::Changed; changes.len()]);
            }
            let mut outcomes: Vec<Outcome> = Vec::new();
            for change in changes {
                let last = outcomes.last();
                let gives_up =
                    self.is(Fault::GivesUpAtTheFirstChanged) && last == Some(&Outcome::Changed);
                outcomes.push(if gives_up { Outcome::Changed } else { self.change(change)? });
            }
            Ok(outcomes)
        })
    }

    fn keeps_each_batch(&self) -> bool {
        true
    }

    fn finish(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

impl fmt::Debug for Toy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is(Fault::ShowsValuesInDebug) {
            return self.rows.fmt(f);
        }
        f.write_str("Toy")
    }
}
