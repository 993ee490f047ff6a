//! A table whose values are replaced by tokens, and given back to a reader who may have them.
//!
//! ```text
//! cargo run --release -p phiseal-examples-tokens --example tokenize_a_table
//! cargo run --release -p phiseal-examples-tokens --example tokenize_a_table -- tokenize FILE --out TOKENS
//! cargo run --release -p phiseal-examples-tokens --example tokenize_a_table -- reveal TOKENS --out BACK \
//!     --actor billing/7 --use payment
//! ```
//!
//! FILE is CSV with a header, or NDJSON (an object on each line; members come out in the order of their names). `--plan` says what
//! becomes of each column, `--access` who may have it back; without them, those that come along do, which `show-plan` and
//! `show-access` print. Keys, vault and audit log lie in the folder of `--keys`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program's voice")]

mod columns;
mod office;
mod plan;
mod table;

use clap::{Parser, Subcommand};
use office::Office;
use phiseal::Reader;
use plan::Plan;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const VISITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/visits.csv");

/// Replaces the values of a table by tokens, and gives them back.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// What becomes of each column
    #[arg(long, global = true)]
    plan: Option<PathBuf>,
    /// Who may have what back
    #[arg(long, global = true)]
    access: Option<PathBuf>,
    /// The folder of keys, vault and audit log
    #[arg(long, global = true, default_value = "tokens")]
    keys: PathBuf,
}

#[derive(Subcommand)]
enum What {
    /// Replaces values by tokens
    Tokenize {
        /// CSV or NDJSON
        file: PathBuf,
        /// Where the table with tokens goes
        #[arg(long)]
        out: PathBuf,
    },
    /// Gives back what the reader may have
    Reveal {
        /// What `tokenize` made
        file: PathBuf,
        /// Where the table goes
        #[arg(long)]
        out: PathBuf,
        /// Who reads
        #[arg(long)]
        actor: String,
        /// What for
        #[arg(long = "use")]
        usage: String,
    },
    /// Prints the plan that comes along
    ShowPlan,
    /// Prints the policy that comes along
    ShowAccess,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tokenize_a_table: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let plan = text(arguments.plan.as_deref(), plan::DEFAULT)?;
    let access = text(arguments.access.as_deref(), office::DEFAULT_ACCESS)?;
    match &arguments.what {
        None => show(&plan, &access),
        Some(What::ShowPlan) => {
            print!("{}", plan::DEFAULT);
            Ok(())
        }
        Some(What::ShowAccess) => {
            print!("{}", office::DEFAULT_ACCESS);
            Ok(())
        }
        Some(What::Tokenize { file, out }) => {
            let plan = parsed(arguments.plan.as_deref(), Plan::parse(&plan))?;
            let office = Office::open(&arguments.keys, &access)?;
            let rows = office.tokenize(&plan, file, out)?;
            println!("{rows} rows with tokens in {}", out.display());
            println!(
                "what leads back is in {}: keep it apart from the table",
                arguments.keys.display()
            );
            Ok(())
        }
        Some(What::Reveal { file, out, actor, usage }) => {
            let plan = parsed(arguments.plan.as_deref(), Plan::parse(&plan))?;
            let office = Office::open(&arguments.keys, &access)?;
            let revealed = office.reveal(&plan, file, out, &Reader::new(actor, usage)?)?;
            println!("{} rows in {}", revealed.rows, out.display());
            print!("{revealed}");
            let log = arguments.keys.join("audit.jsonl");
            println!(
                "on the audit log: verify_audit --log {} --key {}",
                log.display(),
                office.verifier_key
            );
            Ok(())
        }
    }
}

/// Both ways over the table that comes along, in a folder that is gone when the program ends.
fn show(plan: &str, access: &str) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (visits, at) = (Path::new(VISITS), |name: &str| folder.path().join(name));
    let plan = Plan::parse(plan)?;
    let office = Office::open(&at("keys"), access)?;
    println!("visits.csv, as it is:\n");
    print_table(visits)?;

    office.tokenize(&plan, visits, &at("tokens.csv"))?;
    println!("\nwith tokens: whoever has it can join the visits of one person, and tell nobody:\n");
    print_table(&at("tokens.csv"))?;

    for (actor, usage, file) in [
        ("billing/7", "payment", "billing.csv"),
        ("billing/7", "curiosity", "curiosity.csv"),
        ("registrar/2", "registration", "registrar.csv"),
    ] {
        let reader = Reader::new(actor, usage)?;
        let revealed = office.reveal(&plan, &at("tokens.csv"), &at(file), &reader)?;
        println!("\nback, for {actor} for {usage}:\n");
        print_table(&at(file))?;
        print!("\n{revealed}");
    }
    let (reveals, denied) = office.on_the_log()?;
    println!("\n{reveals} reveals are on the audit log, and {denied} that were denied");
    Ok(())
}

/// The header and some rows.
fn print_table(path: &Path) -> Result<(), Box<dyn Error>> {
    fs::read_to_string(path)?.lines().take(4).for_each(|line| println!("  {line}"));
    Ok(())
}

fn text(path: Option<&Path>, default: &str) -> Result<String, Box<dyn Error>> {
    path.map_or(Ok(default.to_owned()), |path| {
        fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()).into())
    })
}

/// An error of a file names it.
fn parsed<T>(path: Option<&Path>, parsed: Result<T, Box<dyn Error>>) -> Result<T, Box<dyn Error>> {
    parsed.map_err(|error| {
        path.map_or_else(|| error.to_string(), |path| format!("{}: {error}", path.display())).into()
    })
}
