//! ROT: a rotation that goes on does what was begun, and "done" is said of all of it.

use crate::{ROTATE, pace};
use core::time::Duration;
use phiseal::audit::note::KeyName;
use phiseal::backends::local::LocalKek;
use phiseal::rotation::custody::{Approved, Custodians, Operation, Request};
use phiseal::rotation::run::{Event, Holding, Journal, Phase, Rotator, Step, end_version};
use phiseal::rotation::source::{SqliteSource, Table};
use phiseal::rotation::{Binding, Class, Column, Digest};
use phiseal::{Authority, Domain, Error, ErrorKind, KeyState, Phiseal};
use phiseal_tests::clinic::{Clinic, DOMAIN, Where, context_of, plaintext};
use pollster::block_on;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What those do who are custodians by the first roster, whatever it is.
const CUSTODIANS: Authority = Authority::Custodians { request: [7; 32] };

fn custodians(phi: &Phiseal) -> Custodians {
    block_on(Custodians::load(phi.key_store(), None)).unwrap().unwrap()
}

fn approved(clinic: &Clinic, phi: &Phiseal, operation: Operation) -> Approved {
    let note = clinic.approve(operation);
    let request = Request::parse(note.text()).unwrap();
    let now = phi.key_store().clock().wall();
    custodians(phi).check(&request, &[note], Some(&clinic.keyset()), now).unwrap()
}

/// Runs `approved` until it comes to `step`, where the process that does it stops for ever.
fn stopped_at(phi: &Phiseal, holdings: &[Holding], approved: &Approved, step: Step) {
    let domain = block_on(phi.domain(DOMAIN)).unwrap();
    let mut rotator = Rotator::new(domain, holdings, pace(50));
    let mut hear = |event: Event<'_>| {
        if matches!(event, Event::Step(now) if now == step) {
            resume_unwind(Box::new("stopped"));
        }
    };
    let run = || rotator.run(approved, Some(&custodians(phi)), &mut hear).map(drop);
    assert!(catch_unwind(AssertUnwindSafe(run)).is_err(), "it came to this step");
}

/// Goes on when what the one who stopped held is free.
fn gone_on(clinic: &Clinic, holdings: Holdings, id: Digest) -> Result<Journal, Error> {
    let phi = clinic.open_at(clinic.open().key_store().clock().wall() + 60);
    let domain = block_on(phi.domain(DOMAIN)).unwrap();
    let holdings = holdings(clinic, &domain);
    Rotator::new(domain, &holdings, pace(50)).resume(id, Some(&custodians(&phi)), &mut |_| {})
}

type Holdings = fn(&Clinic, &Domain) -> Vec<Holding>;

/// The table of visits, of which `columns` are said to be sealed.
fn visits(clinic: &Clinic, domain: &Domain, columns: &[&str]) -> Holding {
    let table = Table::new("visits", &["id"], columns).unwrap();
    let source = SqliteSource::open(clinic.folder().join("clinic.db"), table).unwrap();
    let binding = Binding::new().record("mrn-{id}").unwrap().field("ssn").unwrap();
    let columns = columns.iter().map(|_| Column::sealed(domain, binding.clone()));
    Holding { source: Box::new(source), columns: columns.collect() }
}

fn both(clinic: &Clinic, domain: &Domain) -> Vec<Holding> {
    let mut both = clinic.holdings(domain);
    both.push(visits(clinic, domain, &["ssn", "again"]));
    both
}

fn database(clinic: &Clinic) -> rusqlite::Connection {
    rusqlite::Connection::open(clinic.folder().join("clinic.db")).unwrap()
}

#[test]
fn it_goes_on_over_the_tables_and_columns_that_it_was_begun_over() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = Clinic::create(folder.path(), Where::Sqlite, 60).unwrap();
    let phi = clinic.open();
    let domain = block_on(phi.domain(DOMAIN)).unwrap();
    let old = block_on(domain.seal(plaintext(7, 0).as_str(), &context_of(7, 0))).unwrap();
    let database = database(&clinic);
    database.execute_batch("CREATE TABLE visits (id INTEGER PRIMARY KEY, ssn, again)").unwrap();
    let write = || {
        let sql = "INSERT OR REPLACE INTO visits VALUES (7, ?1, ?1)";
        assert_eq!(database.execute(sql, [old.as_bytes()]).unwrap(), 1);
    };
    write();
    let rotate = approved(&clinic, &phi, ROTATE);
    // All parts are done, and then somebody who knows nothing of the new version writes under the old one.
    stopped_at(&phi, &both(&clinic, &domain), &rotate, Step::CountAgain);
    write();

    let fewer: [Holdings; 4] = [
        |clinic, domain| clinic.holdings(domain),
        |clinic, domain| vec![visits(clinic, domain, &["ssn", "again"])],
        |clinic, domain| {
            let mut both = both(clinic, domain);
            both[1] = visits(clinic, domain, &["ssn"]);
            both
        },
        |clinic, domain| both(clinic, domain).into_iter().rev().collect(),
    ];
    for (place, holdings) in fewer.into_iter().enumerate() {
        let error = gone_on(&clinic, holdings, rotate.digest()).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{place}: {error:?}");
    }
    let open = block_on(Journal::open(phi.key_store())).unwrap();
    assert_eq!(open.len(), 1, "not done");
    let journal = gone_on(&clinic, both, rotate.digest()).expect("the control");
    assert_eq!(journal.phase, Phase::Done);
    let current = |counted: &phiseal::rotation::certificate::Counted| {
        let columns = counted.census().columns.iter();
        columns.map(|it| it.counts.get(&Class::Current).copied().unwrap_or_default()).sum::<u64>()
    };
    assert_eq!(journal.after.iter().map(current).collect::<Vec<_>>(), [180, 2]);
}

