//! Tables that keep no promise about their rows, and columns that hold nothing that is sealed.

use super::server::{Schema, schema};
use phiseal_keys::{Error, ErrorKind};
use phiseal_rotation::source::{PostgresSource, Source, Table};
use pollster::block_on;

fn kind<T>(outcome: Result<T, Error>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}

fn open(schema: &Schema, name: &str, key: &[&str], sealed: &[&str]) -> Option<ErrorKind> {
    kind(schema.open(name, key, sealed, &[]))
}

#[test]
fn what_is_no_table_of_rows_with_a_key_is_refused() {
    let Some(schema) = schema("refused Postgres tables") else { return };
    schema.all(&[
        "CREATE TABLE {s}.good (id bigint PRIMARY KEY, ssn bytea)",
        "CREATE VIEW {s}.seen AS SELECT * FROM {s}.good",
        "CREATE MATERIALIZED VIEW {s}.stale AS SELECT * FROM {s}.good",
        "CREATE SEQUENCE {s}.numbers",
        "CREATE UNLOGGED TABLE {s}.fleeting (id bigint PRIMARY KEY, ssn bytea)",
        "CREATE TABLE {s}.parent (id bigint PRIMARY KEY, ssn bytea)",
        "CREATE TABLE {s}.child (PRIMARY KEY (id)) INHERITS ({s}.parent)",
        "CREATE TABLE {s}.ruled (id bigint PRIMARY KEY, ssn bytea)",
        "CREATE RULE no AS ON UPDATE TO {s}.ruled DO INSTEAD NOTHING",
        "CREATE TABLE {s}.split (id bigint PRIMARY KEY, ssn bytea) PARTITION BY HASH (id)",
        "CREATE UNLOGGED TABLE {s}.half PARTITION OF {s}.split FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
    ]);
    for (name, expected) in [
        ("good", None),
        ("absent", Some(ErrorKind::NotFound)),
        ("Good", Some(ErrorKind::NotFound)),
        ("good\" --", Some(ErrorKind::NotFound)),
        ("seen", Some(ErrorKind::Unsupported)),
        ("stale", Some(ErrorKind::Unsupported)),
        ("numbers", Some(ErrorKind::Unsupported)),
        ("fleeting", Some(ErrorKind::Unsupported)),
        ("parent", Some(ErrorKind::Unsupported)),
        ("child", None),
        ("ruled", Some(ErrorKind::Unsupported)),
        ("split", Some(ErrorKind::Unsupported)),
    ] {
        assert_eq!(open(&schema, name, &["id"], &["ssn"]), expected, "{name}");
    }
    for (key, sealed) in [("nr", "ssn"), ("id", "dob"), ("ID", "ssn")] {
        assert_eq!(open(&schema, "good", &[key], &[sealed]), Some(ErrorKind::NotFound));
    }
    assert_eq!(kind(schema.open("good", &["id"], &["ssn"], &["x"])), Some(ErrorKind::NotFound));
}

#[test]
fn keys_are_unique_and_never_empty() {
    let Some(schema) = schema("keys of Postgres tables") else { return };
    schema.all(&[
        "CREATE TABLE {s}.t (id bigint PRIMARY KEY, empty text, part text NOT NULL, computed text NOT NULL, \
            plain text NOT NULL, bytewise text NOT NULL, a int NOT NULL, b int NOT NULL, good text NOT NULL, x bytea)",
        "CREATE UNIQUE INDEX ON {s}.t (empty)",
        "CREATE UNIQUE INDEX ON {s}.t (part) WHERE part > 'x'",
        "CREATE UNIQUE INDEX ON {s}.t (lower(computed))",
        "CREATE INDEX ON {s}.t (plain)",
        "CREATE UNIQUE INDEX ON {s}.t (bytewise text_pattern_ops)",
        "CREATE UNIQUE INDEX ON {s}.t (b, a)",
        "ALTER TABLE {s}.t ADD UNIQUE (good) DEFERRABLE INITIALLY DEFERRED",
    ]);
    for key in ["empty", "part", "computed", "plain", "bytewise", "a"] {
        assert_eq!(open(&schema, "t", &[key], &["x"]), Some(ErrorKind::Invalid), "{key}");
    }
    assert_eq!(open(&schema, "t", &["id", "good"], &["x"]), Some(ErrorKind::Invalid));
    for key in [&["id"][..], &["good"], &["a", "b"]] {
        assert_eq!(open(&schema, "t", key, &["x"]), None, "the control: {key:?}");
    }
}

