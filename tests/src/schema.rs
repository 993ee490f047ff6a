//! A schema on the server that `PHISEAL_POSTGRES` names; another one, beside it, holds keys.

use phiseal::rotation::source::{PostgresSource, Source, Table};
use phiseal::stores::PostgresStore;
use phiseal::stores::postgres::Connection;
use pollster::block_on;
use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// The schema, by a name of its own; nothing is made of it yet.
#[derive(Clone, Debug)]
pub struct Schema {
    url: String,
    programs: PathBuf,
    name: String,
}

impl Schema {
    /// A new one; `None` after it was said what is left out.
    #[must_use]
    #[expect(clippy::print_stdout, reason = "a test says what it leaves out")]
    pub fn new(what: &str) -> Option<Self> {
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
        Some(Self::named(format!("clinic_{}_{number}", std::process::id())))
    }

    /// One that another process may have made.
    #[must_use]
    pub fn named(name: String) -> Self {
        let url = env::var("PHISEAL_POSTGRES").unwrap();
        let programs = PathBuf::from(env::var_os("PHISEAL_POSTGRES_BIN").unwrap());
        Self { url, programs, name }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the one with the keys.
    #[must_use]
    pub fn keys(&self) -> String {
        format!("{}_keys", self.name)
    }

    /// The key store beside it.
    #[must_use]
    pub fn store(&self) -> PostgresStore {
        PostgresStore::new(&self.url).unwrap().with_schema(&self.keys()).unwrap()
    }

    /// The store of a vault beside it.
    #[must_use]
    pub fn vault(&self) -> PostgresStore {
        PostgresStore::new(&self.url).unwrap().with_schema(&self.tokens()).unwrap()
    }

    fn tokens(&self) -> String {
        format!("{}_tokens", self.name)
    }

    /// Its table `patients`, with these columns.
    #[must_use]
    pub fn source(&self, table: impl FnOnce(&str) -> Table) -> Box<dyn Source> {
        let connection = Connection::new(&self.url).unwrap();
        let table = table(&format!("{}.patients", self.name));
        Box::new(block_on(PostgresSource::open(connection, table)).unwrap())
    }

    /// What the server answers; `{s}` stands for the schema.
    #[must_use]
    pub fn sql(&self, sql: &str) -> String {
        let mut psql = self.program("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-", &self.url]);
        let mut psql = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let sql = sql.replace("{s}", &self.name);
        psql.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
        let output = psql.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }

    /// A backup of one schema of this server in a file.
    pub fn dump(&self, schema: &str, file: &Path) {
        let mut dump = self.program("pg_dump");
        dump.args(["--schema", schema, "--file"]).arg(file).arg(&self.url);
        assert!(dump.status().unwrap().success());
    }

    /// The schema as it was when [`Schema::dump`] wrote it down, in the place of what there is.
    pub fn restore(&self, schema: &str, file: &Path) {
        let _ = self.sql(&format!("{QUIET} DROP SCHEMA {schema} CASCADE;"));
        let _ = self.sql(&std::fs::read_to_string(file).unwrap());
    }

    /// Leaves nothing of both on the server.
    pub fn drop_all(&self) {
        let (keys, tokens) = (self.keys(), self.tokens());
        let drop = "DROP SCHEMA IF EXISTS {s}, ";
        let _ = self.sql(&format!("{QUIET} {drop}{keys}, {tokens} CASCADE;"));
    }

    fn program(&self, name: &str) -> Command {
        Command::new(self.programs.join(name))
    }
}

const QUIET: &str = "SET client_min_messages = error;";
