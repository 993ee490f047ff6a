//! OUT and PERM: a server that does not answer, and one that says no.

use crate::{KEY_TIME, LEASE, SECOND, Setting, kind, open, seal};
use phiseal::{Builder, ErrorKind};
use phiseal_keys::RecordKind;
use phiseal_tests::world::{DOMAIN, what};
use serde_json::json;
use std::time::Duration;

/// Half an hour passes without an answer, and then the rest of the key's time.
#[test]
fn an_outage_ends_nothing_before_the_key_s_time() {
    let Some(setting) = Setting::new() else { return };
    let domain = setting.process().domain(DOMAIN).unwrap();
    let sealed = domain.seal("plain", &what()).unwrap();
    let (made, stored) =
        (setting.proxy.asked("datakey"), setting.store.row(RecordKind::Keyset, DOMAIN.as_bytes()));
    setting.proxy.set_down(true);
    for minute in 0..30 {
        assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "minute {minute}");
        setting.clock.advance(SECOND * 60);
    }
    setting.clock.advance(KEY_TIME - SECOND * 1801);
    assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "the last second");
    setting.clock.advance(SECOND * 2);
    let unavailable = Some(ErrorKind::Unavailable);
    for _ in 0..10 {
        assert_eq!((open(&domain, &sealed), seal(&domain)), (unavailable, unavailable));
        setting.clock.advance(SECOND * 60);
    }
    assert_eq!(setting.proxy.asked("datakey"), made, "no key was made");
    assert!(setting.store.row(RecordKind::Keyset, DOMAIN.as_bytes()) == stored);
    setting.proxy.set_down(false);
    setting.clock.advance(SECOND * 10);
    assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "it is back");
}

/// What is done to the key or the token, and what a caller is told.
type Withdrawal = (&'static str, fn(&Setting), ErrorKind);

const WITHDRAWALS: [Withdrawal; 4] = [
    (
        "soft-deleted",
        |it| {
            drop(it.server.done(
                "DELETE",
                &format!("transit/keys/{}/soft-delete", it.name),
                &json!({}),
            ))
        },
        ErrorKind::State,
    ),
    (
        "retired",
        |it| {
            let path = format!("transit/keys/{}", it.name);
            let _ = it.server.done("POST", &format!("{path}/rotate"), &json!({}));
            let _ = it.server.done(
                "POST",
                &format!("{path}/config"),
                &json!({"min_decryption_version": 2}),
            );
        },
        ErrorKind::State,
    ),
    (
        "deleted",
        |it| {
            let path = format!("transit/keys/{}", it.name);
            let _ = it.server.done(
                "POST",
                &format!("{path}/config"),
                &json!({"deletion_allowed": true}),
            );
            let _ = it.server.done("DELETE", &path, &json!({}));
        },
        ErrorKind::NotFound,
    ),
    (
        "its token revoked",
        |it| drop(it.server.done("POST", "auth/token/revoke", &json!({"token": it.token}))),
        ErrorKind::Denied,
    ),
];

#[test]
fn a_withdrawn_key_ends_at_the_next_refresh() {
    for (how, withdraw, told) in WITHDRAWALS {
        let Some(setting) = Setting::new() else { return };
        // A generous window, into which nothing of this may fall.
        let builder = Builder::new().clock(setting.clock.clone());
        let process = setting.open(builder.options(|options| options.outage_window = KEY_TIME));
        let domain = process.unwrap().domain(DOMAIN).unwrap();
        let cipher = domain.ready().unwrap();
        let sealed = domain.seal("plain", &what()).unwrap();
        withdraw(&setting);
        assert_eq!(open(&domain, &sealed), None, "{how}: the control: it is at hand");
        setting.clock.advance(KEY_TIME * 7 / 8);
        assert_eq!(open(&domain, &sealed), Some(told), "{how}");
        assert_eq!(seal(&domain), Some(told), "{how}");
        assert_eq!(kind(cipher.open::<String>(&sealed, &what())), Some(ErrorKind::Stale), "{how}");
        setting.clock.advance(LEASE);
        assert_eq!(open(&domain, &sealed), Some(told), "{how}: later");
        let again = setting.open(Builder::new().clock(setting.clock.clone()));
        assert!(kind(again).is_some_and(|kind| !kind.is_retryable()), "{how}: a new process");
    }
}

/// One failure drops nothing: the key is at hand until its time is over, and asked for again.
#[test]
fn a_withdrawn_key_control() {
    let Some(setting) = Setting::new() else { return };
    let domain = setting.process().domain(DOMAIN).unwrap();
    let sealed = domain.seal("plain", &what()).unwrap();
    setting.proxy.fail_every(1);
    setting.clock.advance(KEY_TIME * 7 / 8);
    assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None));
    setting.proxy.fail_every(0);
    setting.clock.advance(Duration::from_secs(30));
    assert_eq!(open(&domain, &sealed), None);
    setting.clock.advance(KEY_TIME * 3 / 4);
    assert_eq!(open(&domain, &sealed), None, "it was asked for again");
}
