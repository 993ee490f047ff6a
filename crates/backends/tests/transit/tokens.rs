//! Tokens: wrong, ended, rewritten, renewed, and no more powerful than the documentation says.

use crate::contract::{application, custodian};
use crate::support::{connect, context, fresh_name, generate, kind, opens, server};
use core::time::Duration;
use phiseal_backends::transit::{Token, TransitKek};
use phiseal_format::KekVersion;
use phiseal_keys::{Error, ErrorKind, KekAdminBackend, KekBackend, KeyState};
use pollster::block_on;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;

const DENIED: Option<ErrorKind> = Some(ErrorKind::Denied);

#[test]
fn a_wrong_token_is_denied_and_nowhere_to_be_seen() {
    let Some(server) = server() else { return };
    let name = server.new_key();
    let backend = server.kek_of(&name, "s.canary-of-the-test");
    let error = block_on(backend.describe()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    let shown = format!(
        "{error:?} {error} {backend:?} {:?}",
        server.admin_of(&name, "s.canary-of-the-test")
    );
    assert!(shown.contains(&name) && !shown.contains("canary"), "{shown}");
}

#[test]
fn a_token_may_do_no_more_than_the_documented_policies_say() {
    let Some(server) = server() else { return };
    let name = server.new_key();
    let [application, custodian] =
        [application(&name), custodian(&name)].map(|policy| server.token(&policy, &json!({})));
    let sealed = generate(&connect(server.kek_of(&name, &application)), 1);
    block_on(server.admin_of(&name, &custodian).create_version()).unwrap();

    let not_custodian = server.admin_of(&name, &application);
    assert_eq!(kind(block_on(not_custodian.create_version())), DENIED);
    assert_eq!(
        kind(block_on(not_custodian.set_state(KekVersion(1), KeyState::Deactivated))),
        DENIED
    );
    let kek = connect(server.kek_of(&name, &custodian));
    assert_eq!(kind(opens(&kek, &sealed)), DENIED);
    assert_eq!(kind(block_on(kek.generate_key(&context(1)))), DENIED);

    let mut as_custodian = server.clone();
    as_custodian.token = custodian;
    for worse in ["exportable", "allow_plaintext_backup", "deletion_allowed"] {
        let path = format!("transit/keys/{name}/config");
        assert_eq!(as_custodian.ask("POST", &path, &json!({worse: true})).0, 403, "{worse}");
    }
    let mut as_application = server.clone();
    as_application.token = application;
    let unknown = format!("transit/encrypt/{}", fresh_name());
    assert_eq!(as_application.ask("POST", &unknown, &json!({"plaintext": "AAAA"})).0, 403);
}

/// Denied, and given back by a file that a sidecar rewrites: at the very next call.
#[test]
fn a_token_file_is_read_again_when_it_changes_and_when_it_is_denied() {
    let Some(server) = server() else { return };
    let name = server.new_key();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let builder = || TransitKek::builder(&server.address, &name).token_from_file(&path);
    assert_eq!(kind(builder().build()), DENIED, "there is no file");
    let policy = application(&name);
    let token = || server.token(&policy, &json!({}));
    let first = token();
    std::fs::write(&path, format!("{first}\n")).unwrap();
    let kek = connect(builder().build().unwrap());
    let sealed = generate(&kek, 1);

    server.done("POST", "auth/token/revoke", &json!({"token": first}));
    assert_eq!(kind(opens(&kek, &sealed)), DENIED);
    std::fs::write(&path, token()).unwrap();
    opens(&kek, &sealed).unwrap();
    std::fs::write(&path, "s.nonsense").unwrap();
    assert_eq!(kind(opens(&kek, &sealed)), DENIED);
    let beside = folder.path().join("beside");
    std::fs::write(&beside, token()).unwrap();
    std::fs::rename(&beside, &path).unwrap();
    opens(&kek, &sealed).unwrap();
}

/// A callback is asked again after a refusal, and the request made once more, only if the answer is another token.
#[test]
fn a_callback_gives_another_token_when_the_last_one_is_denied() {
    let Some(server) = server() else { return };
    let name = server.new_key();
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, good) = (Arc::clone(&asked), server.token.clone());
    let backend = TransitKek::builder(&server.address, &name).token_from(move || {
        match count.fetch_add(1, Ordering::SeqCst) {
            0 => Token::new("s.outworn".to_owned()),
            _ => Token::new(good.clone()),
        }
    });
    let kek = connect(backend.build().unwrap());
    opens(&kek, &generate(&kek, 1)).unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2);

    let failing = TransitKek::builder(&server.address, &name)
        .token_from(|| Err(Error::new(ErrorKind::Unavailable, "the sidecar is away")));
    let failing = failing.build().unwrap();
    assert_eq!(kind(block_on(failing.describe())), Some(ErrorKind::Unavailable));
}

#[test]
fn a_token_from_the_environment() {
    let Some(server) = server() else { return };
    let name = server.new_key();
    // The runner's own variable holds the token.
    let builder = || TransitKek::builder(&server.address, &name);
    connect(builder().token_from_env("PHISEAL_OPENBAO_TOKEN").build().unwrap());
    assert_eq!(kind(builder().token_from_env("PHISEAL_NO_SUCH_VARIABLE").build()), DENIED);
}

/// Without renewal the token would have ended long ago; and when the handle is gone nobody renews it.
#[test]
fn a_short_token_is_renewed_for_as_long_as_the_handle_lives() {
    let Some(server) = server() else { return };
    let name = server.new_key();
    let policy = application(&name);
    let token = |renewable: bool| {
        let policy_name = fresh_name();
        server.done("PUT", &format!("sys/policies/acl/{policy_name}"), &json!({"policy": policy}));
        let body =
            json!({"policies": [policy_name, "default"], "ttl": "4s", "renewable": renewable});
        let answer = server.done("POST", "auth/token/create", &body);
        answer["auth"]["client_token"].as_str().unwrap().to_owned()
    };
    let (renewed, not_renewable) = (token(true), token(false));
    let [kek, control] =
        [&renewed, &not_renewable].map(|token| connect(server.kek_of(&name, token)));
    let sealed = generate(&kek, 1);
    sleep(Duration::from_millis(6500));
    assert_eq!(kind(opens(&control, &sealed)), DENIED, "the control: it ended");
    opens(&kek, &sealed).unwrap();

    drop(kek);
    sleep(Duration::from_millis(4500));
    let body = json!({"token": renewed});
    let (status, _) = server.ask("POST", "auth/token/lookup", &body);
    assert_eq!(status, 403, "it ended, as nobody renews it");
}
