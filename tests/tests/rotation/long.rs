//! ROT: what is written of a run fits into the key store, from its beginning to its end.

use crate::{ROTATE, pace};
use phiseal::rotation::custody::{Approved, Custodians, Request};
use phiseal::rotation::run::{Holding, Journal, Phase, Rotator};
use phiseal::rotation::source::{SqliteSource, Table};
use phiseal::rotation::{Binding, Column};
use phiseal::{Domain, Error, ErrorKind, Phiseal};
use phiseal_tests::clinic::{Clinic, DOMAIN, Where};
use pollster::block_on;

/// So many tables, each of whose counts takes 13 KB of a journal.
fn holdings(clinic: &Clinic, domain: &Domain, count: usize) -> Vec<Holding> {
    let [table, columns] = names();
    let columns: Vec<_> = columns.split(',').collect();
    let holding = |_| {
        let table = Table::new(&table, &["id"], &columns).unwrap();
        let source = SqliteSource::open(clinic.folder().join("clinic.db"), table).unwrap();
        let binding = Binding::new().record("mrn-{id}").unwrap().field("ssn").unwrap();
        let column = |_: &&str| Column::sealed(domain, binding.clone());
        Holding { source: Box::new(source), columns: columns.iter().map(column).collect() }
    };
    (0..count).map(holding).collect()
}

fn names() -> [String; 2] {
    let columns = (10..70).map(|number| format!("c{number}{}", "o".repeat(60)));
    ["long".to_owned(), columns.collect::<Vec<_>>().join(",")]
}

fn run(clinic: &Clinic, phi: &Phiseal, count: usize) -> Result<Journal, Error> {
    let store = phi.key_store();
    let custodians = block_on(Custodians::load(store, None))?.unwrap();
    let note = clinic.approve(ROTATE);
    let request = Request::parse(note.text())?;
    let keyset = clinic.keyset();
    let approved: Approved =
        custodians.check(&request, &[note], Some(&keyset), store.clock().wall())?;
    let domain = block_on(phi.domain(DOMAIN))?;
    let holdings = holdings(clinic, &domain, count);
    Rotator::new(domain, &holdings, pace(50)).run(&approved, Some(&custodians), &mut |_| {})
}

fn database(clinic: &Clinic) -> rusqlite::Connection {
    rusqlite::Connection::open(clinic.folder().join("clinic.db")).unwrap()
}

#[test]
fn what_will_not_fit_when_all_is_counted_again_is_refused_before_a_key_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = Clinic::create(folder.path(), Where::Sqlite, 0).unwrap();
    let [table, columns] = names();
    let create = format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY, {columns})");
    database(&clinic).execute_batch(&create).unwrap();
    let phi = clinic.open();
    // One count of them fits into a record of 1 MiB, two do not.
    let error = run(&clinic, &phi, 65).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
    assert_eq!(clinic.keyset().primary(), 1);
    assert!(block_on(Journal::open(phi.key_store())).unwrap().is_empty());

    let journal = run(&clinic, &phi, 12).expect("the control");
    assert_eq!((journal.phase, journal.after.len()), (Phase::Done, 12));
    assert_eq!(clinic.keyset().primary(), 2);
}
