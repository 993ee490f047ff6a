//! Names of tables with a schema, and identifiers in statements.

use super::error::invalid;
use phiseal_keys::Error;

/// The longest name in PostgreSQL, in bytes (4.1.1).
const LONGEST: usize = 63;

/// The schema of tables that are named without one.
const SCHEMA: &str = "public";

/// The schema and the table in `name`: `clinic.patients`, or `patients`, which is `public.patients`. A part with a point in it is
/// in double quotes, as in SQL: `"north.clinic".patients`. Unlike in SQL, capital letters are ones without quotes too.
pub(super) fn parts(name: &str) -> Result<(String, String), Error> {
    let (first, rest) = part(name)?;
    let Some(rest) = rest else { return Ok((SCHEMA.to_owned(), first)) };
    match part(rest)? {
        (second, None) => Ok((first, second)),
        _ => Err(wrong()),
    }
}

/// The first part, and what follows it and its point.
fn part(text: &str) -> Result<(String, Option<&str>), Error> {
    let (part, rest) = match text.strip_prefix('"') {
        None => match text.split_once('.') {
            Some((part, rest)) => (part.to_owned(), Some(rest)),
            None => (text.to_owned(), None),
        },
        Some(mut from) => {
            let mut part = String::new();
            let rest = loop {
                let (before, after) = from.split_once('"').ok_or_else(wrong)?;
                part.push_str(before);
                match after.strip_prefix('"') {
                    Some(after) => {
                        part.push('"');
                        from = after;
                    }
                    None => break after,
                }
            };
            match rest.strip_prefix('.') {
                Some(rest) => (part, Some(rest)),
                None if rest.is_empty() => (part, None),
                None => return Err(wrong()),
            }
        }
    };
    if part.is_empty() || part.len() > LONGEST {
        return Err(wrong());
    }
    Ok((part, rest))
}

/// An identifier, whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cold]
fn wrong() -> Error {
    invalid("the table's name is neither TABLE nor SCHEMA.TABLE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_schema_or_is_in_public() {
        for (name, schema, table) in [
            ("patients", "public", "patients"),
            ("clinic.patients", "clinic", "patients"),
            ("Clinic.Patients of 2026", "Clinic", "Patients of 2026"),
            ("\"north.clinic\".patients", "north.clinic", "patients"),
            ("north.\"a\"\"b.c\"", "north", "a\"b.c"),
            ("\"patients.old\"", "public", "patients.old"),
        ] {
            assert_eq!(parts(name).unwrap(), (schema.to_owned(), table.to_owned()), "{name}");
        }
        let long = "x".repeat(64);
        for name in ["", ".", "a.", ".a", "a.b.c", "\"a", "\"a\"b", "\"\"", "a.\"b\".c", &long] {
            assert!(parts(name).is_err(), "{name}");
        }
        assert_eq!(parts(&long[1..]).unwrap().1, long[1..], "the control");
    }

    #[test]
    fn an_identifier_ends_where_it_should() {
        assert_eq!(quoted("a\"; DROP TABLE b; --"), "\"a\"\"; DROP TABLE b; --\"");
    }
}
