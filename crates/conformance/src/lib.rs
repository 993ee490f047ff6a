//! The contract of phiseal's KEK backends and stores, as suites that an implementation runs.
//!
//! The contracts are numbered: [`KekBackend`](phiseal_keys::KekBackend) has twelve clauses, its administration,
//! [`KekAdminBackend`](phiseal_keys::KekAdminBackend), five more, and [`Store`](phiseal_keys::Store) ten. [`kek`] and
//! [`store`] have one case for each, named for it, and no opinion beyond them. Whoever writes a backend ends its test file
//! with one line, which makes one `#[test]` of each clause:
//!
//! ```text
//! fn fixture() -> phiseal_conformance::kek::Fixture {
//!     let (backend, other) = (Arc::new(MyKek::new("a")), Arc::new(MyKek::new("b")));
//!     phiseal_conformance::kek::Fixture::new(engine(), backend.clone(), other).with_admin(backend)
//! }
//!
//! phiseal_conformance::kek_backend_tests!(fixture);
//! ```
//!
//! No case needs an executor, and none measures time; one that waits for an answer for longer than the fixture's patience
//! (30 seconds) fails. The suites themselves are tested with backends and stores that each break one clause on purpose.
//!
//! [`Faults`] is for the tests of whoever uses a backend: any one, with outages and wrong answers.

#![forbid(unsafe_code)]

mod faults;
mod forms;
mod guard;
pub mod kek;
mod report;
mod run;
pub mod store;

pub use faults::{Before, Call, Faults};
pub use guard::{Absent, Made};
pub use report::{CaseReport, Outcome, Report, Stop};
pub use run::{Case, PATIENCE, finish};

/// One `#[test]` for each clause of the KEK backend contract, administration included, in a module `kek_backend`.
///
/// The last argument is the path of a function that makes a fresh [`kek::Fixture`], or says that it is [`Absent`]; before it,
/// the backend's name in [reports](CaseReport::conclude).
#[macro_export]
macro_rules! kek_backend_tests {
    ($name:literal, $fixture:path) => {
        $crate::clause_tests! {
            kek_backend, $name, $crate::kek, $fixture,
            clause_01_describe_is_steady
            clause_02_generated_keys_open
            clause_03_wrapped_keys_open
            clause_04_keys_and_wraps_differ
            clause_05_other_contexts_are_refused
            clause_06_changed_wraps_are_refused
            clause_07_wraps_of_another_kek_are_refused
            clause_08_answers_name_the_key_that_was_used
            clause_09_older_versions_open
            clause_10_errors_and_debug_hold_no_key
            clause_11_futures_run_anywhere_and_can_be_dropped
            clause_12_calls_run_concurrently
            clause_13_a_new_version_makes_the_next_wraps
            clause_14_a_deactivated_version_only_opens
            clause_15_a_destroyed_version_opens_nothing
            clause_16_an_active_version_is_not_destroyed
            clause_17_a_version_that_is_not_there_is_not_found
        }
    };
    ($fixture:path) => {
        $crate::kek_backend_tests!("", $fixture);
    };
}

/// One `#[test]` for each clause of the store contract, in a module `key_store`.
///
/// The last argument is the path of a function that makes a [`store::Fixture`] on fresh storage, or says that it is
/// [`Absent`]; before it, the store's name in [reports](CaseReport::conclude).
#[macro_export]
macro_rules! store_tests {
    ($name:literal, $fixture:path) => {
        $crate::clause_tests! {
            key_store, $name, $crate::store, $fixture,
            clause_01_what_was_never_written_is_none
            clause_02_creating_needs_absence
            clause_03_replacing_needs_the_revision
            clause_04_one_of_many_writers_wins
            clause_05_a_write_is_seen_everywhere
            clause_06_ids_are_bytes_and_kinds_do_not_mix
            clause_07_scan_is_in_order_and_complete
            clause_08_every_length_comes_back
            clause_09_erase_keeps_its_word
            clause_10_errors_hold_no_record
            clause_11_all_writes_are_done_or_none
        }
    };
    ($fixture:path) => {
        $crate::store_tests!("", $fixture);
    };
}

/// What [`kek_backend_tests`] and [`store_tests`] are made of.
#[doc(hidden)]
#[macro_export]
macro_rules! clause_tests {
    ($module:ident, $name:literal, $contract:path, $fixture:path, $($clause:ident)*) => {
        mod $module {
            #[allow(unused_imports, reason = "the fixture may be named by an absolute path")]
            use super::*;
            use $contract as contract;

            $(
                #[test]
                fn $clause() {
                    contract::check(stringify!($clause), $fixture)
                        .conclude($name, stringify!($module));
                }
            )*

            #[test]
            fn every_clause_has_a_test() {
                let tests = [$(stringify!($clause)),*];
                assert!(contract::clauses().eq(tests), "this list of tests is not that of the contract");
            }
        }
    };
}