#[test]
fn nothing_is_said_of_a_domain_that_is_not_counted() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = Clinic::create(folder.path(), Where::Sqlite, 20).unwrap();
    let phi = clinic.open();
    let staff = block_on(phi.domain("clinic/staff")).unwrap();
    let rotate = approved(&clinic, &phi, ROTATE);
    let domain = block_on(phi.domain(DOMAIN)).unwrap();
    for holdings in [vec![], clinic.holdings(&staff)] {
        let mut rotator = Rotator::new(domain.clone(), &holdings, pace(50));
        let outcome = rotator.run(&rotate, Some(&custodians(&phi)), &mut |_| {});
        assert_eq!(outcome.map(drop).unwrap_err().kind(), ErrorKind::Invalid);
    }
    assert_eq!(clinic.keyset().primary(), 1);

    let (journal, _) = crate::to_the_end(&clinic, 50);
    assert_eq!(journal.phase, Phase::Done, "the control");
    let later = clinic.open_at(journal.switched + 3_600);
    let domain = block_on(later.domain(DOMAIN)).unwrap();
    let staff = block_on(later.domain("clinic/staff")).unwrap();
    let retire = approved(&clinic, &later, Operation::Retire(1));
    for holdings in [vec![], clinic.holdings(&staff)] {
        let ended = block_on(end_version(&domain, &holdings, &retire, &mut |_| {}));
        assert_eq!(ended.map(drop).unwrap_err().kind(), ErrorKind::Invalid);
    }
    let holdings = clinic.holdings(&domain);
    block_on(end_version(&domain, &holdings, &retire, &mut |_| {})).expect("the control");
}

#[test]
fn what_is_put_back_under_an_older_version_meanwhile_is_not_done() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = Clinic::create(folder.path(), Where::Sqlite, 40).unwrap();
    let phi = clinic.open();
    let store = phi.key_store();
    let make_primary = |number| {
        let keyset = clinic.keyset();
        block_on(store.changes(CUSTODIANS, 1).set_primary(&keyset, number)).unwrap();
    };
    let rotate = approved(&clinic, &phi, ROTATE);
    let domain = block_on(phi.domain(DOMAIN)).unwrap();
    let holdings = clinic.holdings(&domain);
    let mut rotator = Rotator::new(domain.clone(), &holdings, pace(50));
    let journal = rotator.run(&rotate, Some(&custodians(&phi)), &mut |event| {
        if matches!(event, Event::Step(Step::Reseal)) && clinic.keyset().primary() == 2 {
            make_primary(1);
        }
    });
    let journal = journal.unwrap();
    assert_eq!((journal.phase, journal.left(&clinic.keyset().domain())), (Phase::Switched, 120));

    make_primary(2);
    let journal = rotator.resume(rotate.digest(), None, &mut |_| {}).unwrap();
    assert_eq!((journal.phase, journal.left(&clinic.keyset().domain())), (Phase::Done, 0));
    assert_eq!(clinic.assert_rotated(plaintext), 40);
}

