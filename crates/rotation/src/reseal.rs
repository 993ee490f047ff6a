//! Reseals what is stored: every value that is not under the primary version, or the current key of a person, is opened and
//! sealed anew.
//!
//! Two threads share the pages of a table: while one writes, the other reads, opens and seals. Each row is swapped
//! only where it is still as it was read, so that whoever writes meanwhile wins; what was written meanwhile is read again. Killed
//! at any time, it goes on when it is called again: what is done is done.

use crate::sorter::{Renewed, Sorter, sorters};
use crate::source::{Change, Outcome, Row, RowKey, Source, Stored, Swap};
use crate::spare::Spare;
use crate::turns::Turns;
use crate::{Class, Column, Finding, Holds};
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use phiseal_keys::{Error, ErrorKind};
use pollster::block_on;
use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
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
    /// Values that were made anew and written.
    pub values: u64,
    /// How many of them are entries of indexes, or deterministic tokens: the others were sealed anew.
    pub entries: u64,
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

/// Erases entries of indexes that are of no value any more, and leaves all else as it is.
pub(crate) fn erase_leftovers(source: &dyn Source, columns: &[Column]) -> Result<Resealed, Error> {
    let is_left_over = |class| class == Class::Leftover;
    let (pace, watch) = (Pace::default(), &mut Reporting(|_| {}));
    go_through(source, columns, &Part::default(), pace, watch, is_left_over)
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
    go_through(source, columns, part, pace, watch, Class::is_to_be_resealed)
}

/// Makes anew what is of a class of which `is_wanted` says so.
fn go_through(
    source: &dyn Source,
    columns: &[Column],
    part: &Part,
    pace: Pace,
    watch: &mut dyn Watch,
    is_wanted: fn(Class) -> bool,
) -> Result<Resealed, Error> {
    let sorters = block_on(sorters(columns, source.table()))?;
    let reader = Mutex::new(Reader::new(source, part, pace));
    let done = Resealed::default();
    let writer = Turns::new(Writer { source, columns, pace, watch, done });
    // What is sealed is not to grow old while everybody rests.
    let ahead = if pace.rest.is_zero() { AHEAD } else { 1 };
    thread::scope(|scope| {
        let another = Sealer::new(sorters.iter().map(Sorter::another).collect(), is_wanted);
        let other = thread::Builder::new()
            .spawn_scoped(scope, || work(another, ahead, &reader, &writer))
            .map_err(|_| Error::new(ErrorKind::Unavailable, "the system gives no thread"))?;
        let this = work(Sealer::new(sorters, is_wanted), ahead, &reader, &writer);
        this.and(other.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })?;
    let writer = writer.into_inner();
    // A file is put in the place of the one that was read: by nobody who lost the right to it since the last page.
    writer.watch.may_write(0)?;
    block_on(source.finish())?;
    Ok(writer.done)
}

/// How many pages a thread has sealed at most, and not written.
const AHEAD: usize = 4;

/// What each of two threads does: it reads a page, opens and seals it, and writes it when all before it are written; until then it
/// goes on with others.
fn work(
    mut sealer: Sealer<'_>,
    ahead: usize,
    reader: &Mutex<Reader<'_>>,
    writer: &Turns<Writer<'_, '_>>,
) -> Result<(), Error> {
    let stop = writer.stop_unless_done();
    let (mut sealed, mut written) = (VecDeque::<Sealed>::new(), Vec::new());
    let mut is_read = false;
    loop {
        let mut turn = match sealed.front() {
            Some(next) if is_read || sealed.len() >= ahead => {
                let Some(turn) = writer.wait(next.page.number) else { break };
                Some(turn)
            }
            Some(next) => writer.try_wait(next.page.number),
            None if is_read => break,
            None => None,
        };
        if let Some(writer) = &mut turn {
            while let Some(next) = sealed.pop_front_if(|next| next.page.number == writer.number()) {
                writer.write_page(&next, &mut sealer)?;
                writer.pass_on();
                written.push(next);
            }
        }
        if is_read {
            continue;
        }
        let page = {
            let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            let mut reading = pin!(reader.page());
            // A server has been asked now, and works on it while the other thread makes ready what it asks next.
            let begun = block_on(poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))));
            drop(turn);
            match begun {
                Poll::Ready(page) => page?,
                Poll::Pending => block_on(reading)?,
            }
        };
        match page {
            Some(page) => {
                sealer.spare.keep(written.drain(..).flat_map(|written| written.changes));
                sealed.push_back(block_on(sealer.seal(page))?);
            }
            None => is_read = true,
        }
    }
    stop.done();
    Ok(())
}

/// Reads a part of the table, page by page.
struct Reader<'a> {
    source: &'a dyn Source,
    part: &'a Part,
    /// The most rows of a page.
    rows: usize,
    /// The next page's number.
    number: u64,
    /// After which row the next page begins; `None` after the last page.
    after: Option<Option<RowKey>>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a dyn Source, part: &'a Part, pace: Pace) -> Self {
        Self { source, part, rows: pace.rows.max(1), number: 0, after: Some(part.after.clone()) }
    }

    /// The next page.
    async fn page(&mut self) -> Result<Option<Page>, Error> {
        let Some(after) = self.after.take() else { return Ok(None) };
        let rows = self.source.scan(after.as_ref(), self.part.until.as_ref(), self.rows).await?;
        let Some(until) = rows.last().map(|row| row.key.clone()) else { return Ok(None) };
        self.after = Some(Some(until.clone()));
        let number = self.number;
        self.number = number.saturating_add(1);
        Ok(Some(Page { number, part: Part { after, until: Some(until) }, rows }))
    }
}

