//! BAK: data and key store restored from backups of different ages. Each value opens, or its key is named before the
//! application starts.

use crate::{DOMAIN, PERSON, memory_kek, opened, opened_of_person, what};
use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::Phiseal;
use phiseal::stores::SqliteStore;
use phiseal::{Builder, Sealed, Store};
use pollster::block_on;
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

/// How many versions of the domain's key there are in the end.
const VERSIONS: usize = 12;
const RESTORES: usize = 50;
const SKEW: usize = 5;

/// What was sealed under one version: for nobody, and for a person whose key was made then.
struct Values {
    plain: Sealed,
    of_person: Option<Sealed>,
}

/// Version by version: a rotation, two values, and a backup of the key store, which `backup` takes while no process has it.
fn live(open: impl Fn() -> Phiseal, backup: impl Fn(usize)) -> Vec<Values> {
    (1..=VERSIONS)
        .map(|version| {
            let domain = open().domain(DOMAIN).unwrap();
            if version > 1 {
                domain.rotate().unwrap();
            }
            let plain = domain.seal(format!("value {version}"), &what()).unwrap();
            // The person is made half way: a key store from before does not know them at all.
            let of_person = (version >= VERSIONS / 2).then(|| {
                let person = domain.subject_or_create(PERSON).unwrap();
                person.seal(format!("person {version}"), &what()).unwrap()
            });
            drop(domain);
            backup(version);
            Values { plain, of_person }
        })
        .collect()
}

/// Fifty of the pairs of a data backup and a key store backup that are at most five versions apart.
fn pairs() -> Vec<(usize, usize)> {
    let all: Vec<_> = (1..=VERSIONS)
        .flat_map(|data| (1..=VERSIONS).map(move |keys| (data, keys)))
        .filter(|(data, keys)| data.abs_diff(*keys) <= SKEW)
        .collect();
    (0..RESTORES).map(|at| all[at * all.len() / RESTORES]).collect()
}

/// Restores each pair, asks what opens, then starts the application and looks.
fn restore(values: &[Values], open: impl Fn(usize) -> Phiseal) {
    let (mut open_values, mut missing_values, mut skews) = (0, 0, BTreeSet::new());
    for (data, keys) in pairs() {
        skews.insert(keys.cast_signed() - data.cast_signed());
        let stored: Vec<&Sealed> = values[..data]
            .iter()
            .flat_map(|values| [Some(&values.plain), values.of_person.as_ref()])
            .flatten()
            .collect();
        let restored = open(keys);
        let envelopes = stored.iter().map(|value| value.as_bytes());
        let report = block_on(restored.key_store().check_restored(envelopes)).unwrap();
        assert!(report.closed.is_empty() && report.not_envelopes == 0, "{report}");
        let named: BTreeSet<_> = report.missing.iter().map(|it| it.key_id.to_string()).collect();
        let mut counted = 0;
        for (number, values) in (1..).zip(&values[..data]) {
            let plain = opened(&restored, &values.plain);
            assert_eq!(plain.is_ok(), number <= keys, "version {number} under {keys}");
            let person =
                values.of_person.as_ref().map(|value| (value, opened_of_person(&restored, value)));
            for (value, outcome) in [Some((&values.plain, plain)), person].into_iter().flatten() {
                // Each opens, or was named.
                assert_ne!(outcome.is_ok(), named.contains(&value.key_id().to_string()));
                if let Ok(text) = outcome {
                    assert!(text.ends_with(&format!(" {number}")));
                    counted += 1;
                }
            }
        }
        let missing: u64 = report.missing.iter().map(|it| it.values).sum();
        assert_eq!(report.values(), counted);
        assert_eq!(counted + missing, u64::try_from(stored.len()).unwrap());
        open_values += counted;
        missing_values += missing;
    }
    assert_eq!(skews.len(), 2 * SKEW + 1, "every skew occurs");
    assert_eq!((open_values, missing_values), (343, 83));
}

