//! A process that rotates, and is killed at a step.

use crate::say;
use phiseal::rotation::Pace;
use phiseal::rotation::run::{Event, Step};
use phiseal_tests::clinic::Clinic;
use std::path::Path;

/// Does what was approved in `folder`, by so many rows at once, and is killed when it comes to a step of this name for the n-th
/// time.
pub(crate) fn rotate(folder: &str, rows: usize, name: &str, nth: usize) {
    let mut pace = Pace::default();
    pace.rows = rows;
    let mut left = nth;
    let outcome = Clinic::of(Path::new(folder)).rotate(pace, &mut |event| {
        if let Event::Step(step) = event
            && is(step, name)
        {
            left -= 1;
            if left == 0 {
                // SAFETY: it ends this process.
                #[expect(unsafe_code, reason = "kill(2), which leaves no time for anything")]
                unsafe {
                    libc::kill(libc::getpid(), libc::SIGKILL)
                };
            }
        }
    });
    match outcome {
        Ok(journal) => say(&format!("{:?}, {} rows", journal.phase, journal.totals().rows)),
        Err(error) => say(&format!("refused {:?}", error.kind())),
    }
}

fn is(step: Step, name: &str) -> bool {
    name == "any" && step != Step::Wait || format!("{step:?}") == name
}
