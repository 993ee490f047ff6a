//! A clinic's schema on the server that `PHISEAL_POSTGRES` names; another one, beside it, holds the keys.

use super::data::{Row, table};
use phiseal::rotation::source::{PostgresSource, Source};
use phiseal::stores::PostgresStore;
use phiseal::stores::postgres::Connection;
use pollster::block_on;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// The schema.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    url: String,
    psql: PathBuf,
    name: String,
}

/// The file in a clinic's folder that names its schema.
const FILE: &str = "postgres";

impl Schema {
    /// A new one for the clinic in `folder`; `None` after it was said what is left out.
    #[expect(clippy::print_stdout, reason = "a test says what it leaves out")]
    pub(super) fn new(folder: &Path, what: &str) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        if env::var_os("PHISEAL_POSTGRES").is_none()
            || env::var_os("PHISEAL_POSTGRES_BIN").is_none()
        {
            let is_local = env::var_os("PHISEAL_LOCAL").is_some_and(|value| value == "1");
            assert!(
                is_local,
                "PHISEAL_POSTGRES or PHISEAL_POSTGRES_BIN is not set: cargo xtask servers"
            );
            println!("left out under PHISEAL_LOCAL=1: {what}");
            return None;
        }
        fs::write(folder.join(FILE), format!("clinic_{}_{number}", std::process::id())).unwrap();
        Self::of(folder)
    }

    /// That of the clinic in `folder`, if it has one.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let name = fs::read_to_string(folder.join(FILE)).ok()?;
        let url = env::var("PHISEAL_POSTGRES").unwrap();
        let psql = Path::new(&env::var_os("PHISEAL_POSTGRES_BIN").unwrap()).join("psql");
        Some(Self { url, psql, name })
    }

    pub(super) fn store(&self) -> PostgresStore {
        let schema = format!("{}_keys", self.name);
        PostgresStore::new(&self.url).unwrap().with_schema(&schema).unwrap()
    }

    pub(super) fn source(&self) -> Box<dyn Source> {
        let connection = Connection::new(&self.url).unwrap();
        let table = table(&format!("{}.patients", self.name));
        Box::new(block_on(PostgresSource::open(connection, table)).unwrap())
    }

    pub(super) fn create(&self, rows: impl Iterator<Item = Row>) {
        let mut sql = "CREATE SCHEMA {s}; CREATE TABLE {s}.patients (id bigint PRIMARY KEY, ssn bytea, name text, note text);
            COPY {s}.patients FROM STDIN;\n".replace("{s}", &self.name);
        for (id, ssn, name, note) in rows {
            writeln!(sql, "{id}\t\\\\x{}\t{name}\t{note}", hex(&ssn)).unwrap();
        }
        sql.push_str("\\.\n");
        let _ = self.sql(&sql);
    }

    pub(super) fn all(&self) -> Vec<Row> {
        let told = self.sql(&format!(
            "SELECT id, encode(ssn, 'hex'), name, note FROM {}.patients;",
            self.name
        ));
        let row = |line: &str| {
            let mut cells = line.split('|');
            let mut cell = || cells.next().unwrap().to_owned();
            (cell().parse().unwrap(), unhex(&cell()), cell(), cell())
        };
        told.lines().map(row).collect()
    }

    pub(super) fn set_ssn(&self, id: i64, ssn: &[u8]) {
        let set = format!(
            "UPDATE {}.patients SET ssn = '\\x{}' WHERE id = {id} RETURNING id;",
            self.name,
            hex(ssn)
        );
        assert_eq!(self.sql(&set).trim(), id.to_string());
    }

    pub(super) fn drop_all(&self) {
        let name = &self.name;
        let _ = self.sql(&format!(
            "SET client_min_messages = error; DROP SCHEMA IF EXISTS {name}, {name}_keys CASCADE;"
        ));
    }

    fn sql(&self, sql: &str) -> String {
        let mut psql = Command::new(&self.psql);
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"]).arg(&self.url);
        let mut psql = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        psql.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
        let output = psql.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2).map(|pair| core::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
