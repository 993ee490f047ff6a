//! Format-preserving tokens with the ids of their keys beside them: counted by version, and made anew together.

use crate::clinic::{Clinic, DOMAIN};
use phiseal::blocking::{Domain, wait};
use phiseal::rotation::source::{SqliteSource, Table};
use phiseal::rotation::{self, Census, Class, Column, Finding, Holds, Pace, Resealed, reseal};
use phiseal::tokens::{self, Cardinality, Format, FormatPreserving};
use phiseal::{ErrorKind, KeyId, KeyState};
use pollster::block_on;
use rusqlite::params;
use rusqlite::types::{Null, Value};

/// A table of people with tokens of their social security numbers, and the ids of keys as bytes and, once more, as text.
struct People {
    clinic: Clinic,
    domain: Domain,
}

const COLUMNS: [&str; 4] = ["ssn", "ssn_key", "again", "again_key"];

impl People {
    fn new(rows: u32) -> Self {
        let clinic = Clinic::new();
        let schema = "CREATE TABLE people (id INTEGER PRIMARY KEY, ssn TEXT, ssn_key BLOB, again TEXT, again_key TEXT)";
        clinic.database.execute_batch(schema).unwrap();
        let domain = clinic.phi().domain(DOMAIN).unwrap();
        let people = Self { clinic, domain };
        for id in 1..=rows {
            people.put(id);
        }
        people
    }

    fn put(&self, id: u32) {
        let (key, token) = wait(self.column().tokenize_under(&ssn(id))).unwrap();
        let hex: String = key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let row = params![id, token, key.as_bytes(), token, hex];
        let sql = "INSERT INTO people VALUES (?1, ?2, ?3, ?4, ?5)";
        self.clinic.database.execute(sql, row).unwrap();
    }

    fn column(&self) -> tokens::Column<FormatPreserving> {
        let form = Format::digits(9).separated_by("-");
        let kind = FormatPreserving::new(form, Cardinality::SSN).unwrap();
        tokens::Column::new(self.domain.as_async(), "ssn", kind)
    }

    fn columns(&self) -> Vec<Column> {
        let [ssn, ssn_key, again, again_key] = COLUMNS;
        let column = self.column();
        vec![
            Column::format_preserving(&column, ssn_key),
            Column::keys_of(&column, ssn),
            Column::format_preserving(&column, again_key),
            Column::keys_of(&column, again),
        ]
    }

    fn source(&self) -> SqliteSource {
        let table = Table::new("people", &["id"], &COLUMNS).unwrap();
        SqliteSource::open(self.clinic.path(), table).unwrap()
    }

    fn census(&self) -> Census {
        block_on(rotation::census(&self.source(), &self.columns(), |_| ())).unwrap()
    }

    fn counts(&self, column: usize) -> Vec<(Class, u64)> {
        self.census().columns[column].counts.clone().into_iter().collect()
    }

    fn reseal(&self) -> (Resealed, Vec<Finding>) {
        let mut found = Vec::new();
        let done = reseal(&self.source(), &self.columns(), Pace::default(), |it| found.push(it));
        (done.unwrap(), found)
    }

    fn set(&self, id: u32, column: &str, value: impl rusqlite::ToSql) {
        let sql = format!("UPDATE people SET {column} = ?2 WHERE id = ?1");
        assert_eq!(self.clinic.database.execute(&sql, params![id, value]).unwrap(), 1);
    }

    /// The token and the id of its key, as the application reads them.
    fn row(&self, id: u32) -> (String, KeyId) {
        let sql = "SELECT ssn, ssn_key FROM people WHERE id = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, KeyId::from_bytes(row.get(1)?)));
        self.clinic.database.query_row(sql, [id], read).unwrap()
    }

    /// The first two columns of a row.
    fn stored(&self, id: u32) -> [Value; 2] {
        let sql = "SELECT ssn, ssn_key FROM people WHERE id = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?]);
        self.clinic.database.query_row(sql, [id], read).unwrap()
    }

    /// Brings version 1 into another state.
    fn set_state(&self, state: KeyState) {
        let store = self.domain.as_async().key_store();
        let keyset = block_on(store.keyset(DOMAIN)).unwrap();
        block_on(store.set_state(&keyset, 1, state)).unwrap();
        self.domain.refresh().unwrap();
    }

