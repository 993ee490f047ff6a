//! Which transit keys are taken, and what comes of one that is changed under way. TYPO: no key is ever made.

use crate::support::{connect, context, engine, fresh_name, generate, kind, opens, server};
use phiseal_format::KekVersion;
use phiseal_keys::{DataKey, ErrorKind, KekBackend};
use pollster::block_on;
use serde_json::{Value, json};

#[test]
fn a_key_that_would_lose_a_promise_is_refused() {
    let Some(server) = server() else { return };
    for (more, expected) in [
        (json!({}), None),
        (json!({"derived": false}), Some(ErrorKind::Unsupported)),
        (json!({"convergent_encryption": true}), Some(ErrorKind::Unsupported)),
        (json!({"exportable": true}), Some(ErrorKind::Unsupported)),
        (json!({"allow_plaintext_backup": true}), Some(ErrorKind::Unsupported)),
        (json!({"type": "chacha20-poly1305"}), Some(ErrorKind::Unsupported)),
        (json!({"type": "aes128-gcm96"}), Some(ErrorKind::Unsupported)),
        (json!({"type": "rsa-2048", "derived": false}), Some(ErrorKind::Unsupported)),
        (json!({"type": "ed25519"}), Some(ErrorKind::Unsupported)),
    ] {
        let name = server.new_key_with(&more);
        assert_eq!(kind(block_on(server.kek(&name).describe())), expected, "{more}");
        assert_eq!(kind(block_on(server.kek(&name).generate_key(&context(1)))), expected, "{more}");
    }
}

/// Whoever configures a key can make it worse at any time; no wrap is made from then on.
#[test]
fn a_key_that_becomes_worse_makes_no_more_wraps() {
    let Some(server) = server() else { return };
    for worse in ["exportable", "allow_plaintext_backup", "deletion_allowed"] {
        let name = server.new_key();
        let kek = connect(server.kek(&name));
        let sealed = generate(&kek, 1);
        server.configure(&name, &json!({worse: true}));
        let unsupported = Some(ErrorKind::Unsupported);
        assert_eq!(kind(block_on(kek.generate_key(&context(1)))), unsupported, "{worse}");
        assert_eq!(kind(block_on(kek.wrap_key(&sealed.key, &context(1)))), unsupported, "{worse}");
        assert_eq!(
            kind(block_on(kek.rewrap_key(&sealed.wrapped, &context(1)))),
            unsupported,
            "{worse}"
        );
        assert_eq!(kind(block_on(kek.describe())), unsupported, "{worse}");
        opens(&kek, &sealed).unwrap();
    }
}

/// TYPO, with a token that may do everything.
#[test]
fn an_unknown_name_is_an_error_and_no_key_is_made() {
    let Some(server) = server() else { return };
    let before = server.done("LIST", "transit/keys", &Value::Null)["data"]["keys"].clone();
    let name = fresh_name();
    let backend = server.kek(&name);
    let key = DataKey::generate(engine()).unwrap();
    let not_found = Some(ErrorKind::NotFound);
    assert_eq!(kind(block_on(backend.describe())), not_found);
    assert_eq!(kind(block_on(backend.generate_key(&context(1)))), not_found);
    assert_eq!(kind(block_on(backend.wrap_key(&key, &context(1)))), not_found);
    assert_eq!(server.key(&name), None);
    assert!(before.as_array().is_none_or(|keys| keys.iter().all(|key| key != name.as_str())));

    // The control: this server makes a key when it is merely asked to encrypt.
    let body = json!({"plaintext": "AAAA"});
    server.done("POST", &format!("transit/encrypt/{name}"), &body);
    assert!(server.key(&name).is_some());
}

/// TYPO, when the key was there at first: every method of a handle that knows it.
#[test]
fn a_key_that_was_deleted_is_an_error_and_not_made_again() {
    let Some(server) = server() else { return };
    let name = server.new_key();
    let kek = connect(server.kek(&name));
    let sealed = generate(&kek, 1);
    server.delete(&name);
    let not_found = Some(ErrorKind::NotFound);
    assert_eq!(kind(block_on(kek.wrap_key(&sealed.key, &context(1)))), not_found);
    assert_eq!(kind(block_on(kek.generate_key(&context(1)))), not_found);
    assert_eq!(kind(opens(&kek, &sealed)), not_found);
    assert_eq!(kind(block_on(kek.rewrap_key(&sealed.wrapped, &context(1)))), not_found);
    assert_eq!(kind(block_on(kek.describe())), not_found);
    assert_eq!(server.key(&name), None);
}

/// Another key under the old name: no wrap is labelled as one of the key that was there before.
#[test]
fn a_key_that_was_made_again_is_another_key() {
    let Some(server) = server() else { return };
    let name = server.new_key();
    let kek = connect(server.kek(&name));
    let sealed = generate(&kek, 1);
    server.delete(&name);
    // Times of making are whole seconds.
    std::thread::sleep(core::time::Duration::from_millis(1100));
    server.done("POST", &format!("transit/keys/{name}"), &json!({"derived": true}));
    let tampered = Some(ErrorKind::Tampered);
    assert_eq!(kind(block_on(kek.describe())), tampered);
    assert_eq!(kind(block_on(kek.generate_key(&context(1)))), tampered);
    assert_eq!(kind(block_on(kek.wrap_key(&sealed.key, &context(1)))), tampered);
    assert_eq!(kind(opens(&kek, &sealed)), Some(ErrorKind::Unauthenticated));
    // Whoever comes afterwards has no way to know, and a key of its own.
    let later = connect(server.kek(&name));
    opens(&later, &generate(&later, 1)).unwrap();
    assert_eq!(kind(opens(&later, &sealed)), Some(ErrorKind::Unauthenticated));
}

