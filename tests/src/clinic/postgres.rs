//! A clinic's table on a server.

use super::data::Row;
use crate::schema::Schema;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The file in a clinic's folder that names its schema.
const FILE: &str = "postgres";

/// A new schema for the clinic in `folder`; `None` after it was said what is left out.
pub(super) fn new(folder: &Path) -> Option<Schema> {
    let schema = Schema::new("a clinic on a server")?;
    fs::write(folder.join(FILE), schema.name()).unwrap();
    Some(schema)
}

/// That of the clinic in `folder`, if it has one.
pub(super) fn of(folder: &Path) -> Option<Schema> {
    fs::read_to_string(folder.join(FILE)).ok().map(Schema::named)
}

pub(super) fn create(schema: &Schema, rows: impl Iterator<Item = Row>) {
    let mut sql = "CREATE SCHEMA {s}; CREATE TABLE {s}.patients (id bigint PRIMARY KEY, ssn bytea, name text, note text);
        COPY {s}.patients FROM STDIN;\n".to_owned();
    for (id, ssn, name, note) in rows {
        writeln!(sql, "{id}\t\\\\x{}\t{name}\t{note}", hex(&ssn)).unwrap();
    }
    sql.push_str("\\.\n");
    let _ = schema.sql(&sql);
}

pub(super) fn all(schema: &Schema) -> Vec<Row> {
    let told = schema.sql("SELECT id, encode(ssn, 'hex'), name, note FROM {s}.patients;");
    let row = |line: &str| {
        let mut cells = line.split('|');
        let mut cell = || cells.next().unwrap().to_owned();
        (cell().parse().unwrap(), unhex(&cell()), cell(), cell())
    };
    told.lines().map(row).collect()
}

pub(super) fn set(schema: &Schema, id: i64, column: &str, bytes: &[u8]) {
    let (update, bytes) = ("UPDATE {s}.patients SET ", hex(bytes));
    let told =
        schema.sql(&format!("{update}{column} = '\\x{bytes}' WHERE id = {id} RETURNING id;"));
    assert_eq!(told.trim(), id.to_string());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2).map(|pair| core::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
