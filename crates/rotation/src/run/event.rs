use super::Totals;
use crate::Finding;

/// What a run tells while it goes on.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// It comes to a step.
    Step(Step),
    /// So many more rows of a table are counted.
    Counted {
        /// The table.
        table: &'a str,
        /// How many more.
        rows: u64,
    },
    /// So many more rows of a table are done.
    Resealed {
        /// The table.
        table: &'a str,
        /// How many more.
        rows: u64,
    },
    /// A part of the work is done; this is what was done by everybody so far.
    Done(&'a Totals),
    /// A value that is not in order and cannot be resealed.
    Finding {
        /// The table.
        table: &'a str,
        /// What is the matter with it.
        finding: &'a Finding,
    },
}

/// A step of a run. A run that is killed before or after any of them goes on from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Everything is going to be counted.
    Count,
    /// What there is is known, and is going to be written down.
    Begin,
    /// The new version is going to become the primary.
    Switch,
    /// It is, and that is going to be written down.
    Switched,
    /// Persons' keys are going to be made or wrapped anew.
    Persons,
    /// A part of a table is going to be resealed.
    Reseal,
    /// Rows are going to be written.
    Write,
    /// What was done is going to be written down.
    Finish,
    /// Everything is going to be counted again.
    CountAgain,
    /// The end is going to be written down.
    End,
    /// Others do what is left; it waits for them.
    Wait,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Count,
        Self::Begin,
        Self::Switch,
        Self::Switched,
        Self::Persons,
        Self::Reseal,
        Self::Write,
        Self::Finish,
        Self::CountAgain,
        Self::End,
        Self::Wait,
    ];
}
