//! BADROW and WRITE: what resealing a table leaves, while others write it and with rows that cannot be resealed.

use crate::clinic::{Clinic, DOMAIN, Found, cell, context_of, counts};
use phiseal::Phi;
use phiseal::rotation::source::Source;
use phiseal::rotation::{Class, Finding, Pace, Resealed, reseal};
use phiseal_tests::clinic::Where;
use phiseal_tests::eventful::{Asked, Eventful};
use phiseal_tests::in_each_place;
use phiseal_tests::numbers::{Dice, figure};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

fn run(clinic: &Clinic, rows: usize) -> (Resealed, Vec<Finding>) {
    run_on(clinic, &clinic.source(), rows)
}

fn run_on(clinic: &Clinic, source: &dyn Source, rows: usize) -> (Resealed, Vec<Finding>) {
    let (mut pace, mut found) = (Pace::default(), Vec::new());
    pace.rows = rows;
    let done = reseal(source, &clinic.columns(), pace, |finding| found.push(finding));
    (done.unwrap(), found)
}

#[test]
fn everything_is_under_the_primary_afterwards_and_says_what_it_said() {
    for page in [1, 7, 100, 1_000] {
        let clinic = Clinic::new();
        let phi = clinic.phi();
        (1..=100).for_each(|id| clinic.put(&phi, id));
        clinic.write_raw(5, 1, rusqlite::types::Null);
        phi.domain(DOMAIN).unwrap().rotate().unwrap();
        let persons: Vec<String> = notes(&clinic);

        let (done, found) = run(&clinic, page);
        assert_eq!((done.rows, done.written, done.values, done.overtaken), (100, 100, 199, 0));
        assert_eq!(found, []);
        let (census, _) = clinic.count(&clinic.source()).unwrap();
        assert!(census.is_clean());
        assert_eq!(counts(&census, 1), [(Class::Nothing, 1), (Class::Current, 99)]);
        assert_eq!(census.under(&census.columns[0].domain_id, 1), 0);
        for id in 1..=100 {
            assert_eq!(value(&clinic, id, 0).as_deref(), Some(format!("value {id} 0").as_str()));
        }
        assert_eq!(notes(&clinic), persons, "what is under persons' keys stays");

        let (again, _) = run(&clinic, page);
        assert_eq!((again.rows, again.written, again.values), (100, 0, 0));
    }
}

in_each_place!(rows_that_cannot_be_resealed_are_named_and_the_rest_is_done);

fn rows_that_cannot_be_resealed_are_named_and_the_rest_is_done(place: Where) {
    let rows = figure(5_000, 100_000);
    let clinic = Clinic::new();
    let phi = clinic.phi();
    clinic.database.execute_batch("BEGIN").unwrap();
    (1..=rows).for_each(|id| clinic.put(&phi, id));
    let mut dice = Dice::new(7);
    let mut bad = BTreeMap::new();
    while bad.len() < 100 {
        let id = 1 + i64::try_from(dice.below(usize::try_from(rows).unwrap())).unwrap();
        let class = if dice.coin() { Class::Damaged } else { Class::Plaintext };
        if bad.insert(id, class).is_none() {
            match class {
                Class::Damaged => {
                    let moved = phi.domain(DOMAIN).unwrap().seal("x", &context_of(id + 1, 0));
                    clinic.write(id, 0, &moved.unwrap());
                }
                _ => clinic.write_raw(id, 0, "123-45-6789"),
            }
        }
    }
    clinic.database.execute_batch("COMMIT").unwrap();
    let Some(source) = clinic.source_in(place) else { return };
    // What was drawn twice is as it was written first.
    let (_, expected) = clinic.count(&*source).unwrap();
    assert_eq!(expected.len(), 100, "the control: before, they are found as well");
    phi.domain(DOMAIN).unwrap().rotate().unwrap();
    let (done, found) = run_on(&clinic, &*source, 1_000);
    let all = u64::try_from(rows).unwrap();
    assert_eq!((done.rows, done.values), (all, 2 * all - 100));
    let named: Found = found.iter().map(|it| (cell(it), it.class)).collect();
    assert_eq!((&named, found.len()), (&expected, 100), "exactly those");
    let (census, left) = clinic.count(&*source).unwrap();
    assert_eq!(left, expected);
    assert_eq!(counts(&census, 0)[0], (Class::Current, all - 100), "the rest is done");
    assert_eq!(counts(&census, 1), [(Class::Current, all)]);
}

