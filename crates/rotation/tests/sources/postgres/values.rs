//! Values and keys of every type.

use super::server::{scan, schema};
use phiseal_keys::ErrorKind;
use phiseal_rotation::source::{Change, Outcome, Row, RowKey, Scalar, Source, Stored, Swap};
use pollster::block_on;

/// Another value in the place of the one that was read.
pub(super) fn change(row: &Row, column: usize, new: Stored) -> Change {
    let old = row.sealed[column].clone();
    Change { key: row.key.clone(), swaps: vec![Swap { column, old, new }] }
}

fn text(text: &str) -> Stored {
    Stored::Text(text.to_owned())
}

#[test]
fn keys_of_every_type_find_their_rows() {
    let Some(schema) = schema("keys of Postgres types") else { return };
    for (number, (kind, values)) in [
        ("smallint", "i"),
        ("integer", "-i * 100000"),
        ("bigint", "i::bigint << 40"),
        ("text", "chr(60000 - i) || i"),
        ("varchar(20)", "i::text"),
        ("char(5)", "i::text"),
        ("uuid", "md5(i::text)::uuid"),
        ("bytea", "decode(md5(i::text), 'hex')"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("t{number}");
        schema.sql(&format!(
            "CREATE TABLE {{s}}.{name} (id {kind} PRIMARY KEY, x text, same {kind})"
        ));
        schema.sql(&format!(
            "INSERT INTO {{s}}.{name} SELECT {values}, 'old', {values} FROM generate_series(1, 25) i"
        ));
        let source = schema.open(&name, &["id"], &["x"], &["same"]).unwrap();
        let rows = scan(&source, 4);
        assert_eq!(rows.len(), 25, "{kind}");
        assert_eq!(rows, scan(&source, 100), "{kind}");
        let changes: Vec<_> = rows.iter().map(|row| change(row, 0, text("new"))).collect();
        assert_eq!(block_on(source.replace(&changes)).unwrap(), [Outcome::Written; 25], "{kind}");
        assert_eq!(block_on(source.replace(&changes)).unwrap(), [Outcome::Changed; 25], "{kind}");
        for row in &rows {
            assert_eq!(row.key.parts()[0], row.others[0], "{kind}");
        }
        // By the type's own order.
        let ordered = format!("SELECT string_agg(id::text, ',' ORDER BY id) FROM {{s}}.{name}");
        let shown = rows.iter().map(|row| match &row.key.parts()[0] {
            Scalar::Integer(number) => number.to_string(),
            Scalar::Text(text) => text.trim_end().to_owned(),
            Scalar::Bytes(bytes) => format!("\\x{}", hex(bytes)),
            Scalar::Nothing => panic!("no key is nothing"),
        });
        let found: String = schema.sql(&ordered)[0].get(0);
        assert_eq!(shown.collect::<Vec<_>>().join(","), found, "{kind}");

        let other = if matches!(rows[0].key.parts()[0], Scalar::Text(_)) {
            Scalar::Integer(1)
        } else {
            Scalar::Text("1".to_owned())
        };
        let key = RowKey::new(vec![other]).unwrap();
        let refused = block_on(source.scan(Some(&key), None, 1)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{kind}");
        let foreign = Change { key, ..changes[0].clone() };
        assert_eq!(block_on(source.replace(&[foreign])).unwrap_err().kind(), ErrorKind::Invalid);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_uuid_is_one_however_it_is_written() {
    let Some(schema) = schema("uuids in Postgres") else { return };
    schema.all(&[
        "CREATE TABLE {s}.t (id uuid PRIMARY KEY, x bytea)",
        "INSERT INTO {s}.t VALUES ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '\\x01')",
    ]);
    let source = schema.open("t", &["id"], &["x"], &[]).unwrap();
    let row = scan(&source, 9).remove(0);
    let canonical = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    assert_eq!(row.key.parts(), [Scalar::Text(canonical.to_owned())]);
    let with = |id: &str| {
        let key = RowKey::new(vec![Scalar::Text(id.to_owned())]).unwrap();
        Change { key, ..change(&row, 0, Stored::Bytes(vec![2])) }
    };
    for wrong in
        ["", "a0eebc99", "a0eebc999c0b4ef8bb6d6bb9bd380a11", "x0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]
    {
        assert_eq!(
            block_on(source.replace(&[with(wrong)])).unwrap_err().kind(),
            ErrorKind::Invalid
        );
    }
    let outcome = block_on(source.replace(&[with(&canonical.to_uppercase())]));
    assert_eq!(outcome.unwrap(), [Outcome::Written]);
}

#[test]
fn what_was_never_sealed_is_told_by_its_type() {
    let Some(schema) = schema("types of values in Postgres") else { return };
    schema.all(&[
        "CREATE TABLE {s}.t (id int PRIMARY KEY, n int, j jsonb, x varchar)",
        "INSERT INTO {s}.t VALUES (1, 5, '{}', 'old'), (2, NULL, NULL, NULL)",
    ]);
    let source = schema.open("t", &["id"], &["n", "j", "x"], &[]).unwrap();
    let rows = scan(&source, 9);
    assert_eq!(rows[0].sealed, [Stored::Other, Stored::Other, text("old")]);
    assert_eq!(rows[1].sealed, [Stored::Nothing, Stored::Nothing, Stored::Nothing]);
    let mut swap = change(&rows[0], 0, Stored::Bytes(vec![1]));
    swap.swaps[0].old = Stored::Bytes(vec![5]);
    assert_eq!(block_on(source.replace(&[swap])).unwrap(), [Outcome::Changed]);
    let gone = Change {
        key: RowKey::new(vec![Scalar::Integer(i64::MAX)]).unwrap(),
        ..change(&rows[0], 2, text("new"))
    };
    let both = [change(&rows[0], 2, text("new")), gone];
    assert_eq!(block_on(source.replace(&both)).unwrap(), [Outcome::Written, Outcome::Gone]);
}

/// Under a collation for which `a` is `A`, rows come once each, and are found by their own keys only.
#[test]
fn keys_that_a_collation_takes_for_equal_are_two() {
    let Some(schema) = schema("collations of Postgres") else { return };
    schema.all(&[
        "CREATE COLLATION {s}.folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        "CREATE TABLE {s}.t (id text COLLATE {s}.folded PRIMARY KEY, x text COLLATE {s}.folded)",
        "INSERT INTO {s}.t SELECT chr(96 + i) || 'B' || j, 'Old' FROM generate_series(1, 26) i, generate_series(1, 9) j",
    ]);
    let source = schema.open("t", &["id"], &["x"], &[]).unwrap();
    let rows = scan(&source, 1_000);
    assert_eq!(rows.len(), 26 * 9);
    for limit in [1, 2, 7, 100] {
        assert_eq!(scan(&source, limit), rows, "{limit}");
    }
    let row = &rows[100];
    let Scalar::Text(id) = &row.key.parts()[0] else { panic!("it is text") };
    let with = |id: String, old: &str| {
        let swaps = vec![Swap { column: 0, old: text(old), new: text("new") }];
        Change { key: RowKey::new(vec![Scalar::Text(id)]).unwrap(), swaps }
    };
    assert_eq!(
        block_on(source.replace(&[with(id.to_lowercase(), "Old")])).unwrap(),
        [Outcome::Gone]
    );
    assert_eq!(block_on(source.replace(&[with(id.clone(), "old")])).unwrap(), [Outcome::Changed]);
    assert_eq!(block_on(source.replace(&[with(id.clone(), "Old")])).unwrap(), [Outcome::Written]);
}

#[test]
fn no_text_of_postgres_has_a_zero_byte() {
    let Some(schema) = schema("zero bytes in Postgres") else { return };
    schema.all(&[
        "CREATE TABLE {s}.t (id text PRIMARY KEY, x text)",
        "INSERT INTO {s}.t VALUES ('a', 'old')",
    ]);
    let source = schema.open("t", &["id"], &["x"], &[]).unwrap();
    let with = |id: &str, old: &str, new: &str| {
        let swaps = vec![Swap { column: 0, old: text(old), new: text(new) }];
        Change { key: RowKey::new(vec![Scalar::Text(id.to_owned())]).unwrap(), swaps }
    };
    let replace = |change| block_on(source.replace(&[change])).map_err(|error| error.kind());
    assert_eq!(replace(with("a\0", "old", "new")), Ok(vec![Outcome::Gone]));
    assert_eq!(replace(with("a", "old\0", "new")), Ok(vec![Outcome::Changed]));
    assert_eq!(replace(with("a", "old", "new\0")), Err(ErrorKind::Invalid));
    assert_eq!(replace(with("a", "old", "new")), Ok(vec![Outcome::Written]), "the control");
}
