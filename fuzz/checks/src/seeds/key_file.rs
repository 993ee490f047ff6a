//! Key files, with and without a passphrase, and what makes them another file.

use phiseal::KeyState;
use phiseal::backends::local::Cost;

use super::Inputs;
use crate::key_document::KeyDocument;

const ID: [u8; 16] = [0x5f; 16];
const SALT: [u8; 16] = [0x2c; 16];

pub(super) fn files() -> Inputs {
    let plain_document = KeyDocument {
        id: ID,
        revision: 7,
        passphrase: None,
        versions: vec![(1, KeyState::Active, Some([0x71; 32]))],
    };
    let states = KeyState::ALL.into_iter().zip(1..).map(|(state, number)| {
        (number, state, (state != KeyState::Destroyed).then_some([0x72; 32]))
    });
    let every_state = KeyDocument { versions: states.collect(), ..plain_document.clone() };
    let destroyed =
        KeyDocument { versions: vec![(1, KeyState::Destroyed, None)], ..plain_document.clone() };
    let under = |memory_kib, lanes, of: &KeyDocument| KeyDocument {
        passphrase: Some((Cost { memory_kib, passes: 1, lanes }, SALT)),
        ..of.clone()
    };
    let protected = under(8, 1, &plain_document);

    let (plain, every_state) = (plain_document.text(), every_state.text());
    let passphrase = protected.text();
    let with = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from));
        text.replacen(from, to, 1).into_bytes()
    };
    vec![
        ("valid-plain", plain.clone().into_bytes()),
        ("valid-every-state", every_state.clone().into_bytes()),
        (
            "valid-last-revision",
            KeyDocument { revision: u64::MAX, ..plain_document.clone() }.text().into_bytes(),
        ),
        ("valid-destroyed", destroyed.text().into_bytes()),
        ("valid-passphrase", passphrase.clone().into_bytes()),
        (
            "valid-passphrase-two-lanes",
            under(
                16,
                2,
                &KeyDocument { versions: protected.versions.clone(), ..protected.clone() },
            )
            .text()
            .into_bytes(),
        ),
        ("valid-passphrase-for-nothing", under(8, 1, &destroyed).text().into_bytes()),
        ("refused-empty", Vec::new()),
        ("refused-cut", plain.as_bytes()[..plain.len() / 2].to_vec()),
        ("refused-another-format", with(&plain, "phiseal local kek", "phiseal other kek")),
        ("refused-newer", with(&plain, "\"version\": 1,", "\"version\": 2,")),
        ("refused-unknown-member", with(&plain, "\"id\"", "\"more\": 1, \"id\"")),
        ("refused-member-twice", with(&plain, "\"mac\"", "\"version\": 1, \"mac\"")),
        ("refused-escape", with(&plain, "\"active\"", "\"\\u0061ctive\"")),
        ("refused-plain-id", with(&plain, "5f5f", "5f5e")),
        ("refused-plain-revision", with(&plain, "\"revision\": 7", "\"revision\": 8")),
        ("refused-plain-no-revision", with(&plain, "\"revision\": 7,", "")),
        ("refused-plain-mac", with(&plain, "7171", "7170")),
        ("refused-plain-odd-hex", with(&plain, "7171", "717")),
        ("refused-plain-state", with(&plain, "active", "suspended")),
        ("refused-plain-wrapped", with(&plain, "\"key\"", "\"wrapped\"")),
        ("refused-order", with(&every_state, "\"version\": 3", "\"version\": 2")),
        ("refused-key-of-destroyed", with(&every_state, "pre-active", "destroyed")),
        ("refused-passphrase-state", with(&passphrase, "active", "compromised")),
        ("refused-passphrase-wrap", with(&passphrase, "4242", "4243")),
        ("refused-passphrase-kdf", with(&passphrase, "argon2id", "scrypt")),
        ("refused-passphrase-salt", with(&passphrase, "2c2c", "2c2d")),
        ("refused-memory", with(&passphrase, "\"memory_kib\": 8", "\"memory_kib\": 4294967295")),
        ("refused-memory-over", with(&passphrase, "\"memory_kib\": 8", "\"memory_kib\": 1048577")),
        ("refused-no-memory", with(&passphrase, "\"memory_kib\": 8", "\"memory_kib\": 7")),
        ("refused-passes", with(&passphrase, "\"passes\": 1", "\"passes\": 17")),
        ("refused-lanes", with(&passphrase, "\"lanes\": 1", "\"lanes\": 17")),
        (
            "refused-default-cost",
            with(
                &passphrase,
                "\"memory_kib\": 8, \"passes\": 1",
                "\"memory_kib\": 65536, \"passes\": 3",
            ),
        ),
    ]
}
