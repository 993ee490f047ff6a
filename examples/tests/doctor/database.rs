//! A key store in PostgreSQL.

use super::{doctor, findings, given, objects, text};
use phiseal::backends::local::LocalKek;
use phiseal::blocking::Phiseal;
use phiseal::default_engine;
use std::process::Command;

/// A database of this test's own, dropped with it.
struct Database {
    server: String,
    programs: String,
    name: String,
}

impl Database {
    fn new() -> Option<Self> {
        let (server, programs) = (given("PHISEAL_POSTGRES")?, given("PHISEAL_POSTGRES_BIN")?);
        let database = Self { server, programs, name: format!("doctor_{}", std::process::id()) };
        database.sql("CREATE");
        Some(database)
    }

    fn sql(&self, act: &str) {
        let mut psql = Command::new(format!("{}/psql", self.programs));
        psql.args(["-X", "-q", "-c", &format!("{act} DATABASE {}", self.name), &self.server]);
        assert!(psql.status().unwrap().success(), "{act}");
    }

    fn address(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap();
        format!("{server}/{}", self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.sql("DROP");
    }
}

#[test]
fn a_store_in_a_database() {
    let Some(database) = Database::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kek.json");
    let kek = format!("local:{}", file.display());
    let address = database.address();
    let arguments = ["--json", "--store", &address, "--kek", &kek];
    let made = LocalKek::create(&file, default_engine()).unwrap();
    let empty = doctor(&arguments);
    assert!(text(&empty.stderr).contains("the key store is empty"), "{}", text(&empty.stderr));
    {
        let store = phiseal::address::store(&address, folder.path()).unwrap();
        let phi = Phiseal::open(store, made).unwrap();
        phi.domain("clinic/patients").unwrap();
    }
    let output = doctor(&arguments);
    let looks = objects(&output);
    assert_eq!(findings(&looks[0]), Vec::<String>::new(), "{}", text(&output.stderr));
    assert_eq!(looks[0]["domains"][0]["name"], "clinic/patients");
    assert_eq!(looks[0]["places"].as_array().unwrap().len(), 0);
    let data = doctor(&[&arguments[..], &["--data", file.to_str().unwrap()]].concat());
    assert_eq!(data.status.code(), Some(2));
    assert!(text(&data.stderr).contains("--data is for a key store in a file"));
}
