//! Manifests: what they say, and where they are wrong.
#![expect(clippy::panic, reason = "a test's own functions fail by panicking")]

use phiseal_keys::ErrorKind;
use phiseal_primitives::default_engine;
use phiseal_rotation::Binding;
use phiseal_rotation::manifest::{Manifest, Place, Setting};
use pollster::block_on;
use std::error::Error as _;
use std::fs;
use std::path::Path;

const FULL: &str = r#"
[keys]
store = "postgres://app:secret@db/keys"
kek = { env = "CLINIC_KEK" }

[[source]]
sqlite = "data/clinic.db"   # from this folder
table = "patients"
key = ["clinic", "id"]

[[source.sealed]]
column = "ssn"
domain = "clinic/patients"
record = "mrn-{id}"
field = "ssn"

[[source.sealed]]
column = "note"
domain = "clinic/notes"
tenant = "{clinic}"
record = "mrn-{id}"
field = "note"
use = "care"
application = { 128 = "ward {ward}", 255 = "x" }
row_version = "version"
padded_to = 64
subject = "{person}"

[[source]]
ndjson = "/srv/export.ndjson"
key = ["id"]
sealed = [{ column = "identity.ssn", domain = "clinic/patients", field = "ssn" }]

[[source]]
csv = "export.csv"
separator = ";"
table = "export"
key = ["id"]
sealed = [{ column = "ssn", domain = "clinic/patients", field = "ssn" }]
"#;

fn parsed(text: &str) -> Manifest {
    Manifest::parse(text, "/etc/clinic").unwrap_or_else(|error| panic!("{error:?}"))
}

#[test]
fn all_that_it_says_is_read() {
    let manifest = parsed(FULL);
    assert_eq!(manifest.store(), Some(&Setting::Text("postgres://app:secret@db/keys".to_owned())));
    assert_eq!(manifest.kek(), Some(&Setting::Environment("CLINIC_KEK".to_owned())));
    let [database, lines, values] = manifest.sources() else { panic!("three sources") };
    assert_eq!(*database.place(), Place::Sqlite("/etc/clinic/data/clinic.db".into()));
    assert_eq!(database.table().name(), "patients");
    assert_eq!(database.table().key(), ["clinic", "id"]);
    assert_eq!(database.table().sealed(), ["ssn", "note"]);
    let mut others = database.table().others().to_vec();
    others.sort();
    assert_eq!(others, ["person", "version", "ward"]);
    let [ssn, note] = database.columns() else { panic!("two columns") };
    let bound = || Binding::new().record("mrn-{id}").unwrap();
    assert_eq!(
        (ssn.domain(), ssn.binding()),
        ("clinic/patients", Some(&bound().field("ssn").unwrap()))
    );
    let expected = Binding::new().tenant("{clinic}").unwrap().record("mrn-{id}").unwrap();
    let expected = expected.field("note").unwrap().usage("care").unwrap();
    let expected = expected.application(128, "ward {ward}").unwrap().application(255, "x").unwrap();
    let expected = expected.row_version("version").padded_to(64).subject("{person}").unwrap();
    assert_eq!((note.domain(), note.binding()), ("clinic/notes", Some(&expected)));
    assert_eq!(*lines.place(), Place::Ndjson("/srv/export.ndjson".into()));
    assert_eq!(
        (lines.table().name(), lines.table().sealed()),
        ("export.ndjson", &["identity.ssn".to_owned()][..])
    );
    assert_eq!(*values.place(), Place::Csv("/etc/clinic/export.csv".into(), b';'));
    let shown = format!("{manifest:?}");
    assert!(!shown.contains("secret"), "{shown}");
}

