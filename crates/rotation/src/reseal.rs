//! Reseals what is stored: every value that is not under the primary version, or the current key of a person, is opened and
//! sealed anew.
//!
//! A page of rows is read while the page before is opened and sealed on another thread, and written when that is done. Each row
//! is swapped only where it is still as it was read, so that whoever writes meanwhile wins; what was written meanwhile is
//! read again. Killed at any time, it goes on when it is called again: what is done is done.

use crate::sorter::{Sealer, Sorter, sorters};
use crate::source::{Change, Outcome, Row, RowKey, Source, Stored, Swap};
use crate::{Column, Finding};
use core::time::Duration;
use phiseal_envelope::{Phi, Sealed};
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::constant_time;
use pollster::block_on;
use std::sync::mpsc;
use std::thread;

/// How fast it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pace {
    /// Rows that are read, and written, at once.
    pub rows: usize,
    /// How long it rests after each so many rows, so that others get on.
    pub rest: Duration,
}

impl Default for Pace {
    /// A thousand rows, no rest.
    fn default() -> Self {
        Self { rows: 1_000, rest: Duration::ZERO }
    }
}

/// What was done to one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resealed {
    /// Rows that were read, those that were read again not counted.
    pub rows: u64,
    /// Rows that were written.
    pub written: u64,
    /// Values that were sealed anew and written.
    pub values: u64,
    /// Rows that somebody else wrote in between: they were read again.
    pub overtaken: u64,
}

/// How often a page is read again because somebody else wrote in it.
const ATTEMPTS: usize = 100;

/// Reseals every value of `source`, whose sealed columns are `columns`, in their order, that is not under the primary
/// version of its domain, or, if it is under an older key of a person's, under the person's current one. `report` hears of each value that is neither in order nor
/// can be resealed. Blocks.
///
/// What this returns says what was done; that nothing is left is what a [`census`](crate::census()) says.
///
/// # Errors
///
/// [`ErrorKind::Invalid`] when the columns do not go with the table; [`ErrorKind::Conflict`] when the domain's keys, or those of a
/// person whose value was resealed, changed meanwhile, and when a row changes each time it is read; and what source, key store and backend answer. What was written before stays written.
pub fn reseal(
    source: &dyn Source,
    columns: &[Column],
    pace: Pace,
    report: impl FnMut(Finding),
) -> Result<Resealed, Error> {
    reseal_part(source, columns, &Part::default(), pace, &mut Reporting(report))
}

/// Some rows of a table that follow each other: those after a key, up to and including another one.
#[derive(Debug, Default)]
pub(crate) struct Part {
    /// The last row before it; `None`: it begins with the first.
    pub(crate) after: Option<RowKey>,
    /// Its last row, whether or not that is still there; `None`: it ends with the last.
    pub(crate) until: Option<RowKey>,
}

/// Who hears what is done while it is done.
pub(crate) trait Watch {
    /// A value that is neither in order nor can be resealed.
    fn finding(&mut self, finding: Finding);
    /// Asked before so many changes are written, also when there are none: an error stops the work before it.
    fn may_write(&mut self, changes: usize) -> Result<(), Error>;
    /// So many more rows are done.
    fn rows(&mut self, rows: u64);
}

struct Reporting<R>(R);

impl<R: FnMut(Finding)> Watch for Reporting<R> {
    fn finding(&mut self, finding: Finding) {
        (self.0)(finding);
    }

    fn may_write(&mut self, _changes: usize) -> Result<(), Error> {
        Ok(())
    }

    fn rows(&mut self, _rows: u64) {}
}

