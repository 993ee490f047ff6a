//! A KEK on a token, which is named by a URI.

use super::{World, doctor, findings, given, objects, text};
use phiseal::backends::pkcs11::{Pin, Pkcs11Token};
use phiseal::blocking::Phiseal;
use phiseal::default_engine;
use phiseal::stores::SqliteStore;
use std::fs;
use std::process::Command;

/// In a process that SoftHSM finds a token of its own in.
#[test]
fn a_kek_on_a_token() {
    const AGAIN: &str = "DOCTOR_TOKEN_PIN";
    let Some(module) = given("PHISEAL_SOFTHSM_MODULE") else { return };
    if std::env::var_os(AGAIN).is_some() {
        let world = World::new();
        let builder = Pkcs11Token::builder(&module).label("doctor's own");
        let token = builder.pin(Pin::from_env(AGAIN)).open(default_engine()).unwrap();
        let kek = token.create_kek("phi kek").unwrap();
        let store = world.path("keys/token.db");
        let phi = Phiseal::open(SqliteStore::open(&store).unwrap(), kek).unwrap();
        phi.domain("clinic/patients").unwrap();
        let uri = |object: &str| {
            format!(
                "pkcs11:token=doctor%27s%20own;object={object}?module-path={module}&pin-source=env:{AGAIN}"
            )
        };
        let at = |uri: &str| doctor(&["--json", "--store", store.to_str().unwrap(), "--kek", uri]);
        let output = at(&uri("phi%20kek"));
        assert_eq!(findings(&objects(&output)[0]), Vec::<String>::new());
        assert!(objects(&output)[0]["keks"][0]["trial_microseconds"].is_u64());
        let missing = at(&uri("other"));
        assert_eq!(missing.status.code(), Some(2));
        assert!(text(&missing.stderr).contains("--kek: the token has no key of this name"));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (conf, tokens) = (folder.path().join("softhsm2.conf"), folder.path().join("tokens"));
    fs::create_dir(&tokens).unwrap();
    fs::write(&conf, format!("directories.tokendir = {}\n", tokens.display())).unwrap();
    let mut make = Command::new("softhsm2-util");
    make.args(["--init-token", "--free", "--label", "doctor's own", "--so-pin", "12345678"]);
    let made = make.args(["--pin", "271828"]).env("SOFTHSM2_CONF", &conf).output().unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "token::a_kek_on_a_token", "--test-threads=1"]);
    let output = again.env("SOFTHSM2_CONF", &conf).env(AGAIN, "271828").output().unwrap();
    let said = text(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