/// A manifest with one thing wrong: what stands in it, what stands there in its place, and where that is noticed.
const WRONG: [(&str, &str, ErrorKind, &str); 42] = [
    ("[keys]", "[key]", ErrorKind::Malformed, "line 2, column 2, key key"),
    ("store =", "stores =", ErrorKind::Malformed, "line 3, column 1, key stores"),
    (
        "store = \"postgres://app:secret@db/keys\"",
        "store = 7",
        ErrorKind::Malformed,
        "line 3, column 1, key store",
    ),
    (
        "{ env = \"CLINIC_KEK\" }",
        "{ environment = \"secret\" }",
        ErrorKind::Malformed,
        "line 4, column 1, key env",
    ),
    (
        "{ env = \"CLINIC_KEK\" }",
        "{ env = \"A\", x = \"secret\" }",
        ErrorKind::Malformed,
        "line 4, column 20, key x",
    ),
    ("{ env = \"CLINIC_KEK\" }", "{ env = \"\" }", ErrorKind::Invalid, "line 4, column 9, key env"),
    (
        "{ env = \"CLINIC_KEK\" }",
        "{ env = \"A=secret\" }",
        ErrorKind::Invalid,
        "line 4, column 9, key env",
    ),
    ("kek = {", "store = {", ErrorKind::Malformed, "line 4, column 1"),
    ("\"data/clinic.db\"", "\"secret", ErrorKind::Malformed, "line 7, column 38"),
    (
        "sqlite = \"data/clinic.db\"",
        "sqlite = [\"secret\"]",
        ErrorKind::Malformed,
        "line 7, column 1, key sqlite",
    ),
    (
        "sqlite = \"data/clinic.db\"",
        "mysql = \"secret\"",
        ErrorKind::Malformed,
        "line 6, column 1, key source",
    ),
    (
        "sqlite = \"data/clinic.db\"",
        "sqlite = \"a\"\ncsv = \"secret\"",
        ErrorKind::Malformed,
        "line 8, column 1, key csv",
    ),
    (
        "table = \"patients\"",
        "tables = \"secret\"",
        ErrorKind::Malformed,
        "line 6, column 1, key table",
    ),
    ("table = \"patients\"", "table = \"\"", ErrorKind::Invalid, "line 9, column 1, key key"),
    (
        "table = \"patients\"",
        "table = \"a\"\nseparator = \";\"",
        ErrorKind::Malformed,
        "line 9, column 1, key separator",
    ),
    ("key = [\"clinic\", \"id\"]", "", ErrorKind::Malformed, "line 6, column 1, key key"),
    (
        "key = [\"clinic\", \"id\"]",
        "key = \"secret\"",
        ErrorKind::Malformed,
        "line 9, column 1, key key",
    ),
    ("key = [\"clinic\", \"id\"]", "key = []", ErrorKind::Invalid, "line 9, column 1, key key"),
    (
        "key = [\"clinic\", \"id\"]",
        "key = [\"id\", 7]",
        ErrorKind::Malformed,
        "line 9, column 14, key key",
    ),
    (
        "key = [\"clinic\", \"id\"]",
        "key = [\"id\", \"id\"]",
        ErrorKind::Invalid,
        "line 9, column 1, key key",
    ),
    (
        "key = [\"clinic\", \"id\"]",
        "key = [\"id\", \"ssn\"]",
        ErrorKind::Invalid,
        "line 12, column 1, key column",
    ),
    ("column = \"note\"", "column = \"ssn\"", ErrorKind::Invalid, "line 18, column 1, key column"),
    ("column = \"note\"", "column = 1.5", ErrorKind::Malformed, "line 18, column 1, key column"),
    (
        "column = \"note\"",
        "colum = \"secret\"",
        ErrorKind::Malformed,
        "line 17, column 1, key column",
    ),
    ("domain = \"clinic/notes\"", "", ErrorKind::Malformed, "line 17, column 1, key domain"),
    (
        "domain = \"clinic/notes\"",
        "domain = \"a secret\"",
        ErrorKind::Invalid,
        "line 19, column 1, key domain",
    ),
    (
        "domain = \"clinic/notes\"",
        "domain = \"\"",
        ErrorKind::Invalid,
        "line 19, column 1, key domain",
    ),
    (
        "tenant = \"{clinic}\"",
        "tenant = \"{secret\"",
        ErrorKind::Invalid,
        "line 20, column 1, key tenant",
    ),
    (
        "tenant = \"{clinic}\"",
        "tenant = true",
        ErrorKind::Malformed,
        "line 20, column 1, key tenant",
    ),
    (
        "tenant = \"{clinic}\"",
        "tenant = \"{ssn}\"",
        ErrorKind::Invalid,
        "line 18, column 1, key column",
    ),
    ("use = \"care\"", "usage = \"secret\"", ErrorKind::Malformed, "line 23, column 1, key usage"),
    ("use = \"care\"", "\"odd key\" = \"secret\"", ErrorKind::Malformed, "line 23, column 1"),
    ("128 =", "127 =", ErrorKind::Invalid, "line 24, column 17, key 127"),
    ("128 =", "256 =", ErrorKind::Invalid, "line 24, column 17, key 256"),
    ("128 =", "0128 =", ErrorKind::Invalid, "line 24, column 17, key 0128"),
    ("255 = \"x\"", "255 = 9", ErrorKind::Malformed, "line 24, column 38, key 255"),
    (
        "row_version = \"version\"",
        "row_version = 1",
        ErrorKind::Malformed,
        "line 25, column 1, key row_version",
    ),
    (
        "row_version = \"version\"",
        "row_version = \"\"",
        ErrorKind::Invalid,
        "line 25, column 1, key row_version",
    ),
    ("padded_to = 64", "padded_to = 0", ErrorKind::Invalid, "line 26, column 1, key padded_to"),
    ("padded_to = 64", "padded_to = -1", ErrorKind::Invalid, "line 26, column 1, key padded_to"),
    (
        "padded_to = 64",
        "padded_to = \"secret\"",
        ErrorKind::Malformed,
        "line 26, column 1, key padded_to",
    ),
    (
        "separator = \";\"",
        "separator = \"secret\"",
        ErrorKind::Invalid,
        "line 36, column 1, key separator",
    ),
];

