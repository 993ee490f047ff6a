//! Patients looked up by a blind index of their sealed names, and by an index of the names as plain text that lie beside them: the
//! same rows of one table in one SQLite database.

use phiseal::blocking::{Domain, wait};
use phiseal::context;
use phiseal::tokens::{BlindIndex, Cardinality, Column, Normaliser, Part};
use phiseal_benches::median;
use rusqlite::Connection;
use std::hint::black_box;
use std::time::Instant;

/// Of so many names, each is that of six patients.
fn name(number: usize, patients: usize) -> String {
    let names = (patients / 6).max(1);
    format!("Patient Name {:06}", number.wrapping_mul(7_919) % names)
}

pub(crate) fn compare_with_plaintext(domain: &Domain, patients: usize, rounds: usize) {
    let part = Part::new(Normaliser::Text, Cardinality::of(160_000));
    let index = Column::new(domain.as_async(), "name", BlindIndex::new([part]).unwrap());
    let keyed = wait(index.ready()).unwrap();
    let cipher = domain.ready().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut connection = Connection::open(folder.path().join("clinic.db")).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA cache_size = -500000; \
             CREATE TABLE patients (id INTEGER PRIMARY KEY, name BLOB, entry BLOB, plain TEXT)",
        )
        .unwrap();
    let transaction = connection.transaction().unwrap();
    for number in 0..patients {
        let name = name(number, patients);
        let what = context!(record = number.to_string(), field = "name");
        let sealed = cipher.seal(&name, &what).unwrap();
        let entry = keyed.entry(&[&name]).unwrap();
        let id = i64::try_from(number).unwrap();
        let sql = "INSERT INTO patients (id, name, entry, plain) VALUES (?1, ?2, ?3, ?4)";
        let row = (id, sealed.as_bytes(), entry.as_bytes(), &name);
        transaction.prepare_cached(sql).unwrap().execute(row).unwrap();
    }
    transaction
        .execute_batch(
            "CREATE INDEX by_entry ON patients (entry); CREATE INDEX by_name ON patients (plain)",
        )
        .unwrap();
    transaction.commit().unwrap();

    let mut by_entry =
        connection.prepare("SELECT id, name FROM patients WHERE entry = ?1").unwrap();
    let mut by_name = connection.prepare("SELECT id, name FROM patients WHERE plain = ?1").unwrap();
    let (mut found, mut plainly) = (0, 0);
    let (mut ratios, mut opened, mut ours, mut theirs) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let each = 200;
    for round in 0..rounds {
        let asked = || (0..each).map(move |n| name(round * 1_009 + n * 31, patients));
        let mut time = |opens: bool| {
            let start = Instant::now();
            for name in asked() {
                for term in keyed.terms(&[&name]).unwrap() {
                    let mut rows = by_entry.query([term.as_bytes()]).unwrap();
                    while let Some(row) = rows.next().unwrap() {
                        let id: i64 = row.get(0).unwrap();
                        let sealed = row.get_ref(1).unwrap().as_blob().unwrap();
                        found += usize::from(!opens);
                        if opens {
                            let what = context!(record = id.to_string(), field = "name");
                            let bound = cipher.bind(&what).unwrap();
                            black_box(cipher.open_bound::<String>(sealed, &bound).unwrap());
                        }
                    }
                }
            }
            start.elapsed().as_secs_f64()
        };
        let (looked_up, with_opening) = (time(false), time(true));
        let start = Instant::now();
        for name in asked() {
            let mut rows = by_name.query([&name]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                black_box((row.get::<_, i64>(0).unwrap(), row.get_ref(1).unwrap()));
                plainly += 1;
            }
        }
        let plain = start.elapsed().as_secs_f64();
        ratios.push(looked_up / plain);
        opened.push(with_opening / plain);
        ours.push(looked_up);
        theirs.push(plain);
    }
    assert_eq!(found, plainly, "both find the same");
    println!(
        "look-up among {patients} sealed patients: {:.2} of the time by plain text ({:.1} us, {:.1} us), {:.2} with opening",
        median(&mut ratios),
        median(&mut ours) * 1e6 / 200.0,
        median(&mut theirs) * 1e6 / 200.0,
        median(&mut opened),
    );
}