#[test]
fn what_others_wrote_meanwhile_is_looked_at_and_named_once() {
    let clinic = Clinic::new();
    let phi = clinic.phi();
    (1..=20).for_each(|id| clinic.put(&phi, id));
    let late = phi.domain(DOMAIN).unwrap().seal("late", &context_of(4, 0)).unwrap();
    clinic.write_raw(2, 0, "123-45-6789");
    phi.domain(DOMAIN).unwrap().rotate().unwrap();
    let writes = Mutex::new(vec![(3, b"987-65-4321".to_vec()), (4, late.into_bytes())]);
    let path = clinic.path();
    let source = Eventful::new(Box::new(clinic.source()), move |asked| {
        if asked == Asked::Replace {
            let database = rusqlite::Connection::open(&path).unwrap();
            for (id, value) in writes.lock().unwrap().drain(..) {
                database
                    .execute("UPDATE patients SET ssn = ?2 WHERE id = ?1", (id, value))
                    .unwrap();
            }
        }
    });
    let (done, found) = run_on(&clinic, &source, 10);
    assert_eq!((done.rows, done.overtaken), (20, 2), "the control: they met");
    let named: Vec<_> = found.iter().map(|it| (cell(it), it.class)).collect();
    let expected = [((2, 0), Class::Plaintext), ((3, 0), Class::Plaintext)];
    assert_eq!(named, expected, "each once, whenever it was written");
    assert_eq!(value(&clinic, 4, 0).as_deref(), Some("late"));
    let (census, left) = clinic.count(&source).unwrap();
    assert_eq!((left.len(), census.under(&census.columns[0].domain_id, 1)), (2, 0));
}

#[test]
fn of_many_writers_the_last_one_wins_on_every_row() {
    const ROWS: i64 = 200;
    const WRITERS: usize = 16;
    let clinic = Clinic::new();
    let phi = clinic.phi();
    (1..=ROWS).for_each(|id| clinic.put(&phi, id));
    clinic.database.execute_batch("PRAGMA journal_mode = wal").unwrap();
    // The writers' handle knows the version before, for as long as its lease runs.
    let stale = clinic.phi();
    stale.domain(DOMAIN).unwrap().ready().unwrap();
    let (stop, domain) = (AtomicBool::new(false), stale.domain(DOMAIN).unwrap());
    let path = clinic.path();
    let fresh = clinic.phi();
    fresh.domain(DOMAIN).unwrap().rotate().unwrap();
    let current = fresh.domain(DOMAIN).unwrap();
    let (done, last) = std::thread::scope(|scope| {
        // Whatever falls in here, the writers end.
        let _stop = Stop(&stop);
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (stop, domain, current, path) = (&stop, &domain, &current, &path);
                scope.spawn(move || {
                    let database = rusqlite::Connection::open(path).unwrap();
                    database.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
                    let (mut dice, mut last) = (Dice::new(writer as u64), BTreeMap::new());
                    let mut count = 0;
                    while !stop.load(Ordering::SeqCst) || count < 20 {
                        // Each has rows of its own.
                        let id = i64::try_from(1 + dice.below(12) * WRITERS + writer).unwrap();
                        let text = format!("{writer} wrote {count}");
                        let under = if dice.coin() { domain } else { current };
                        let sealed = under.seal(&text, &context_of(id, 0)).unwrap();
                        let sql = "UPDATE patients SET ssn = ?2 WHERE id = ?1";
                        database.execute(sql, (id, sealed.as_bytes())).unwrap();
                        last.insert(id, text);
                        count += 1;
                        std::thread::sleep(std::time::Duration::from_millis(2));
                    }
                    last
                })
            })
            .collect();
        let mut done = Vec::new();
        for _ in 0..5 {
            done.push(run(&clinic, 50).0);
        }
        stop.store(true, Ordering::SeqCst);
        let last: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        (done, last)
    });
    for (id, text) in last.iter().flatten() {
        assert_eq!(value(&clinic, *id, 0).as_deref(), Some(text.as_str()), "row {id}");
    }
    assert!(done.iter().any(|done| done.overtaken > 0), "the control: they met: {done:?}");
    // Now that nobody writes under the version before, once more.
    let _ = run(&clinic, 50);
    let (census, _) = clinic.count(&clinic.source()).unwrap();
    assert!(census.is_clean());
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// What the column of a row says.
fn value(clinic: &Clinic, id: i64, column: usize) -> Option<String> {
    let sealed: Vec<u8> = clinic
        .database
        .query_row("SELECT ssn FROM patients WHERE id = ?1", [id], |row| row.get(0))
        .unwrap();
    let sealed = phiseal::Sealed::try_from(sealed).unwrap();
    let opened = clinic.phi().domain(DOMAIN).unwrap().open(&sealed, &context_of(id, column));
    opened.ok().map(|plain: Phi<String>| plain.expose_secret().clone())
}

fn notes(clinic: &Clinic) -> Vec<String> {
    let mut statement = clinic.database.prepare("SELECT note FROM patients ORDER BY id").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}
