//! Reseals what is stored: every value that is not under the primary version, or the current key of a person, is opened and
//! sealed anew.
//!
//! Two threads take turns with the table, page by page: while one writes and reads, the other opens and seals. Each row is swapped
//! only where it is still as it was read, so that whoever writes meanwhile wins; what was written meanwhile is read again. Killed
//! at any time, it goes on when it is called again: what is done is done.

use crate::sorter::{Sorter, sorters};
use crate::source::{Change, Outcome, Row, RowKey, Source, Stored, Swap};
use crate::spare::Spare;
use crate::turns::Turns;
use crate::{Column, Finding};
use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;
use phiseal_keys::{Error, ErrorKind};
use pollster::block_on;
use std::panic::resume_unwind;
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

/// Reseals every value of `source`, whose sealed columns are `columns`, in their order, that is not under the primary version of
/// its domain, or, if it is under an older key of a person's, under the person's current one. `report` hears of each value that is
/// neither in order nor can be resealed: on this thread or another one, which waits until it is heard. Blocks.
///
/// What this returns says what was done; that nothing is left is what a [`census`](crate::census()) says.
///
/// # Errors
///
/// [`ErrorKind::Invalid`] when the columns do not go with the table; [`ErrorKind::Conflict`] when the domain's keys, or those of
/// a person whose value was resealed, changed meanwhile, and when a row changes each time it is read; and what source, key
/// store and backend answer. What was written before stays written.
pub fn reseal(
    source: &dyn Source,
    columns: &[Column],
    pace: Pace,
    report: impl FnMut(Finding) + Send,
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
pub(crate) trait Watch: Send {
    /// A value that is neither in order nor can be resealed.
    fn finding(&mut self, finding: Finding);
    /// Asked before so many changes are written, also when there are none: an error stops the work before it.
    fn may_write(&mut self, changes: usize) -> Result<(), Error>;
    /// So many more rows are done.
    fn rows(&mut self, rows: u64);
}

struct Reporting<R>(R);

impl<R: FnMut(Finding) + Send> Watch for Reporting<R> {
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
    let sorters = block_on(sorters(columns, source.table()))?;
    let cursor = Turns::new(Cursor { after: Some(part.after.clone()) });
    let turns = Turns::new(Access { source, pace, watch, done: Resealed::default() });
    thread::scope(|scope| {
        let sealer = |sorters| Sealer { sorters, spare: Spare::default() };
        let another = sealer(sorters.iter().map(Sorter::another).collect());
        let other = thread::Builder::new()
            .spawn_scoped(scope, || work(another, 1, part, &cursor, &turns))
            .map_err(|_| Error::new(ErrorKind::Unavailable, "the system gives no thread"))?;
        let this = work(sealer(sorters), 0, part, &cursor, &turns);
        this.and(other.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })?;
    let access = turns.into_inner();
    // A file is put in the place of the one that was read: by nobody who lost the right to it since the last page.
    access.watch.may_write(0)?;
    block_on(source.finish())?;
    Ok(access.done)
}

/// What each of two threads does, in every other turn: it writes its last page, begins to read another one and passes the table
/// on; when it has read it, it opens and seals.
fn work(
    mut sealer: Sealer<'_>,
    first: u64,
    part: &Part,
    cursor: &Turns<Cursor>,
    turns: &Turns<Access<'_, '_>>,
) -> Result<(), Error> {
    let stop = turns.stop_unless_done();
    let mut last: Option<(Page, Sealed)> = None;
    for number in (first..).step_by(2) {
        let Some(mut access) = turns.wait(number) else { break };
        if let Some((page, sealed)) = &last {
            access.write_page(page, sealed, &mut sealer)?;
        }
        let Some(mut cursor) = cursor.wait(number) else { break };
        let Some(after) = cursor.after.take() else {
            cursor.pass_on();
            access.pass_on();
            break;
        };
        let mut scan = access.source.scan(after.as_ref(), part.until.as_ref(), access.rows());
        // A server has it now, and works on it while the other thread makes ready what it asks next.
        let begun = block_on(poll_fn(|context| Poll::Ready(scan.as_mut().poll(context))));
        access.pass_on();
        let rows = match begun {
            Poll::Ready(rows) => {
                drop(scan);
                rows?
            }
            Poll::Pending => block_on(scan)?,
        };
        let end = rows.last().map(|row| row.key.clone());
        cursor.after = end.clone().map(Some);
        cursor.pass_on();
        let Some(end) = end else { break };
        if let Some((_, sealed)) = last.take() {
            sealer.spare.keep(sealed.changes);
        }
        let mut page = Page { after, end, rows };
        let sealed = block_on(sealer.page(&mut page.rows))?;
        last = Some((page, sealed));
    }
    stop.done();
    Ok(())
}

/// Where the next page begins.
struct Cursor {
    /// After which row; `None` after the last page.
    after: Option<Option<RowKey>>,
}

/// Rows that follow each other.
struct Page {
    /// The row before them.
    after: Option<RowKey>,
    /// The last one of them.
    end: RowKey,
    rows: Vec<Row>,
}

/// Opens and seals pages of rows.
struct Sealer<'a> {
    sorters: Vec<Sorter<'a>>,
    spare: Spare,
}

/// What is to be done about a page.
struct Sealed {
    changes: Vec<Change>,
    findings: Vec<Finding>,
}

impl Sealer<'_> {
    async fn page(&mut self, rows: &mut [Row]) -> Result<Sealed, Error> {
        for sorter in &mut self.sorters {
            sorter.look().await?;
        }
        let (mut changes, mut findings) = (Vec::new(), Vec::new());
        for row in rows {
            let mut swaps = self.spare.swaps();
            for (column, sorter) in self.sorters.iter_mut().enumerate() {
                let Some(value) = row.sealed.get(column) else { continue };
                let class = sorter.class(row, value).await?;
                if class.is_to_be_resealed() {
                    let sealed = sorter.seal().await?;
                    let new = match value {
                        Stored::Text(_) => self.spare.text(sealed),
                        _ => self.spare.bytes(sealed),
                    };
                    let old = core::mem::replace(&mut row.sealed[column], Stored::Nothing);
                    swaps.push(Swap { column, old, new });
                } else if !class.is_in_order() {
                    let column = sorter.name().to_owned();
                    findings.push(Finding { key: row.key.clone(), column, class });
                }
                sorter.forget();
            }
            if !swaps.is_empty() {
                changes.push(Change { key: row.key.clone(), swaps });
            }
        }
        Ok(Sealed { changes, findings })
    }
}