/// What is wrong with `good` where something else stands in the place of one thing is named by its place, and never by its value.
fn assert_named(good: &str, changes: &[(String, &str, ErrorKind, &str)]) {
    let mut others = Vec::new();
    for (right, wrong, kind, place) in changes {
        assert!(good.contains(right), "the control: {right} stands there");
        let Err(error) = Manifest::parse(&good.replacen(right, wrong, 1), "") else {
            others.push(format!("{wrong} is taken"));
            continue;
        };
        let found = error.source().map(ToString::to_string).unwrap_or_default();
        if (error.kind(), found.as_str()) != (*kind, *place) {
            others.push(format!("{wrong}: {:?} {found}: {error}", error.kind()));
        }
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
    assert_eq!(others, Vec::<String>::new());
}

#[test]
fn what_is_wrong_is_named_by_its_place_and_never_by_its_value() {
    assert_named(
        &FULL.replacen("app:secret", "app", 1),
        &WRONG.map(|(right, wrong, kind, place)| {
            (right.replacen("app:secret", "app", 1), wrong, kind, place)
        }),
    );
    let kind = |text: &str| Manifest::parse(text, "").map(drop).map_err(|error| error.kind());
    assert_eq!(kind(&FULL.replacen("app:secret", "app", 1)), Ok(()), "the control");
    assert_eq!(kind(""), Err(ErrorKind::Malformed), "no source");
    assert_eq!(kind("source = []"), Ok(()), "none at all is what somebody wrote");
    assert_eq!(kind("source = 7"), Err(ErrorKind::Malformed));
    assert_eq!(kind(&format!("source = []\n{}", " ".repeat(1 << 20))), Err(ErrorKind::Malformed));
}

/// Columns need a context: what is sealed is sealed as something.
#[test]
fn a_column_without_a_context_is_refused() {
    let text = "[[source]]\nsqlite = \"a\"\ntable = \"t\"\nkey = [\"id\"]\n[[source.sealed]]\ncolumn = \"x\"\ndomain = \"d\"\n";
    let error = Manifest::parse(text, "").map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.source().unwrap().to_string(), "line 6, column 1, key column");
    assert!(Manifest::parse(&format!("{text}field = \"x\"\n"), "").is_ok(), "the control");
    let none = "[[source]]\nsqlite = \"a\"\ntable = \"t\"\nkey = [\"id\"]\nsealed = []\n";
    assert_eq!(Manifest::parse(none, "").map(drop).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_hash_is_of_what_is_said_and_of_no_more() {
    let hash = |text: &str| parsed(text).hash(default_engine());
    let first = hash(FULL);
    for (right, other) in [
        ("   # from this folder", ""),
        (
            "table = \"patients\"\nkey = [\"clinic\", \"id\"]",
            "key = [ 'clinic',\n \"\"\"id\"\"\" , ]\n\ntable = \"patients\"",
        ),
        ("padded_to = 64", "padded_to = 0x40"),
        ("{ 128 = \"ward {ward}\", 255 = \"x\" }", "{ 255 = \"x\", 128 = \"ward {ward}\" }"),
        ("kek = { env = \"CLINIC_KEK\" }", "[keys.kek]\nenv = \"CLINIC_KEK\""),
    ] {
        assert!(FULL.contains(right), "{right}");
        assert_eq!(hash(&FULL.replacen(right, other, 1)), first, "{other}");
    }
    for (right, other) in [
        ("app:secret", "app:other"),
        ("CLINIC_KEK", "CLINIC_KEKS"),
        ("data/clinic.db", "data/clinics.db"),
        ("[\"clinic\", \"id\"]", "[\"id\", \"clinic\"]"),
        ("clinic/notes", "clinic/patients"),
        ("field = \"note\"", "field = \"notes\""),
        ("use = \"care\"\n", ""),
        ("padded_to = 64", "padded_to = 65"),
        ("255 = \"x\"", "254 = \"x\""),
        ("kek = { env = \"CLINIC_KEK\" }", "kek = \"CLINIC_KEK\""),
    ] {
        assert!(FULL.contains(right), "{right}");
        assert_ne!(hash(&FULL.replacen(right, other, 1)), first, "{other}");
    }
    let elsewhere = Manifest::parse(FULL, "/another/folder").unwrap();
    assert_eq!(elsewhere.hash(default_engine()), first, "wherever it lies");
}

#[test]
fn text_of_the_environment_is_read_when_it_is_asked_for() {
    let set = std::env::vars().find(|(_, value)| !value.is_empty()).unwrap();
    assert_eq!(Setting::Environment(set.0).text().unwrap(), set.1);
    let error = Setting::Environment("NOT_SET_BY_ANYBODY".to_owned()).text().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.source().unwrap().to_string(), "variable \"NOT_SET_BY_ANYBODY\"");
    assert_eq!(Setting::Text("x".to_owned()).text().unwrap(), "x");
}

#[test]
fn a_file_is_read_and_what_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rotation.toml");
    let kind = |path: &Path| Manifest::read(path).map(drop).map_err(|error| error.kind());
    assert_eq!(kind(&path), Err(ErrorKind::NotFound));
    fs::write(&path, b"a = \"\xff\"").unwrap();
    assert_eq!(kind(&path), Err(ErrorKind::Malformed));
    fs::write(&path, FULL).unwrap();
    let manifest = Manifest::read(&path).unwrap();
    assert_eq!(*manifest.sources()[0].place(), Place::Sqlite(folder.path().join("data/clinic.db")));
    fs::write(&path, FULL.to_owned() + &"#\n".repeat(1 << 19)).unwrap();
    assert_eq!(kind(&path), Err(ErrorKind::Malformed), "over 1 MiB");
}

