//! LOG: what identifies a person or is a key is in nothing that is printed, logged or said in an error.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

use phiseal_tests::canaries::{CANARIES, Role, canaries, forms, seen};
use std::collections::BTreeSet;
use std::process::Command;

const CHILD: &str = env!("CARGO_BIN_EXE_phiseal-tests-child");

/// All that a process wrote which lived a whole life of keys and data.
fn output(arguments: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let key = canaries().into_iter().find(|(role, _)| *role == Role::Key).unwrap().1;
    let mut command = Command::new(CHILD);
    command.args(arguments).current_dir(folder.path());
    command.env("PHISEAL_TESTS_KEK", hex::encode(&key));
    command.env("PHISEAL_TESTS_NOT_A_KEK", hex::encode(&key[..20]));
    let output = command.output().unwrap();
    let all = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&all[all.len().saturating_sub(4000)..])
    );
    all
}

/// The words of the last line that begins with `first`.
fn line(output: &[u8], first: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let line = text.lines().rev().find(|line| line.starts_with(first)).unwrap();
    line.split(' ').skip(1).map(str::to_owned).collect()
}

#[test]
fn no_canary_is_in_any_output() {
    assert_eq!(canaries().len(), CANARIES);
    assert_eq!(canaries().iter().map(|(_, bytes)| bytes).collect::<BTreeSet<_>>().len(), CANARIES);
    for engine in phiseal::engines() {
        let output = output(&["life", engine.name()]);
        assert_eq!(seen(&output), 0, "{}", engine.name());

        // The control: there was much to see.
        let printed: usize = line(&output, "printed")[0].parse().unwrap();
        assert!(printed > 2_000, "{printed} values were printed");
        let kinds: BTreeSet<_> = line(&output, "kinds").into_iter().collect();
        let expected = [
            "Conflict",
            "Denied",
            "Exhausted",
            "Faulty",
            "Foreign",
            "Invalid",
            "Malformed",
            "NotFound",
            "Random",
            "Stale",
            "State",
            "Tampered",
            "Throttled",
            "Unauthenticated",
            "Unavailable",
            "Unsupported",
        ];
        assert_eq!(
            kinds.iter().map(String::as_str).collect::<Vec<_>>(),
            expected,
            "all kinds but `Memory`"
        );
        let text = String::from_utf8_lossy(&output);
        for name in [
            "Phi",
            "Secret",
            "DataKey",
            "Passphrase",
            "Sealed(",
            "Context[",
            "FieldCipher",
            "KeyStore",
            "TRACE",
        ] {
            assert!(text.contains(name), "{name} was printed");
        }
    }
}

#[test]
fn no_canary_is_in_any_output_control() {
    let output = output(&["life", phiseal::default_engine().name(), "and-leak"]);
    assert_eq!(seen(&output), 4, "three on standard output, one in the log");
}

/// Every form of every canary is noticed on its own.
#[test]
fn every_form_of_every_canary_is_noticed() {
    let mut checked = 0;
    for (_, canary) in canaries().iter().step_by(7) {
        for form in forms(canary) {
            let output = [b"before ", &form[..], b" after"].concat();
            assert_eq!(seen(&output), 1, "{}", String::from_utf8_lossy(&form));
            checked += 1;
        }
    }
    assert!(checked > 10 * CANARIES / 7, "{checked} forms");
    let canary = &canaries()[3].1;
    assert_eq!(seen(&canary[..canary.len() - 1]), 0, "all but the last byte");
    for before in 0..3 {
        use std::fmt::Write as _;
        let bytes = [&vec![b'x'; before][..], canary, b"yy"].concat();
        let mut text = String::new();
        // An independent base64: six bits at a time, by shifting.
        for three in bytes.chunks(3) {
            let mut padded = [0; 3];
            padded[..three.len()].copy_from_slice(three);
            let all = u32::from_be_bytes([0, padded[0], padded[1], padded[2]]);
            for shift in [18, 12, 6, 0] {
                let six = u8::try_from(all >> shift & 63).unwrap();
                let character = match six {
                    0..=25 => b'A' + six,
                    26..=51 => b'a' + six - 26,
                    52..=61 => b'0' + six - 52,
                    62 => b'+',
                    _ => b'/',
                };
                write!(text, "{}", char::from(character)).unwrap();
            }
        }
        assert_eq!(seen(text.as_bytes()), 1, "base64 after {before} bytes");
    }
}
