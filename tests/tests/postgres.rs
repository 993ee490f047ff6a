//! The whole library over a key store in PostgreSQL, on the server that `PHISEAL_POSTGRES` names.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test's own functions fail by panicking, and say what they leave out"
)]

use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::{Domain, Phiseal, wait};
use phiseal::stores::PostgresStore;
use phiseal::tokens::{Cardinality, Vault, Vaulted, VaultedForm};
use phiseal::{ErrorKind, Phi, Sealed};
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

/// Sixteen writers in four processes, each with a connection of its own to the vault; the keys are in another schema.
#[test]
fn sixteen_writers_give_each_value_one_token() {
    const VALUES: usize = 12;
    let (Some(keys), Some(place)) = (Place::new("vault_keys"), Place::new("vault")) else { return };
    let vault = |process: &Phiseal| {
        let domain = process.domain(DOMAIN).unwrap();
        let kind = Vaulted::new(VaultedForm::text(), &Cardinality::SSN).unwrap();
        let store = Arc::new(place.store());
        (wait(Vault::open(store, domain.as_async(), "ssn", kind)).unwrap(), domain)
    };
    let processes: Vec<Phiseal> = (0..4).map(|_| keys.process()).collect();
    let start = Barrier::new(16);
    let value = |number: usize| format!("canary 123-45-{number:04}");
    let given: Vec<Vec<String>> = thread::scope(|scope| {
        let writers: Vec<_> = (0..16)
            .map(|writer| {
                let (process, start) = (&processes[writer % 4], &start);
                scope.spawn(move || {
                    let (vault, _) = vault(process);
                    start.wait();
                    let values: Vec<String> = (0..VALUES).map(value).collect();
                    if writer % 5 == 0 {
                        return wait(vault.tokenize_all(&values)).unwrap();
                    }
                    values.iter().map(|value| wait(vault.tokenize(value)).unwrap()).collect()
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert!(given.iter().all(|tokens| *tokens == given[0]));
    let count = |kind: u8| {
        let sql = format!("SELECT count(*) FROM {{s}}.records WHERE kind = {kind} AND bytes <> ''");
        place.sql(&sql)
    };
    assert_eq!((count(8), count(9)), (VALUES.to_string(), VALUES.to_string()));

    // The index is lost, and made anew from the sealed rows; the keys are rotated, and the vault follows.
    let (vault, domain) = vault(&keys.process());
    place.sql("DELETE FROM {s}.records WHERE kind = 9");
    domain.rotate().unwrap();
    wait(vault.renew()).unwrap();
    assert_eq!(count(9), VALUES.to_string());
    let census = wait(vault.census()).unwrap();
    let newest = domain.ready().unwrap().sealing_key_id().unwrap();
    assert_eq!(
        census.tokens.keys().chain(census.entries.keys()).collect::<BTreeSet<_>>(),
        BTreeSet::from([&newest])
    );
    for (number, token) in given[0].iter().enumerate() {
        let opened: Phi<String> = wait(vault.reveal(token)).unwrap();
        assert_eq!(*opened.expose_secret(), value(number));
        assert_eq!(wait(vault.tokenize(value(number))).unwrap(), *token);
    }

    // Whoever reads the database reads no value, and who is shredded takes tokens along.
    let person = domain.subject_or_create("mrn-1029").unwrap();
    let token = wait(vault.tokenize_of(person.as_async(), "canary of a person")).unwrap();
    let dump = place.sql("SELECT encode(id, 'escape') || encode(bytes, 'escape') FROM {s}.records");
    assert!(dump.contains(&token) && !dump.contains("canary"), "{dump}");
    domain.shred_subject("mrn-1029").unwrap();
    assert_eq!(wait(vault.reveal::<String>(&token)).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(wait(vault.purge_person(person.as_async().tag())).unwrap(), 1);
    assert_eq!(count(8), VALUES.to_string());
    // Nor is the vault ever where the keys are.
    let kind = Vaulted::new(VaultedForm::text(), &Cardinality::SSN).unwrap();
    let refused = wait(Vault::open(Arc::new(keys.store()), domain.as_async(), "ssn", kind));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported);
}