/// The id is that of the mount and the name, and the same for as long as the key is there.
#[test]
fn the_id_names_the_mount_itself() {
    let Some(server) = server() else { return };
    let name = server.new_key();
    let id = connect(server.kek(&name)).info().id.clone();
    let answer = server.done("GET", "sys/mounts/transit", &Value::Null);
    let uuid = answer["data"]["uuid"].as_str().unwrap().to_owned();
    assert_eq!(id.as_str(), format!("transit:{uuid}/{name}"));
    server.done("POST", &format!("transit/keys/{name}/rotate"), &json!({}));
    server.configure(&name, &json!({"min_decryption_version": 2, "min_encryption_version": 2}));
    server.done("POST", &format!("transit/keys/{name}/trim"), &json!({"min_available_version": 2}));
    let later = connect(server.kek(&name));
    assert_eq!((later.info().id.clone(), later.info().current), (id, KekVersion(2)));

    let mount = fresh_name();
    let mut ids = Vec::new();
    for _ in 0..2 {
        server.done("POST", &format!("sys/mounts/{mount}"), &json!({"type": "transit"}));
        server.done("POST", &format!("{mount}/keys/{name}"), &json!({"derived": true}));
        let kek = connect(server.builder(&name).mount(&mount).build().unwrap());
        opens(&kek, &generate(&kek, 1)).unwrap();
        ids.push(kek.info().id.clone());
        server.done("DELETE", &format!("sys/mounts/{mount}"), &Value::Null);
    }
    assert_ne!(ids[0], ids[1], "one path, another engine");
    let gone = server.builder(&name).mount(&mount).build().unwrap();
    assert_eq!(
        kind(block_on(gone.describe())),
        Some(ErrorKind::Denied),
        "told as no more than that"
    );
    server.done("POST", &format!("sys/mounts/{mount}"), &json!({"type": "kv"}));
    assert_eq!(kind(block_on(gone.describe())), Some(ErrorKind::Unsupported), "no transit engine");
    server.done("DELETE", &format!("sys/mounts/{mount}"), &Value::Null);
}

#[test]
fn a_key_in_a_namespace_is_reached_only_there() {
    let Some(server) = server() else { return };
    let namespace = fresh_name();
    server.done("POST", &format!("sys/namespaces/{namespace}"), &json!({}));
    let mut inside = server.clone();
    inside.namespace = Some(namespace.clone());
    inside.done("POST", "sys/mounts/transit", &json!({"type": "transit"}));
    let name = inside.new_key();
    let kek = connect(inside.kek(&name));
    let sealed = generate(&kek, 1);
    opens(&kek, &sealed).unwrap();
    assert_eq!(kind(block_on(server.kek(&name).describe())), Some(ErrorKind::NotFound));
    let elsewhere = server.builder(&name).namespace(&fresh_name()).build().unwrap();
    assert_eq!(kind(block_on(elsewhere.describe())), Some(ErrorKind::NotFound));
    server.done("POST", &format!("transit/keys/{name}"), &json!({"derived": true}));
    let outside = connect(server.kek(&name));
    assert_ne!(outside.info().id, kek.info().id);
    assert_eq!(kind(opens(&outside, &sealed)), Some(ErrorKind::Foreign));
}

#[test]
fn a_soft_deleted_key_does_nothing_until_it_is_restored() {
    let Some(server) = server() else { return };
    let name = server.new_key();
    let kek = connect(server.kek(&name));
    let sealed = generate(&kek, 1);
    server.done("DELETE", &format!("transit/keys/{name}/soft-delete"), &Value::Null);
    let state = Some(ErrorKind::State);
    assert_eq!(kind(opens(&kek, &sealed)), state);
    assert_eq!(kind(block_on(kek.generate_key(&context(1)))), state);
    assert_eq!(kind(block_on(kek.wrap_key(&sealed.key, &context(1)))), state);
    assert_eq!(kind(block_on(kek.rewrap_key(&sealed.wrapped, &context(1)))), state);
    assert_eq!(kind(block_on(kek.describe())), state);
    server.done("POST", &format!("transit/keys/{name}/soft-delete-restore"), &json!({}));
    opens(&kek, &sealed).unwrap();
}

/// A hundred contexts, or one: no wrap opens in the place of another.
#[test]
fn wraps_and_contexts_do_not_mix() {
    let Some(server) = server() else { return };
    let name = server.new_key();
    let kek = connect(server.kek(&name));
    let all: Vec<_> = (1..=12).map(|version| generate(&kek, version)).collect();
    let (mut opened, mut refused) = (0, 0);
    for (at, place) in all.iter().enumerate() {
        for (from, moved) in all.iter().enumerate() {
            let result = block_on(kek.unwrap_key(&moved.wrapped, &place.context, &place.id));
            if at == from {
                result.unwrap();
                opened += 1;
            } else {
                assert_eq!(kind(result), Some(ErrorKind::Unauthenticated));
                refused += 1;
            }
        }
    }
    assert_eq!((opened, refused), (12, 132));
}
