//! Indexes beside sealed values: added, rotated, redefined, mended, and taken along when somebody is shredded.

use crate::clinic::{Clinic, DOMAIN, mrn};
use phiseal::blocking::{Domain, wait};
use phiseal::rotation::run::Holding;
use phiseal::rotation::source::{NdjsonSource, Scalar, Source, SqliteSource, Table};
use phiseal::rotation::{self, Binding, Census, Class, Column, Finding, Pace, Resealed, reseal};
use phiseal::tokens::{self, BlindIndex, Cardinality, DateOrder, IndexEntry, Normaliser, Part};
use phiseal::{Error, ErrorKind, KeyState, context};
use phiseal_tests::eventful::{Asked, Eventful};
use pollster::block_on;
use rusqlite::types::Null;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const COLUMNS: [&str; 4] = ["name", "born", "by_name", "by_both"];

/// Patients whose names are sealed by the domain's key and whose birth dates are by their own, with two indexes.
struct Patients {
    clinic: Clinic,
    domain: Domain,
}

type Index = tokens::Column<BlindIndex>;

impl Patients {
    fn new() -> Self {
        let clinic = Clinic::new();
        let schema = "CREATE TABLE people (id INTEGER PRIMARY KEY, mrn TEXT, name TEXT, born BLOB, by_name BLOB, by_both TEXT);
                      CREATE INDEX people_by_name ON people (by_name)";
        clinic.database.execute_batch(schema).unwrap();
        let domain = clinic.phi().domain(DOMAIN).unwrap();
        Self { clinic, domain }
    }

    fn by_name(&self) -> BlindIndex {
        BlindIndex::new([Part::new(Normaliser::Text, Cardinality::of(160_000))]).unwrap()
    }

    fn indexes(&self, by_name: BlindIndex) -> [Index; 2] {
        let name = Part::new(Normaliser::Text, Cardinality::of(160_000));
        let born = Part::new(Normaliser::Date(DateOrder::MonthFirst), Cardinality::BIRTH_DATE);
        let by_both = BlindIndex::new([name, born]).unwrap();
        let domain = self.domain.as_async();
        [
            tokens::Column::new(domain, "by name", by_name),
            tokens::Column::new(domain, "by both", by_both),
        ]
    }

    fn columns_by(&self, by_name: BlindIndex) -> Vec<Column> {
        let domain = self.domain.as_async();
        let bound = |field: &str| Binding::new().record("{mrn}").unwrap().field(field).unwrap();
        let [by_name, by_both] = self.indexes(by_name);
        vec![
            Column::sealed(domain, bound("name")),
            Column::sealed(domain, bound("born").subject("{mrn}").unwrap()),
            Column::index(&by_name, &["name"]),
            Column::index_as_text(&by_both, &["name", "born"]),
        ]
    }

    fn columns(&self) -> Vec<Column> {
        self.columns_by(self.by_name())
    }

    fn source(&self) -> SqliteSource {
        SqliteSource::open(self.clinic.path(), table("people")).unwrap()
    }

    /// A row without entries.
    fn put(&self, id: i64, name: Option<&str>, born: &str) {
        let what = |field: &str| context!(record = mrn(id), field = field);
        let name = name.map(|name| self.domain.seal(name, &what("name")).unwrap().to_string());
        let person = self.domain.subject_or_create(&mrn(id)).unwrap();
        let born = person.seal(born, &what("born")).unwrap();
        let row = (id, mrn(id), name, born.as_bytes());
        let sql = "INSERT INTO people (id, mrn, name, born) VALUES (?1, ?2, ?3, ?4)";
        self.clinic.database.execute(sql, row).unwrap();
    }

    fn put_many(&self, rows: i64) {
        self.clinic.database.execute_batch("BEGIN").unwrap();
        for id in 1..=rows {
            self.put(id, Some(&format!("Name {}", id % 7)), "1980-01-31");
        }
        self.clinic.database.execute_batch("COMMIT").unwrap();
    }

