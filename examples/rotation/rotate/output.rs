//! What the program tells: sentences for people, or JSON, one object a line.

use super::failure::Failure;
use serde_json::{Value, json};
use std::io::{IsTerminal, Write, stderr, stdout};

/// Where everything is told.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether somebody looks on, to whom a bar means something.
    pub(crate) fn is_watched(&self) -> bool {
        !self.json && stderr().is_terminal()
    }

    /// A fact: for people as `text`, for programs as an object whose event is `event`.
    pub(crate) fn tell(&self, text: &str, event: &str, facts: Value) {
        if self.json {
            self.line(&with_event(event, facts));
        } else {
            let _ = writeln!(stdout(), "{text}");
        }
    }

    /// Something for people alone.
    pub(crate) fn say(&self, text: &str) {
        if !self.json {
            let _ = writeln!(stdout(), "{text}");
        }
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        if self.json {
            self.line(&failure.to_json().to_string());
        } else {
            let _ = writeln!(stderr(), "rotate: {}", failure.sentence());
        }
    }

    fn line(&self, line: &str) {
        let _ = writeln!(stdout(), "{line}");
    }
}

fn with_event(event: &str, facts: Value) -> String {
    let mut object = json!({ "event": event });
    if let (Some(object), Value::Object(facts)) = (object.as_object_mut(), facts) {
        object.extend(facts);
    }
    object.to_string()
}

/// `12,345`.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 row`, `12,345 rows`.
pub(crate) fn count(of: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(of), if of == 1 { one } else { many })
}

/// A time, in UTC.
pub(crate) fn time(seconds: u64) -> String {
    let text = phiseal::audit::Time::from_millis(seconds.saturating_mul(1_000)).to_string();
    text.get(..16).unwrap_or_default().replace('T', " ") + " UTC"
}

/// `3 days`, `2 hours`.
pub(crate) fn span(seconds: u64) -> String {
    for (unit, one, many) in
        [(86_400, "day", "days"), (3_600, "hour", "hours"), (60, "minute", "minutes")]
    {
        if seconds >= unit {
            return count(seconds / unit, one, many);
        }
    }
    count(seconds, "second", "seconds")
}
