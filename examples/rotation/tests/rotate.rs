//! The program on what goes wrong: what it says, and with which exit code.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helper fails the test")]

mod programs;

use phiseal::backends::local::LocalKek;
use phiseal::blocking::{Domain, Phiseal, wait};
use phiseal::default_engine;
use phiseal::stores::SqliteStore;
use phiseal::tokens::{
    BlindIndex, Cardinality, Column, Deterministic, IndexEntry, Normaliser, Part, Vault, Vaulted,
    VaultedForm,
};
use programs::Clinic;
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn corrupt_values_are_named_and_the_rest_is_done() {
    bad_rows(&Clinic::new(patients()));
}

#[cfg(feature = "postgres")]
#[test]
fn corrupt_values_are_named_and_the_rest_is_done_on_postgres() {
    let clinic = Clinic::on_postgres(patients(), "corrupt values on a server");
    clinic.iter().for_each(bad_rows);
}

/// How many there are when values are corrupt: so many that a hundred can be with `PHISEAL_FULL=1`, else five.
fn patients() -> u32 {
    let full = std::env::var_os("PHISEAL_FULL").is_some_and(|value| value == "1");
    if full { 100_000 } else { 600 }
}

/// BADROW: those that are corrupt are named, and no others; the rest is done.
fn bad_rows(clinic: &Clinic) {
    let rows = i64::from(patients());
    let number = if rows == 100_000 { 100 } else { 5 };
    // Two and two beside one another, from the first row on.
    let place = |n: i64| 1 + (n - n % 2) * (rows - 1) / (number - 1) + n % 2;
    let bad: BTreeSet<i64> = (0..number).map(place).collect();
    assert_eq!(bad.len(), usize::try_from(number).unwrap());
    let ids = bad.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    let set =
        |ssn: &str| clinic.sql(&format!("UPDATE patients SET ssn = {ssn} WHERE id IN ({ids});"));
    set("substr(ssn, 1, length(ssn) - 1)");
    clinic.request(&["rotate"], "r");
    let ran = clinic.by("ada", &["run", "r", "--batch", "100"]);
    assert_eq!(ran.code, 3, "{:?}", ran.events);
    let named: BTreeSet<i64> =
        ran.all("finding").map(|it| it["key"][0].as_i64().unwrap()).collect();
    assert_eq!(named, bad);
    assert!(ran.all("finding").all(|it| it["column"] == "ssn" && it["class"] == "damaged"));
    assert_eq!(
        (ran.one("rotated")["values"].as_u64(), ran.one("rotated")["left"].as_u64()),
        (u64::try_from(2 * rows - number).ok(), u64::try_from(number).ok())
    );
    assert_eq!(ran.one("certificate")["status"], "NotFinished");
    assert_eq!(ran.one("partial")["exit"], 3);
    let counted = clinic.rotate(&["census", "--check"]);
    assert_eq!(counted.code, 4, "damaged values are an anomaly");

    // Put in order, it comes to its end.
    set("NULL");
    assert_eq!(clinic.rotate(&["status"]).all("unfinished").count(), 1);
    let resumed = clinic.by("ada", &["resume"]);
    assert_eq!(resumed.code, 0, "{:?}", resumed.events);
    assert_eq!(resumed.one("certificate")["status"], "Finished");
    assert_eq!(clinic.rotate(&["status"]).all("unfinished").count(), 0);
    assert_eq!(clinic.rotate(&["census", "--check"]).code, 0);
}

#[test]
fn plaintext_is_an_anomaly_of_a_count_and_of_a_rotation() {
    let clinic = Clinic::new(40);
    let sql = "UPDATE patients SET name = 'Canary Doe' WHERE id = 7";
    assert_eq!(clinic.database().execute(sql, []).unwrap(), 1);
    assert_eq!(clinic.rotate(&["census"]).code, 0, "a count that was not asked to check");
    let checked = clinic.rotate(&["census", "--check", "--rows"]);
    assert_eq!(checked.code, 4);
    assert_eq!(
        (&checked.one("finding")["class"], &checked.one("finding")["key"][0]),
        (&"plaintext".into(), &7.into())
    );
    clinic.request(&["rotate"], "r");
    let ran = clinic.by("ada", &["run", "r"]);
    assert_eq!(ran.code, 4, "{:?}", ran.events);
    let all = format!("{:?} {:?}", ran.events, checked.events);
    assert!(!all.contains("Canary"), "no value is told");
}

