//! How far it is: a bar for whoever looks on, lines otherwise.

use super::output::{Output, count, number, span};
use core::fmt::Write;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde_json::json;
use std::time::{Duration, Instant};

/// The progress through rows, of which there may be known how many there are.
pub(crate) struct Progress<'a> {
    output: &'a Output,
    doing: &'static str,
    bar: ProgressBar,
    total: Option<u64>,
    rows: u64,
    began: Instant,
    told: Instant,
}

/// How often a line is told where there is no bar.
const EVERY: Duration = Duration::from_secs(5);

impl<'a> Progress<'a> {
    pub(crate) fn new(output: &'a Output, doing: &'static str, total: Option<u64>) -> Self {
        let target = if output.is_watched() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(total, target);
        let template = if total.is_some() {
            "{msg} {bar:30} {human_pos} of {human_len} rows, {rate} a second, {eta} left"
        } else {
            "{msg} {human_pos} rows, {rate} a second"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            let rate = |state: &ProgressState, out: &mut dyn Write| {
                let _ = write!(out, "{:.0}", state.per_sec());
            };
            bar.set_style(style.with_key("rate", rate));
        }
        bar.set_message(doing);
        let now = Instant::now();
        Self { output, doing, bar, total, rows: 0, began: now, told: now }
    }

    pub(crate) fn rows(&mut self, rows: u64) {
        self.rows = self.rows.saturating_add(rows);
        self.bar.inc(rows);
        if !self.output.is_watched() && self.told.elapsed() >= EVERY {
            self.told = Instant::now();
            self.line();
        }
    }

    /// Says `text` above the bar.
    pub(crate) fn above(&self, say: impl FnOnce()) {
        self.bar.suspend(say);
    }

    /// The end of it: how many rows, and how fast.
    pub(crate) fn end(self) -> (u64, Duration) {
        self.bar.finish_and_clear();
        (self.rows, self.began.elapsed())
    }

    fn line(&self) {
        let seconds = self.began.elapsed().as_secs().max(1);
        let rate = self.rows / seconds;
        let (of, left) = match self.total {
            Some(total) => {
                let left = total.saturating_sub(self.rows) / rate.max(1);
                (format!(" of {}", number(total)), format!(", {} left", span(left)))
            }
            None => Default::default(),
        };
        let text = format!(
            "  {}: {}{of} rows, {} a second{left}",
            self.doing,
            number(self.rows),
            number(rate)
        );
        let facts =
            json!({ "doing": self.doing, "rows": self.rows, "of": self.total, "per_second": rate });
        self.output.tell(&text, "progress", facts);
    }
}

/// `12,345 rows in 3 seconds`.
pub(crate) fn pace((rows, took): (u64, Duration)) -> String {
    let seconds = took.as_secs_f64();
    format!("{} in {seconds:.1} s", count(rows, "row", "rows"))
}