fn one(place: &str) -> String {
    format!(
        "[[source]]\n{place}\ntable = \"patients\"\nkey = [\"id\"]\n[[source.sealed]]\ncolumn = \"ssn\"\ndomain = \"d\"\nfield = \"ssn\"\n"
    )
}

#[test]
fn each_kind_of_source_opens() {
    let folder = tempfile::tempdir().unwrap();
    let database = rusqlite::Connection::open(folder.path().join("a.db")).unwrap();
    database.execute_batch("CREATE TABLE patients (id INTEGER PRIMARY KEY, ssn); INSERT INTO patients VALUES (1, 'x')").unwrap();
    fs::write(folder.path().join("a.ndjson"), "{\"id\":1,\"ssn\":\"x\"}\n").unwrap();
    fs::write(folder.path().join("a.csv"), "id\tssn\n1\tx\n").unwrap();
    for (place, name) in [
        ("sqlite = \"a.db\"", "SqliteSource"),
        ("ndjson = \"a.ndjson\"", "NdjsonSource"),
        ("csv = \"a.csv\"\nseparator = \"\\t\"", "CsvSource"),
    ] {
        let manifest = Manifest::parse(&one(place), folder.path()).unwrap();
        let source = block_on(manifest.sources()[0].open()).unwrap();
        assert!(format!("{source:?}").starts_with(name), "{source:?}");
        assert_eq!(block_on(source.scan(None, None, 9)).unwrap().len(), 1, "{place}");
        let absent = one(place).replace("a.", "absent.");
        let absent = Manifest::parse(&absent, folder.path()).unwrap();
        let refused = block_on(absent.sources()[0].open()).map(drop).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotFound, "{place}");
    }
}

