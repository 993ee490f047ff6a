//! What the program says.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program's voice")]

use std::time::Duration;

pub(crate) fn heading(text: &str) {
    println!("\n{text}");
}

pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// A line under a heading.
pub(crate) fn say(text: &str) {
    text.lines().for_each(|line| println!("  {line}"));
}

pub(crate) fn complaint(text: &str) {
    eprintln!("{text}");
}

pub(crate) fn took(time: Duration) -> String {
    match time.as_micros() {
        micros @ ..10_000 => format!("{micros} us"),
        micros => format!("{} ms", micros / 1000),
    }
}
