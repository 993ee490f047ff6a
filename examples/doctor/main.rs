//! How a key store and its KEKs are, in words or as JSON: what is to be rewrapped, which primary is overdue, which KEK
//! does not answer, and what to do about it.
//!
//! ```text
//! cargo run --release --example doctor                             a store of its own, before and after a rotation of the KEK
//! cargo run --release --example doctor -- --store keys.db --kek local:kek.json
//!     --also-wrap ADDRESS          one more KEK that wraps new keys
//!     --also-unwrap ADDRESS        a KEK that only unwraps, on its way out
//!     --escrow ADDRESS             the public half of a recovery key
//!     --passphrase-env NAME        the passphrase of the KEKs in files
//!     --data FILE                  the database of the data: it must not lie with the keys
//!     --max-age DAYS               the age from which a primary is overdue: 365 unless said otherwise, 0 for none
//!     --json                       one JSON object
//! cargo run --release --example doctor -- --manifest rotation.toml
//!                                  what stands under [keys] in the manifest of a rotation, and its max_age_days
//! ```
//!
//! An address is one of `phiseal::address`: `local:kek.json` and `sqlite:keys.db`, for which the path alone will do; and,
//! each with the feature that builds it in, `postgres://user@host/database`, `recovery:recovery.pub`,
//! `pkcs11:token=clinic;object=phi?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=env:PIN`,
//! `transit+https://host:8200/transit/phi?ca=ca.pem&token-file=/run/token` and `aws-kms:ARN`:
//!
//! ```text
//! cargo run --release --example doctor --features postgres,pkcs11 -- --store postgres://... --kek 'pkcs11:...'
//! ```
//!
//! Every user of the machine can read the arguments of a program: a password of a database stands better in the
//! environment, where a manifest finds it.
//!
//! No key is made or changed, and a store or a KEK file that is not there is not made; but a database without a key store
//! gets its empty tables.
//!
//! Exit code: 0 all is well; 1 something needs attention; 2 the arguments are wrong, or the store or a KEK cannot be opened
//! or read.

mod arguments;
mod keys;
#[cfg(feature = "manifest")]
mod manifest;
mod places;
mod report;

use arguments::{About, Arguments};
use keys::Keys;
use phiseal::backends::local::LocalKek;
use phiseal::stores::SqliteStore;
use phiseal::{Health, KekAdmin, blocking::Phiseal, default_engine};
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
    let max_age = arguments.max_age.unwrap_or(Some(MAX_AGE));
    let data = arguments.data.as_deref();
    let outcome = match &arguments.about {
        About::Itself => demonstrate(max_age, &report),
        About::Keys(keys) => examine(keys, data, max_age, &report),
        About::Manifest(path) => of_manifest(path).and_then(|(keys, said)| {
            let max_age = arguments.max_age.unwrap_or(said.or(Some(MAX_AGE)));
            examine(&keys, data, max_age, &report)
        }),
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
fn examine(
    keys: &Keys,
    data: Option<&Path>,
    max_age: Option<Duration>,
    report: &Report,
) -> Result<bool, Box<dyn Error>> {
    let store = keys.store_file();
    if data.is_some() && store.is_none() {
        return Err("--data is for a key store in a file: this one is in a database".into());
    }
    let health = keys.health(max_age)?;
    let places = match store {
        Some(store) => places::of(&store, &keys.kek_files(), data)?,
        None => Vec::new(),
    };
    report.show("", &health, &places);
    Ok(health.findings().is_empty() && !places.iter().any(Place::needs_attention))
}

#[cfg(feature = "manifest")]
fn of_manifest(path: &Path) -> Result<(Keys, Option<Duration>), Box<dyn Error>> {
    manifest::read(path)
        .map_err(|error| format!("{}: {}", path.display(), report::with_sources(&*error)).into())
}

#[cfg(not(feature = "manifest"))]
fn of_manifest(_: &Path) -> Result<(Keys, Option<Duration>), Box<dyn Error>> {
    Err("manifests are not built in: build with the feature manifest".into())
}

/// A store of two domains: well, after a rotation of its KEK, and well again.
fn demonstrate(max_age: Option<Duration>, report: &Report) -> Result<bool, Box<dyn Error>> {
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

    let health = || block_on(phi.key_store().health(max_age));
    let places = places::of(&store, std::slice::from_ref(&file), None)?;
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
