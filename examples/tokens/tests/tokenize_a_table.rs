//! A table with tokens, and back, as an office runs it.

#![expect(clippy::unwrap_used, reason = "a test's helper fails the test")]

mod programs;

use programs::{run, text};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A folder of an office: its keys, and its tables.
struct Office(tempfile::TempDir);

impl Office {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn write(&self, name: &str, contents: &str) -> String {
        fs::write(self.path(name), contents).unwrap();
        self.path(name)
    }

    fn ran(&self, arguments: &[&str]) -> std::process::Output {
        let keys = self.path("keys");
        run("tokenize_a_table", &[arguments, &["--keys", &keys]].concat())
    }

    fn tokenize(&self, file: &str, out: &str, more: &[&str]) -> String {
        let out = self.path(out);
        text(&self.ran(&[&["tokenize", file, "--out", &out], more].concat()))
    }

    fn reveal(&self, file: &str, out: &str, who: [&str; 2], more: &[&str]) -> String {
        let (file, out) = (self.path(file), self.path(out));
        let [actor, usage] = who;
        let arguments = ["reveal", &file, "--out", &out, "--actor", actor, "--use", usage];
        text(&self.ran(&[&arguments, more].concat()))
    }

    /// What it complains of.
    fn complaint(&self, arguments: &[&str]) -> String {
        let output = self.ran(arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

const REGISTRAR: [&str; 2] = ["registrar/2", "registration"];
const BILLING: [&str; 2] = ["billing/7", "payment"];

/// The rows of a table of text, by the names of its columns.
fn rows(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

fn visits() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/visits.csv");
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_projects_table_goes_both_ways() {
    let shown = text(&run("tokenize_a_table", &[]));
    assert!(shown.contains("back, for billing/7 for payment"), "{shown}");
    assert!(shown.contains(" reveals are on the audit log, and 0 that were denied"), "{shown}");
}

#[test]
fn each_reader_gets_what_the_policy_says_and_the_rest_stays_tokens() {
    let (office, file) = (Office::new(), Office::new());
    let file = file.write("visits.csv", &visits());
    let said = office.tokenize(&file, "tokens.csv", &[]);
    assert!(said.starts_with("8 rows with tokens"), "{said}");
    let (before, tokens) = (rows(&visits()), rows(&office.read("tokens.csv")));
    let one_way = ["phone", "zip"];
    for (before, tokens) in before.iter().zip(&tokens) {
        for (column, value) in before.iter().filter(|(_, value)| !value.is_empty()) {
            assert_eq!(value == &tokens[column], column == "reason", "{column}");
        }
    }
    // Equal values have equal tokens, and the days between two visits of one person are what they were.
    assert_eq!(tokens[0]["mrn"], tokens[2]["mrn"]);
    assert_eq!(tokens[0]["name"], tokens[2]["name"]);
    assert_ne!(tokens[0]["mrn"], tokens[1]["mrn"]);
    let day = |row: &BTreeMap<String, String>, column: &str| -> jiff::civil::Date {
        row[column].parse().unwrap()
    };
    for (from, to) in [(0, 2), (1, 7)] {
        let between = |rows: &[BTreeMap<String, String>]| {
            let age = day(&rows[to], "visited") - day(&rows[to], "birth_date");
            (day(&rows[to], "visited") - day(&rows[from], "visited"), age)
        };
        let (was, is) = (between(&before), between(&tokens));
        assert_eq!(was.0.fieldwise(), is.0.fieldwise());
        assert_eq!(was.1.fieldwise(), is.1.fieldwise());
    }

    let said = office.reveal("tokens.csv", "registrar.csv", REGISTRAR, &[]);
    assert!(said.contains("ssn         as it was"), "{said}");
    assert!(said.contains("phone       no way back"), "{said}");
    for ((before, tokens), back) in
        before.iter().zip(&tokens).zip(rows(&office.read("registrar.csv")))
    {
        for (column, value) in &back {
            let is =
                if one_way.contains(&column.as_str()) { &tokens[column] } else { &before[column] };
            assert_eq!(value, is, "{column}");
        }
    }
    let said = office.reveal("tokens.csv", "billing.csv", BILLING, &[]);
    assert!(said.contains("ssn         masked"), "{said}");
    let back = rows(&office.read("billing.csv"));
    assert_eq!((&*back[0]["ssn"], &*back[0]["name"]), ("***-**-4022", "Jieun Kim"));
    assert_eq!((&back[0]["mrn"], &back[0]["visited"]), (&tokens[0]["mrn"], &tokens[0]["visited"]));
    office.reveal("tokens.csv", "nobody.csv", ["billing/7", "curiosity"], &[]);
    assert_eq!(office.read("nobody.csv"), office.read("tokens.csv"));

    // The log holds who had what, and nobody's name.
    let log = office.read("keys/audit.jsonl");
    assert!(log.contains(r#""actor":"registrar/2","use":"registration""#));
    assert!(log.contains(r#""action":"reveal-masked""#) && log.contains(r#""kind":"dates""#));
    for row in &before {
        for (_, value) in row.iter().filter(|(_, value)| value.len() > 4) {
            assert!(!log.contains(value), "{value}");
        }
    }
}

#[test]
fn an_object_on_each_line_keeps_what_is_no_text() {
    let office = Office::new();
    let plan = office.write(
        "plan.toml",
        "[columns]\nname = { token = \"deterministic\", values = 160_000 }\nage = { token = \"keep\" }\n\
         zip = { token = \"zip3\" }\nborn = { token = \"year\" }\n",
    );
    let lines = [
        r#"{"name":"Jane Doe","age":41,"zip":"98101","born":"1985-05-05"}"#,
        r#"{"name":"Jos\u00e9 \"Pepe\" Ruiz","age":null}"#,
        "",
        r#"{"name":null,"age":[1,2],"zip":""}"#,
    ];
    let file = office.write("people.ndjson", &lines.join("\n"));
    office.tokenize(&file, "tokens.ndjson", &["--plan", &plan]);
    office.reveal("tokens.ndjson", "back.ndjson", BILLING, &["--plan", &plan]);
    let parsed = |text: &str| -> Vec<Value> {
        let lines = text.lines().filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (before, back) = (parsed(&lines.join("\n")), parsed(&office.read("back.ndjson")));
    let tokens = parsed(&office.read("tokens.ndjson"));
    assert_eq!(tokens.len(), 3);
    assert_ne!(tokens[0]["name"], before[0]["name"]);
    assert_eq!((&tokens[0]["zip"], &tokens[0]["born"]), (&"981".into(), &"1985".into()));
    assert_eq!(back[1], before[1]);
    assert_eq!(back[2], before[2]);
    assert_eq!(back[0]["name"], "Jane Doe");
}

#[test]
fn what_cannot_be_done_is_said_and_leaves_nothing_behind() {
    let office = Office::new();
    let out = office.path("out.csv");
    let table = |contents: &str| office.write("table.csv", contents);
    let tokenize = |file: &str, more: &[&str]| {
        office.complaint(&[&["tokenize", file, "--out", &out], more].concat())
    };
    let said = tokenize(&table("mrn,shoe_size\n1,47\n"), &[]);
    assert!(said.contains("the plan does not say what becomes of shoe_size"), "{said}");
    assert!(!Path::new(&out).exists());
    let said = tokenize(&table("mrn,ssn\n1,123-45-678\n"), &[]);
    assert!(said.contains("ssn:") && !said.contains("123-45-678"), "{said}");
    assert!(!Path::new(&out).exists(), "half a table is none");
    let said = tokenize(&table("mrn,visited\n,2026-01-01\n"), &[]);
    assert!(said.contains("visited: the row names no person"), "{said}");
    let said = tokenize(&office.path("nothing.csv"), &[]);
    assert!(said.contains("nothing.csv: No such file"), "{said}");
    let plan =
        office.write("plan.toml", "[columns]\nsex = { token = \"deterministic\", values = 2 }\n");
    let said = tokenize(&table("sex\nf\n"), &["--plan", &plan]);
    assert!(said.contains("sex: a column of fewer than 10,000 values"), "{said}");
    let plan = office.write("plan.toml", "[columns]\nsex = { token = \"hash\" }\n");
    let said = tokenize(&table("sex\nf\n"), &["--plan", &plan]);
    assert!(said.contains("plan.toml: ") && said.contains("unknown variant `hash`"), "{said}");
    let access = office.write("access.toml", "version = 1\n[kinds]\n[roles.x]\nactors = []\n");
    let said = tokenize(&table("mrn\n1\n"), &["--access", &access]);
    assert!(said.contains("line 4, column 10: a role has an actor"), "{said}");

    // A table that is there is not written over, and a token that was changed opens as nothing.
    office.tokenize(&table("mrn,name\n1,Jane Doe\n"), "tokens.csv", &[]);
    let tokens = office.read("tokens.csv");
    let said =
        office.complaint(&["tokenize", &table("mrn\n1\n"), "--out", &office.path("tokens.csv")]);
    assert!(said.contains("tokens.csv: File exists"), "{said}");
    assert_eq!(office.read("tokens.csv"), tokens);
    let last = tokens.trim_end().chars().next_back().unwrap();
    let changed = format!(
        "{}{}\n",
        tokens.trim_end().trim_end_matches(last),
        if last == 'A' { 'B' } else { 'A' }
    );
    let changed = office.write("changed.csv", &changed);
    let [actor, usage] = REGISTRAR;
    let back = office.path("back.csv");
    let said =
        office.complaint(&["reveal", &changed, "--out", &back, "--actor", actor, "--use", usage]);
    assert!(said.contains("row 1, name: "), "{said}");
    assert!(!Path::new(&back).exists());
}