#[test]
fn columns_are_of_types_that_are_known() {
    let Some(schema) = schema("types of Postgres tables") else { return };
    schema.all(&[
        "CREATE DOMAIN {s}.mrn AS text CHECK (value <> 'x')",
        "CREATE DOMAIN {s}.clinics_mrn AS {s}.mrn",
        "CREATE TABLE {s}.t (small smallint, num numeric, day date, js jsonb, ci char(4), dom {s}.clinics_mrn, \
            id bigint PRIMARY KEY, ssn bytea, twice bytea GENERATED ALWAYS AS (ssn || ssn) STORED)",
    ]);
    for (column, as_sealed, as_other) in [
        ("small", None, None),
        ("num", None, Some(ErrorKind::Unsupported)),
        ("day", None, Some(ErrorKind::Unsupported)),
        ("js", None, Some(ErrorKind::Unsupported)),
        ("ci", Some(ErrorKind::Unsupported), None),
        ("dom", None, None),
        ("twice", Some(ErrorKind::Unsupported), None),
    ] {
        assert_eq!(open(&schema, "t", &["id"], &[column]), as_sealed, "{column}");
        let other = kind(schema.open("t", &["id"], &["ssn"], &[column]));
        assert_eq!(other, as_other, "{column}");
    }
}

#[test]
fn a_table_is_named_with_its_schema() {
    let Some(schema) = schema("names of Postgres tables") else { return };
    let name = schema.name.clone();
    schema.all(&[
        "CREATE TABLE {s}.\"Odd.na\"\"me\" (\"i.d\" int PRIMARY KEY, \"s\"\"x\" bytea)",
        "INSERT INTO {s}.\"Odd.na\"\"me\" VALUES (1, '\\x01')",
    ]);
    let open = |table: String| schema.source(Table::new(&table, &["i.d"], &["s\"x"]).unwrap());
    let source = open(format!("{name}.\"Odd.na\"\"me\"")).unwrap();
    assert_eq!(block_on(source.scan(None, None, 9)).unwrap().len(), 1);
    assert_eq!(kind(open(format!("{name}.Odd.na\"me"))), Some(ErrorKind::Invalid));
    assert_eq!(kind(open("Odd.name".to_owned())), Some(ErrorKind::NotFound));
    assert_eq!(kind(open("no_such_table_in_public".to_owned())), Some(ErrorKind::NotFound));
}

/// Nobody could say of a table some of whose rows are hidden that nothing is left.
#[test]
fn rows_that_are_hidden_and_roles_that_may_not_are_errors() {
    let Some(schema) = schema("roles of Postgres tables") else { return };
    let role = format!("{}_clerk", schema.name);
    schema.all(&[
        "CREATE TABLE {s}.t (id bigint PRIMARY KEY, ssn bytea, note text)",
        "INSERT INTO {s}.t SELECT i, '\\x01' FROM generate_series(1, 3) i",
    ]);
    schema.sql(&format!("CREATE ROLE {role} LOGIN PASSWORD 'hush'"));
    let _role = Role(&schema, role.clone());
    schema.sql(&format!("GRANT USAGE ON SCHEMA {{s}} TO {role}"));
    schema.sql(&format!("GRANT SELECT (id, ssn) ON {{s}}.t TO {role}"));
    let (_, host) = schema.url.split_once('@').unwrap();
    let url = format!("postgres://{role}:hush@{host}");
    let open = || {
        let table = Table::new(&format!("{}.t", schema.name), &["id"], &["ssn"]).unwrap();
        let connection = phiseal_stores::postgres::Connection::new(&url).unwrap();
        block_on(PostgresSource::open(connection, table))
    };
    let source = open().unwrap();
    let rows = block_on(source.scan(None, None, 9)).unwrap();
    assert_eq!(rows.len(), 3, "the control");
    let change =
        super::values::change(&rows[0], 0, phiseal_rotation::source::Stored::Bytes(vec![2]));
    assert_eq!(
        kind(block_on(source.replace(std::slice::from_ref(&change)))),
        Some(ErrorKind::Denied)
    );
    schema.sql(&format!("GRANT UPDATE (ssn) ON {{s}}.t TO {role}"));
    assert!(block_on(source.replace(&[change])).is_ok(), "no more than this is needed");

    schema.all(&[
        "ALTER TABLE {s}.t ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY visible ON {s}.t USING (id < 3)",
    ]);
    assert_eq!(kind(open()), Some(ErrorKind::Unsupported));
    assert_eq!(
        kind(block_on(source.scan(None, None, 9))),
        Some(ErrorKind::Denied),
        "nor of one that is open"
    );
}

/// A role, dropped with what it was granted.
struct Role<'a>(&'a Schema, String);

impl Drop for Role<'_> {
    fn drop(&mut self) {
        self.0.sql(&format!("DROP OWNED BY {}", self.1));
        self.0.sql(&format!("DROP ROLE {}", self.1));
    }
}
