//! LOG: no PIN and no key is in what a program with a token prints, logs or says in an error.

use crate::{BOTH, CHILD, Setting, arguments, session};
use cryptoki::types::AuthPin;
use phiseal::Store;
use phiseal::blocking::Phiseal;
use phiseal::stores::SqliteStore;
use phiseal_tests::canaries::forms;
use phiseal_tests::world::DOMAIN;
use pollster::block_on;
use std::process::Command;

const PIN: &str = "Canary/PIN 7714-98765";
const WRONG: &str = "Wrong canary 31415-92";

/// How many forms of `secret` are in `output`.
fn seen(output: &[u8], secret: &[u8]) -> usize {
    let holds = |form: &Vec<u8>| output.windows(form.len()).any(|window| window == form);
    forms(secret).iter().filter(|form| holds(form)).count()
}

#[test]
fn no_pin_and_no_key_is_in_any_output() {
    for soft in BOTH {
        let Some(setting) = Setting::alone(soft) else { return };
        let given = AuthPin::from(std::env::var(soft.pin_variable()).unwrap());
        session(soft).set_pin(&given, &PIN.into()).unwrap();
        for leak in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let mut act = vec!["tell", "PHISEAL_TESTS_WRONG_PIN"];
            act.extend(leak.then_some("and-leak"));
            let mut arguments = arguments(&setting, &act);
            arguments[4] = "PHISEAL_TESTS_PIN".to_owned();
            let mut command = Command::new(CHILD);
            command.args(&arguments).current_dir(folder.path());
            command.env("PHISEAL_TESTS_PIN", PIN).env("PHISEAL_TESTS_WRONG_PIN", WRONG);
            command.env("RUST_BACKTRACE", "0");
            let output = command.output().unwrap();
            let output = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&output);
            assert!(text.ends_with("told\n") || text.contains("\ntold\n"), "{soft:?}: {text}");

            assert_eq!(seen(&output, PIN.as_bytes()) > 0, leak, "{soft:?}: {text}");
            assert_eq!(seen(&output, WRONG.as_bytes()), 0, "{soft:?}: {text}");
            let store = SqliteStore::open(folder.path().join("keys.db")).unwrap();
            assert!(block_on(store.read(phiseal::RecordKind::StoreKey, b"store key")).is_ok());
            let kek = setting.kek.inner().clone();
            let phiseal = Phiseal::open_with(setting.builder().existing(), store, kek).unwrap();
            let keyset = block_on(phiseal.key_store().keyset(DOMAIN)).unwrap();
            assert_eq!(keyset.versions().len(), 2);
            for version in keyset.versions() {
                let key = block_on(phiseal.key_store().unwrap(&keyset, version)).unwrap();
                assert_eq!(seen(&output, key.expose_secret()), 0, "{soft:?}: a key");
            }
            // The control: there was much to see.
            for part in
                ["C_Login answered PinIncorrect", "TRACE", "Pkcs11Kek", "Pin(from the", "DataKey"]
            {
                assert!(text.contains(part), "{soft:?}: {part} was printed: {text}");
            }
        }
        session(soft).set_pin(&PIN.into(), &given).unwrap();
    }
}
