//! A manifest as bytes: one encoding of what it says.

use toml::de::{DeTable, DeValue};

/// Of each value a letter for its type, and its contents; lengths are four bytes, big-endian. The keys of a table are in ascending
/// order. Types that no manifest has are left out: they are refused before.
pub(super) fn of(table: &DeTable<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_table(&mut bytes, table);
    bytes
}

fn put_table(bytes: &mut Vec<u8>, table: &DeTable<'_>) {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by(|(one, _), (other, _)| one.get_ref().cmp(other.get_ref()));
    bytes.push(b't');
    put_length(bytes, entries.len());
    for (key, value) in entries {
        put_text(bytes, key.get_ref());
        put(bytes, value.get_ref());
    }
}

fn put(bytes: &mut Vec<u8>, value: &DeValue<'_>) {
    match value {
        DeValue::String(text) => put_text(bytes, text),
        DeValue::Integer(number) => {
            bytes.push(b'i');
            let number = i64::from_str_radix(number.as_str(), number.radix()).unwrap_or_default();
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        DeValue::Array(values) => {
            bytes.push(b'a');
            put_length(bytes, values.len());
            values.iter().for_each(|value| put(bytes, value.get_ref()));
        }
        DeValue::Table(table) => put_table(bytes, table),
        DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => bytes.push(b'-'),
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(b's');
    put_length(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

/// Of a manifest of 1 MiB at most.
fn put_length(bytes: &mut Vec<u8>, length: usize) {
    bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}
