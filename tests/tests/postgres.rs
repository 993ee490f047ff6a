//! The whole library over a key store in PostgreSQL, on the server that `PHISEAL_POSTGRES` names.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test's own functions fail by panicking, and say what they leave out"
)]

use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::{Domain, Phiseal};
use phiseal::stores::PostgresStore;
use phiseal::{Phi, Sealed};
use phiseal_tests::world::{DOMAIN, what};
use std::collections::BTreeSet;
use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::thread;

/// A schema of one test, dropped with it, and the KEK that guards what is in it.
struct Place {
    url: String,
    psql: PathBuf,
    schema: String,
    kek: Arc<MemoryKek>,
}

impl Place {
    /// `None` after it was said what is left out.
    fn new(what: &str) -> Option<Self> {
        let variable = |name| env::var_os(name).map(|value| value.into_string().unwrap());
        let (url, programs) = match (variable("PHISEAL_POSTGRES"), variable("PHISEAL_POSTGRES_BIN"))
        {
            (Some(url), Some(programs)) => (url, PathBuf::from(programs)),
            _ if variable("PHISEAL_LOCAL").is_some_and(|value| value == "1") => {
                println!("left out under PHISEAL_LOCAL=1: {what}");
                return None;
            }
            _ => panic!("PHISEAL_POSTGRES or PHISEAL_POSTGRES_BIN is not set: cargo xtask servers"),
        };
        let schema = format!("library_{what}_{}", std::process::id());
        let kek = Arc::new(MemoryKek::new(phiseal::default_engine()).unwrap());
        Some(Self { url, psql: programs.join("psql"), schema, kek })
    }

    fn store(&self) -> PostgresStore {
        PostgresStore::new(&self.url).unwrap().with_schema(&self.schema).unwrap()
    }

    /// What a process on another machine would open.
    fn process(&self) -> Phiseal {
        Phiseal::open(self.store(), Arc::clone(&self.kek)).unwrap()
    }

    fn sql(&self, sql: &str) -> String {
        let mut psql = Command::new(&self.psql);
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c"]);
        let output = psql.arg(sql.replace("{s}", &self.schema)).arg(&self.url).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sql("SET client_min_messages = error; DROP SCHEMA IF EXISTS {s} CASCADE");
    }
}

fn opened(domain: &Domain, sealed: &Sealed) -> String {
    let phi: Phi<String> = domain.open(sealed, &what()).unwrap();
    phi.expose_secret().clone()
}

#[test]
fn what_one_machine_seals_another_opens() {
    let Some(place) = Place::new("machines") else { return };
    let here = place.process().domain(DOMAIN).unwrap();
    let old = here.seal("first", &what()).unwrap();
    let there = place.process().domain(DOMAIN).unwrap();
    assert_eq!(opened(&there, &old), "first");

    there.rotate().unwrap();
    let new = there.seal("second", &what()).unwrap();
    assert_eq!((opened(&here, &new).as_str(), opened(&here, &old).as_str()), ("second", "first"));

    let person = here.subject_or_create("mrn-1029").unwrap();
    let note = person.seal("third", &what()).unwrap();
    let phi: Phi<String> = there.subject("mrn-1029").unwrap().open(&note, &what()).unwrap();
    assert_eq!(phi.expose_secret(), "third");
}

/// Eight machines, each with a connection of its own, that all find an empty server.
#[test]
fn of_many_that_make_a_domain_one_keyset_comes() {
    const MACHINES: usize = 8;
    let Some(place) = Place::new("domains") else { return };
    let start = Barrier::new(MACHINES);
    let made: Vec<(Domain, Sealed)> = thread::scope(|scope| {
        let machine = || {
            start.wait();
            let domain = place.process().domain(DOMAIN).unwrap();
            let sealed = domain.seal("something", &what()).unwrap();
            (domain, sealed)
        };
        let threads: Vec<_> = (0..MACHINES).map(|_| scope.spawn(machine)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (domain, _) in &made {
        for (_, sealed) in &made {
            assert_eq!(opened(domain, sealed), "something");
        }
    }
    // The key id is in each envelope, after the suite.
    let keys: BTreeSet<_> =
        made.iter().map(|(_, sealed)| sealed.as_bytes()[1..17].to_vec()).collect();
    assert_eq!((made.len(), keys.len()), (MACHINES, 1));
    assert_eq!(place.process().domains().unwrap(), [DOMAIN]);
    assert_eq!(place.sql("SELECT count(*) FROM {s}.records WHERE kind = 2"), "1");
    assert_eq!(place.sql("SELECT count(*) FROM {s}.records WHERE kind = 1"), "1");
}