/// Rows that follow each other.
struct Page {
    /// How many pages are before it.
    number: u64,
    part: Part,
    /// Once they are sealed, what is left of them. They are dropped together, which is quicker than one by one between what stays.
    rows: Vec<Row>,
}

/// Opens and seals pages of rows.
struct Sealer<'a> {
    sorters: Vec<Sorter<'a>>,
    is_wanted: fn(Class) -> bool,
    spare: Spare,
}

/// What is to be done about a page.
struct Sealed {
    page: Page,
    changes: Vec<Change>,
    findings: Vec<Finding>,
}

impl<'a> Sealer<'a> {
    fn new(sorters: Vec<Sorter<'a>>, is_wanted: fn(Class) -> bool) -> Self {
        Self { sorters, is_wanted, spare: Spare::default() }
    }

    async fn seal(&mut self, mut page: Page) -> Result<Sealed, Error> {
        for sorter in &mut self.sorters {
            sorter.look().await?;
        }
        let (mut changes, mut findings) = (Vec::new(), Vec::new());
        for row in &mut page.rows {
            let mut swaps = self.spare.swaps();
            let mut made_of = Vec::new();
            for (column, (sorter, value)) in self.sorters.iter_mut().zip(&row.sealed).enumerate() {
                let class = sorter.class(row, value).await?;
                let mut new = None;
                if (self.is_wanted)(class) {
                    new = match sorter.renewed().await? {
                        Renewed::Envelope(envelope) => Some(match value {
                            Stored::Text(_) => self.spare.text(envelope),
                            _ => self.spare.bytes(envelope),
                        }),
                        #[cfg(feature = "tokens")]
                        Renewed::Stored(new) => Some(new.unwrap_or(Stored::Nothing)),
                        #[cfg(feature = "tokens")]
                        Renewed::Cannot => None,
                    };
                }
                // A value that is not of the column's type is for somebody else to put right.
                if let Some(new) = new.filter(|new| is_of_one_type(value, new)) {
                    swaps.push(Swap { column, old: Stored::Nothing, new });
                    made_of.extend(sorter.made_of());
                } else if !class.is_in_order() {
                    let column = sorter.name().to_owned();
                    findings.push(Finding { key: row.key.clone(), column, class });
                }
                sorter.forget();
            }
            // Only now: what one value is made of may be another that is swapped.
            for swap in &mut swaps {
                if let Some(old) = row.sealed.get_mut(swap.column) {
                    core::mem::swap(&mut swap.old, old);
                }
            }
            // What a new entry is made of must still be there when it is written.
            for column in made_of {
                let value = row.sealed.get(column).filter(|value| **value != Stored::Nothing);
                let is_swapped = swaps.iter().any(|swap| swap.column == column);
                if let Some(value) = value.filter(|_| !is_swapped) {
                    swaps.push(Swap { column, old: value.clone(), new: value.clone() });
                }
            }
            if !swaps.is_empty() {
                changes.push(Change { key: row.key.take(), swaps });
            }
        }
        Ok(Sealed { page, changes, findings })
    }
}

/// Whether `new` may stand in the place of `old`.
const fn is_of_one_type(old: &Stored, new: &Stored) -> bool {
    matches!(
        (old, new),
        (Stored::Nothing, _)
            | (Stored::Bytes(_), Stored::Bytes(_) | Stored::Nothing)
            | (Stored::Text(_), Stored::Text(_) | Stored::Nothing)
    )
}

/// Writes pages.
struct Writer<'a, 'w> {
    source: &'a dyn Source,
    columns: &'a [Column],
    pace: Pace,
    watch: &'w mut dyn Watch,
    done: Resealed,
}

impl Writer<'_, '_> {
    /// Writes a page. `sealer` is for rows that are read again.
    fn write_page(&mut self, sealed: &Sealed, sealer: &mut Sealer<'_>) -> Result<(), Error> {
        sealed.findings.iter().for_each(|finding| self.watch.finding(finding.clone()));
        if self.write(&sealed.changes)? {
            self.again(sealed, sealer)?;
        }
        let rows = u64::try_from(sealed.page.rows.len()).unwrap_or(u64::MAX);
        self.done.rows = self.done.rows.saturating_add(rows);
        self.watch.rows(rows);
        if !self.pace.rest.is_zero() {
            thread::sleep(self.pace.rest);
        }
        Ok(())
    }

    /// Reads, seals and writes the rows of a page again, until nobody else was quicker with one of them.
    fn again(&mut self, sealed: &Sealed, sealer: &mut Sealer<'_>) -> Result<(), Error> {
        let mut heard = sealed.findings.clone();
        for _ in 0..ATTEMPTS {
            // Rows may have come since: more than one page.
            let mut reader = Reader::new(self.source, &sealed.page.part, self.pace);
            let mut is_overtaken = false;
            while let Some(page) = block_on(reader.page())? {
                let sealed = block_on(sealer.seal(page))?;
                for finding in sealed.findings {
                    if !heard.contains(&finding) {
                        self.watch.finding(finding.clone());
                        heard.push(finding);
                    }
                }
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
                    self.done.written = self.done.written.saturating_add(1);
                    for swap in change.swaps.iter().filter(|swap| swap.old != swap.new) {
                        let holds = self.columns.get(swap.column).map(Column::holds);
                        let is_entry = holds != Some(Holds::Sealed);
                        self.done.values = self.done.values.saturating_add(1);
                        self.done.entries = self.done.entries.saturating_add(u64::from(is_entry));
                    }
                }
                Outcome::Changed => overtaken += 1,
                Outcome::Gone => {}
            }
        }
        self.done.overtaken = self.done.overtaken.saturating_add(overtaken);
        Ok(overtaken > 0)
    }
}