fn process(store: impl Store, kek: &Arc<MemoryKek>) -> Phiseal {
    Phiseal::open(store, kek.clone()).unwrap()
}

#[test]
fn of_fifty_skewed_restores_each_value_opens_or_its_key_is_named_on_sqlite() {
    let (folder, kek) = (tempfile::tempdir().unwrap(), memory_kek());
    let (live_file, backup) =
        (folder.path().join("keys.db"), |version| folder.path().join(format!("keys-{version}.db")));
    let values = live(
        || process(SqliteStore::open(&live_file).unwrap(), &kek),
        |version| assert!(fs::copy(&live_file, backup(version)).unwrap() > 0),
    );
    let restores = std::cell::Cell::new(0);
    restore(&values, |keys| {
        // What an application does to a restored store does not reach the backup.
        restores.set(restores.get() + 1);
        let restored = folder.path().join(format!("restored-{}.db", restores.get()));
        fs::copy(backup(keys), &restored).unwrap();
        let builder = Builder::new().existing();
        Phiseal::open_with(builder, SqliteStore::open(restored).unwrap(), kek.clone()).unwrap()
    });
    assert_eq!(restores.get(), RESTORES);
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::{live, process, restore};
    use crate::memory_kek;
    use phiseal::RecordKind;
    use phiseal::stores::PostgresStore;
    use phiseal_keys::Store;
    use pollster::block_on;
    use std::env;
    use std::path::PathBuf;
    use std::process::Command;

    const PAGE: usize = 100;

    /// Every record, as often as it takes to get its revision: what a backup brings back.
    fn copy(from: &dyn Store, to: &dyn Store) {
        for kind in RecordKind::ALL {
            let mut after: Option<Vec<u8>> = None;
            loop {
                let page = block_on(from.scan(kind, after.as_deref(), PAGE)).unwrap();
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

    /// Schemas of one test, dropped with it.
    struct Schemas {
        url: String,
        psql: PathBuf,
    }

    impl Schemas {
        fn store(&self, name: &str) -> PostgresStore {
            PostgresStore::new(&self.url).unwrap().with_schema(&Self::called(name)).unwrap()
        }

        fn called(name: &str) -> String {
            format!("skewed_{name}_{}", std::process::id())
        }

        fn drop_schema(&self, name: &str) {
            let mut psql = Command::new(&self.psql);
            psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c"]);
            psql.arg(format!(
                "SET client_min_messages = error; DROP SCHEMA IF EXISTS {} CASCADE",
                Self::called(name)
            ));
            assert!(psql.arg(&self.url).status().unwrap().success());
        }
    }

    #[test]
    fn of_fifty_skewed_restores_each_value_opens_or_its_key_is_named_on_postgres() {
        let variable = |name| env::var_os(name).map(|value| value.into_string().unwrap());
        let schemas = match (variable("PHISEAL_POSTGRES"), variable("PHISEAL_POSTGRES_BIN")) {
            (Some(url), Some(programs)) => {
                Schemas { url, psql: PathBuf::from(programs).join("psql") }
            }
            _ if variable("PHISEAL_LOCAL").is_some_and(|value| value == "1") => {
                println!("left out under PHISEAL_LOCAL=1: restores of a key store on Postgres");
                return;
            }
            _ => panic!("PHISEAL_POSTGRES or PHISEAL_POSTGRES_BIN is not set: cargo xtask servers"),
        };
        let kek = memory_kek();
        let values = live(
            || process(schemas.store("live"), &kek),
            |version| copy(&schemas.store("live"), &schemas.store(&version.to_string())),
        );
        restore(&values, |keys| process(schemas.store(&keys.to_string()), &kek));
        schemas.drop_schema("live");
        (1..=super::VERSIONS).for_each(|version| schemas.drop_schema(&version.to_string()));
    }
}
