//! Processes that rotate and are killed at a step, or reseal and tell how much memory it took.

use crate::say;
use phiseal::rotation::run::{Event, Holding, Step};
use phiseal::rotation::{Pace, reseal};
use phiseal_tests::clinic::{Clinic, DOMAIN};
use pollster::block_on;
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

/// Reseals all values in `folder`, so many rows at once, and tells the most memory that this process had, in bytes.
pub(crate) fn weigh(folder: &str, rows: usize) {
    let clinic = Clinic::of(Path::new(folder));
    let phi = clinic.open();
    let domain = block_on(phi.domain(DOMAIN)).unwrap();
    let mut pace = Pace::default();
    pace.rows = rows;
    for Holding { source, columns, .. } in clinic.holdings(&domain) {
        reseal(&*source, &columns, pace, |_| {}).unwrap();
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kibibytes: u64 = peak.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    say(&(kibibytes * 1024).to_string());
}

fn is(step: Step, name: &str) -> bool {
    name == "any" && step != Step::Wait || format!("{step:?}") == name
}