#[cfg(feature = "postgres")]
#[test]
fn a_table_of_postgres_opens_from_the_environment() {
    if std::env::var_os("PHISEAL_POSTGRES").is_none() {
        let is_local = std::env::var_os("PHISEAL_LOCAL").is_some_and(|value| value == "1");
        assert!(is_local, "PHISEAL_POSTGRES is not set: cargo xtask servers");
        println!("left out under PHISEAL_LOCAL=1: manifests of Postgres tables");
        return;
    }
    let text = one("postgres = { env = \"PHISEAL_POSTGRES\" }")
        .replace("\"patients\"", "\"pg_catalog.pg_class\"");
    let text = text.replace("\"id\"", "\"oid\"").replace("\"ssn\"", "\"relname\"");
    let manifest = parsed(&text);
    // Its key is no whole number that is known, but it is there, and so is the server.
    let refused = block_on(manifest.sources()[0].open()).map(drop).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    let absent = parsed(&text.replace("pg_class", "no_such_table"));
    let refused = block_on(absent.sources()[0].open()).map(drop).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    let unset = parsed(&text.replace("PHISEAL_POSTGRES", "NOT_SET_BY_ANYBODY"));
    let refused = block_on(unset.sources()[0].open()).map(drop).unwrap_err();
    assert_eq!(refused.to_string(), "an environment variable that the manifest names is not set");
}

#[cfg(not(feature = "postgres"))]
#[test]
fn a_kind_that_is_not_built_in_is_named() {
    let error = Manifest::parse(&one("postgres = \"secret\""), "").map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.to_string(), "sources of this kind are not built in");
    assert_eq!(error.source().unwrap().to_string(), "line 2, column 1, key postgres");
}

#[cfg(feature = "tokens")]
mod tokens {
    use super::*;

    const BESIDE: &str = r#"
[[source]]
sqlite = "clinic.db"
table = "people"
key = ["id"]
sealed = [{ column = "name", domain = "clinic/patients", record = "mrn-{id}", field = "name" }]

[[source.index]]
column = "by_name_and_birth"
domain = "clinic/patients"
name = "name and birth date"
tenant = "north"
of = [{ column = "name", as = "text", first = 4 }, { column = "born", as = "date", order = "day-first" }]
bits = 64
stored = "text"

[[source.tokens]]
column = "mrn"
domain = "clinic/numbers"
name = "record number"
kind = "one-way"

[[source]]
csv = "tokens.csv"
key = ["id"]
tokens = [{ column = "mrn", domain = "clinic/numbers", name = "record number" }]

[[vault]]
store = { env = "CLINIC_TOKENS" }
domain = "clinic/cards"
name = "card"
"#;

    #[test]
    fn indexes_tokens_and_vaults_are_read() {
        let manifest = parsed(BESIDE);
        let [people, export] = manifest.sources() else { panic!("two sources") };
        assert_eq!(people.table().sealed(), ["name", "by_name_and_birth", "mrn"]);
        assert_eq!(people.table().others(), ["born"], "what is indexed and not sealed");
        let domains: Vec<_> = people.columns().iter().map(|column| column.domain()).collect();
        assert_eq!(domains, ["clinic/patients", "clinic/patients", "clinic/numbers"]);
        let bound: Vec<_> = people.columns().iter().map(|it| it.binding().is_some()).collect();
        assert_eq!(bound, [true, false, false]);
        assert_eq!(export.table().sealed(), ["mrn"], "of tokens alone");
        let [vault] = manifest.vaults() else { panic!("one vault") };
        assert_eq!(*vault.store(), Setting::Environment("CLINIC_TOKENS".to_owned()));
        assert_eq!(vault.domain(), "clinic/cards");
        let said = |text: &str| format!("{:?}", parsed(text));
        for (form, meant) in [
            ("as = \"text\", first = 4", "Text, cardinality"),
            ("as = \"text\", first = 4", "First(4)"),
            ("as = \"exact\"", "Exact, cardinality"),
            ("as = \"digits\"", "Digits, cardinality"),
            ("as = \"date\"", "Date(MonthFirst), cardinality"),
            ("as = \"year\", order = \"month-first\"", "Date(MonthFirst), cardinality"),
            ("as = \"year\"", "form: Year"),
            ("as = \"text\"", "Date(DayFirst), cardinality"),
            ("as = \"text\"", "bits: 64"),
            ("as = \"text\"", "tenant: Some(\"north\")"),
            ("as = \"text\"", "is_text: true"),
            ("as = \"text\"", "opens: false"),
        ] {
            let said = said(&BESIDE.replacen("as = \"text\", first = 4", form, 1));
            assert!(said.contains(meant), "{form}: {said}");
        }
    }

