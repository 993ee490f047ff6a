//! The main job, end to end: FHIR patients sealed field by field into an SQLite table, opened again, refused when moved
//! or changed, rewrapped to a new key version, and one of them shredded.
//!
//! ```text
//! cargo run --release --example quickstart                      the patients that come with the project
//! cargo run --release --example quickstart -- FILE              yours: FHIR R4, NDJSON or a bundle
//! cargo run --release --example quickstart -- --keep FOLDER     leave the databases and the key file there
//! cargo run --release --example quickstart -- --json            one JSON object a line
//! ```

mod report;
mod table;

use phiseal::backends::local::LocalKek;
use phiseal::blocking::{Domain, Phiseal, Subject};
use phiseal::stores::SqliteStore;
use phiseal::{Context, ErrorKind, KekAdmin, Phi, Sealed, context, default_engine};
use phiseal_examples::fhir::{self, Line, Patient};
use report::Report;
use serde_json::json;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::{Cell, Table};

const USAGE: &str = "usage: quickstart [--json] [--keep FOLDER] [FILE]";
const GENERATED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/patients.ndjson");

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args_os().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            report::line(USAGE);
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            report::complaint(&format!("{wrong}\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            report::complaint(&format!("quickstart: {}", with_sources(&*error)));
            ExitCode::from(1)
        }
    }
}

struct Arguments {
    file: PathBuf,
    keep: Option<PathBuf>,
    json: bool,
}

impl Arguments {
    /// `None` when only help was asked for.
    fn parse(mut words: impl Iterator<Item = std::ffi::OsString>) -> Result<Option<Self>, String> {
        let (mut file, mut keep, mut json) = (None, None, false);
        while let Some(word) = words.next() {
            match word.to_str() {
                Some("--json") => json = true,
                Some("--keep") => {
                    keep = Some(PathBuf::from(words.next().ok_or("--keep needs a folder")?))
                }
                Some("-h" | "--help") => return Ok(None),
                Some(option) if option.starts_with('-') => {
                    return Err(format!("unknown option {option}"));
                }
                _ if file.is_some() => return Err("one file at a time".to_owned()),
                _ => file = Some(PathBuf::from(word)),
            }
        }
        Ok(Some(Self { file: file.unwrap_or_else(|| GENERATED.into()), keep, json }))
    }
}

/// What was done to the patients, for the table at the end.
#[derive(Default)]
struct Tally {
    patients: u64,
    cells: u64,
    plain_bytes: u64,
    sealed_bytes: u64,
    sealing: Duration,
    opening: Duration,
    storing: Duration,
}

/// Returns how many lines of the file were bad.
fn run(arguments: &Arguments) -> Result<u64, Box<dyn Error>> {
    let began = Instant::now();
    let temporary = tempfile::Builder::new().prefix("phiseal-quickstart-").tempdir()?;
    let folder = match &arguments.keep {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            refuse_used(folder)?;
            folder.as_path()
        }
        None => temporary.path(),
    };
    let kek_file = folder.join("kek.json");
    let mut report = Report::new(arguments.json);

    // The ten lines: a key store, a KEK that guards it, a domain.
    let phi = Phiseal::open(
        SqliteStore::open(folder.join("keys.db"))?,
        LocalKek::open_or_create(&kek_file, default_engine())?,
    )?;
    let patients = phi.domain("clinic/patients")?;
    report.opened(folder, default_engine());

    let mut table = Table::create(&folder.join("clinic.db"))?;
    let mut tally = Tally::default();
    let bad = seal_file(&arguments.file, &patients, &mut table, &mut tally, &mut report)?;
    let ids = table.patients()?;
    let Some(first) = ids.first() else {
        report.say(
            "nothing to show",
            json!({"step": "empty"}),
            "The file has no patient that could be sealed.",
        );
        return Ok(bad);
    };

    show_row(first, &patients, &table, &mut report)?;
    open_everybody(&ids, &patients, &table, &mut tally, &mut report)?;
    refuse_moved_and_changed(first, &ids, &patients, &table, &mut report)?;
    rewrap(&kek_file, &phi, &patients, &table, first, &mut report)?;
    shred(&ids, &patients, &table, &mut report)?;
    report.summary(&tally, &table.sizes(&folder.join("keys.db"))?, bad, began.elapsed());
    Ok(bad)
}

