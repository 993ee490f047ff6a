//! Files with one thing wrong: the line is named, the reason is right, and nothing of the line is in it.

#![expect(clippy::unwrap_used, reason = "a test's helper fails the test")]

use phiseal_examples::fhir::{self, BadLine, Line, MAX_DOCUMENT, MAX_LINE};

const GOOD: &str = r#"{"resourceType":"Patient","id":"good","name":[{"family":"Gutmann"}]}"#;

/// Words that a reason may share with the line: names of the standard, not of people.
const VOCABULARY: [&str; 13] = [
    "resourceType",
    "Patient",
    "id",
    "identifier",
    "name",
    "address",
    "telecom",
    "birthDate",
    "entry",
    "resource",
    "JSON",
    "not",
    "missing",
];

struct Read {
    patients: Vec<String>,
    bad: Vec<(u64, String)>,
    others: u64,
}

fn read(bytes: &[u8]) -> Read {
    let mut lines = fhir::read(bytes).unwrap();
    let mut read = Read { patients: Vec::new(), bad: Vec::new(), others: 0 };
    for line in lines.by_ref() {
        match line.unwrap() {
            Line::Patient(patient) => read.patients.push(patient.id),
            Line::Bad(BadLine { line, reason }) => read.bad.push((line, reason)),
        }
    }
    read.others = lines.others();
    read
}

/// A word of three bytes or more that is in the line and in the reason, and is not of the standard.
fn leak(line: &[u8], reason: &str) -> Option<String> {
    let text = String::from_utf8_lossy(line);
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() >= 3 && !VOCABULARY.contains(word))
        .find(|word| reason.contains(word))
        .map(str::to_owned)
}

#[test]
fn a_leak_would_be_found() {
    assert_eq!(
        leak(b"{\"family\":\"Xylander\"}", "unknown name Xylander").as_deref(),
        Some("Xylander")
    );
    assert_eq!(leak("{\"family\":\"王小明\"}".as_bytes(), "王小明?").as_deref(), Some("王小明"));
    assert_eq!(leak(b"{\"family\":\"Xylander\"}", "name is not a list"), None);
}