    #[test]
    fn a_vault_needs_no_source_beside_it() {
        let vault = "[[vault]]\nstore = \"sqlite:a\"\ndomain = \"d\"\nname = \"card\"\n";
        let manifest = parsed(vault);
        assert_eq!((manifest.sources().len(), manifest.vaults().len()), (0, 1));
        assert_eq!(manifest.vaults()[0].title(), "vault card");
        let of_tenant = parsed(&format!("{vault}tenant = \"north\"\n"));
        assert_eq!(of_tenant.vaults()[0].title(), "vault north/card");
    }

    /// What stands there, what stands in its place, and where that is noticed.
    const WRONG: [(&str, &str, ErrorKind, &str); 15] = [
        ("as = \"text\"", "as = \"secret\"", ErrorKind::Invalid, "line 13, column 26, key as"),
        ("as = \"text\", ", "", ErrorKind::Malformed, "line 13, column 7, key as"),
        ("first = 4", "first = 0", ErrorKind::Invalid, "line 13, column 1, key of"),
        ("first = 4", "first = 70000", ErrorKind::Invalid, "line 13, column 39, key first"),
        ("first = 4", "last = 4", ErrorKind::Malformed, "line 13, column 39, key last"),
        ("day-first", "secret", ErrorKind::Invalid, "line 13, column 84, key order"),
        (
            "as = \"text\", first = 4",
            "as = \"phone\"",
            ErrorKind::Unsupported,
            "line 13, column 26, key as",
        ),
        ("bits = 64", "bits = 257", ErrorKind::Invalid, "line 14, column 1, key bits"),
        (
            "stored = \"text\"",
            "stored = \"secret\"",
            ErrorKind::Invalid,
            "line 15, column 1, key stored",
        ),
        (
            "column = \"born\"",
            "column = \"mrn\"",
            ErrorKind::Invalid,
            "line 9, column 1, key column",
        ),
        (
            "column = \"mrn\"\ndomain",
            "column = \"name\"\ndomain",
            ErrorKind::Invalid,
            "line 18, column 1, key column",
        ),
        (
            "kind = \"one-way\"",
            "kind = \"secret\"",
            ErrorKind::Invalid,
            "line 21, column 1, key kind",
        ),
        ("name = \"card\"", "name = 7", ErrorKind::Malformed, "line 31, column 1, key name"),
        ("name = \"card\"\n", "", ErrorKind::Malformed, "line 28, column 1, key name"),
        (
            "domain = \"clinic/cards\"",
            "domain = \"\"",
            ErrorKind::Invalid,
            "line 30, column 1, key domain",
        ),
    ];

    #[test]
    fn what_is_wrong_with_them_is_named_by_its_place() {
        let mut wrong = WRONG
            .map(|(right, wrong, kind, place)| (right.to_owned(), wrong, kind, place))
            .to_vec();
        if cfg!(feature = "phone") {
            wrong.retain(|(_, wrong, ..)| !wrong.contains("phone"));
        }
        assert_named(BESIDE, &wrong);
    }

    #[test]
    fn each_of_them_is_in_the_hash() {
        let hash = |text: &str| parsed(text).hash(default_engine());
        for (right, other) in [
            ("first = 4", "first = 5"),
            ("day-first", "month-first"),
            ("bits = 64", "bits = 65"),
            ("tenant = \"north\"", "tenant = \"south\""),
            ("name = \"card\"", "name = \"cards\""),
        ] {
            assert!(BESIDE.contains(right), "{right}");
            assert_ne!(hash(&BESIDE.replacen(right, other, 1)), hash(BESIDE), "{other}");
        }
    }
}

#[cfg(not(feature = "tokens"))]
#[test]
fn what_is_not_built_in_is_named() {
    let source = "[[source]]\nsqlite = \"a\"\ntable = \"t\"\nkey = [\"id\"]\n";
    for (text, place) in [
        (format!("{source}index = []\n"), "line 5, column 1, key index"),
        (format!("{source}tokens = []\n"), "line 5, column 1, key tokens"),
        ("source = []\n[[vault]]\n".to_owned(), "line 2, column 3, key vault"),
    ] {
        let error = Manifest::parse(&text, "").map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.source().unwrap().to_string(), place);
    }
}
