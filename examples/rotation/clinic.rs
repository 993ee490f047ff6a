//! Makes a clinic to try a rotation on: a database of made-up patients, sealed field by field, its keys, and the manifest
//! that says where all of it is.
//!
//! ```text
//! cargo run --release --example clinic -- FOLDER              2,000 patients, in a folder that is not there yet
//! cargo run --release --example clinic -- FOLDER PATIENTS     as many as you like
//! ```

use phiseal::audit::note::{KeyName, VerifierKey};
use phiseal::backends::custodian::{Cost, CustodianKey, Passphrase};
use phiseal::backends::local::LocalKek;
use phiseal::backends::recovery::RecoveryKey;
use phiseal::blocking::Phiseal;
use phiseal::stores::SqliteStore;
use phiseal::{context, default_engine};
use rusqlite::Connection;
use std::error::Error;
use std::fs;
use std::io::{Write, stderr, stdout};
use std::path::Path;
use std::process::ExitCode;

const DOMAIN: &str = "clinic/patients";

const MANIFEST: &str = r#"# Where the clinic's keys are, and what is sealed under them.

[keys]
store = "sqlite:keys/keys.db"
kek = "local:keys/kek.json"
escrow = ["recovery:keys/recovery.pub"]

[policy]
max_age_days = 365

# What custodians do is logged here. In earnest the passphrase is in the environment: passphrase = { env = "…" }
[audit]
log = "custody.jsonl"
key = "keys/log.json"
passphrase = "a passphrase for a demonstration"

[[source]]
sqlite = "data/clinic.db"
table = "patients"
key = ["id"]

[[source.sealed]]
column = "ssn"
domain = "clinic/patients"
record = "mrn-{id}"
field = "ssn"

[[source.sealed]]
column = "name"
domain = "clinic/patients"
record = "mrn-{id}"
field = "name"

[[source]]
sqlite = "data/clinic.db"
table = "visits"
key = ["patient", "visit"]

# Under the patient's own key, so that it can be shredded.
[[source.sealed]]
column = "note"
domain = "clinic/patients"
record = "mrn-{patient}"
field = "note-{visit}"
subject = "mrn-{patient}"
"#;

const SCHEMA: &str = "
    CREATE TABLE patients (id INTEGER PRIMARY KEY, born INTEGER, ssn BLOB, name TEXT);
    CREATE TABLE visits (patient INTEGER, visit INTEGER, note TEXT, PRIMARY KEY (patient, visit));";

const FIRST: [&str; 8] = ["Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gail", "Hugo"];
const LAST: [&str; 7] = ["Abel", "Bauer", "Cruz", "Diaz", "Ewing", "Fox", "Grant"];
const NOTES: [&str; 4] = [
    "blood pressure 128 over 82, to be seen again in six months",
    "fracture of the left radius, healing as expected",
    "asthma, well controlled; inhaler renewed",
    "no complaints",
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let made = match words[..] {
        [folder] => make(Path::new(folder), 2_000),
        [folder, patients] if patients.parse::<i64>().is_ok_and(|number| number > 0) => {
            make(Path::new(folder), patients.parse().unwrap_or(1))
        }
        _ => {
            let _ = writeln!(stderr(), "usage: clinic FOLDER [PATIENTS]");
            return ExitCode::from(2);
        }
    };
    match made {
        Ok(told) => {
            let _ = writeln!(stdout(), "{told}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(stderr(), "clinic: {error}");
            ExitCode::from(1)
        }
    }
}

fn make(folder: &Path, patients: i64) -> Result<String, Box<dyn Error>> {
    fs::create_dir(folder)?;
    let (keys, data) = (folder.join("keys"), folder.join("data"));
    fs::create_dir(&keys)?;
    fs::create_dir(&data)?;
    let recovery = RecoveryKey::generate(default_engine())?;
    let public = keys.join("recovery.pub");
    fs::write(&public, format!("{}\n", recovery.public()))?;
    for (number, share) in recovery.split(2, 3)?.iter().enumerate() {
        fs::write(keys.join(format!("share-{}", number + 1)), share.expose_text().as_bytes())?;
    }
    let kek = LocalKek::create(keys.join("kek.json"), default_engine())?;
    let escrow = phiseal::backends::recovery::RecoveryKek::from_file(&public, default_engine())?;
    let builder = phiseal::Builder::new().also_escrow_to(escrow);
    let phi = Phiseal::open_with(builder, SqliteStore::open(keys.join("keys.db"))?, kek)?;
    fill(&phi, &data.join("clinic.db"), patients)?;
    let passphrase = Passphrase::from_bytes(b"a passphrase for a demonstration".to_vec())?;
    let log = CustodianKey::generate(
        keys.join("log.json"),
        "clinic.example/custody",
        &passphrase,
        Cost::default(),
        default_engine(),
    )?;
    let log = VerifierKey::of(KeyName::new(log.name())?, &log, default_engine())?;
    fs::write(keys.join("log.pub"), format!("{log}\n"))?;
    fs::write(folder.join("phiseal.toml"), MANIFEST)?;
    Ok(format!(
        "{patients} patients, their visits and their keys are in {0}.\n{0}/phiseal.toml says where. The recovery key is in three shares, two of \
         which recover it: in earnest they would lie in three safes.",
        folder.display(),
    ))
}

fn fill(phi: &Phiseal, path: &Path, patients: i64) -> Result<(), Box<dyn Error>> {
    let domain = phi.domain(DOMAIN)?;
    let cipher = domain.ready()?;
    let mut database = Connection::open(path)?;
    database.execute_batch(SCHEMA)?;
    let insert = database.transaction()?;
    for id in 1..=patients {
        let pick = |words: &[&'static str], by: i64| {
            words[usize::try_from(id / by).unwrap_or(0) % words.len()]
        };
        let record = format!("mrn-{id}");
        let ssn = format!("{:03}-{:02}-{:04}", 900 + id % 90, id % 97 + 1, id % 9_973);
        let name = format!("{} {}", pick(&FIRST, 1), pick(&LAST, 8));
        let ssn = cipher.seal(ssn.as_str(), &context!(record = &record, field = "ssn"))?;
        let name = cipher.seal(name.as_str(), &context!(record = &record, field = "name"))?;
        let values = (id, 1930 + id % 90, ssn.as_bytes(), name.to_string());
        insert.execute("INSERT INTO patients VALUES (?1, ?2, ?3, ?4)", values)?;
        // One patient in four has been there.
        if id % 4 != 1 {
            continue;
        }
        let subject = domain.subject_or_create(&record)?;
        for visit in 1..=1 + id % 3 {
            let what = context!(record = &record, field = format!("note-{visit}"));
            let note = subject.seal(pick(&NOTES, visit), &what)?;
            let values = (id, visit, note.to_string());
            insert.execute("INSERT INTO visits VALUES (?1, ?2, ?3)", values)?;
        }
    }
    insert.commit()?;
    Ok(())
}
