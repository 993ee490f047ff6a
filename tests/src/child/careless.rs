//! A program that logs all there is, without a thought of where it goes.

use std::io::{self, Write};

/// Everything that is logged goes to standard error from now on.
pub(crate) fn log_everything() {
    log::set_logger(&Stderr).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
}

struct Stderr;

impl log::Log for Stderr {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let mut out = io::stderr().lock();
        writeln!(out, "{} {} {}", record.level(), record.target(), record.args()).unwrap();
    }

    fn flush(&self) {}
}