/// As [`reseal`], of one part.
pub(crate) fn reseal_part(
    source: &dyn Source,
    columns: &[Column],
    part: &Part,
    pace: Pace,
    watch: &mut dyn Watch,
) -> Result<Resealed, Error> {
    let mut sealer = Pages { sorters: block_on(sorters(columns, source.table()))? };
    let rows = pace.rows.max(1);
    let mut done = Resealed::default();
    let scan =
        |after: Option<&RowKey>, limit| block_on(source.scan(after, part.until.as_ref(), limit));
    thread::scope(|scope| {
        let (read, to_seal) = mpsc::sync_channel::<Vec<Row>>(1);
        let (sealed, to_write) = mpsc::sync_channel(1);
        scope.spawn(move || {
            for page in to_seal {
                if sealed.send(sealer.page(page)).is_err() {
                    return;
                }
            }
        });
        let gone = || Error::new(ErrorKind::Faulty, "the sealing thread is gone");
        let hand_over = |page: Vec<Row>| read.send(page).map_err(|_| gone());
        let take_back = || -> Result<Work, Error> { to_write.recv().map_err(|_| gone())? };
        let mut after: Option<RowKey> = part.after.clone();
        let mut page = scan(after.as_ref(), rows)?;
        while let Some(mut end) = page.last().map(|row| row.key.clone()) {
            let length = page.len();
            hand_over(page)?;
            page = scan(Some(&end), rows)?;
            let work = take_back()?;
            work.findings.into_iter().for_each(|finding| watch.finding(finding));
            watch.may_write(work.changes.len())?;
            let mut is_overtaken = write(source, &work.changes, &mut done)?;
            for _ in 0..ATTEMPTS {
                if !is_overtaken {
                    break;
                }
                // From where this page began; rows may have come and gone, so that it may end elsewhere.
                let again = scan(after.as_ref(), length)?;
                if let Some(last) = again.last() {
                    end = last.key.clone();
                }
                hand_over(again)?;
                let work = take_back()?;
                watch.may_write(work.changes.len())?;
                is_overtaken = write(source, &work.changes, &mut done)?;
                page = scan(Some(&end), rows)?;
            }
            if is_overtaken {
                return Err(Error::new(ErrorKind::Conflict, "a row changes each time it is read"));
            }
            let length = u64::try_from(length).unwrap_or(u64::MAX);
            done.rows = done.rows.saturating_add(length);
            watch.rows(length);
            after = Some(end);
            if !pace.rest.is_zero() {
                thread::sleep(pace.rest);
            }
        }
        // A file is put in the place of the one that was read: by nobody who lost the right to it since the last page.
        watch.may_write(0)?;
        block_on(source.finish())?;
        Ok(done)
    })
}

/// Writes changes, and says whether somebody else was quicker with one of them.
fn write(source: &dyn Source, changes: &[Change], done: &mut Resealed) -> Result<bool, Error> {
    if changes.is_empty() {
        return Ok(false);
    }
    let outcomes = block_on(source.replace(changes))?;
    if outcomes.len() != changes.len() {
        return Err(Error::new(
            ErrorKind::Faulty,
            "the source does not say what became of a change",
        ));
    }
    let mut overtaken = 0;
    for (change, outcome) in changes.iter().zip(outcomes) {
        match outcome {
            Outcome::Written => {
                let values = u64::try_from(change.swaps.len()).unwrap_or(u64::MAX);
                done.written = done.written.saturating_add(1);
                done.values = done.values.saturating_add(values);
            }
            Outcome::Changed => overtaken += 1,
            Outcome::Gone => {}
        }
    }
    done.overtaken = done.overtaken.saturating_add(overtaken);
    Ok(overtaken > 0)
}

/// Opens and seals pages of rows.
struct Pages<'a> {
    sorters: Vec<Sorter<'a>>,
}

/// What is to be done about a page.
struct Work {
    changes: Vec<Change>,
    findings: Vec<Finding>,
}

impl Pages<'_> {
    fn page(&mut self, rows: Vec<Row>) -> Result<Work, Error> {
        let mut work = Work { changes: Vec::new(), findings: Vec::new() };
        for row in rows {
            let mut swaps = Vec::new();
            let columns = self.sorters.iter_mut().zip(&row.sealed).enumerate();
            for (place, (sorter, old)) in columns {
                let class = block_on(sorter.class(&row, old))?;
                if class.is_to_be_resealed() {
                    let new = block_on(anew(sorter, &row, old))?;
                    swaps.push(Swap { column: place, old: old.clone(), new });
                } else if !class.is_in_order() {
                    let column = sorter.name().to_owned();
                    work.findings.push(Finding { key: row.key.clone(), column, class });
                }
                sorter.forget();
            }
            if !swaps.is_empty() {
                work.changes.push(Change { key: row.key, swaps });
            }
        }
        Ok(work)
    }
}

/// What `sorter` has just opened, sealed under the primary version or the person's current key, and found to open.
async fn anew(sorter: &Sorter<'_>, row: &Row, old: &Stored) -> Result<Stored, Error> {
    let context = sorter
        .context(row)
        .ok_or_else(|| Error::new(ErrorKind::Faulty, "a value was opened without a context"))?;
    let sealed: Sealed = match sorter.sealer() {
        Sealer::Domain(domain) => domain.seal(sorter.plaintext(), &context).await?,
        Sealer::Person(person) => person.seal(sorter.plaintext(), &context).await?,
    };
    if !sorter.is_current(&sealed) {
        let message = "the keys changed meanwhile: reseal again";
        return Err(Error::new(ErrorKind::Conflict, message));
    }
    // What replaces the only copy of a value must be it.
    let opened: Phi<Vec<u8>> = match sorter.sealer() {
        Sealer::Domain(domain) => domain.open(&sealed, &context).await?,
        Sealer::Person(person) => person.open(&sealed, &context).await?,
    };
    if !constant_time::equal(opened.expose_secret(), sorter.plaintext()) {
        return Err(Error::new(ErrorKind::Faulty, "what was sealed anew opens as something else"));
    }
    Ok(match old {
        Stored::Text(_) => Stored::Text(sealed.to_string()),
        _ => Stored::Bytes(sealed.into_bytes()),
    })
}