#[test]
fn each_bad_line_is_named_and_its_neighbours_are_read() {
    let patient = |members: &str| {
        format!(r#"{{"resourceType":"Patient","id":"xyl-7",{members}}}"#).into_bytes()
    };
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("words", b"Xylander Sophie 1931".to_vec(), "not JSON (column 1)"),
        (
            "cut in a string",
            br#"{"resourceType":"Patient","id":"xyl-7","name":[{"family":"Xyl"#.to_vec(),
            "not JSON (column 61)",
        ),
        (
            "cut between members",
            br#"{"resourceType":"Patient","id":"xyl-7","#.to_vec(),
            "not JSON (column 39)",
        ),
        (
            "two values",
            br#"{"resourceType":"Patient","id":"xyl-7"}{"Xylander":1}"#.to_vec(),
            "not JSON (column 40)",
        ),
        (
            "a comma too many",
            br#"{"resourceType":"Patient","id":"xyl-7",}"#.to_vec(),
            "not JSON (column 40)",
        ),
        ("single quotes", b"{'family':'Xylander'}".to_vec(), "not JSON (column 2)"),
        (
            "a control character in a string",
            patient("\"name\":[{\"family\":\"Xyl\x01ander\"}]"),
            "not JSON (column 61)",
        ),
        ("a string", b"\"Xylander\"".to_vec(), "not a JSON object"),
        ("a list of patients", format!("[{GOOD}]").into_bytes(), "not a JSON object"),
        ("null", b"null".to_vec(), "not a JSON object"),
        ("a number", b"19310402".to_vec(), "not a JSON object"),
        (
            "Latin-1",
            patient("\"name\":[{\"family\":\"Mu\u{1}ller-Xylander\"}]")
                .iter()
                .map(|&b| if b == 1 { 0xFC } else { b })
                .collect(),
            "not UTF-8 (byte 61)",
        ),
        ("UTF-16", b"\xFF\xFE{\x00\"\x00".to_vec(), "not UTF-8 (byte 1)"),
        (
            "a surrogate in UTF-8",
            patient("\"name\":[{\"family\":\"X\x01\"}]")
                .iter()
                .flat_map(|&b| if b == 1 { vec![0xED, 0xA0, 0x80] } else { vec![b] })
                .collect(),
            "not UTF-8 (byte 60)",
        ),
        (
            "no type",
            br#"{"id":"xyl-7","name":[{"family":"Xylander"}]}"#.to_vec(),
            "resourceType missing",
        ),
        (
            "a type that is a number",
            br#"{"resourceType":1931,"id":"xyl-7"}"#.to_vec(),
            "resourceType is not a string",
        ),
        (
            "a type that is null",
            br#"{"resourceType":null,"id":"xyl-7"}"#.to_vec(),
            "resourceType is not a string",
        ),
        (
            "two types",
            br#"{"resourceType":"Patient","id":"xyl-7","resourceType":"Basic"}"#.to_vec(),
            "resourceType occurs twice",
        ),
        (
            "no id",
            br#"{"resourceType":"Patient","name":[{"family":"Xylander"}]}"#.to_vec(),
            "Patient without id",
        ),
        (
            "an id that is a number",
            br#"{"resourceType":"Patient","id":19310402}"#.to_vec(),
            "id is not a string",
        ),
        (
            "an id that is null",
            br#"{"resourceType":"Patient","id":null}"#.to_vec(),
            "id is not a string",
        ),
        (
            "an id with half a surrogate pair",
            br#"{"resourceType":"Patient","id":"\ud83d"}"#.to_vec(),
            "id is not a string",
        ),
        ("an empty id", br#"{"resourceType":"Patient","id":""}"#.to_vec(), "id is not a FHIR id"),
        (
            "an id with a space",
            br#"{"resourceType":"Patient","id":"Sophie Xylander"}"#.to_vec(),
            "id is not a FHIR id",
        ),
        (
            "an id with a letter outside ASCII",
            r#"{"resourceType":"Patient","id":"Xyländer"}"#.as_bytes().to_vec(),
            "id is not a FHIR id",
        ),
        (
            "an id of 65 characters",
            format!(r#"{{"resourceType":"Patient","id":"{}"}}"#, "7".repeat(65)).into_bytes(),
            "id is not a FHIR id",
        ),
        ("two ids", patient(r#""id":"xyl-8""#), "id occurs twice"),
        ("two ids, one of them escaped", patient(r#""i\u0064":"xyl-8""#), "id occurs twice"),
        (
            "an id of a patient before",
            GOOD.replace("Gutmann", "Xylander").into_bytes(),
            "id already seen (line 1)",
        ),
        (
            "two names members",
            patient(r#""name":[],"name":[{"family":"Xylander"}]"#),
            "name occurs twice",
        ),
        (
            "a name that is an object",
            patient(r#""name":{"family":"Xylander"}"#),
            "name is not a list",
        ),
        ("names that are null", patient(r#""name":null"#), "name is not a list"),
        (
            "a name that is a string",
            patient(r#""name":[{"family":"X"},"Sophie Xylander"]"#),
            "name[1] is not an object",
        ),
        (
            "an identifier that is null",
            patient(r#""identifier":[null]"#),
            "identifier[0] is not an object",
        ),
        (
            "an address in a list of lists",
            patient(r#""address":[[{"city":"Xylopolis"}]]"#),
            "address[0] is not an object",
        ),
        ("a telecom that is a string", patient(r#""telecom":"555-0100""#), "telecom is not a list"),
        (
            "a date of birth that is a number",
            patient(r#""birthDate":19310402"#),
            "birthDate is not a string",
        ),
        (
            "a date of birth that is null",
            patient(r#""birthDate":null"#),
            "birthDate is not a string",
        ),
        (
            "extensions of the date of birth that are a string",
            patient(r#""_birthDate":"04:05""#),
            "_birthDate is not an object",
        ),
        (
            "101 levels",
            patient(&format!(
                r#""name":[{{"extension":{}"Xylander"{}}}]"#,
                "[".repeat(98),
                "]".repeat(98)
            )),
            "nested deeper than 100 levels",
        ),
        (
            "a million levels in a name",
            patient(&format!(r#""name":[{}{}]"#, "[".repeat(1_000_000), "]".repeat(1_000_000))),
            "nested deeper than 100 levels",
        ),
        (
            "a million levels elsewhere",
            patient(&format!(r#""photo":{}{}"#, "[".repeat(1_000_000), "]".repeat(1_000_000))),
            "nested deeper than 100 levels",
        ),
        ("a million levels and no end", "[".repeat(1_000_000).into_bytes(), "not a JSON object"),
        (
            "a line over 16 MiB",
            patient(&format!(r#""name":[{{"family":"{}"}}]"#, "X".repeat(MAX_LINE))),
            "over 16 MiB",
        ),
    ];
    let count = cases.len();
    for (name, line, wanted) in cases {
        let after = GOOD.replace("\"good\"", "\"after\"");
        let read = read(&[GOOD.as_bytes(), b"\n", &line, b"\r\n\n", after.as_bytes()].concat());
        assert_eq!(read.bad, [(2, wanted.to_owned())], "{name}");
        assert_eq!(read.patients, ["good", "after"], "{name}");
        assert_eq!(read.others, 0, "{name}");
        assert_eq!(leak(&line, &read.bad[0].1), None, "{name}");
    }
    assert_eq!(count, 44);
}

#[test]
fn the_deepest_patient_the_longest_id_and_the_longest_line_are_read() {
    let id = format!("-.{}", "x".repeat(62));
    let named = GOOD.replace("good", &id);
    let deep = format!(
        r#"{{"resourceType":"Patient","id":"deep","name":[{{"extension":{}1{}}}]}}"#,
        "[".repeat(97),
        "]".repeat(97)
    );
    let begin = r#"{"resourceType":"Patient","id":"long","birthDate":""#;
    let long = format!("{begin}{}\"}}", "9".repeat(MAX_LINE - begin.len() - 2));
    assert_eq!(long.len(), MAX_LINE);
    let read = read(format!("{deep}\n{named}\n{long}\n{GOOD}").as_bytes());
    assert_eq!(read.patients, ["deep", &id, "long", "good"]);
    assert_eq!(read.bad, []);
}

#[test]
fn a_first_line_that_was_cut_does_not_hide_the_others() {
    for first in
        [&GOOD[..30], &GOOD[..GOOD.len() - 1], "{\"resourceType\":\"Patient\",", "Xylander"]
    {
        let read = read(format!("{first}\n{GOOD}\n").as_bytes());
        assert_eq!(read.patients, ["good"], "{first}");
        assert_eq!(read.bad.len(), 1, "{first}");
        assert_eq!(read.bad[0].0, 1, "{first}");
        assert!(read.bad[0].1.starts_with("not JSON (column "), "{first}: {}", read.bad[0].1);
    }
}

#[test]
fn each_bad_entry_of_a_bundle_is_named_and_its_neighbours_are_read() {
    let good = |id: &str| format!(r#"{{"resource":{}}}"#, GOOD.replace("good", id)).into_bytes();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("an entry that is a string", b"\"Xylander\"".to_vec(), "not a JSON object"),
        ("an entry that is null", b"null".to_vec(), "not a JSON object"),
        ("a resource that is null", b"{\"resource\":null}".to_vec(), "not a JSON object"),
        ("a resource that is a list", b"{\"resource\":[\"Xylander\"]}".to_vec(), "not a JSON object"),
        ("two resources", format!(r#"{{"resource":{GOOD},"resource":1}}"#).into_bytes(), "resource occurs twice"),
        ("no type", b"{\"resource\":{\"id\":\"xyl\"}}".to_vec(), "resourceType missing"),
        ("no id", b"{\"resource\":{\"resourceType\":\"Patient\"}}".to_vec(), "Patient without id"),
        ("the id of the first", good("first"), "id already seen (line 1)"),
        ("Latin-1", b"{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"x\",\"name\":[{\"family\":\"M\xFCller\"}]}}".to_vec(), "not UTF-8 (byte 204)"),
        ("a resource over 16 MiB", good(&"X".repeat(MAX_LINE)), "over 16 MiB"),
        ("too many levels", format!(r#"{{"resource":{{"resourceType":"Patient","id":"x","name":[{}{}]}}}}"#, "[".repeat(1000), "]".repeat(1000)).into_bytes(), "nested deeper than 100 levels"),
    ];
    let count = cases.len();
    for (name, entry, wanted) in cases {
        let other = b"{\"resource\":{\"resourceType\":\"Basic\"}}";
        let file = [
            b"\xEF\xBB\xBF{ \"entry\": [\n",
            &*good("first"),
            b",\n",
            other,
            b", ",
            &*entry,
            b",\r\n",
            &*good("last"),
            b"],\n\"resourceType\" : \"Bundle\" }\n",
        ]
        .concat();
        let read = read(&file);
        assert_eq!(read.bad, [(3, wanted.to_owned())], "{name}");
        assert_eq!(read.patients, ["first", "last"], "{name}");
        assert_eq!(read.others, 1, "{name}");
        assert_eq!(leak(&entry, &read.bad[0].1), None, "{name}");
    }
    assert_eq!(count, 11);
}

#[test]
fn a_document_that_cannot_be_read_is_line_nought() {
    let cases: [(&str, Vec<u8>, &str); 9] = [
        (
            "cut",
            b"{\n \"resourceType\": \"Patient\",\n \"id\": \"xyl\"\n".to_vec(),
            "not JSON (line 4, column 0)",
        ),
        (
            "a word in it",
            b"{\n \"resourceType\": Xylander\n}".to_vec(),
            "not JSON (line 2, column 18)",
        ),
        (
            "Latin-1 between the members",
            b"\xEF\xBB\xBF{\n \"id\": \"X\xC3\xA9\" \xFC\n}".to_vec(),
            "not UTF-8 (byte 16)",
        ),
        ("two documents", b"{\n}\n{\n}\n".to_vec(), "not JSON (line 3, column 1)"),
        ("a list", b"[\n\"Xylander\"\n]".to_vec(), "not a JSON object"),
        ("no type", b"{\n \"name\": \"Xylander\"\n}".to_vec(), "resourceType missing"),
        (
            "entries that are no list",
            b"{\n\"resourceType\":\"Bundle\",\n\"entry\":{\"Xylander\":1}}".to_vec(),
            "entry is not a list",
        ),
        (
            "two lists of entries",
            b"{\n\"resourceType\":\"Bundle\",\"entry\":[],\n\"entry\":[\"Xylander\"]}".to_vec(),
            "entry occurs twice",
        ),
        (
            "over 64 MiB",
            [b"{\n\"a\":\"", &*vec![b'X'; MAX_DOCUMENT], b"\"}"].concat(),
            "over 64 MiB and not one resource a line",
        ),
    ];
    for (name, file, wanted) in cases {
        let read = read(&file);
        assert_eq!(read.bad, [(0, wanted.to_owned())], "{name}");
        assert_eq!((read.patients.len(), read.others), (0, 0), "{name}");
        assert_eq!(leak(&file, &read.bad[0].1), None, "{name}");
    }
}

#[test]
fn a_single_patient_that_cannot_be_used_is_line_one() {
    let document = |family: &[u8]| {
        let begin = b"{\n\"resourceType\":\"Patient\",\"id\":\"xyl\",\n\"name\":[{\"family\":\"";
        [begin, family, b"\"}]}"].concat()
    };
    assert_eq!(read(&document(b"Xylander")).patients, ["xyl"]);
    let cases: [(&str, Vec<u8>, &str); 3] = [
        ("no id", b"{\n\"resourceType\":\"Patient\"\n}".to_vec(), "Patient without id"),
        ("Latin-1", document(b"M\xFCller"), "not UTF-8 (byte 60)"),
        ("over 16 MiB", document(&vec![b'X'; MAX_LINE]), "over 16 MiB"),
    ];
    for (name, file, wanted) in cases {
        let read = read(&file);
        assert_eq!(read.bad, [(1, wanted.to_owned())], "{name}");
        assert_eq!((read.patients.len(), read.others), (0, 0), "{name}");
        assert_eq!(leak(&file, &read.bad[0].1), None, "{name}");
    }
}
