//! A clinic's look-up over sealed patients in SQLite: by last name, by last name and birth date, by telephone number, however
//! they are typed.
//!
//! ```text
//! cargo run --release -p phiseal-examples-tokens --example search_sealed
//! cargo run --release -p phiseal-examples-tokens --example search_sealed -- FILE --name weiss --phone "(808) 555-0106"
//! ```
//!
//! FILE is yours: FHIR R4, NDJSON or a bundle; without one, patients that come with the project. What is found is shown masked,
//! unless `--full` asks for it.
//!
//! Each patient is sealed as a whole. Beside it stand entries of three blind indexes, each with a key of its own; a search makes
//! the entry of what was typed and asks the database for equal bytes. The database never sees a name.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program's voice")]

mod clinic;
mod patient;

use clap::Parser;
use clinic::{Asked, Clinic};
use patient::Patient;
use phiseal::tokens::{BlindIndex, Cardinality, DateOrder, Mask, Normaliser, Part};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Looks sealed patients up by name, birth date and telephone number.
#[derive(Parser)]
struct Arguments {
    /// FHIR R4 patients, NDJSON or a bundle; without one, those that come with the project
    file: Option<PathBuf>,
    /// A last name, in any case, with accents or without
    #[arg(long)]
    name: Option<String>,
    /// A birth date, with --name: 1980-01-31, 1/31/1980, "Jan 31, 1980"
    #[arg(long, requires = "name")]
    born: Option<String>,
    /// A telephone number
    #[arg(long)]
    phone: Option<String>,
    /// The country of numbers that are typed without one
    #[arg(long, default_value = "US")]
    country: String,
    /// In dates such as 1/2/1980 the day comes first
    #[arg(long)]
    day_first: bool,
    /// Show what is found in full
    #[arg(long)]
    full: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("search_sealed: {error}");
            let mut source = error.source();
            while let Some(error) = source {
                eprintln!("  because: {error}");
                source = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let country: [u8; 2] =
        arguments.country.as_bytes().try_into().map_err(|_| "a country is two capital letters")?;
    let order = if arguments.day_first { DateOrder::DayFirst } else { DateOrder::MonthFirst };
    let folder = tempfile::tempdir()?;
    let mut clinic = Clinic::open(folder.path(), order, country)?;

    let (patients, bad_lines) = patient::read(arguments.file.as_deref())?;
    let start = Instant::now();
    let skipped = clinic.fill(&patients)?;
    println!("{} patients sealed and indexed in {:.1?}", patients.len(), start.elapsed());
    for (line, count) in
        [("lines that are no patient", bad_lines), ("numbers that are none", skipped)]
    {
        if count > 0 {
            println!("{count} {line}, left out");
        }
    }

    for asked in asked(arguments, &patients) {
        show(&clinic, &asked, arguments.full)?;
    }
    let asks = arguments.name.is_some() || arguments.phone.is_some();
    if arguments.file.is_some() && !asks {
        println!("look somebody up with --name, --name and --born, or --phone");
    } else if !asks {
        explain(&mut clinic, arguments.full)?;
    }
    Ok(())
}

/// What the arguments ask for; without any, what shows what is found.
fn asked(arguments: &Arguments, patients: &[Patient]) -> Vec<Asked> {
    let Arguments { name, born, phone, .. } = arguments;
    let mut asked = Vec::new();
    if let Some(name) = name {
        asked.push(match born {
            Some(born) => Asked::NameAndBirth(name.clone(), born.clone()),
            None => Asked::Name(name.clone()),
        });
    }
    asked.extend(phone.clone().map(Asked::Phone));
    // Of somebody's own patients none is shown unasked.
    if !asked.is_empty() || arguments.file.is_some() {
        return asked;
    }
    let with_all = |patient: &&Patient| !patient.phones.is_empty() && patient.born.is_some();
    let Some(patient) = patients.iter().find(with_all) else { return Vec::new() };
    let (name, phone) = (patient.names.first(), patient.phones.first());
    let (Some(name), Some(phone), Some(born)) = (name, phone, &patient.born) else {
        return Vec::new();
    };
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    vec![
        Asked::Name(format!("  {} ", name.to_uppercase())),
        Asked::NameAndBirth(name.to_lowercase(), born.replace('-', "")),
        Asked::Phone(digits.trim_start_matches('1').to_owned()),
        Asked::Name("nobody of this name".to_owned()),
    ]
}

fn show(clinic: &Clinic, asked: &Asked, full: bool) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let found = clinic.search(asked)?;
    println!("\n{asked}: {} found in {:.0?}", found.len(), start.elapsed());
    for patient in found.iter().take(10) {
        println!("  {}", line(patient, full));
    }
    if found.len() > 10 {
        println!("  and {} more", found.len() - 10);
    }
    Ok(())
}

fn line(patient: &Patient, full: bool) -> String {
    let Patient { id, names, born, phones } = patient;
    if full {
        let born = born.as_deref().unwrap_or("unknown");
        return format!("{id}: {}, born {born}, {}", names.join(" / "), phones.join(", "));
    }
    let masked = |mask: Mask, values: &[String]| -> String {
        let values: Vec<String> = values.iter().map(|value| mask.of(value).to_string()).collect();
        values.join(" / ")
    };
    format!("{id}: {}, {}", masked(Mask::name(), names), masked(Mask::phone(), phones))
}

/// What the database holds, what is refused, and what a rotation does.
fn explain(clinic: &mut Clinic, full: bool) -> Result<(), Box<dyn Error>> {
    println!("\nwhat the database's administrator sees of one patient:");
    for column in clinic.row()? {
        println!("  {column}");
    }
    let sex = Part::new(Normaliser::Text, Cardinality::of(4));
    if let Err(refused) = BlindIndex::new([sex]) {
        println!("\nan index by sex is refused: {refused}");
    }
    clinic.rotate()?;
    println!(
        "\nthe keys were rotated, and no entry was made anew yet: searches look for both generations"
    );
    if let Some(asked) = clinic.any_name()? {
        show(clinic, &asked, full)?;
    }
    Ok(())
}