    fn revealed(&self, id: u32) -> String {
        let (token, key) = self.row(id);
        wait(self.column().reveal_under(key, &token)).unwrap().expose_secret().clone()
    }
}

fn ssn(id: u32) -> String {
    format!("{:03}-{:02}-{:04}", 100 + id % 500, 1 + id % 90, 1 + id)
}

#[test]
fn tokens_and_the_ids_of_their_keys_follow_a_rotation_together() {
    let people = People::new(40);
    let before = people.row(7);
    people.domain.rotate().unwrap();
    people.put(41);
    let census = people.census();
    for column in &census.columns {
        assert_eq!(column.holds, Holds::Tokens);
        let counts: Vec<_> = column.counts.clone().into_iter().collect();
        assert_eq!(counts, [(Class::Current, 1), (Class::Older(1), 40)], "{}", column.column);
    }
    let (done, found) = people.reseal();
    assert_eq!((done.written, done.values, done.entries, found), (40, 160, 160, vec![]));
    assert!(people.census().is_clean());
    for id in 1..=41 {
        assert_eq!(people.revealed(id), ssn(id));
    }
    let after = people.row(7);
    assert!(after.0 != before.0 && after.1 != before.1);
    // Equal values have equal tokens again.
    let (key, token) = wait(people.column().tokenize_under(&ssn(7))).unwrap();
    assert_eq!((token, key), after);
    assert_eq!(people.reseal().0.written, 0);
}

#[test]
fn what_is_no_pair_is_named_and_left() {
    let people = People::new(12);
    let key = people.row(1).1;
    let close = |bit: usize| {
        let mut id = *key.as_bytes();
        id[bit / 8] ^= 1 << (bit % 8);
        id.to_vec()
    };
    people.set(1, "ssn", Null);
    people.set(2, "ssn_key", Null);
    people.set(3, "ssn", "12-345");
    people.set(4, "ssn_key", close(3));
    people.set(5, "ssn_key", [7_u8; 16]);
    people.set(6, "ssn_key", [7_u8; 15]);
    people.set(7, "ssn", [1_u8; 9]);
    people.domain.rotate().unwrap();
    let before = [2, 3, 4, 5, 6].map(|id| people.stored(id));
    let of = |nothing, damaged| {
        let others = [(Class::Older(1), 5), (Class::Foreign, 1), (Class::Plaintext, 1)];
        [&[(Class::Nothing, nothing)][..], &others, &[(Class::Damaged, damaged)]].concat()
    };
    // A token without the id of its key may be under any version.
    assert_eq!(people.counts(0), of(1, 4));
    assert_eq!(people.counts(1), of(2, 3));
    let (done, found) = people.reseal();
    assert_eq!(done.values, 2 * 5 + 2 * 12);
    assert_eq!(found.len(), (1 + 2 + 3) + (1 + 1 + 3));
    assert_eq!(before, [2, 3, 4, 5, 6].map(|id| people.stored(id)));
}

#[test]
fn a_version_that_is_held_back_is_counted_and_nothing_is_made_of_it() {
    let people = People::new(5);
    people.clinic.add_primary();
    people.set_state(KeyState::Suspended);
    assert_eq!(people.counts(0), [(Class::Closed(1), 5)]);
    assert_eq!(people.counts(1), [(Class::Closed(1), 5)]);
    assert_eq!(people.reseal().0.values, 0);
    people.set_state(KeyState::Deactivated);
    assert_eq!(people.reseal().0.values, 20);
}

#[test]
fn tokens_without_the_column_of_their_keys_are_refused() {
    let people = People::new(1);
    let column = people.column();
    let refused = |changed: usize, with: Column| {
        let mut columns = people.columns();
        columns[changed] = with;
        let census = block_on(rotation::census(&people.source(), &columns, |_| ()));
        census.map(drop).unwrap_err().kind()
    };
    for (changed, with) in [
        (0, Column::format_preserving(&column, "absent")),
        (0, Column::format_preserving(&column, "again")),
        (0, Column::format_preserving(&column, "ssn")),
        (1, Column::keys_of(&column, "again_key")),
    ] {
        assert_eq!(refused(changed, with), ErrorKind::Invalid);
    }
}
