//! What the program says: for a person, or one JSON object a line.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program's voice")]

use crate::Tally;
use crate::table::Cell;
use phiseal::{Engine, Erasure};
use phiseal_examples::fhir::BadLine;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// A line on standard output.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// A line on standard error.
pub(crate) fn complaint(text: &str) {
    eprintln!("{text}");
}

pub(crate) struct Report {
    json: bool,
    heading: String,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, heading: String::new() }
    }

    /// One thing that was done: `object` for a program, `text` under `heading` for a person.
    pub(crate) fn say(&mut self, heading: &str, object: Value, text: &str) {
        if self.json {
            println!("{object}");
            return;
        }
        if self.heading != heading {
            println!("\n{heading}");
            heading.clone_into(&mut self.heading);
        }
        text.lines().for_each(|line| println!("  {line}"));
    }

    pub(crate) fn opened(&mut self, folder: &Path, engine: &dyn Engine) {
        let module = engine.module();
        self.say(
            "Keys",
            json!({"step": "keys", "folder": folder.display().to_string(), "engine": engine.name(),
                   "module": module.name, "version": module.version}),
            &format!(
                "kek.json   the key-encryption key, readable by its owner alone\n\
                 keys.db    data keys, each wrapped, in a database of their own\n\
                 clinic.db  the patients, sealed\n\
                 in {}; engine {} ({} {})",
                folder.display(),
                engine.name(),
                module.name,
                module.version
            ),
        );
    }

    pub(crate) fn bad_line(&mut self, line: &BadLine) {
        if self.json {
            println!("{}", json!({"step": "bad line", "line": line.line, "reason": line.reason}));
        } else {
            eprintln!("  {line}; stepped over");
        }
    }

    pub(crate) fn sealed(&mut self, file: &Path, tally: &Tally, bad: u64) {
        let stepped =
            if bad == 0 { String::new() } else { format!("; {bad} bad lines stepped over") };
        self.say(
            "Sealing",
            json!({"step": "seal", "file": file.display().to_string(), "patients": tally.patients,
                   "cells": tally.cells, "bad_lines": bad}),
            &format!(
                "{} patients of {}: {} cells (identifiers, names, addresses, telecoms, birth dates){stepped}.",
                tally.patients,
                file.display(),
                tally.cells
            ),
        );
    }

    pub(crate) fn row(&mut self, patient: &str, rows: &[(Cell, String)]) {
        let mut table = String::new();
        for (cell, shown) in rows {
            let text = cell.sealed.to_string();
            let (start, end) = (
                text.get(..14).unwrap_or(&text),
                text.get(text.len().saturating_sub(26)..).unwrap_or(""),
            );
            let cell_name = format!("{}/{}", cell.field, cell.index);
            table.push_str(&format!("{cell_name:<14} {start}…{end}  {shown}\n"));
        }
        self.say(
            &format!("Patient {patient}: what the database holds, and what the application sees"),
            json!({"step": "row", "patient": patient, "cells": rows.iter().map(|(cell, _)| json!({
                "field": cell.field, "index": cell.index, "sealed": cell.sealed.to_string()})).collect::<Vec<_>>()}),
            &table,
        );
    }

    pub(crate) fn rewrapped(&mut self, old: u32, new: u32, versions: usize, took: Duration) {
        self.say(
            "Rewrapping",
            json!({"step": "rewrap", "kek_version_before": old, "kek_version_after": new, "data_keys": versions,
                   "rows_changed": 0, "microseconds": micros(took)}),
            &format!(
                "KEK version {old} to {new}: {versions} data key and the key store's own rewrapped in {}; no row of the clinic changed; all still open.",
                human(took)
            ),
        );
    }

    pub(crate) fn shredded(
        &mut self,
        patient: &str,
        cells: usize,
        others: usize,
        open: u64,
        erasure: Erasure,
    ) {
        let disk = match erasure {
            Erasure::Done => "its wrapped key is gone from the disk too",
            _ => "its wrapped key may still be in logs of the key store",
        };
        self.say(
            "Shredding",
            json!({"step": "shred", "patient": patient, "cells_refused": cells, "others": others,
                   "others_cells_open": open, "erasure": format!("{erasure:?}").to_lowercase()}),
            &format!(
                "Patient {patient}: key destroyed, all {cells} cells refused, {disk}.\n\
                 The other {others} patients: all {open} cells open."
            ),
        );
    }

    pub(crate) fn summary(&mut self, tally: &Tally, sizes: &(u64, u64), bad: u64, total: Duration) {
        let each = |time: Duration| {
            if tally.cells == 0 { 0 } else { time.as_nanos() / u128::from(tally.cells) }
        };
        let (clinic, keys) = sizes;
        let overhead = tally.sealed_bytes - tally.plain_bytes;
        self.say(
            "Summary",
            json!({"step": "summary", "patients": tally.patients, "cells": tally.cells, "bad_lines": bad,
                   "plain_bytes": tally.plain_bytes, "sealed_bytes": tally.sealed_bytes,
                   "seal_nanoseconds_per_cell": u64::try_from(each(tally.sealing)).unwrap_or(u64::MAX),
                   "open_nanoseconds_per_cell": u64::try_from(each(tally.opening)).unwrap_or(u64::MAX),
                   "clinic_bytes_on_disk": clinic, "keys_bytes_on_disk": keys, "milliseconds": micros(total) / 1000}),
            &format!(
                "patients sealed            {:>12}\n\
                 cells sealed               {:>12}\n\
                 plaintext, bytes           {:>12}\n\
                 sealed, bytes              {:>12}   57 more for each cell: {overhead}\n\
                 clinic.db, bytes           {clinic:>12}\n\
                 keys.db, bytes             {keys:>12}\n\
                 sealing one cell           {:>12}\n\
                 opening one cell           {:>12}\n\
                 keys and rows to the disk  {:>12}\n\
                 bad lines                  {bad:>12}\n\
                 all of it                  {:>12}",
                tally.patients,
                tally.cells,
                tally.plain_bytes,
                tally.sealed_bytes,
                format!("{} ns", each(tally.sealing)),
                format!("{} ns", each(tally.opening)),
                human(tally.storing),
                human(total)
            ),
        );
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn human(time: Duration) -> String {
    match time.as_micros() {
        micros @ ..10_000 => format!("{micros} us"),
        micros => format!("{} ms", micros / 1000),
    }
}
