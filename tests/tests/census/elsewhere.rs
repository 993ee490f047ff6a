//! The same over files, and over a table of PostgreSQL on the server that `PHISEAL_POSTGRES` names.

use crate::clinic::{Clinic, DOMAIN, context_of, counts, mrn, table};
use phiseal::rotation::source::{CsvSource, NdjsonSource, Source, Stored};
use phiseal::rotation::{self, Class, Pace, reseal};
use phiseal::{Phi, Sealed};
use pollster::block_on;
use std::fmt::Write;
use std::fs;

const ROWS: i64 = 300;

/// What the three columns of a row hold.
fn values(clinic: &Clinic) -> Vec<[Sealed; 3]> {
    let phi = clinic.phi();
    let domain = phi.domain(DOMAIN).unwrap();
    let row = |id: i64| {
        [0, 1, 2].map(|column| {
            let (value, what) = (plaintext(id, column), context_of(id, column));
            if column == 2 {
                domain.subject_or_create(&mrn(id)).unwrap().seal(value.as_str(), &what).unwrap()
            } else {
                domain.seal(value.as_str(), &what).unwrap()
            }
        })
    };
    (1..=ROWS).map(row).collect()
}

fn plaintext(id: i64, column: usize) -> String {
    format!("value {id} {column}")
}

/// Counts, rotates, reseals, counts again, and opens every value.
fn goes_round(clinic: &Clinic, open: &dyn Fn() -> Box<dyn Source>, page: usize) {
    let all = u64::try_from(ROWS).unwrap();
    let count = || block_on(rotation::census(&*open(), &clinic.columns(), |_| ())).unwrap();
    let before = count();
    assert_eq!((before.rows, before.is_clean()), (all, true));
    clinic.phi().domain(DOMAIN).unwrap().rotate().unwrap();
    assert_eq!(counts(&count(), 0), [(Class::Older(1), all)], "the control");

    let mut pace = Pace::default();
    pace.rows = page;
    let done = reseal(&*open(), &clinic.columns(), pace, |_| ()).unwrap();
    assert_eq!((done.rows, done.written, done.values, done.overtaken), (all, all, 2 * all, 0));
    let after = count();
    assert!(after.is_clean());
    let classes = [Class::Current, Class::Current, Class::Person];
    for (column, class) in classes.into_iter().enumerate() {
        assert_eq!(counts(&after, column), [(class, all)]);
    }
    let (phi, source) = (clinic.phi(), open());
    let domain = phi.domain(DOMAIN).unwrap();
    let rows = block_on(source.scan(None, None, usize::MAX >> 1)).unwrap();
    for (id, row) in (1..).zip(rows) {
        for (column, value) in row.sealed.into_iter().enumerate() {
            let sealed: Sealed = match value {
                Stored::Bytes(bytes) => bytes.try_into().unwrap(),
                Stored::Text(text) => text.parse().unwrap(),
                _ => unreachable!("it was sealed"),
            };
            let what = context_of(id, column);
            let opened: Phi<String> = if column == 2 {
                domain.subject(&mrn(id)).unwrap().open(&sealed, &what).unwrap()
            } else {
                domain.open(&sealed, &what).unwrap()
            };
            assert_eq!(*opened.expose_secret(), plaintext(id, column));
        }
    }
}

#[test]
fn lines_of_json_go_round() {
    for page in [7, 1_000] {
        let clinic = Clinic::new();
        let path = clinic.path().with_file_name("patients.ndjson");
        let mut file = String::new();
        for (id, [ssn, name, note]) in (1..).zip(values(&clinic)) {
            let (mrn, end) = (mrn(id), "\r\n");
            write!(
                file,
                r#"{{"id":{id}, "mrn":"{mrn}","ssn":"{ssn}","name":"{name}","note":"{note}"}}{end}"#
            )
            .unwrap();
        }
        fs::write(&path, file).unwrap();
        let open = || -> Box<dyn Source> {
            Box::new(NdjsonSource::open(&path, table("patients")).unwrap())
        };
        goes_round(&clinic, &open, page);
    }
}

#[test]
fn separated_values_go_round() {
    for page in [7, 1_000] {
        let clinic = Clinic::new();
        let path = clinic.path().with_file_name("patients.csv");
        let mut file = "id,mrn,ssn,name,note\n".to_owned();
        for (id, [ssn, name, note]) in (1..).zip(values(&clinic)) {
            writeln!(file, "{id},\"{}\",{ssn},\"{name}\",{note}", mrn(id)).unwrap();
        }
        fs::write(&path, file).unwrap();
        let open =
            || -> Box<dyn Source> { Box::new(CsvSource::open(&path, table("patients")).unwrap()) };
        goes_round(&clinic, &open, page);
    }
}

#[cfg(feature = "postgres")]
#[test]
fn a_table_of_postgres_goes_round() {
    use phiseal_tests::schema::Schema;
    for page in [7, 1_000] {
        let clinic = Clinic::new();
        let Some(schema) = Schema::new("resealing a table of a server") else { return };
        let mut sql = "CREATE SCHEMA {s}; CREATE TABLE {s}.patients \
            (id bigint PRIMARY KEY, mrn text, ssn bytea, name text, note varchar);\n"
            .to_owned();
        for (id, [ssn, name, note]) in (1..).zip(values(&clinic)) {
            let (mrn, ssn) = (mrn(id), hex::encode(ssn.as_bytes()));
            writeln!(
                sql,
                "INSERT INTO {{s}}.patients VALUES ({id}, '{mrn}', '\\x{ssn}', '{name}', '{note}');"
            )
            .unwrap();
        }
        let _ = schema.sql(&sql);
        goes_round(&clinic, &|| schema.source(table), page);
        schema.drop_all();
    }
}
