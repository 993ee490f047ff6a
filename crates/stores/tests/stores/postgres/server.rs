//! The server that all tests share, and a schema in it for each.

use phiseal_stores::PostgresStore;
use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A server, as its superuser reaches it.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) url: String,
    pub(super) programs: PathBuf,
}

/// The shared server; `None` after it was said what is left out.
#[expect(clippy::print_stdout, reason = "it says what it leaves out")]
pub(super) fn server(what: &str) -> Option<Server> {
    match (env::var("PHISEAL_POSTGRES"), programs()) {
        (Ok(url), Some(programs)) => Some(Server { url, programs }),
        _ if is_local() => {
            println!("left out under PHISEAL_LOCAL=1: {what}");
            None
        }
        _ => panic!("PHISEAL_POSTGRES or PHISEAL_POSTGRES_BIN is not set: cargo xtask servers"),
    }
}

/// The folder of the server's programs, if there is one.
pub(super) fn programs() -> Option<PathBuf> {
    env::var_os("PHISEAL_POSTGRES_BIN").map(PathBuf::from)
}

fn is_local() -> bool {
    env::var_os("PHISEAL_LOCAL").is_some_and(|value| value == "1")
}

impl Server {
    /// What `sql` answers, one row a line, its columns parted by `|`.
    pub(super) fn sql(&self, sql: &str) -> String {
        let (worked, said) = self.try_sql(sql);
        assert!(worked, "{sql}: {said}");
        said
    }

    fn try_sql(&self, sql: &str) -> (bool, String) {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]).arg(&self.url);
        let output = psql.output().unwrap();
        let said = if output.status.success() { output.stdout } else { output.stderr };
        (output.status.success(), String::from_utf8(said).unwrap().trim_end().to_owned())
    }

    /// A name that no other test has.
    pub(super) fn name(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// A schema that does not exist yet, and is dropped with what is returned.
    pub(super) fn schema(&self) -> Schema {
        Schema { server: self.clone(), name: self.name() }
    }

    /// The URL with another role and its password.
    pub(super) fn url_as(&self, role: &str, password: &str) -> String {
        let (_, host) = self.url.split_once('@').unwrap();
        format!("postgres://{role}:{password}@{host}")
    }

    /// The URL with one more parameter.
    pub(super) fn url_with(&self, parameter: &str) -> String {
        let sign = if self.url.contains('?') { '&' } else { '?' };
        format!("{}{sign}{parameter}", self.url)
    }

    /// The processes of the server behind the connections with this application name.
    pub(super) fn sessions(&self, application: &str) -> Vec<String> {
        let sql = "SELECT pid FROM pg_stat_activity WHERE application_name =";
        self.sql(&format!("{sql} '{application}' ORDER BY pid"))
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

/// A schema of one test.
pub(super) struct Schema {
    pub(super) server: Server,
    pub(super) name: String,
}

impl Schema {
    pub(super) fn store(&self) -> PostgresStore {
        self.store_at(&self.server.url)
    }

    pub(super) fn store_at(&self, url: &str) -> PostgresStore {
        PostgresStore::new(url).unwrap().with_schema(&self.name).unwrap()
    }

    /// What `sql` answers, in which `{s}` stands for the schema.
    pub(super) fn sql(&self, sql: &str) -> String {
        self.server.sql(&sql.replace("{s}", &self.name))
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        // A test that failed may have stopped the server.
        self.server.try_sql(&format!(
            "SET client_min_messages = error; DROP SCHEMA IF EXISTS {} CASCADE",
            self.name
        ));
    }
}
