//! Every shape of a good file gives the same patients, and what is printed for debugging says nothing about them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helper fails the test")]

use std::io::{self, BufRead, BufReader, Cursor, Read};

use phiseal_examples::fhir::{self, Cell, Line, Patient};

const FIRST: &str = r#"{"resourceType":"Patient","id":"p1","name":[{"family":"O\u0027Hara","given":["Zoë"]},{"text":"X"}],"birthDate":"1947","_birthDate":{"extension":[{"url":"u","valueDecimal":1.50}]}}"#;
const SECOND: &str = r#"{"identifier":[{"system":"urn:s","value":"v"}],"id":"p2","resourceType":"Patient","telecom":[{"value":"+1 217 555 0100"}],"address":[{"city":"Łódź"}]}"#;
const OTHER: &str = r#"{"resourceType":"Observation","id":"p1"}"#;

fn cell(field: &'static str, index: u32, value: &str) -> Cell {
    Cell { field, index, value: value.to_owned() }
}

fn wanted() -> [Patient; 2] {
    [
        Patient {
            id: "p1".to_owned(),
            cells: vec![
                cell("name", 0, r#"{"family":"O\u0027Hara","given":["Zoë"]}"#),
                cell("name", 1, r#"{"text":"X"}"#),
                cell("birthDate", 0, r#""1947""#),
                cell("_birthDate", 0, r#"{"extension":[{"url":"u","valueDecimal":1.50}]}"#),
            ],
        },
        Patient {
            id: "p2".to_owned(),
            cells: vec![
                cell("identifier", 0, r#"{"system":"urn:s","value":"v"}"#),
                cell("address", 0, r#"{"city":"Łódź"}"#),
                cell("telecom", 0, r#"{"value":"+1 217 555 0100"}"#),
            ],
        },
    ]
}

fn read(stream: impl BufRead) -> (Vec<Patient>, u64) {
    let mut lines = fhir::read(stream).unwrap();
    let patients = lines
        .by_ref()
        .map(|line| match line.unwrap() {
            Line::Patient(patient) => patient,
            Line::Bad(bad) => panic!("{bad}"),
        })
        .collect();
    (patients, lines.others())
}

/// White space wherever JSON allows it, in text that has none between its tokens and no brackets in its strings.
fn indented(json: &str) -> String {
    json.replace('{', "{\n\t")
        .replace('}', " \r\n}")
        .replace("\":", "\" : ")
        .replace("\",", "\" ,\n  ")
}

#[test]
fn every_shape_gives_the_same_patients() {
    let bundle = format!(
        r#"{{"resourceType":"Bundle","id":"b","entry":[{{"fullUrl":"urn:x","resource":{FIRST}}},{{"resource":{OTHER}}},{{"resource":{SECOND},"search":{{"mode":"match"}}}}]}}"#
    );
    let files = [
        ("lines", format!("{FIRST}\n{OTHER}\n{SECOND}\n")),
        ("no final newline", format!("{FIRST}\n{OTHER}\n{SECOND}")),
        ("CRLF", format!("{FIRST}\r\n{OTHER}\r\n{SECOND}\r\n")),
        ("blank lines", format!("\n \n{FIRST}\n\r\n\t\n{OTHER}\n\n\n{SECOND}\n\n")),
        ("byte order mark", format!("\u{feff}{FIRST}\n{OTHER}\n{SECOND}\n")),
        ("space around the objects", format!(" {FIRST} \n\t{OTHER}\n  {SECOND}\t\n")),
        ("Bundle on one line", bundle.clone()),
        ("Bundle on one line, with a final newline", format!("{bundle}\r\n\n")),
        ("Bundle, indented", indented(&bundle)),
        ("Bundle, indented, with a byte order mark", format!("\u{feff}\n{}\n", indented(&bundle))),
    ];
    for (name, file) in files {
        for buffer in [1, 7, 8192] {
            let (patients, others) = read(BufReader::with_capacity(buffer, file.as_bytes()));
            assert_eq!(patients, wanted(), "{name}, buffer of {buffer}");
            assert_eq!(others, 1, "{name}, buffer of {buffer}");
        }
    }
}

#[test]
fn a_file_can_be_one_resource() {
    let [first, _] = wanted();
    for file in [
        FIRST.to_owned(),
        format!("{FIRST}\n"),
        indented(FIRST),
        format!("\u{feff}{}", indented(FIRST)),
    ] {
        assert_eq!(read(file.as_bytes()), (vec![first.clone()], 0));
    }
    for file in [OTHER.to_owned(), indented(OTHER)] {
        assert_eq!(read(file.as_bytes()), (Vec::new(), 1));
    }
}

#[test]
fn a_file_can_hold_nobody() {
    for file in [
        "",
        "\n\n",
        "\u{feff}",
        r#"{"resourceType":"Bundle"}"#,
        r#"{"resourceType":"Bundle","entry":[]}"#,
    ] {
        assert_eq!(read(file.as_bytes()), (Vec::new(), 0), "{file:?}");
    }
    let stepped_over = [
        (
            "an entry without a resource",
            r#"{"resourceType":"Bundle","entry":[{"response":{"status":"204"}}]}"#.to_owned(),
        ),
        (
            "a Bundle in a Bundle",
            format!(
                r#"{{"resourceType":"Bundle","entry":[{{"resource":{{"resourceType":"Bundle","entry":[{{"resource":{FIRST}}}]}}}}]}}"#
            ),
        ),
    ];
    for (name, file) in stepped_over {
        assert_eq!(read(file.as_bytes()), (Vec::new(), 1), "{name}");
    }
    let lines =
        format!("{{\"resourceType\":\"Bundle\",\"entry\":[{{\"resource\":{FIRST}}}]}}\n{OTHER}\n");
    assert_eq!(read(lines.as_bytes()), (Vec::new(), 2), "a Bundle on a line");
}

#[test]
fn debug_shows_lengths_and_nothing_else() {
    let [first, second] = wanted();
    assert_eq!(
        format!("{first:?}"),
        "Patient { id: <2 bytes>, cells: [name[0] <41 bytes>, name[1] <12 bytes>, birthDate[0] <6 bytes>, \
         _birthDate[0] <47 bytes>] }"
    );
    let shown = format!(
        "{:#?} {second:?} {:#?}",
        Line::Patient(first),
        fhir::read(FIRST.as_bytes()).unwrap()
    );
    for canary in ["p1", "p2", "Hara", "Zo", "1947", "urn:s", "217", "dź"] {
        assert!([FIRST, SECOND].concat().contains(canary), "{canary} is not in the input");
        assert!(!shown.contains(canary), "{canary} is in {shown}");
    }
}

/// Hands out its bytes and then fails.
struct Failing(Cursor<Vec<u8>>);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
            count => Ok(count),
        }
    }
}

#[test]
fn a_stream_that_fails_ends_the_iteration_with_its_error() {
    let bytes = format!("{FIRST}\n{SECOND}\n{OTHER}").into_bytes();
    let mut lines = fhir::read(BufReader::new(Failing(Cursor::new(bytes)))).unwrap();
    for wanted in wanted() {
        assert!(matches!(lines.next(), Some(Ok(Line::Patient(patient))) if patient == wanted));
    }
    assert_eq!(lines.next().unwrap().unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert!(lines.next().is_none());
    let beginning = Failing(Cursor::new(b"{\n".to_vec()));
    assert_eq!(
        fhir::read(BufReader::new(beginning)).unwrap_err().kind(),
        io::ErrorKind::ConnectionReset
    );
    assert_eq!(fhir::open("/nonexistent/patients").unwrap_err().kind(), io::ErrorKind::NotFound);
}

/// A patient again and again, each time with another id, for ever.
struct Endless {
    ordinal: u64,
    line: Cursor<Vec<u8>>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.line.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            self.ordinal += 1;
            let id = format!("\"e{}\"", self.ordinal);
            self.line = Cursor::new(format!("{}\n", FIRST.replace("\"p1\"", &id)).into_bytes());
        }
    }
}

#[test]
fn lines_are_read_as_they_are_asked_for() {
    let endless = Endless { ordinal: 0, line: Cursor::new(Vec::new()) };
    let lines = fhir::read(BufReader::new(endless)).unwrap();
    let patients = lines.take(10_000).filter(|line| matches!(line, Ok(Line::Patient(_)))).count();
    assert_eq!(patients, 10_000);
}