#[test]
fn nobody_acts_alone_or_twice_or_on_another_manifest() {
    let clinic = Clinic::new(40);
    let planned = clinic.by("ada", &["plan", "rotate", "--out", "r"]);
    assert_eq!((planned.code, planned.one("request")["approvals_needed"].as_u64()), (0, Some(1)));
    assert_eq!(
        clinic.by("ada", &["plan", "rotate", "--out", "r"]).code,
        1,
        "never over another file"
    );
    assert_eq!(clinic.by("ada", &["run", "r"]).code, 5);
    assert_eq!(clinic.by("ada", &["approve", "r", "--yes"]).code, 0);
    assert_eq!(
        clinic.by("ada", &["run", "r"]).code,
        5,
        "a second signature of the requester's is none"
    );
    assert_eq!(clinic.by("ada", &["run", "r", "--dangerous-single-custodian"]).code, 5);
    assert_eq!(clinic.by("ben", &["approve", "r", "--yes"]).code, 0);
    assert_eq!(clinic.by("ada", &["retire", "r"]).code, 2, "another command");

    let manifest = clinic.path("phiseal.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("max_age_days = 365", "max_age_days = 3650")).unwrap();
    assert_eq!(
        clinic.by("ada", &["run", "r"]).code,
        5,
        "it was approved for what the manifest said"
    );
    std::fs::write(&manifest, &text).unwrap();

    let copy = std::fs::read_to_string(clinic.path("r")).unwrap();
    std::fs::write(
        clinic.path("forged"),
        copy.replace("operation rotate\n", "operation rotate-compromised\n"),
    )
    .unwrap();
    assert_eq!(clinic.by("ada", &["run", "forged"]).code, 5);
    assert_eq!(clinic.by("ada", &["run", "r"]).code, 0, "the control");
    let again = clinic.by("ada", &["run", "r"]);
    assert_eq!(again.code, 0, "it is told as it was done");
    assert_eq!(clinic.rotate(&["status"]).all("version").count(), 2, "and not done again");
    let log = std::fs::read_to_string(clinic.path("custody.jsonl")).unwrap();
    assert!(
        log.matches("\"outcome\":\"denied\"").count() >= 4,
        "what was refused is on the log: {log}"
    );
}

#[test]
fn what_makes_no_sense_is_exit_code_2_and_what_is_not_there_1() {
    let clinic = Clinic::new(8);
    for arguments in
        [&["frobnicate"][..], &["plan", "rotate"], &["census", "--frob"], &["run"], &["resume"]]
    {
        assert_eq!(
            clinic.command(arguments).output().unwrap().status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
    assert_eq!(clinic.by("ada", &["resume"]).code, 2, "nothing was begun");
    assert_eq!(clinic.by("ada", &["run", "no-such-file"]).code, 1);
    assert_eq!(clinic.rotate(&["--manifest", "no-such-file", "status"]).code, 1);
    let help = clinic.command(&["--help"]).output().unwrap();
    assert!(help.status.success() && programs::text(&help.stdout).contains("plan rotate"));
}

/// For demonstrations: it works, and everything says so.
#[test]
fn one_custodian_alone_marks_everything() {
    let clinic = Clinic::alone(40);
    let told =
        clinic.rotate(&["custodian", "ada", "--key", "ada.json", "--passphrase-env", "PASSPHRASE"]);
    let ada = told.one("custodian")["key"].as_str().unwrap();
    assert_eq!(clinic.by("ada", &["plan", "rotate", "--out", "r"]).code, 0);
    assert_eq!(clinic.by("ada", &["run", "r"]).code, 5, "not without saying so");
    let ran = clinic.by("ada", &["run", "r", "--dangerous-single-custodian"]);
    assert_eq!(ran.code, 0, "{:?}", ran.events);
    let file = ran.one("certificate")["json"].as_str().unwrap().to_owned();
    let verified = clinic.rotate(&["verify", &file, "--signer", ada]);
    assert_eq!((verified.code, &verified.one("verified")["single_custodian"]), (0, &true.into()));
    assert_eq!(clinic.rotate(&["status"]).all("single-custodian").count(), 1);
    let html = std::fs::read_to_string(clinic.path(&file.replace(".json", ".html"))).unwrap();
    assert!(html.contains("ONE PERSON ACTED ALONE"), "{html}");
}

#[test]
fn a_certificate_that_was_changed_is_none() {
    let clinic = Clinic::new(8);
    clinic.request(&["rotate"], "r");
    let ran = clinic.by("ada", &["run", "r", "--certificate", "out"]);
    let file = ran.one("certificate")["json"].as_str().unwrap().to_owned();
    let verify = || clinic.rotate(&["verify", &file, "--signer", &clinic.ada]).code;
    assert_eq!(verify(), 0, "the control");
    let text = std::fs::read_to_string(clinic.path(&file)).unwrap();
    for (from, to) in [("\"rows\": 8", "\"rows\": 9"), ("ben", "bob"), ("\n", "\r\n")] {
        assert!(text.contains(from), "{from}");
        std::fs::write(clinic.path(&file), text.replacen(from, to, 1)).unwrap();
        assert_eq!(verify(), 4, "{to:?}");
    }
    std::fs::write(clinic.path(&file), &text).unwrap();
    let stranger = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    assert_eq!(clinic.rotate(&["verify", &file, "--signer", stranger]).code, 4);
}

/// Killed while it goes on, whenever: what is left is done by `resume`.
#[test]
fn a_run_that_is_killed_is_gone_on_with() {
    let clinic = Clinic::new(1_500);
    for (number, wait) in [150, 250, 300, 350, 420, 600].into_iter().enumerate() {
        let request = format!("r{number}");
        clinic.request(&["rotate"], &request);
        let mut run = clinic.command(&[
            "run",
            &request,
            "--batch",
            "20",
            "--key",
            "ada.json",
            "--passphrase-env",
            "PASSPHRASE",
        ]);
        let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The passphrase takes the first fifth of a second.
        std::thread::sleep(Duration::from_millis(wait));
        run.kill().unwrap();
        let killed = run.wait().unwrap().signal().is_some();
        let finished = if clinic.rotate(&["status"]).all("unfinished").count() == 1 {
            clinic.by("ada", &["resume"])
        } else {
            clinic.by("ada", &["run", &request])
        };
        assert_eq!(finished.code, 0, "killed: {killed}, {:?}", finished.events);
        assert_eq!(clinic.rotate(&["census", "--check"]).code, 0);
        let versions = clinic.rotate(&["status"]).all("version").count();
        assert_eq!(versions, number + 2, "one version a run");
    }
}

/// Keys in wrong hands: everybody gets new ones, and what was readable is reported.
#[test]
fn a_compromise_replaces_every_key_and_says_what_was_readable() {
    let clinic = Clinic::new(80);
    clinic.request(&["rotate"], "r1");
    assert_eq!(clinic.by("ada", &["run", "r1"]).code, 0);
    clinic.request(&["rotate", "--compromised"], "r2");
    let ran = clinic.by("ada", &["run", "r2"]);
    assert_eq!(ran.code, 0, "{:?}", ran.events);
    let visits = "SELECT count(*) FROM visits";
    let visits: i64 = clinic.database().query_row(visits, [], |row| row.get(0)).unwrap();
    let visits = u64::try_from(visits).unwrap();
    assert_eq!(ran.one("rotated")["values"], 160 + visits);
    let exposure = ran.one("exposure");
    assert_eq!(
        (&exposure["persons"], exposure["versions"].as_array().unwrap().len()),
        (&20.into(), 2)
    );
    let values: Vec<_> = exposure["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (it["column"].as_str().unwrap(), it["version"].as_u64(), it["values"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(values, [("ssn", Some(2), 80), ("name", Some(2), 80), ("note", None, visits)]);
    let status = clinic.rotate(&["status"]);
    let states: Vec<_> = status.all("version").map(|it| it["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["compromised", "compromised", "active"]);
    assert_eq!(clinic.rotate(&["census", "--check"]).code, 0);
}

/// An index that was just declared, tokens beside the rows, and a vault of its own.
#[test]
fn indexes_tokens_and_vaults_go_along() {
    let clinic = Clinic::new(60);
    let manifest = clinic.path("phiseal.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let visits = "[[source]]\nsqlite = \"data/clinic.db\"\ntable = \"visits\"";
    assert!(text.contains(visits));
    let more = format!("{INDEX_AND_TOKENS}\n{visits}");
    std::fs::write(&manifest, text.replace(visits, &more) + VAULT).unwrap();
    clinic.sql("ALTER TABLE patients ADD by_name BLOB; ALTER TABLE patients ADD mrn TEXT;");

    // What the application does: it fills no index yet.
    let application = Application::of(&clinic);
    for id in 1..=60 {
        let token = wait(application.records.token(format!("MRN-{id:06}"))).unwrap();
        clinic.sql(&format!("UPDATE patients SET mrn = '{token}' WHERE id = {id};"));
    }
    let person = application.domain.subject_or_create("mrn-5").unwrap();
    let of_a_person = wait(application.cards.tokenize_of(person.as_async(), "4111-5")).unwrap();
    let card = wait(application.cards.tokenize("4111-6")).unwrap();

    // Whoever forgets to name a vault, or a tenant of it, does not destroy what is in it.
    let whole = std::fs::read_to_string(&manifest).unwrap();
    for (right, wrong) in [
        ("name = \"card\"", "name = \"cards\""),
        ("name = \"card\"", "name = \"card\"\ntenant = \"x\""),
    ] {
        std::fs::write(&manifest, whole.replace(right, wrong)).unwrap();
        let refused = clinic.rotate(&["census"]);
        assert_eq!(refused.code, 1, "{:?}", refused.events);
    }
    std::fs::write(&manifest, &whole).unwrap();
    let counted = clinic.rotate(&["census", "--check"]);
    assert_eq!(counted.code, 0, "what is to be filled is no anomaly: {:?}", counted.events);
    clinic.request(&["rotate"], "r");
    let ran = clinic.by("ada", &["run", "r", "--batch", "20"]);
    assert_eq!(ran.code, 0, "{:?}", ran.events);
    let rotated = ran.one("rotated");
    // 60 of the index, 60 tokens, two entries of the vault; of its values one is under a person's key.
    assert_eq!((&rotated["entries"], &rotated["values"]), (&122.into(), &121.into()));
    assert_eq!(ran.one("certificate")["status"], "Finished");
    let drill = clinic.rotate(&["drill", "--share", "keys/share-1", "--share", "keys/share-3"]);
    assert_eq!(drill.code, 0, "{:?}", drill.events);

    let application = Application::of(&clinic);
    assert_eq!(application.named(&clinic, "BEN  ábel"), [1, 57], "as the application defines it");
    let token = wait(application.records.token("MRN-000007")).unwrap();
    let seventh: String = clinic
        .database()
        .query_row("SELECT mrn FROM patients WHERE id = 7", [], |row| row.get(0))
        .unwrap();
    assert_eq!(seventh, token.to_string(), "equal values have equal tokens again");
    assert_eq!(wait(application.cards.tokenize("4111-6")).unwrap(), card);
    let tables: BTreeSet<_> = clinic
        .rotate(&["census", "--check"])
        .all("count")
        .map(|it| it["table"].as_str().unwrap().to_owned())
        .collect();
    assert!(tables.contains("vault card") && tables.contains("vault card index"), "{tables:?}");

    clinic.request(&["shred", "--person", "mrn-5"], "s");
    let ran = clinic.by("ada", &["destroy", "s"]);
    assert_eq!((ran.code, &ran.one("shred")["forgotten"]), (0, &1.into()), "{:?}", ran.events);
    let application = Application::of(&clinic);
    let gone = wait(application.cards.reveal::<String>(&of_a_person)).unwrap_err();
    assert_eq!(gone.kind(), phiseal::ErrorKind::State);
    let kept = wait(application.cards.reveal::<String>(&card)).unwrap();
    assert_eq!(kept.expose_secret(), "4111-6");

    // Where not all can be erased the keys are gone, the certificate is there, and the program says so.
    let tokens = clinic.path("data/tokens.db");
    let of_another = application.domain.subject_or_create("mrn-9").unwrap();
    wait(application.cards.tokenize_of(of_another.as_async(), "4111-9")).unwrap();
    drop(application);
    clinic.request(&["shred", "--person", "mrn-9"], "t");
    let database = rusqlite::Connection::open(&tokens).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ran = clinic.by("ada", &["destroy", "t"]);
    assert_eq!((ran.code, ran.all("certificate").count()), (3, 1), "{:?}", ran.events);
    database.execute_batch("ROLLBACK").unwrap();
    clinic.request(&["shred", "--person", "mrn-9"], "u");
    let ran = clinic.by("ada", &["destroy", "u"]);
    assert_eq!((ran.code, &ran.one("shred")["forgotten"]), (0, &1.into()), "{:?}", ran.events);
}

const INDEX_AND_TOKENS: &str = r#"
[[source.index]]
column = "by_name"
domain = "clinic/patients"
name = "by name"
of = [{ column = "name", as = "text" }]

[[source.tokens]]
column = "mrn"
domain = "clinic/patients"
name = "record number"
"#;

const VAULT: &str = r#"
[[vault]]
store = "sqlite:data/tokens.db"
domain = "clinic/patients"
name = "card"
"#;

/// What uses the clinic's data.
struct Application {
    domain: Domain,
    names: Column<BlindIndex>,
    records: Column<Deterministic>,
    cards: Vault,
}

impl Application {
    fn of(clinic: &Clinic) -> Self {
        let store = SqliteStore::open(clinic.path("keys/keys.db")).unwrap();
        let kek = LocalKek::open(clinic.path("keys/kek.json"), default_engine()).unwrap();
        let domain = Phiseal::open(store, kek).unwrap().domain("clinic/patients").unwrap();
        let name = Part::new(Normaliser::Text, Cardinality::of(160_000));
        let names = Column::new(domain.as_async(), "by name", BlindIndex::new([name]).unwrap());
        let numbers = Deterministic::new(Cardinality::of(1_000_000)).unwrap();
        let records = Column::new(domain.as_async(), "record number", numbers);
        let cards = Vaulted::new(VaultedForm::number(16).unwrap(), &Cardinality::of(1_000_000));
        let store = Arc::new(SqliteStore::open(clinic.path("data/tokens.db")).unwrap());
        let cards = wait(Vault::open(store, domain.as_async(), "card", cards.unwrap())).unwrap();
        Self { domain, names, records, cards }
    }

    /// The ids of the patients of this name.
    fn named(&self, clinic: &Clinic, name: &str) -> Vec<i64> {
        let database = clinic.database();
        let terms = wait(self.names.terms(&[name])).unwrap();
        let of = |term: &IndexEntry| {
            let sql = "SELECT id FROM patients WHERE by_name = ?1 ORDER BY id";
            let mut statement = database.prepare(sql).unwrap();
            let ids = statement.query_map([term.as_bytes()], |row| row.get(0)).unwrap();
            ids.collect::<Result<Vec<i64>, _>>().unwrap()
        };
        terms.iter().flat_map(of).collect()
    }
}

/// A backup that was made before a person was shredded: she is back, and that is said.
#[test]
fn a_restored_backup_brings_nobody_back_unnoticed() {
    let clinic = Clinic::new(20);
    let keys =
        ["keys.db", "keys.db-wal", "keys.db-shm"].map(|file| clinic.path(&format!("keys/{file}")));
    let backup: Vec<_> = keys.iter().map(|file| std::fs::read(file).ok()).collect();
    clinic.request(&["shred", "--person", "mrn-5"], "r");
    let ran = clinic.by("ada", &["destroy", "r", "--certificate", "out"]);
    assert_eq!(ran.code, 0, "{:?}", ran.events);
    assert_eq!(clinic.rotate(&["status"]).code, 0, "the control");
    let html = clinic.path(ran.one("certificate")["html"].as_str().unwrap());
    assert!(
        std::fs::read_to_string(html).unwrap().contains("backup"),
        "it says what it is not final for"
    );

    for (file, bytes) in keys.iter().zip(backup) {
        match bytes {
            Some(bytes) => std::fs::write(file, bytes).unwrap(),
            None => drop(std::fs::remove_file(file)),
        }
    }
    let told = clinic.rotate(&["status"]);
    assert_eq!((told.code, &told.one("revived")["what"]), (4, &"person".into()));
    clinic.request(&["shred", "--person", "mrn-5"], "again");
    assert_eq!(clinic.by("ada", &["destroy", "again"]).code, 0);
    assert_eq!(clinic.rotate(&["status"]).code, 0);
}

/// Other custodians, by those before them: who is not among them any more counts for nothing.
#[test]
fn custodians_are_replaced_by_custodians() {
    let clinic = Clinic::new(8);
    let told = clinic.rotate(&[
        "custodian",
        "cleo",
        "--key",
        "cleo.json",
        "--passphrase-env",
        "PASSPHRASE",
    ]);
    let cleo = told.one("custodian")["key"].as_str().unwrap().to_owned();
    assert_eq!(
        clinic.rotate(&["roster", "--threshold", "1", &clinic.ada, &cleo]).code,
        5,
        "there are some already"
    );
    clinic.request(&["rotate"], "before");
    clinic.request(&["roster", "--threshold", "1", &clinic.ada, &cleo], "r");
    let ran = clinic.by("ada", &["run", "r"]);
    assert_eq!((ran.code, ran.one("roster")["number"].as_u64()), (0, Some(2)), "{:?}", ran.events);
    assert_eq!(clinic.by("ada", &["run", "before"]).code, 5, "approved by the roster before");
    assert_eq!(clinic.by("ada", &["plan", "rotate", "--out", "after"]).code, 0);
    assert_eq!(
        clinic.by("ben", &["approve", "after", "--yes"]).code,
        0,
        "anybody can sign anything"
    );
    assert_eq!(clinic.by("ada", &["run", "after"]).code, 5);
    assert_eq!(clinic.by("cleo", &["approve", "after", "--yes"]).code, 0);
    assert_eq!(clinic.by("ada", &["run", "after"]).code, 0);
}

/// A new KEK: first beside the old one, then alone. The data is not touched.
#[test]
fn another_kek_takes_over_without_a_value_being_touched() {
    let clinic = Clinic::new(8);
    LocalKek::create(clinic.path("keys/new.json"), default_engine()).unwrap();
    let values = || {
        let sql = "SELECT group_concat(hex(ssn) || name) FROM patients";
        clinic.database().query_row(sql, [], |row| row.get::<_, String>(0)).unwrap()
    };
    let (before, manifest) = (values(), clinic.path("phiseal.toml"));
    let text = std::fs::read_to_string(&manifest).unwrap();
    let with = |kek: &str| {
        std::fs::write(&manifest, text.replace("kek = \"local:keys/kek.json\"", kek)).unwrap();
    };
    with("kek = \"local:keys/new.json\"\nalso_unwrap = [\"local:keys/kek.json\"]");
    clinic.request(&["rewrap"], "r");
    with("kek = \"local:keys/new.json\"\nalso_wrap = [\"local:keys/kek.json\"]");
    assert_eq!(clinic.by("ada", &["run", "r"]).code, 5, "other KEKs than were approved");
    with("kek = \"local:keys/new.json\"\nalso_unwrap = [\"local:keys/kek.json\"]");
    let ran = clinic.by("ada", &["run", "r"]);
    assert_eq!(
        (ran.code, ran.one("rewrapped")["rewrapped"].as_u64()),
        (0, Some(1)),
        "{:?}",
        ran.events
    );
    std::fs::remove_file(clinic.path("keys/kek.json")).unwrap();
    with("kek = \"local:keys/new.json\"");
    assert_eq!(clinic.rotate(&["census", "--check"]).code, 0, "the old one is not needed any more");
    assert_eq!(values(), before);
}
