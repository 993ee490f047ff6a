//! A clinic on the server that `PHISEAL_POSTGRES` names: its data in one database, its keys in another.

use super::Clinic;
use phiseal::stores::{PostgresStore, SqliteStore};
use phiseal::{RecordKind, Store};
use pollster::block_on;
use rusqlite::types::ValueRef;
use std::env;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// The two databases, which are gone with it.
pub(crate) struct Server {
    url: String,
    psql: PathBuf,
    name: String,
}

impl Server {
    /// `None` after it was said what is left out.
    #[expect(clippy::print_stdout, reason = "a test says what it leaves out")]
    pub(crate) fn new(what: &str) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let variable = |name| env::var(name).ok();
        let (Some(url), Some(programs)) =
            (variable("PHISEAL_POSTGRES"), variable("PHISEAL_POSTGRES_BIN"))
        else {
            assert_eq!(
                variable("PHISEAL_LOCAL").as_deref(),
                Some("1"),
                "PHISEAL_POSTGRES or PHISEAL_POSTGRES_BIN is not set: cargo xtask servers"
            );
            println!("left out under PHISEAL_LOCAL=1: {what}");
            return None;
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rotate_{}_{number}", std::process::id());
        let server = Self { url, psql: PathBuf::from(programs).join("psql"), name };
        for of in ["data", "keys"] {
            server.run(&server.url, &format!("CREATE DATABASE {}_{of};", server.name));
        }
        Some(server)
    }

    /// The variables in which a manifest finds the databases.
    pub(crate) fn variables(&self) -> [(&'static str, String); 2] {
        [("CLINIC_DATA", self.database("data")), ("CLINIC_KEYS", self.database("keys"))]
    }

    pub(crate) fn sql(&self, sql: &str) {
        self.run(&self.database("data"), sql);
    }

    fn database(&self, of: &str) -> String {
        let (server, _) = self.url.rsplit_once('/').unwrap();
        format!("{server}/{}_{of}", self.name)
    }

    fn run(&self, url: &str, sql: &str) {
        let mut psql = Command::new(&self.psql);
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-", url]);
        let mut psql = psql.stdin(Stdio::piped()).spawn().unwrap();
        psql.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
        assert!(psql.wait().unwrap().success());
    }

    /// Moves data and keys of the clinic there, and says so in its manifest.
    pub(super) fn receive(&self, clinic: &Clinic) {
        let mut sql = "
            CREATE TABLE patients (id bigint PRIMARY KEY, born bigint, ssn bytea, name text);
            CREATE TABLE visits (patient bigint, visit bigint, note text, PRIMARY KEY (patient, visit));\n"
            .to_owned();
        for table in ["patients", "visits"] {
            sql += &format!("COPY {table} FROM STDIN;\n{}\\.\n", lines(clinic, table));
        }
        self.sql(&sql);
        let keys = clinic.path("keys/keys.db");
        copy(
            &SqliteStore::open(&keys).unwrap(),
            &PostgresStore::new(&self.database("keys")).unwrap(),
        );
        for file in [keys, clinic.path("data/clinic.db")] {
            std::fs::remove_file(file).unwrap();
        }
        let manifest = clinic.path("phiseal.toml");
        let mut text = std::fs::read_to_string(&manifest).unwrap();
        for (before, after) in [
            ("store = \"sqlite:keys/keys.db\"", "store = { env = \"CLINIC_KEYS\" }"),
            ("sqlite = \"data/clinic.db\"", "postgres = { env = \"CLINIC_DATA\" }"),
        ] {
            assert!(text.contains(before), "{before}");
            text = text.replace(before, after);
        }
        std::fs::write(&manifest, text).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for of in ["data", "keys"] {
            self.run(&self.url, &format!("DROP DATABASE {}_{of};", self.name));
        }
    }
}

/// The rows of a table, as `COPY` reads them.
fn lines(clinic: &Clinic, table: &str) -> String {
    let database = clinic.database();
    let mut all = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let columns = all.column_count();
    let (mut rows, mut lines) = (all.query([]).unwrap(), String::new());
    while let Some(row) = rows.next().unwrap() {
        for column in 0..columns {
            match row.get_ref(column).unwrap() {
                ValueRef::Integer(number) => lines += &number.to_string(),
                ValueRef::Blob(bytes) => {
                    lines += "\\\\x";
                    bytes.iter().for_each(|byte| lines += &format!("{byte:02x}"));
                }
                text => lines += text.as_str().unwrap(),
            }
            lines.push(if column + 1 < columns { '\t' } else { '\n' });
        }
    }
    lines
}

/// Every record, as often as it takes to get its revision.
fn copy(from: &dyn Store, to: &dyn Store) {
    for kind in RecordKind::ALL {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = block_on(from.scan(kind, after.as_deref(), 1_000)).unwrap();
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (id, record) in &page {
                for revision in 0..record.revision {
                    block_on(to.write(kind, id, revision, &record.bytes)).unwrap();
                }
            }
        }
    }
}
