//! Columns of deterministic tokens: counted by version, and made anew.

use crate::clinic::{Clinic, DOMAIN};
use phiseal::blocking::{Domain, wait};
use phiseal::rotation::source::{SqliteSource, Table};
use phiseal::rotation::{self, Census, Class, Column, Finding, Pace, reseal};
use phiseal::tokens::{self, Cardinality, Deterministic, Token};
use phiseal::{Phi, context};
use pollster::block_on;
use rusqlite::params;

const MANY: Cardinality = Cardinality::of(1_000_000);

/// A table of visits with tokens of the patients' names, as text and as bytes.
struct Visits {
    clinic: Clinic,
    domain: Domain,
}

impl Visits {
    fn new(rows: i64) -> Self {
        let clinic = Clinic::new();
        let schema = "CREATE TABLE visits (id INTEGER PRIMARY KEY, text TEXT, bytes BLOB)";
        clinic.database.execute_batch(schema).unwrap();
        let domain = clinic.phi().domain(DOMAIN).unwrap();
        let visits = Self { clinic, domain };
        for id in 1..=rows {
            let token = visits.token(&name(id));
            let row = params![id, token.to_string(), token.as_bytes()];
            visits.clinic.database.execute("INSERT INTO visits VALUES (?1, ?2, ?3)", row).unwrap();
        }
        visits
    }

    fn column(&self) -> tokens::Column<Deterministic> {
        let kind = Deterministic::new(MANY).unwrap();
        tokens::Column::new(self.domain.as_async(), "name", kind)
    }

    fn token(&self, name: &str) -> Token {
        wait(self.column().token(name)).unwrap()
    }

    fn source(&self) -> SqliteSource {
        let table = Table::new("visits", &["id"], &["text", "bytes"]).unwrap();
        SqliteSource::open(self.clinic.path(), table).unwrap()
    }

    fn columns(&self) -> [Column; 2] {
        [Column::tokens(&self.column()), Column::tokens(&self.column())]
    }

    fn census(&self) -> Census {
        block_on(rotation::census(&self.source(), &self.columns(), |_| ())).unwrap()
    }

    fn counts(&self) -> [Vec<(Class, u64)>; 2] {
        let census = self.census();
        [0, 1].map(|column| census.columns[column].counts.clone().into_iter().collect())
    }

    fn reseal(&self) -> (u64, Vec<Finding>) {
        let mut found = Vec::new();
        let done = reseal(&self.source(), &self.columns(), Pace::default(), |it| found.push(it));
        (done.unwrap().values, found)
    }

    fn set(&self, id: i64, column: &str, value: impl rusqlite::ToSql) {
        let sql = format!("UPDATE visits SET {column} = ?2 WHERE id = ?1");
        assert_eq!(self.clinic.database.execute(&sql, params![id, value]).unwrap(), 1);
    }
}

fn name(id: i64) -> String {
    format!("Name {}", id % 10)
}

#[test]
fn tokens_follow_a_rotation_and_are_joined_afterwards_as_before() {
    let visits = Visits::new(40);
    visits.domain.rotate().unwrap();
    assert_eq!(visits.counts(), [0, 1].map(|_| vec![(Class::Older(1), 40)]));
    let domain = visits.census().columns[0].domain_id;
    assert_eq!(visits.census().under(&domain, 1), 80);
    let (values, found) = visits.reseal();
    assert_eq!((values, found), (80, vec![]));
    assert!(visits.census().is_clean());
    let sql = "SELECT text, bytes FROM visits ORDER BY id";
    let mut rows = visits.clinic.database.prepare(sql).unwrap();
    let rows: Vec<(String, Vec<u8>)> = rows
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for (id, (text, bytes)) in (1..).zip(&rows) {
        let token = visits.token(&name(id));
        assert_eq!((text, &bytes[..]), (&token.to_string(), token.as_bytes()));
        let opened: Phi<String> = wait(visits.column().open(&token)).unwrap();
        assert_eq!(*opened.expose_secret(), name(id));
    }
    assert_eq!(visits.reseal(), (0, vec![]));
}

#[test]
fn what_is_no_token_or_does_not_open_is_named_and_left() {
    let visits = Visits::new(6);
    let one_way = Deterministic::one_way(MANY).unwrap();
    let one_way = tokens::Column::new(visits.domain.as_async(), "name", one_way);
    visits.set(1, "text", "Jane Doe");
    visits.set(2, "text", wait(one_way.token("Jane Doe")).unwrap().to_string());
    let mut damaged = visits.token("Jane Doe").as_bytes().to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    visits.set(3, "bytes", damaged);
    let other = Visits::new(0);
    visits.set(4, "bytes", other.token("Jane Doe").as_bytes());
    visits.set(5, "bytes", rusqlite::types::Null);
    let field = visits.domain.seal("Jane Doe", &context!(field = "name")).unwrap();
    visits.set(6, "text", field.to_string());
    // What was cut, and what one bit of its key's id is wrong of, was a token.
    let token = visits.token("Jane Doe");
    visits.set(6, "bytes", &token.as_bytes()[..20]);
    let mut changed = token.as_bytes().to_vec();
    changed[5] ^= 1;
    visits.set(1, "bytes", changed);
    visits.domain.rotate().unwrap();
    let expected = [
        vec![(Class::Older(1), 4), (Class::Plaintext, 1), (Class::Damaged, 1)],
        vec![(Class::Nothing, 1), (Class::Older(1), 1), (Class::Foreign, 1), (Class::Damaged, 3)],
    ];
    assert_eq!(visits.counts(), expected);
    let (values, found) = visits.reseal();
    assert_eq!(values, 4);
    let named: Vec<_> = found.iter().map(|it| (it.column.as_str(), it.class)).collect();
    assert_eq!(
        named,
        [
            ("text", Class::Plaintext),
            ("bytes", Class::Damaged),
            ("text", Class::Older(1)),
            ("bytes", Class::Damaged),
            ("bytes", Class::Foreign),
            ("text", Class::Damaged),
            ("bytes", Class::Damaged),
        ]
    );
    // So the version that one of them is under is kept.
    let census = visits.census();
    assert_eq!(census.under(&census.columns[0].domain_id, 1), 5, "one way, or damaged");
}

/// A column that makes them one way now does not lose what those that open stand for.
#[test]
fn what_opens_is_not_made_into_what_does_not() {
    let visits = Visits::new(3);
    visits.domain.rotate().unwrap();
    let one_way = Deterministic::one_way(MANY).unwrap();
    let one_way = tokens::Column::new(visits.domain.as_async(), "name", one_way);
    let (mut found, columns) = (0, [Column::tokens(&one_way), Column::tokens(&one_way)]);
    let done = reseal(&visits.source(), &columns, Pace::default(), |_| found += 1).unwrap();
    assert_eq!((done.values, found), (0, 6));
    assert_eq!(visits.reseal(), (6, vec![]));
}