/// A folder of an earlier run is somebody's: its persons are sealed, and one of them shredded.
fn refuse_used(folder: &Path) -> Result<(), String> {
    match ["clinic.db", "keys.db", "kek.json"].iter().find(|file| folder.join(file).exists()) {
        None => Ok(()),
        Some(file) => Err(format!(
            "{} holds a {file} already, and is left as it is: name another folder",
            folder.display()
        )),
    }
}

/// Reads the file and seals what identifies each patient, cell by cell, under a key of that patient alone.
fn seal_file(
    file: &Path,
    patients: &Domain,
    table: &mut Table,
    tally: &mut Tally,
    report: &mut Report,
) -> Result<u64, Box<dyn Error>> {
    let lines =
        fhir::open(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let mut bad = 0;
    for line in lines {
        match line? {
            Line::Bad(line) => {
                bad += 1;
                report.bad_line(&line);
            }
            Line::Patient(patient) => {
                let started = Instant::now();
                let subject = patients.subject_or_create(&patient.id)?;
                tally.storing += started.elapsed();
                let cells = seal_patient(&patient, &subject, tally)?;
                let started = Instant::now();
                table.insert(&patient.id, &cells)?;
                tally.storing += started.elapsed();
                tally.patients += 1;
            }
        }
    }
    report.sealed(file, tally, bad);
    Ok(bad)
}

fn seal_patient(
    patient: &Patient,
    subject: &Subject,
    tally: &mut Tally,
) -> Result<Vec<Cell>, Box<dyn Error>> {
    let mut cells = Vec::new();
    for cell in &patient.cells {
        let what = cell_context(&patient.id, cell.field, cell.index);
        let started = Instant::now();
        let sealed = subject.seal(&cell.value, &what)?;
        tally.sealing += started.elapsed();
        tally.cells += 1;
        tally.plain_bytes += cell.value.len() as u64;
        tally.sealed_bytes += sealed.as_bytes().len() as u64;
        cells.push(Cell { field: cell.field.to_owned(), index: cell.index, sealed });
    }
    Ok(cells)
}

/// What a cell is sealed as: the patient's record, the field and which element of it.
fn cell_context(patient: &str, field: &str, index: u32) -> Context {
    context!(record = patient, field = format!("{field}/{index}"))
}

fn open_cell(subject: &Subject, patient: &str, cell: &Cell) -> Result<Phi<String>, phiseal::Error> {
    subject.open(&cell.sealed, &cell_context(patient, &cell.field, cell.index))
}

/// One patient, as the database administrator sees the rows and as the application does.
fn show_row(
    first: &str,
    patients: &Domain,
    table: &Table,
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    let subject = patients.subject(first)?;
    let mut rows = Vec::new();
    for cell in table.cells(first)? {
        let plain = open_cell(&subject, first, &cell)?;
        let shown = fhir::display(&cell.field, plain.expose_secret());
        rows.push((cell, shown));
    }
    report.row(first, &rows);
    Ok(())
}

fn open_everybody(
    ids: &[String],
    patients: &Domain,
    table: &Table,
    tally: &mut Tally,
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    let mut opened = 0_u64;
    for id in ids {
        let subject = patients.subject(id)?;
        for cell in table.cells(id)? {
            let started = Instant::now();
            open_cell(&subject, id, &cell)?;
            tally.opening += started.elapsed();
            opened += 1;
        }
    }
    report.say(
        "Opening",
        json!({"step": "open", "cells": opened, "failed": tally.cells - opened}),
        &format!("All {opened} cells of {} patients open to what was sealed.", ids.len()),
    );
    Ok(())
}

/// A cell moved to another place, and a cell with one bit changed: both must be refused.
fn refuse_moved_and_changed(
    first: &str,
    ids: &[String],
    patients: &Domain,
    table: &Table,
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    let subject = patients.subject(first)?;
    let cells = table.cells(first)?;
    let (Some(one), Some(other)) = (cells.first(), cells.last()) else { return Ok(()) };
    if cells.len() > 1 {
        let moved = Cell { sealed: other.sealed.clone(), ..one.clone() };
        refused(
            "a cell swapped with another of the same patient",
            open_cell(&subject, first, &moved),
            report,
        )?;
    }
    if let Some(second) = ids.get(1)
        && let Some(theirs) = table.cells(second)?.first()
    {
        let moved = Cell { sealed: theirs.sealed.clone(), ..one.clone() };
        refused(
            "a cell of another patient in its place",
            open_cell(&subject, first, &moved),
            report,
        )?;
    }
    let mut bytes = one.sealed.as_bytes().to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    let changed = Cell { sealed: Sealed::try_from(bytes)?, ..one.clone() };
    refused("a cell with one bit changed", open_cell(&subject, first, &changed), report)
}

fn refused(
    what: &str,
    outcome: Result<Phi<String>, phiseal::Error>,
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    match outcome {
        Ok(_) => Err(format!("{what} was opened; it must never be").into()),
        Err(error) if matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::Foreign) => {
            let kind = format!("{:?}", error.kind());
            report.say(
                "Refusing",
                json!({"step": "refuse", "what": what, "kind": kind, "error": error.to_string()}),
                &format!("{what}: refused ({error})."),
            );
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// The custodian makes a new KEK version and rewraps the domain's key and the key store's own: the patients' rows are not
/// touched.
fn rewrap(
    kek_file: &Path,
    phi: &Phiseal,
    patients: &Domain,
    table: &Table,
    first: &str,
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    let before = table.contents()?;
    let old = kek_version(patients)?;
    let admin = KekAdmin::new(Arc::new(LocalKek::open(kek_file, default_engine())?));
    let started = Instant::now();
    pollster::block_on(admin.create_version())?;
    let rewrapped = patients.rewrap()?;
    pollster::block_on(phi.key_store().rewrap_store_key())?;
    let took = started.elapsed();
    let new = kek_version(patients)?;
    let untouched = before == table.contents()?;
    let subject = patients.subject(first)?;
    for cell in table.cells(first)? {
        open_cell(&subject, first, &cell)?;
    }
    if !untouched || new <= old {
        return Err("the rewrap changed rows, or the key's wrap is not of a newer version".into());
    }
    report.rewrapped(old, new, rewrapped.rewrapped, took);
    Ok(())
}

fn kek_version(patients: &Domain) -> Result<u32, Box<dyn Error>> {
    let keyset = patients.keyset()?;
    let primary = keyset.version(keyset.primary()).ok_or("the keyset has no primary")?;
    Ok(primary.wraps().iter().map(|wrap| wrap.kek_version().0).max().unwrap_or(0))
}

/// One patient's key is destroyed: that patient's rows open no more, everybody else's do.
fn shred(
    ids: &[String],
    patients: &Domain,
    table: &Table,
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    let Some((gone, others)) = ids.split_last() else { return Ok(()) };
    let handle = patients.subject(gone)?;
    let cells = table.cells(gone)?;
    let erasure = patients.shred_subject(gone)?;
    for cell in &cells {
        match open_cell(&handle, gone, cell) {
            Err(error) if error.kind() == ErrorKind::State => {}
            _ => return Err("a cell of the shredded patient was not refused as shredded".into()),
        }
    }
    let mut open = 0_u64;
    for id in others {
        let subject = patients.subject(id)?;
        for cell in table.cells(id)? {
            open_cell(&subject, id, &cell)?;
            open += 1;
        }
    }
    report.shredded(gone, cells.len(), others.len(), open, erasure);
    Ok(())
}

fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