/// What one thread at a time has to do with the table.
struct Access<'a, 'w> {
    source: &'a dyn Source,
    pace: Pace,
    watch: &'w mut dyn Watch,
    done: Resealed,
}

impl Access<'_, '_> {
    /// How many rows are read at once.
    fn rows(&self) -> usize {
        self.pace.rows.max(1)
    }

    /// Writes a page. `sealer` is for rows that are read again.
    fn write_page(
        &mut self,
        page: &Page,
        sealed: &Sealed,
        sealer: &mut Sealer<'_>,
    ) -> Result<(), Error> {
        sealed.findings.iter().for_each(|finding| self.watch.finding(finding.clone()));
        if self.write(&sealed.changes)? {
            self.again(page, sealer)?;
        }
        let rows = u64::try_from(page.rows.len()).unwrap_or(u64::MAX);
        self.done.rows = self.done.rows.saturating_add(rows);
        self.watch.rows(rows);
        if !self.pace.rest.is_zero() {
            thread::sleep(self.pace.rest);
        }
        Ok(())
    }

    /// Reads, seals and writes the rows of a page again, until nobody else was quicker with one of them.
    fn again(&mut self, page: &Page, sealer: &mut Sealer<'_>) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            let (mut after, mut is_overtaken) = (page.after.clone(), false);
            // Rows may have come since: more than one page.
            loop {
                let scan = self.source.scan(after.as_ref(), Some(&page.end), self.rows());
                let mut rows = block_on(scan)?;
                let Some(last) = rows.last() else { break };
                after = Some(last.key.clone());
                let sealed = block_on(sealer.page(&mut rows))?;
                is_overtaken |= self.write(&sealed.changes)?;
            }
            if !is_overtaken {
                return Ok(());
            }
        }
        Err(Error::new(ErrorKind::Conflict, "a row changes each time it is read"))
    }

    /// Writes changes, and says whether somebody else was quicker with one of them.
    fn write(&mut self, changes: &[Change]) -> Result<bool, Error> {
        self.watch.may_write(changes.len())?;
        if changes.is_empty() {
            return Ok(false);
        }
        let outcomes = block_on(self.source.replace(changes))?;
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
                    self.done.written = self.done.written.saturating_add(1);
                    self.done.values = self.done.values.saturating_add(values);
                }
                Outcome::Changed => overtaken += 1,
                Outcome::Gone => {}
            }
        }
        self.done.overtaken = self.done.overtaken.saturating_add(overtaken);
        Ok(overtaken > 0)
    }
}
