//! The contract of [`Source`] as a suite that an implementation runs.
//!
//! One case for each clause, named for it. Whoever writes a source ends a test file with one line, which makes one `#[test]` of
//! each:
//!
//! ```text
//! struct Patients { .. }
//!
//! impl phiseal_rotation::source::contract::World for Patients { .. }
//!
//! fn fixture() -> Fixture {
//!     Fixture::new(Patients::empty())
//! }
//!
//! phiseal_rotation::source_tests!("patients", fixture);
//! ```
//!
//! The table of every world is [`table`]: the key columns `clinic`, a number, and `id`, text; the sealed columns `ssn`, bytes,
//! and `name`, text; and the columns `note`, text, and `version`, a number, which are not sealed. A source that cannot hold
//! these says so ([`Holds`]).

mod scans;
mod world;
mod writes;

use core::fmt;
use core::time::Duration;
#[doc(hidden)]
pub use phiseal_conformance::clause_tests;
pub use phiseal_conformance::{Absent, CaseReport, Made, Outcome, Report};
use phiseal_conformance::{Case, PATIENCE};
pub use world::{Holds, Sample, World, table};

#[cfg(doc)]
use super::Source;

/// A table of its own for one case.
pub struct Fixture {
    world: Box<dyn World>,
    patience: Duration,
}

impl Fixture {
    /// On a table that is empty.
    #[must_use]
    pub fn new(world: impl World + 'static) -> Self {
        Self { world: Box::new(world), patience: PATIENCE }
    }

    /// Waits this long for one answer instead of 30 seconds.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").finish_non_exhaustive()
    }
}

const CASES: [Case<Fixture>; 8] = [
    Case {
        clause: 1,
        name: "clause_01_each_row_comes_once_and_in_order",
        run: scans::each_row_comes_once_and_in_order,
    },
    Case {
        clause: 2,
        name: "clause_02_values_come_as_they_are_stored",
        run: scans::values_come_as_they_are_stored,
    },
    Case {
        clause: 3,
        name: "clause_03_only_the_old_value_is_replaced",
        run: writes::only_the_old_value_is_replaced,
    },
    Case {
        clause: 4,
        name: "clause_04_a_change_is_all_or_nothing",
        run: writes::a_change_is_all_or_nothing,
    },
    Case {
        clause: 5,
        name: "clause_05_what_was_written_outlives_a_crash",
        run: writes::what_was_written_outlives_a_crash,
    },
    Case {
        clause: 6,
        name: "clause_06_nothing_else_is_changed",
        run: writes::nothing_else_is_changed,
    },
    Case {
        clause: 7,
        name: "clause_07_errors_and_debug_hold_no_value",
        run: scans::errors_and_debug_hold_no_value,
    },
    Case {
        clause: 8,
        name: "clause_08_a_scan_that_has_begun_holds_nobody_up",
        run: writes::a_scan_that_has_begun_holds_nobody_up,
    },
];

/// Runs every case, each on a table of its own.
pub fn suite<M: Made<Fixture>>(fixture: impl Fn() -> M) -> Report {
    Report::new(CASES.iter().map(|case| case.report(&fixture)).collect())
}

/// Runs the case of this name; there is none of another name, and that is a failure.
#[must_use]
pub fn check<M: Made<Fixture>>(name: &'static str, fixture: impl FnOnce() -> M) -> CaseReport {
    match CASES.iter().find(|case| case.name == name) {
        Some(case) => case.report(fixture),
        None => CaseReport::missing(name),
    }
}

/// The names of all cases, in order.
pub fn clauses() -> impl Iterator<Item = &'static str> {
    CASES.iter().map(|case| case.name)
}

/// One `#[test]` for each clause of the contract of sources, in a module `source`.
///
/// The last argument is the path of a function that makes a [`Fixture`](crate::source::contract::Fixture) on an empty table, or
/// says that it is [`Absent`](crate::source::contract::Absent); before it, the source's name in
/// [reports](crate::source::contract::CaseReport::conclude).
#[macro_export]
macro_rules! source_tests {
    ($name:literal, $fixture:path) => {
        $crate::source::contract::clause_tests! {
            source, $name, $crate::source::contract, $fixture,
            clause_01_each_row_comes_once_and_in_order
            clause_02_values_come_as_they_are_stored
            clause_03_only_the_old_value_is_replaced
            clause_04_a_change_is_all_or_nothing
            clause_05_what_was_written_outlives_a_crash
            clause_06_nothing_else_is_changed
            clause_07_errors_and_debug_hold_no_value
            clause_08_a_scan_that_has_begun_holds_nobody_up
        }
    };
    ($fixture:path) => {
        $crate::source_tests!("", $fixture);
    };
}
