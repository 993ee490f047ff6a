//! The FHIR reader of the examples.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};

use phiseal_examples::fhir::{
    BadLine, FIELDS, Line, MAX_DOCUMENT, MAX_LINE, Patient, display, read,
};
use serde::de::IgnoredAny;

/// Reads the input as a file of patients, whole and in small pieces. A cell is JSON that stands in the input, and the
/// reason why a line cannot be used is made of words of the program and of numbers.
pub fn fhir(data: &[u8]) -> bool {
    let whole = lines(data);
    // The smallest pieces are slow; this length is shorter than any member's name.
    assert_eq!(whole, lines(BufReader::with_capacity(3, data)));
    judge(data, &whole)
}

/// What is in a file: its lines and how many other resources there were.
#[derive(Debug, PartialEq)]
struct Read {
    lines: Vec<Result<Patient, BadLine>>,
    others: u64,
}

fn lines(stream: impl BufRead) -> Read {
    let mut patients = read(stream).unwrap();
    let mut lines = Vec::new();
    for line in patients.by_ref() {
        lines.push(match line.unwrap() {
            Line::Patient(patient) => Ok(patient),
            Line::Bad(bad) => Err(bad),
        });
    }
    Read { lines, others: patients.others() }
}

fn judge(data: &[u8], read: &Read) -> bool {
    let (mut ids, mut last) = (HashSet::new(), None);
    for line in &read.lines {
        match line {
            Ok(patient) => {
                assert!(ids.insert(&patient.id), "an id came twice");
                assert_patient(data, patient);
            }
            Err(bad) => {
                assert!(last.is_none_or(|last| last < bad.line), "lines out of order");
                last = Some(bad.line);
                assert_quotes_nothing(data, bad);
            }
        }
    }
    !ids.is_empty()
}

fn assert_patient(data: &[u8], patient: &Patient) {
    assert!((1..=64).contains(&patient.id.len()));
    assert!(patient.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)));
    let places: Vec<_> = patient
        .cells
        .iter()
        .map(|cell| (FIELDS.iter().position(|field| *field == cell.field), cell.index))
        .collect();
    assert!(places.is_sorted_by(|one, next| one < next));
    assert!(places.iter().all(|(field, _)| field.is_some()));

    let dense = without_space(data);
    for cell in &patient.cells {
        serde_json::from_str::<IgnoredAny>(&cell.value).unwrap();
        let value = without_space(cell.value.as_bytes());
        assert!(contains(&dense, &value), "a cell is not in the file");
        display(cell.field, &cell.value);
    }
    let debug = format!("{patient:?}");
    let cells: usize = patient.cells.iter().map(|cell| format!("{cell:?}").len()).sum();
    assert!(debug.len() <= cells + 2 * patient.cells.len() + 64, "more is printed than lengths");
}

/// Every reason, with `#` for each number.
const REASONS: [&str; 11] = [
    "over # MiB",
    "over # MiB and not one resource a line",
    "not UTF-# (byte #)",
    "not JSON (column #)",
    "not JSON (line #, column #)",
    "not a JSON object",
    "nested deeper than # levels",
    "resourceType missing",
    "Patient without id",
    "id is not a FHIR id",
    "id already seen (line #)",
];

/// Every member that a reason names, and what it says of it.
const MEMBERS: [&str; 10] = [
    "resourceType",
    "id",
    "entry",
    "resource",
    "identifier",
    "name",
    "address",
    "telecom",
    "birthDate",
    "_birthDate",
];
const OF_MEMBERS: [&str; 5] = [
    " occurs twice",
    " is not a string",
    " is not a list",
    " is not an object",
    "[#] is not an object",
];

fn assert_quotes_nothing(data: &[u8], bad: &BadLine) {
    let (mut words, mut numbers) = (String::new(), Vec::new());
    for part in cut_at_digits(&bad.reason) {
        match part.parse::<usize>() {
            Ok(number) => {
                words.push('#');
                numbers.push(number);
            }
            Err(_) => words.push_str(part),
        }
    }
    let of_a_member = || {
        MEMBERS
            .iter()
            .filter_map(|member| words.strip_prefix(member))
            .any(|rest| OF_MEMBERS.contains(&rest))
    };
    assert!(REASONS.contains(&words.as_str()) || of_a_member(), "{:?}", bad.reason);
    // A number counts bytes, lines, elements or levels of the input, or is one of the reader's own.
    let own = [8, 100, MAX_LINE >> 20, MAX_DOCUMENT >> 20];
    assert!(numbers.iter().all(|number| *number <= data.len() + 1 || own.contains(number)));
    assert_eq!(bad.to_string(), format!("line {}: {}", bad.line, bad.reason));
}

/// The text, cut wherever digits begin or end.
fn cut_at_digits(text: &str) -> impl Iterator<Item = &str> {
    text.as_bytes()
        .chunk_by(|one, next| one.is_ascii_digit() == next.is_ascii_digit())
        .map(|part| str::from_utf8(part).unwrap())
}

fn without_space(bytes: &[u8]) -> Vec<u8> {
    // A file that is not UTF-8 in one place is read with U+FFFD there.
    let text = String::from_utf8_lossy(bytes);
    text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::must_panic;
    use phiseal_examples::fhir::Cell;

    fn bad(reason: &str) -> BadLine {
        BadLine { line: 1, reason: reason.to_owned() }
    }

    fn judge_lines(data: &[u8], lines: Vec<Result<Patient, BadLine>>) -> bool {
        judge(data, &Read { lines, others: 0 })
    }

    #[test]
    fn a_reason_that_quotes_is_noticed() {
        let data = b"{\"resourceType\":\"Patient\",\"id\":\"Jane Doe\",\"name\":991424022}";
        for reason in ["id is not a FHIR id", "not JSON (column 60)", "name[3] is not an object"] {
            assert!(!judge_lines(data, vec![Err(bad(reason))]), "{reason}");
        }
        for reason in [
            "Jane Doe is not a FHIR id",
            "id is not a FHIR id: Jane Doe",
            "not JSON (column 991424022)",
            "Doe[3] is not an object",
            "name[Jane] is not an object",
            "name is not 991424022",
            "",
        ] {
            must_panic(|| judge_lines(data, vec![Err(bad(reason))]));
        }
    }

    #[test]
    fn a_patient_that_is_not_in_the_file_is_noticed() {
        let data = b"{\"resourceType\":\"Patient\",\"id\":\"p1\",\"birthDate\": \"1980-04-02\"}";
        let patient = |id: &str, field, value: &str| Patient {
            id: id.to_owned(),
            cells: vec![Cell { field, index: 0, value: value.to_owned() }],
        };
        let good = patient("p1", "birthDate", "\"1980-04-02\"");
        assert!(judge_lines(data, vec![Ok(good.clone())]));
        assert!(fhir(data));
        for broken in [
            patient("p 1", "birthDate", "\"1980-04-02\""),
            patient("", "birthDate", "\"1980-04-02\""),
            patient("p1", "deceased", "\"1980-04-02\""),
            patient("p1", "birthDate", "\"1980-04-03\""),
            patient("p1", "birthDate", "1980-04-02"),
        ] {
            must_panic(|| judge_lines(data, vec![Ok(broken)]));
        }
        must_panic(|| judge_lines(data, vec![Ok(good.clone()), Ok(good)]));
    }
}
