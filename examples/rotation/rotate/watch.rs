//! What a run tells while it goes on, shown.

use super::census;
use super::output::{Output, number};
use super::progress::{Progress, pace};
use phiseal::rotation::run::{Event, Journal, Step};

/// Findings that are shown to people; programs hear all.
const SHOWN: u64 = 100;

/// What a run tells, shown.
pub(crate) struct Watch<'a> {
    output: &'a Output,
    counting: Option<Progress<'a>>,
    resealing: Option<Progress<'a>>,
    total: Option<u64>,
    counted: u64,
    found: u64,
    /// Whether what is counted is what is left.
    is_end: bool,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(output: &'a Output, journal: Option<&Journal>) -> Self {
        let total = journal.map(|journal| {
            let rows: u64 = journal.before.iter().map(|it| it.census().rows).sum();
            rows.saturating_sub(journal.totals().rows)
        });
        Self { output, counting: None, resealing: None, total, counted: 0, found: 0, is_end: false }
    }

    pub(crate) fn hear(&mut self, event: Event<'_>) {
        match event {
            Event::Counted { rows, .. } => {
                self.end_resealing();
                self.counted += rows;
                let output = self.output;
                self.counting
                    .get_or_insert_with(|| Progress::new(output, "counting", None))
                    .rows(rows);
            }
            Event::Resealed { rows, .. } => {
                self.end_counting();
                let (output, total) = (self.output, self.total);
                self.resealing
                    .get_or_insert_with(|| Progress::new(output, "resealing", total))
                    .rows(rows);
            }
            Event::Step(Step::Begin) => self.end_counting(),
            Event::Step(Step::Persons) => self.output.say("Wrapping the keys of persons anew."),
            // What is there in the end; it was seen before, while it was counted first and gone through.
            Event::Step(Step::CountAgain) => (self.is_end, self.found) = (true, 0),
            Event::Finding { table, finding } if self.is_end => {
                self.found += 1;
                let show = || {
                    if self.found <= SHOWN || self.output.is_json() {
                        census::row(table, finding, self.output);
                    }
                };
                match self.resealing.as_ref().or(self.counting.as_ref()) {
                    Some(progress) => progress.above(show),
                    None => show(),
                }
            }
            _ => {}
        }
    }

    fn end_counting(&mut self) {
        if let Some(counting) = self.counting.take() {
            self.output.say(&format!("Counted {}.", pace(counting.end())));
            self.total.get_or_insert(self.counted);
        }
    }

    fn end_resealing(&mut self) {
        if let Some(resealing) = self.resealing.take() {
            self.output.say(&format!("Went through {}.", pace(resealing.end())));
        }
    }

    pub(crate) fn end(mut self) {
        self.end_counting();
        self.end_resealing();
        if self.found > SHOWN {
            self.output
                .say(&format!("  and {} more: --json tells all", number(self.found - SHOWN)));
        }
    }
}
