//! The programs as they were built beside the tests.

#![allow(dead_code, reason = "each test uses some of it")]

#[cfg(feature = "postgres")]
mod postgres;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The folder that they are in.
pub(crate) fn programs() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap().join("examples");
    assert!(
        folder.join("rotate").is_file() && folder.join("clinic").is_file(),
        "cargo builds examples with tests"
    );
    folder
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A clinic with two custodians, of whom one agrees to what the other requests.
pub(crate) struct Clinic {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) ada: String,
    #[cfg(feature = "postgres")]
    server: Option<postgres::Server>,
}

pub(crate) struct Told {
    pub(crate) code: i32,
    pub(crate) events: Vec<Value>,
}

impl Told {
    /// All events of this name.
    pub(crate) fn all<'a>(&'a self, event: &'a str) -> impl Iterator<Item = &'a Value> {
        self.events.iter().filter(move |it| it["event"] == event)
    }

    pub(crate) fn one(&self, event: &str) -> &Value {
        let mut all = self.events.iter().filter(|it| it["event"] == event);
        let one = all.next().unwrap_or_else(|| panic!("no {event} in {:?}", self.events));
        assert!(all.next().is_none(), "more than one {event}");
        one
    }
}

impl Clinic {
    /// One that has no custodians yet.
    pub(crate) fn alone(patients: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new(programs().join("clinic"))
            .args(["c", &patients.to_string()])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", text(&made.stderr));
        Self {
            folder,
            ada: String::new(),
            #[cfg(feature = "postgres")]
            server: None,
        }
    }

    pub(crate) fn new(patients: u32) -> Self {
        let mut clinic = Self::alone(patients);
        let key = |name: &str| {
            let told = clinic.rotate(&[
                "custodian",
                name,
                "--key",
                &format!("{name}.json"),
                "--passphrase-env",
                "PASSPHRASE",
            ]);
            assert_eq!(told.code, 0);
            told.one("custodian")["key"].as_str().unwrap().to_owned()
        };
        let (ada, ben) = (key("ada"), key("ben"));
        let told = clinic.rotate(&["roster", "--threshold", "1", &ada, &ben]);
        let first = told.one("roster")["roster"].as_str().unwrap().to_owned();
        let manifest = clinic.path("phiseal.toml");
        let text = std::fs::read_to_string(&manifest).unwrap();
        std::fs::write(
            &manifest,
            text.replace("[keys]\n", &format!("[keys]\nroster = \"{first}\"\n")),
        )
        .unwrap();
        clinic.ada = ada;
        clinic
    }

    /// As [`Clinic::new`], on a server; `None` after it was said that there is none.
    #[cfg(feature = "postgres")]
    pub(crate) fn on_postgres(patients: u32, what: &str) -> Option<Self> {
        let server = postgres::Server::new(what)?;
        let mut clinic = Self::new(patients);
        server.receive(&clinic);
        clinic.server = Some(server);
        Some(clinic)
    }

    /// Changes the data, wherever it is.
    pub(crate) fn sql(&self, sql: &str) {
        #[cfg(feature = "postgres")]
        if let Some(server) = &self.server {
            return server.sql(sql);
        }
        self.database().execute_batch(sql).unwrap();
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join("c").join(file)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(programs().join("rotate"));
        command.args(arguments).arg("--json").current_dir(self.folder.path().join("c"));
        command.env("PASSPHRASE", "a passphrase for a test");
        #[cfg(feature = "postgres")]
        command.envs(self.server.iter().flat_map(postgres::Server::variables));
        command
    }

    /// Runs the program to its end.
    pub(crate) fn rotate(&self, arguments: &[&str]) -> Told {
        told(&self.command(arguments).output().unwrap())
    }

    /// As [`Clinic::rotate`], by a custodian.
    pub(crate) fn by(&self, who: &str, arguments: &[&str]) -> Told {
        let key = format!("{who}.json");
        self.rotate(&[arguments, &["--key", &key, "--passphrase-env", "PASSPHRASE"]].concat())
    }

    /// Has an operation planned by Ada and approved by Ben.
    pub(crate) fn request(&self, operation: &[&str], out: &str) {
        let planned = self.by("ada", &[&["plan"], operation, &["--out", out]].concat());
        assert_eq!(planned.code, 0, "{:?}", planned.events);
        assert_eq!(self.by("ben", &["approve", out, "--yes"]).code, 0);
    }

    pub(crate) fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path("data/clinic.db")).unwrap()
    }
}

pub(crate) fn told(output: &Output) -> Told {
    let lines = text(&output.stdout);
    let events = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Told { code: output.status.code().unwrap_or(-1), events }
}
