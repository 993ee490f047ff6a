//! Three thresholds as states of versions.

use crate::own::{Own, Storage};
use crate::support::{connect, generate, kind, opens, server};
use phiseal_format::KekVersion;
use phiseal_keys::{ErrorKind, KekAdminBackend, KeyState};
use pollster::block_on;
use serde_json::json;

const ALL: [KeyState; 6] = KeyState::ALL;

#[test]
fn versions_are_retired_and_destroyed_from_the_oldest_on() {
    let Some(server) = server() else { return };
    let name = server.new_key();
    let (kek, admin) = (connect(server.kek(&name)), server.admin(&name));
    let set = |version, state| kind(block_on(admin.set_state(KekVersion(version), state)));
    let destroy = |version| kind(block_on(admin.destroy(KekVersion(version))));
    let mut made = vec![generate(&kek, 1)];
    for version in 2..=4 {
        assert_eq!(block_on(admin.create_version()).unwrap(), KekVersion(version));
        made.push(generate(&kek, 1));
    }

    let state = Some(ErrorKind::State);
    assert_eq!(set(2, KeyState::Deactivated), state, "1 comes first");
    assert_eq!(destroy(1), state, "1 is active");
    assert_eq!(set(1, KeyState::Compromised), None);
    assert_eq!(set(2, KeyState::Deactivated), None);
    assert_eq!(destroy(2), state, "1 comes first");
    made.iter().for_each(|sealed| opens(&kek, sealed).unwrap());
    assert_eq!(destroy(1), None);
    assert_eq!(destroy(1), None, "once more changes nothing");
    assert_eq!(kind(opens(&kek, &made[0])), state);
    made[1..].iter().for_each(|sealed| opens(&kek, sealed).unwrap());

    let key = server.key(&name).unwrap();
    let thresholds = ["min_available_version", "min_decryption_version", "min_encryption_version"];
    assert_eq!(thresholds.map(|threshold| key[threshold].as_u64().unwrap()), [2, 2, 3]);
    assert_eq!(key["latest_version"], 4);
}

/// What a version in each state may become: by the server's means, a part of what the states allow.
#[test]
fn transitions() {
    let Some(server) = server() else { return };
    let name = server.new_key();
    let admin = server.admin(&name);
    for _ in 0..4 {
        block_on(admin.create_version()).unwrap();
    }
    for version in [1, 2, 3] {
        block_on(admin.set_state(KekVersion(version), KeyState::Deactivated)).unwrap();
    }
    // 1 is destroyed, 2 retired by hand, 3 deactivated, 4 and 5 active.
    block_on(admin.destroy(KekVersion(1))).unwrap();
    server.configure(&name, &json!({"min_decryption_version": 3}));
    let before = server.key(&name);
    use ErrorKind::{State, Unsupported};
    // In the order of the states: pre-active, active, suspended, deactivated, compromised, destroyed.
    for (version, expected) in [
        (1, [Some(State), Some(State), Some(Unsupported), Some(State), Some(State), Some(State)]),
        (2, [Some(State), Some(State), Some(Unsupported), Some(State), Some(State), Some(State)]),
        (3, [Some(State), Some(State), Some(Unsupported), None, None, Some(State)]),
        (5, [Some(State), None, Some(Unsupported), Some(State), Some(State), Some(State)]),
    ] {
        let answers = ALL.map(|state| kind(block_on(admin.set_state(KekVersion(version), state))));
        assert_eq!(answers, expected, "version {version}");
    }
    assert_eq!(server.key(&name), before, "nothing of this changed anything");
    // What was retired by hand, or by a destruction that was cut off, can be destroyed.
    assert_eq!(kind(block_on(admin.destroy(KekVersion(2)))), None);
    assert_eq!(server.key(&name).unwrap()["min_available_version"], 3);
}

