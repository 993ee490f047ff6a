//! A Safe Harbor copy of FHIR R4 resources (45 CFR 164.514(b)(2)), with a report of every rule that was applied.
//!
//! ```text
//! cargo run --release -p phiseal-examples-tokens --example deidentify                         the project's patients
//! cargo run --release -p phiseal-examples-tokens --example deidentify -- FILE --out COPY      yours: a resource, a bundle, NDJSON
//! cargo run --release -p phiseal-examples-tokens --example deidentify -- --policy safe.toml   by a policy of your own
//! cargo run --release -p phiseal-examples-tokens --example deidentify -- --show-policy        the one that comes along
//! ```
//!
//! It keeps what it knows: elements of FHIR that are no identifier, and what the rules leave of those that are. Everything else is
//! removed and counted: extensions, narratives, notes, attachments. Ids of resources and references become random tokens, so that what
//! belonged together still does; the vault that leads from them back lies in the folder of `--vault`, with its keys, and stays with
//! whoever gives the copy away. Without that option it is gone when the program ends.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program's voice")]

mod copy;

use clap::Parser;
use copy::Copy;
use jiff::ToSpan;
use phiseal::backends::local::LocalKek;
use phiseal::blocking::{Phiseal, wait};
use phiseal::default_engine;
use phiseal::stores::SqliteStore;
use phiseal::tokens::safe_harbor::SafeHarbor;
use phiseal::tokens::{Cardinality, Vault, Vaulted, VaultedForm};
use serde_json::Value;
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

const GENERATED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/patients.ndjson");

/// Makes a Safe Harbor copy of FHIR resources.
#[derive(Parser)]
struct Arguments {
    /// A resource, a bundle, or one of either on each line; without one, patients that come with the project
    file: Option<PathBuf>,
    /// Where the copy goes; without, its first lines are shown
    #[arg(long)]
    out: Option<PathBuf>,
    /// A policy of your own
    #[arg(long)]
    policy: Option<PathBuf>,
    /// Print the policy that comes along
    #[arg(long)]
    show_policy: bool,
    /// The folder of the vault and its keys, to be kept apart from the copy
    #[arg(long)]
    vault: Option<PathBuf>,
    /// The day on which the copy is given away, YYYY-MM-DD: ages over 89 are counted from it
    #[arg(long, default_value = "")]
    today: String,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(bad) => {
            eprintln!("deidentify: {bad} lines are no FHIR resource, and not in the copy");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("deidentify: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How many lines could not be used.
fn run(arguments: &Arguments) -> Result<usize, Box<dyn Error>> {
    if arguments.show_policy {
        print!("{}", SafeHarbor::default_text());
        return Ok(0);
    }
    let policy = match &arguments.policy {
        None => SafeHarbor::default(),
        Some(path) => SafeHarbor::parse(&fs::read_to_string(path)?)
            .map_err(|error| format!("{}: {error}", path.display()))?,
    };
    let folder = tempfile::tempdir()?;
    let vaults = Vaults::open(arguments.vault.as_deref().unwrap_or(folder.path()))?;
    let today = today(&arguments.today)?;
    let mut copy = Copy::new(policy, today, vaults);

    let path = arguments.file.as_deref().unwrap_or(Path::new(GENERATED));
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (mut lines, mut bad) = (Vec::new(), 0);
    for resource in resources(BufReader::new(file))? {
        match resource.as_ref().map(|resource| copy.resource(resource)) {
            Some(Ok(Some(resource))) => lines.push(resource.to_string()),
            Some(Err(error)) => return Err(error.into()),
            _ => bad += 1,
        }
    }
    match &arguments.out {
        Some(out) => {
            let mut file =
                File::create_new(out).map_err(|error| format!("{}: {error}", out.display()))?;
            lines.iter().try_for_each(|line| writeln!(file, "{line}"))?;
        }
        None => lines.iter().take(2).for_each(|line| println!("{line}")),
    }
    println!("\n{} resources copied", lines.len());
    print!("{}", copy.report());
    println!(
        "{} elements that are not known to be no identifier, removed: {}",
        copy.unknown().values().sum::<u64>(),
        copy.unknown()
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect::<Vec<_>>()
            .join(", ")
    );
    println!(
        "not decided here: whether somebody who gets the copy knows who a person is all the same (164.514(b)(2)(ii))"
    );
    Ok(bad)
}

/// Two columns of random tokens, and the keys of their values in a store apart.
pub(crate) struct Vaults {
    /// Ids, of which equal ones have one token.
    pub(crate) ids: Vault,
    /// Values for which the policy asks for a token: a new one each time.
    pub(crate) values: Vault,
}

impl Vaults {
    fn open(folder: &Path) -> Result<Self, Box<dyn Error>> {
        fs::create_dir_all(folder)?;
        let kek = LocalKek::open_or_create(folder.join("kek.json"), default_engine())?;
        let phi = Phiseal::open(SqliteStore::open(folder.join("keys.db"))?, kek)?;
        let domain = phi.domain("research/copies")?;
        let store = Arc::new(SqliteStore::open(folder.join("tokens.db"))?);
        let ids = Vaulted::new(VaultedForm::uuid(), &Cardinality::of(1_000_000))?;
        let open = |name, kind| wait(Vault::open(store.clone(), domain.as_async(), name, kind));
        Ok(Self {
            ids: open("id", ids)?,
            values: open("value", Vaulted::fresh(VaultedForm::text()))?,
        })
    }
}

/// Today, unless another day is named.
fn today(named: &str) -> Result<String, Box<dyn Error>> {
    if named.is_empty() {
        let days = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / 86_400;
        let epoch = jiff::civil::Date::new(1970, 1, 1)?;
        return Ok(epoch.checked_add(i64::try_from(days)?.days())?.to_string());
    }
    phiseal::tokens::generalise::year(named, Some(named))
        .map_err(|_| "--today is a date: YYYY-MM-DD")?;
    Ok(named.to_owned())
}

/// The resources of a file: one document, or one on each line. `None` for what is none.
fn resources(mut file: impl BufRead) -> Result<Vec<Option<Value>>, Box<dyn Error>> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    if let Ok(document) = serde_json::from_str::<Value>(&text) {
        return Ok(vec![Some(document)]);
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    Ok(lines.map(|line| serde_json::from_str(line).ok()).collect())
}