#[test]
fn of_two_requests_on_one_keyset_one_is_done_and_the_other_ends() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = Clinic::create(folder.path(), Where::Sqlite, 40).unwrap();
    let phi = clinic.open();
    let [first, second, third] = [ROTATE; 3].map(|operation| approved(&clinic, &phi, operation));
    let domain = block_on(phi.domain(DOMAIN)).unwrap();
    let holdings = clinic.holdings(&domain);
    let run = |approved: &Approved, hear: &mut (dyn FnMut(Event<'_>) + Send)| {
        let mut rotator = Rotator::new(domain.clone(), &holdings, pace(50));
        rotator.run(approved, Some(&custodians(&phi)), hear)
    };
    // The second has counted, and is about to change the keys, when the first does.
    let mut done = None;
    let refused = run(&second, &mut |event| {
        if matches!(event, Event::Step(Step::Switch)) && done.is_none() {
            done = Some(run(&first, &mut |_| {}).unwrap().phase);
        }
    });
    assert_eq!(done, Some(Phase::Done));
    assert_eq!(refused.map(drop).unwrap_err().kind(), ErrorKind::Denied);
    let journal = block_on(Journal::load(phi.key_store(), second.digest())).unwrap().unwrap().0;
    assert_eq!(journal.phase, Phase::Expired);
    // The third comes too late, and counts nothing.
    let mut heard = 0;
    let refused = run(&third, &mut |_| heard += 1);
    assert_eq!((refused.map(drop).unwrap_err().kind(), heard), (ErrorKind::Denied, 0));
    assert!(block_on(Journal::load(phi.key_store(), third.digest())).unwrap().is_none());
    assert!(block_on(Journal::open(phi.key_store())).unwrap().is_empty());
    assert_eq!(clinic.keyset().versions().len(), 2);
    assert_eq!(clinic.assert_rotated(plaintext), 40);
}

#[test]
fn a_rotation_that_was_left_half_done_goes_on_when_its_version_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    // So many that the table is done in more than one part.
    let clinic = Clinic::create(folder.path(), Where::Sqlite, 11_000).unwrap();
    let phi = clinic.open();
    let domain = block_on(phi.domain(DOMAIN)).unwrap();
    let holdings = clinic.holdings(&domain);
    let left = approved(&clinic, &phi, ROTATE);
    stopped_at(&phi, &holdings, &left, Step::Write);
    let next = approved(&clinic, &phi, ROTATE);
    let mut rotator = Rotator::new(domain, &holdings, pace(1_000));
    let journal = rotator.run(&next, Some(&custodians(&phi)), &mut |_| {}).unwrap();
    assert_eq!((journal.phase, journal.to), (Phase::Done, 3));
    for state in [KeyState::Deactivated, KeyState::Destroyed] {
        let changes = phi.key_store().changes(CUSTODIANS, 1);
        block_on(changes.set_state(&clinic.keyset(), 2, state)).unwrap();
    }

    let journal = gone_on(&clinic, Clinic::holdings, left.digest()).unwrap();
    assert_eq!((journal.phase, journal.to), (Phase::Done, 2));
    assert!(block_on(Journal::open(phi.key_store())).unwrap().is_empty());
    assert_eq!(clinic.assert_rotated(plaintext), 11_000);
}

/// As in a key store without custodians, where one of them works alone.
#[test]
fn of_two_requests_of_one_who_works_alone_one_is_done_too() {
    let folder = tempfile::tempdir().unwrap();
    LocalKek::create(folder.path().join("kek.json"), phiseal::default_engine()).unwrap();
    let clinic = Clinic::of(folder.path());
    let schema = "CREATE TABLE patients (id INTEGER PRIMARY KEY, ssn BLOB, name TEXT, note TEXT)";
    database(&clinic).execute_batch(schema).unwrap();
    let phi = clinic.open();
    let domain = block_on(phi.domain(DOMAIN)).unwrap();
    let sealed = block_on(domain.seal(plaintext(1, 0).as_str(), &context_of(1, 0))).unwrap();
    let sql = "INSERT INTO patients (id, ssn) VALUES (1, ?1)";
    database(&clinic).execute(sql, [sealed.as_bytes()]).unwrap();
    let (engine, now) = (phiseal::default_engine(), phi.key_store().clock().wall());
    let approved = |_| {
        let (ada, keyset) = (KeyName::new("ada").unwrap(), clinic.keyset());
        let holds = Duration::from_secs(3_600);
        let mut request = Request::new(engine, ROTATE, &keyset, ada, now, holds).unwrap();
        request.keks = block_on(phi.key_store().wrapping_keks()).unwrap();
        Approved::dangerous_single_custodian(engine, &request, Some(&keyset), now).unwrap()
    };
    let [first, second] = [0, 1].map(approved);
    let holdings = clinic.holdings(&domain);
    let run = |approved: &Approved, hear: &mut (dyn FnMut(Event<'_>) + Send)| {
        Rotator::new(domain.clone(), &holdings, pace(50)).run(approved, None, hear)
    };
    let mut done = None;
    let refused = run(&second, &mut |event| {
        if matches!(event, Event::Step(Step::Switch)) && done.is_none() {
            done = Some(run(&first, &mut |_| {}).unwrap().phase);
        }
    });
    assert_eq!(done, Some(Phase::Done), "the control");
    assert_eq!(refused.map(drop).unwrap_err().kind(), ErrorKind::Denied, "it made no version");
    let keyset = clinic.keyset();
    assert_eq!((keyset.authority(), keyset.was_single()), (first.authority(), true));
    assert_eq!(keyset.versions().len(), 2);
}