#[test]
fn to_deactivate_the_latest_version_makes_a_newer_one() {
    let Some(server) = server() else { return };
    let name = server.new_key();
    let (kek, admin) = (connect(server.kek(&name)), server.admin(&name));
    let old = generate(&kek, 1);
    block_on(admin.set_state(KekVersion(1), KeyState::Compromised)).unwrap();
    assert_eq!(generate(&kek, 1).wrapped.kek_version(), KekVersion(2));
    opens(&kek, &old).unwrap();
    let rewrapped = block_on(kek.rewrap_key(&old.wrapped, &old.context)).unwrap();
    assert_eq!(rewrapped.kek_version(), KekVersion(2));
    block_on(admin.destroy(KekVersion(1))).unwrap();
    assert_eq!(kind(opens(&kek, &old)), Some(ErrorKind::State));
    assert_eq!(kind(block_on(kek.rewrap_key(&old.wrapped, &old.context))), Some(ErrorKind::State));
    block_on(kek.unwrap_key(&rewrapped, &old.context, &old.id)).unwrap();
}

/// `min_decryption_version`, set by an operator's hand and taken back.
#[test]
fn a_version_that_was_retired_by_hand_opens_nothing() {
    let Some(server) = server() else { return };
    let name = server.new_key();
    let kek = connect(server.kek(&name));
    let old = generate(&kek, 1);
    server.done("POST", &format!("transit/keys/{name}/rotate"), &json!({}));
    server.configure(&name, &json!({"min_decryption_version": 2}));
    assert_eq!(kind(opens(&kek, &old)), Some(ErrorKind::State));
    opens(&kek, &generate(&kek, 1)).unwrap();
    server.configure(&name, &json!({"min_decryption_version": 1}));
    opens(&kek, &old).unwrap();
    // So it is out of use without ever having been deactivated here, and that is enough for it to be destroyed.
    server.configure(&name, &json!({"min_decryption_version": 2}));
    block_on(server.admin(&name).destroy(KekVersion(1))).unwrap();
    assert_eq!(server.key(&name).unwrap()["min_available_version"], 2);
    assert_eq!(kind(opens(&kek, &old)), Some(ErrorKind::State));
    opens(&kek, &generate(&kek, 1)).unwrap();
}

/// The server refuses some of those that rotate a key at once, and forgets their versions when it is started anew, unless
/// somebody goes on.
#[test]
fn custodians_at_the_same_time_make_versions_that_last() {
    let Some(mut own) = Own::start(Storage::Disk) else { return };
    let operator = &own.operator;
    let name = operator.new_key();
    let mut made: Vec<_> = std::thread::scope(|scope| {
        let custodian = || {
            let admin = operator.admin(&name);
            (0..3).map(|_| block_on(admin.create_version()).unwrap().0).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(custodian)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    made.sort_unstable();
    made.dedup();
    assert_eq!(made.len(), 18, "no version was made twice: {made:?}");
    let kek = connect(operator.kek(&name));
    let sealed = generate(&kek, 1);
    assert!(sealed.wrapped.kek_version().0 >= 19);
    own.kill();
    own.run();
    own.unseal();
    opens(&kek, &sealed).unwrap();
    opens(&kek, &generate(&kek, 1)).unwrap();
}

#[test]
fn the_administration_of_a_key_that_is_not_there_or_not_as_it_must_be() {
    let Some(server) = server() else { return };
    let admin = server.admin(&crate::support::fresh_name());
    assert_eq!(kind(block_on(admin.create_version())), Some(ErrorKind::NotFound));
    let admin = server.admin(&server.new_key_with(&json!({"exportable": true})));
    assert_eq!(kind(block_on(admin.create_version())), Some(ErrorKind::Unsupported));
    let name = server.new_key();
    server.done("DELETE", &format!("transit/keys/{name}/soft-delete"), &serde_json::Value::Null);
    let admin = server.admin(&name);
    assert_eq!(kind(block_on(admin.create_version())), Some(ErrorKind::State));
    assert_eq!(kind(block_on(admin.destroy(KekVersion(1)))), Some(ErrorKind::State));
}
