//! How a key store and its KEKs are, in words or as JSON: what is to be rewrapped, which primary is overdue, which KEK
//! does not answer, and what to do about it.
//!
//! ```text
//! cargo run --release --example doctor                             a store of its own, before and after a rotation of the KEK
//! cargo run --release --example doctor -- --store keys.db --kek local:kek.json
//!     --also-wrap local:FILE       one more KEK that wraps new keys
//!     --also-unwrap local:FILE     a KEK that only unwraps, on its way out
//!     --passphrase-env NAME        the passphrase of the KEK files
//!     --data FILE                  the database of the data: it must not lie with the keys
//!     --max-age DAYS               the age from which a primary is overdue: 365 unless said otherwise, 0 for none
//!     --json                       one JSON object
//! ```
//!
//! No key is made or changed, and a store or a KEK file that is not there is not made.
//!
//! Exit code: 0 all is well; 1 something needs attention; 2 the arguments are wrong, or the store or a KEK cannot be opened
//! or read.

mod arguments;
mod places;
mod report;

use arguments::{Arguments, KekFile};
use phiseal::backends::local::{LocalKek, Passphrase};
use phiseal::stores::SqliteStore;
use phiseal::{
    Health, KekAdmin, Keks, KeyStore, KeyStoreConfig, blocking::Phiseal, default_engine,
};
use places::Place;
use pollster::block_on;
use report::Report;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args_os().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            report::line(arguments::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            report::complaint(&format!("doctor: {wrong}\n{}", arguments::USAGE));
            return ExitCode::from(2);
        }
    };
    let report = Report::new(arguments.json);
    let outcome = match &arguments.store {
        Some(store) => examine(store, &arguments, &report),
        None => demonstrate(&arguments, &report),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            report::complaint(&format!("doctor: {}", report::with_sources(&*error)));
            ExitCode::from(2)
        }
    }
}

/// Reports on somebody's store; whether all is well.
fn examine(store: &Path, arguments: &Arguments, report: &Report) -> Result<bool, Box<dyn Error>> {
    let health = health_of(store, arguments)?;
    let kek_files = arguments.keks.iter().map(|kek| kek.file.as_path());
    let places = places::of(store, kek_files, arguments.data.as_deref())?;
    report.show("", &health, &places);
    Ok(health.findings().is_empty() && !places.iter().any(Place::needs_attention))
}

fn health_of(store: &Path, arguments: &Arguments) -> Result<Health, Box<dyn Error>> {
    // Opening it would make it.
    std::fs::metadata(store).map_err(|error| format!("{}: {error}", store.display()))?;
    let mut keks = arguments.keks.iter().map(|kek| connected(kek, arguments));
    let first = keks.next().ok_or("name a KEK: --kek local:FILE")??;
    let mut all = first;
    for (kek, given) in keks.zip(arguments.keks.iter().skip(1)) {
        all = if given.wraps { all.and_wrap_with(kek?) } else { all.and_unwrap_with(kek?) };
    }
    let mut config = KeyStoreConfig::new(default_engine());
    config.create = false;
    let store = block_on(KeyStore::open(Arc::new(SqliteStore::open(store)?), all, config))?;
    Ok(block_on(store.health(arguments.max_age))?)
}

/// The KEK in a file, connected when it is first asked.
fn connected(kek: &KekFile, arguments: &Arguments) -> Result<Keks, Box<dyn Error>> {
    let engine = default_engine();
    let opened = match &arguments.passphrase_env {
        None => LocalKek::open(&kek.file, engine),
        Some(name) => {
            LocalKek::open_with_passphrase(&kek.file, &Passphrase::from_env(name)?, engine)
        }
    };
    let opened = opened
        .map_err(|error| format!("{}: {}", kek.file.display(), report::with_sources(&error)))?;
    Ok(Keks::later(Arc::new(opened), engine))
}

/// A store of two domains: well, after a rotation of its KEK, and well again.
fn demonstrate(arguments: &Arguments, report: &Report) -> Result<bool, Box<dyn Error>> {
    let temporary = tempfile::Builder::new().prefix("phiseal-doctor-").tempdir()?;
    // Apart, so that a copy of one folder is not a copy of both.
    let (keys, custody) = (temporary.path().join("keys"), temporary.path().join("custody"));
    std::fs::create_dir(&keys)?;
    std::fs::create_dir(&custody)?;
    let (store, file) = (keys.join("keys.db"), custody.join("kek.json"));
    let kek = Arc::new(LocalKek::create(&file, default_engine())?);
    let phi = Phiseal::open(SqliteStore::open(&store)?, Arc::clone(&kek))?;
    let patients = phi.domain("clinic/patients")?;
    let billing = phi.domain("clinic/billing")?;
    patients.seal("123-45-6789", &phiseal::context!(record = "mrn-1029", field = "ssn"))?;

    let health = || block_on(phi.key_store().health(arguments.max_age));
    let places = places::of(&store, [file.as_path()].into_iter(), None)?;
    let show = |title: &str| -> Result<Health, Box<dyn Error>> {
        let health = health()?;
        report.show(title, &health, &places);
        Ok(health)
    };
    let before = show("A key store that was just made")?;
    block_on(KekAdmin::new(kek).create_version())?;
    let rotated = show("The custodian has made a new version of the KEK")?;
    let rewrapped = patients.rewrap()?.rewrapped + billing.rewrap()?.rewrapped;
    let store_key = block_on(phi.key_store().rewrap_store_key())?;
    let after = show("Everything is wrapped anew; no data was touched")?;

    if rewrapped != 2 || !store_key || rotated.findings().len() != before.findings().len() + 3 {
        return Err("the rotation was not seen as it should be".into());
    }
    Ok(after.findings().is_empty())
}

/// How long a primary may be used, unless told otherwise: SP 800-57 part 1, 5.3.6, has at most two years for keys that
/// encrypt data.
const MAX_AGE: Duration = Duration::from_secs(365 * 24 * 3600);