    fn set(&self, id: i64, column: &str, value: impl rusqlite::ToSql) {
        let sql = format!("UPDATE people SET {column} = ?2 WHERE id = ?1");
        let written = self.clinic.database.execute(&sql, rusqlite::params![id, value]);
        assert_eq!(written.unwrap(), 1);
    }

    /// The entry of the first row.
    fn old_entry(&self) -> Vec<u8> {
        let sql = "SELECT by_name FROM people WHERE id = 1";
        self.clinic.database.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// The ids of the rows that a search by this name finds.
    fn found(&self, index: BlindIndex, name: &str) -> Vec<i64> {
        let terms = wait(self.indexes(index)[0].terms(&[name])).unwrap();
        self.rows_with("by_name", &terms, |entry| Box::new(entry.as_bytes().to_vec()))
    }

    fn found_by_both(&self, name: &str, born: &str) -> Vec<i64> {
        let terms = wait(self.indexes(self.by_name())[1].terms(&[name, born])).unwrap();
        self.rows_with("by_both", &terms, |entry| Box::new(entry.to_string()))
    }

    fn rows_with(
        &self,
        column: &str,
        terms: &[IndexEntry],
        value: impl Fn(&IndexEntry) -> Box<dyn rusqlite::ToSql>,
    ) -> Vec<i64> {
        let marks = vec!["?"; terms.len()].join(", ");
        let sql = format!("SELECT id FROM people WHERE {column} IN ({marks}) ORDER BY id");
        let mut statement = self.clinic.database.prepare(&sql).unwrap();
        let values = rusqlite::params_from_iter(terms.iter().map(value));
        statement.query_map(values, |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    fn reseal(&self) -> (Resealed, Vec<Finding>) {
        self.reseal_with(&self.source(), &self.columns()).unwrap()
    }

    fn reseal_with(
        &self,
        source: &dyn Source,
        columns: &[Column],
    ) -> Result<(Resealed, Vec<Finding>), Error> {
        let (mut pace, mut found) = (Pace::default(), Vec::new());
        pace.rows = 10;
        let done = reseal(source, columns, pace, |finding| found.push(finding))?;
        Ok((done, found))
    }

    fn census(&self) -> Census {
        self.census_by(&self.columns())
    }

    fn census_by(&self, columns: &[Column]) -> Census {
        block_on(rotation::census(&self.source(), columns, |_| ())).unwrap()
    }
}

fn table(name: &str) -> Table {
    Table::new(name, &["id"], &COLUMNS).unwrap().with_others(&["mrn"]).unwrap()
}

fn counts(census: &Census, column: &str) -> Vec<(Class, u64)> {
    let column = census.columns.iter().find(|it| it.column == column).unwrap();
    column.counts.iter().map(|(class, count)| (*class, *count)).collect()
}

#[test]
fn an_index_is_added_to_rows_that_are_there() {
    let patients = Patients::new();
    patients.put_many(100);
    patients.put(101, None, "1980-01-31");
    patients.put(102, Some("Müller"), "no date");
    let census = patients.census();
    assert_eq!(counts(&census, "by_name"), [(Class::Nothing, 1), (Class::Unindexed, 101)]);
    // Of who has no name, and of a date that is none, no entry is wanted.
    assert_eq!(counts(&census, "by_both"), [(Class::Nothing, 2), (Class::Unindexed, 100)]);
    assert!(!census.is_clean());
    assert_eq!(patients.found(patients.by_name(), "muller"), [0_i64; 0]);

    let (done, found) = patients.reseal();
    assert_eq!((done.rows, done.written, done.values), (102, 101, 201));
    assert_eq!(found, []);
    let census = patients.census();
    assert!(census.is_clean());
    assert_eq!(counts(&census, "by_name"), [(Class::Nothing, 1), (Class::Current, 101)]);
    assert_eq!(patients.found(patients.by_name(), " MULLER"), [102]);
    assert_eq!(patients.found(patients.by_name(), "name 3").len(), 14);
    assert_eq!(patients.found_by_both("Name 3", "1/31/1980").len(), 14);
    assert_eq!(patients.found_by_both("Name 3", "2/1/1980"), [0_i64; 0]);
    let (again, _) = patients.reseal();
    assert_eq!((again.written, again.values), (0, 0));
}

#[test]
fn entries_follow_a_rotation_and_are_counted_until_they_have() {
    let patients = Patients::new();
    patients.put_many(50);
    patients.reseal();
    patients.domain.rotate().unwrap();
    let census = patients.census();
    assert_eq!(counts(&census, "by_name"), [(Class::Older(1), 50)]);
    assert_eq!(counts(&census, "by_both"), [(Class::Older(1), 50)]);
    let domain = census.columns[0].domain_id;
    assert_eq!(census.under(&domain, 1), 150, "names, and entries of two indexes");
    // Both generations side by side: everything is found before, in the middle and after.
    patients.put(51, Some("Name 3"), "1980-01-31");
    let entry = wait(patients.indexes(patients.by_name())[0].entry(&["Name 3"])).unwrap();
    patients.set(51, "by_name", entry.as_bytes());
    assert_eq!(patients.found(patients.by_name(), "name 3").len(), 8);

    let (done, found) = patients.reseal();
    assert_eq!((done.values, found.len()), (151, 0));
    let census = patients.census();
    assert!(census.is_clean());
    assert_eq!(census.under(&domain, 1), 0);
    let phi = patients.clinic.phi();
    let keyset = block_on(phi.key_store().keyset(DOMAIN)).unwrap();
    block_on(phi.domain(DOMAIN).unwrap().as_async().rewrap_subjects()).unwrap();
    block_on(phi.key_store().set_state(&keyset, 1, KeyState::Destroyed)).unwrap();
    patients.domain.refresh().unwrap();
    assert_eq!(patients.found(patients.by_name(), "name 3").len(), 8);
    assert_eq!(patients.found_by_both("name 3", "1980-01-31").len(), 8);
}

#[test]
fn a_redefined_index_is_filled_while_searches_find_both() {
    let patients = Patients::new();
    patients.put_many(30);
    patients.reseal();
    let redefined = || patients.by_name().bits(32).unwrap().replacing(patients.by_name()).unwrap();
    let columns = patients.columns_by(redefined());
    let census = patients.census_by(&columns);
    assert_eq!(counts(&census, "by_name"), [(Class::Stray, 30)]);
    assert_eq!(patients.found(redefined(), "name 3").len(), 4);
    let (done, _) = patients.reseal_with(&patients.source(), &columns).unwrap();
    assert_eq!(done.values, 30);
    assert!(patients.census_by(&columns).is_clean());
    assert_eq!(patients.found(redefined(), "name 3").len(), 4);
    // The old definition is not needed any more.
    let alone = patients.by_name().bits(32).unwrap();
    assert_eq!(patients.found(alone, "name 3").len(), 4);
    assert_eq!(patients.found(patients.by_name(), "name 3"), [0_i64; 0]);
}

#[test]
fn what_is_not_the_entry_of_its_value_is_mended() {
    let patients = Patients::new();
    patients.put_many(10);
    patients.reseal();
    let entry = |name: &str| wait(patients.indexes(patients.by_name())[0].entry(&[name])).unwrap();
    patients.set(1, "by_name", entry("somebody else").as_bytes());
    patients.set(2, "by_name", vec![7_u8; 24]);
    patients.set(3, "by_name", "no bytes");
    patients.set(4, "by_name", Null);
    patients.set(5, "by_name", 42);
    patients.set(6, "name", Null);
    patients.set(7, "by_both", "ff".repeat(24));
    let census = patients.census();
    let expected = [
        (Class::Current, 4),
        (Class::Plaintext, 2),
        (Class::Unindexed, 1),
        (Class::Stray, 2),
        (Class::Leftover, 1),
    ];
    assert_eq!(counts(&census, "by_name"), expected);
    assert_eq!(
        counts(&census, "by_both"),
        [(Class::Current, 8), (Class::Stray, 1), (Class::Leftover, 1)]
    );
    let (done, found) = patients.reseal();
    // What is of another type is no entry: it is named.
    let named: Vec<_> = found.iter().map(|it| (it.key.parts().to_vec(), it.class)).collect();
    let plaintext = |id| (vec![Scalar::Integer(id)], Class::Plaintext);
    assert_eq!(named, [plaintext(3), plaintext(5)]);
    assert_eq!(done.values, 6);
    patients.set(3, "by_name", Null);
    patients.set(5, "by_name", Null);
    patients.reseal();
    let census = patients.census();
    assert!(census.is_clean());
    assert_eq!(counts(&census, "by_name"), [(Class::Nothing, 1), (Class::Current, 9)]);
}

/// A column that was declared to be an index, and is not: nothing of it is lost.
#[test]
fn what_is_no_entry_is_left_as_it_is() {
    let patients = Patients::new();
    patients.put_many(6);
    patients.reseal();
    let kind = tokens::Deterministic::new(Cardinality::of(1_000_000)).unwrap();
    let token = tokens::Column::new(patients.domain.as_async(), "by name", kind);
    let token = wait(token.token("Jane")).unwrap();
    let entry = wait(patients.indexes(patients.by_name())[1].entry(&["Name 4", "1980-01-31"]));
    let upper = entry.unwrap().to_string().to_uppercase();
    patients.set(1, "by_name", "Jane Doe");
    patients.set(2, "by_name", token.as_bytes());
    patients.set(3, "by_both", "Jane Doe");
    patients.set(4, "by_both", &upper);
    patients.set(
        5,
        "by_both",
        patients.domain.seal("Jane", &context!(field = "name")).unwrap().to_string(),
    );
    patients.domain.rotate().unwrap();
    let (done, found) = patients.reseal();
    assert_eq!((done.values, found.len()), (6 + 4 + 3, 5));
    assert!(found.iter().all(|it| it.class == Class::Plaintext));
    let census = patients.census();
    assert_eq!(counts(&census, "by_name"), [(Class::Current, 4), (Class::Plaintext, 2)]);
    assert_eq!(counts(&census, "by_both"), [(Class::Current, 3), (Class::Plaintext, 3)]);
    let left = |id: i64, column: &str| -> rusqlite::types::Value {
        let sql = format!("SELECT {column} FROM people WHERE id = ?1");
        patients.clinic.database.query_row(&sql, [id], |row| row.get(0)).unwrap()
    };
    assert_eq!(left(1, "by_name"), "Jane Doe".to_owned().into());
    assert_eq!(left(2, "by_name"), token.as_bytes().to_vec().into());
    assert_eq!(left(3, "by_both"), "Jane Doe".to_owned().into());
    assert_eq!(left(4, "by_both"), upper.into());
}

/// Entries of 33 bytes could be tokens by their length; one that names a key of the domain is left.
#[test]
fn a_token_that_is_as_long_as_an_entry_is_left() {
    let patients = Patients::new();
    patients.put_many(1);
    let kind = tokens::Deterministic::new(Cardinality::of(1_000_000)).unwrap();
    let token = tokens::Column::new(patients.domain.as_async(), "by name", kind);
    let token = wait(token.token("Jane")).unwrap();
    let bits = u16::try_from((token.as_bytes().len() - 8) * 8).unwrap();
    patients.set(1, "by_name", token.as_bytes());
    let columns = patients.columns_by(patients.by_name().bits(bits).unwrap());
    let (_, found) = patients.reseal_with(&patients.source(), &columns).unwrap();
    let named: Vec<_> = found.iter().map(|it| (it.column.as_str(), it.class)).collect();
    assert_eq!(named, [("by_name", Class::Foreign)]);
}

/// A version that is held back has no names of entries.
#[test]
fn entries_of_a_version_that_is_held_back_are_counted_as_closed() {
    let patients = Patients::new();
    patients.put_many(5);
    patients.reseal();
    let set_state = |state| {
        let store = patients.domain.as_async().key_store();
        let keyset = wait(store.keyset(DOMAIN)).unwrap();
        wait(store.set_state(&keyset, 1, state)).unwrap();
        patients.domain.refresh().unwrap();
    };
    patients.clinic.add_primary();
    set_state(KeyState::Suspended);
    let census = patients.census();
    assert_eq!(counts(&census, "by_name"), [(Class::Closed(1), 5)]);
    assert_eq!(counts(&census, "by_both"), [(Class::Closed(1), 5)]);
    assert_eq!(census.under(&census.columns[0].domain_id, 1), 20);
    // Values at hand have their entries made anew all the same.
    patients.put(6, Some("Name 6"), "1980-01-31");
    patients.set(6, "by_name", patients.old_entry());
    let census = patients.census();
    assert_eq!(counts(&census, "by_name"), [(Class::Closed(1), 5), (Class::Stray, 1)]);
    let (done, found) = patients.reseal();
    assert_eq!((done.values, found.len()), (2, 20));
    set_state(KeyState::Deactivated);
    assert_eq!(counts(&patients.census(), "by_name"), [(Class::Current, 1), (Class::Older(1), 5)]);
    patients.reseal();
    assert!(patients.census().is_clean());
}

#[test]
fn who_is_shredded_takes_entries_along() {
    let patients = Patients::new();
    patients.put_many(10);
    patients.reseal();
    assert_eq!(patients.found_by_both("name 3", "1980-01-31"), [3, 10]);
    patients.domain.shred_subject(&mrn(3)).unwrap();
    let census = patients.census();
    assert_eq!(counts(&census, "by_both"), [(Class::Current, 9), (Class::Leftover, 1)]);
    patients.reseal();
    assert_eq!(patients.found_by_both("name 3", "1980-01-31"), [10]);
    let left: Option<String> = patients
        .clinic
        .database
        .query_row("SELECT by_both FROM people WHERE id = 3", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, None);
    // The name is not the person's own: it is the domain's, and found as before.
    assert_eq!(patients.found(patients.by_name(), "name 3"), [3, 10]);
    assert!(patients.census().is_clean());
}

/// What is asked for is that a person be forgotten, and not that anything be sealed anew.
#[test]
fn a_person_s_entries_are_erased_and_nothing_else_is_touched() {
    let patients = Patients::new();
    patients.put_many(10);
    patients.reseal();
    patients.domain.rotate().unwrap();
    patients.set(5, "by_name", Null);
    patients.domain.shred_subject(&mrn(3)).unwrap();
    let domain = patients.domain.as_async();
    let store = domain.key_store();
    let keyset = block_on(store.keyset(domain.name())).unwrap();
    let tag = store.subject_tag(&keyset, &mrn(3)).unwrap();
    let holding = Holding { source: Box::new(patients.source()), columns: patients.columns() };
    assert_eq!(holding.forget(tag).unwrap(), 1);
    assert_eq!(holding.forget(tag).unwrap(), 0);
    let census = patients.census();
    let left = [(Class::Older(1), 9), (Class::Unindexed, 1)];
    assert_eq!(counts(&census, "by_name"), left);
    assert_eq!(counts(&census, "by_both"), [(Class::Nothing, 1), (Class::Older(1), 9)]);
    assert_eq!(counts(&census, "name"), [(Class::Older(1), 10)]);
}

#[test]
fn the_entry_of_a_value_that_does_not_open_is_named_and_left() {
    let patients = Patients::new();
    patients.put_many(5);
    patients.reseal();
    let other = Patients::new();
    let foreign = other.domain.seal("Name 1", &context!(record = mrn(1), field = "name")).unwrap();
    patients.set(1, "name", foreign.to_string());
    assert_eq!(counts(&patients.census(), "by_name"), [(Class::Current, 5)]);
    patients.domain.rotate().unwrap();
    let (_, found) = patients.reseal();
    let named: Vec<_> = found.iter().map(|it| (it.column.as_str(), it.class)).collect();
    assert_eq!(
        named,
        [("name", Class::Foreign), ("by_name", Class::Older(1)), ("by_both", Class::Older(1))]
    );
    let census = patients.census();
    assert_eq!(counts(&census, "by_name"), [(Class::Current, 4), (Class::Older(1), 1)]);
    // So nobody destroys the version, as if nothing were under it.
    assert_eq!(census.under(&census.columns[0].domain_id, 1), 2);
}

/// Killed at any batch, it goes on when it is called again.
#[test]
fn a_backfill_that_is_interrupted_goes_on() {
    let patients = Patients::new();
    patients.put_many(100);
    let (columns, mut attempts) = (patients.columns(), 0);
    loop {
        attempts += 1;
        let left = AtomicU64::new(2);
        let source = Eventful::or_failing(Box::new(patients.source()), move |asked| {
            // So many batches are written, and then none.
            if asked == Asked::Replace && left.fetch_sub(1, Ordering::Relaxed) == 0 {
                return Err(Error::new(ErrorKind::Unavailable, "killed"));
            }
            Ok(())
        });
        match patients.reseal_with(&source, &columns) {
            Ok(_) => break,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
        }
    }
    assert!(attempts > 4, "{attempts}");
    assert!(patients.census().is_clean());
    assert_eq!(patients.found(patients.by_name(), "name 3").len(), 14);
}

/// An application that knows nothing of the index writes another name in the moment between.
#[test]
fn an_entry_is_not_written_beside_a_value_that_it_is_not_of() {
    let patients = Patients::new();
    patients.put_many(20);
    let (path, is_done) = (patients.clinic.path(), AtomicBool::new(false));
    let what = context!(record = mrn(3), field = "name");
    let name = patients.domain.seal("Another", &what).unwrap().to_string();
    let source = Eventful::new(Box::new(patients.source()), move |asked| {
        if asked == Asked::Replace && !is_done.swap(true, Ordering::Relaxed) {
            let another = rusqlite::Connection::open(&path).unwrap();
            another.execute("UPDATE people SET name = ?1 WHERE id = 3", [&name]).unwrap();
        }
    });
    let (done, _) = patients.reseal_with(&source, &patients.columns()).unwrap();
    assert_eq!(done.overtaken, 1);
    assert_eq!(patients.found(patients.by_name(), "another"), [3]);
    assert!(patients.census().is_clean());
}

#[test]
fn lines_of_json_get_the_entries_that_they_did_not_have() {
    let patients = Patients::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.ndjson");
    let line = |id: i64| {
        let what = |field: &str| context!(record = mrn(id), field = field);
        let name = patients.domain.seal("Müller", &what("name")).unwrap();
        let person = patients.domain.subject_or_create(&mrn(id)).unwrap();
        let born = person.seal("1980-01-31", &what("born")).unwrap();
        format!("{{\"id\":{id},\"mrn\":\"{}\",\"name\":\"{name}\",\"born\":\"{born}\"}}\n", mrn(id))
    };
    std::fs::write(&path, (1..=3).map(line).collect::<String>()).unwrap();
    let [by_name, by_both] = patients.indexes(patients.by_name());
    let mut columns = patients.columns();
    columns[2] = Column::index_as_text(&by_name, &["name"]);
    let source = NdjsonSource::open(&path, table("people")).unwrap();
    let (done, found) = patients.reseal_with(&source, &columns).unwrap();
    assert_eq!((done.values, found.len()), (6, 0));
    let text = std::fs::read_to_string(&path).unwrap();
    let entry = wait(by_name.entry(&["MULLER"])).unwrap();
    assert_eq!(text.matches(&format!("\"by_name\":\"{entry}\"")).count(), 3);
    let entry = wait(by_both.entry(&["MULLER", "1/31/1980"])).unwrap();
    assert_eq!(text.matches(&format!("\"by_both\":\"{entry}\"}}")).count(), 3);
    let census = block_on(rotation::census(&source, &columns, |_| ())).unwrap();
    assert!(census.is_clean());
}

#[test]
fn an_index_of_what_is_not_in_the_table_is_refused() {
    let patients = Patients::new();
    let [by_name, _] = patients.indexes(patients.by_name());
    for of in [&["nowhere"][..], &["by_both"], &["by_name"]] {
        let mut columns = patients.columns();
        columns[2] = Column::index(&by_name, of);
        let refused = patients.reseal_with(&patients.source(), &columns).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{of:?}");
    }
    // Not as many columns as the index has parts.
    patients.put(1, Some("Jane"), "1980-01-31");
    let mut columns = patients.columns();
    columns[2] = Column::index(&by_name, &["name", "mrn"]);
    let refused = patients.reseal_with(&patients.source(), &columns).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
}
