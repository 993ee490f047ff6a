//! WRONGKEY: a server that answers with another key gets nothing sealed and nothing stored.

use crate::{KEY_TIME, SECOND, Setting, kind, open, seal};
use phiseal::{Builder, ErrorKind};
use phiseal_tests::world::{DOMAIN, what};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Base64 of so many bytes of 7.
fn sevens(length: usize) -> String {
    let whole = "BwcH".repeat(length / 3);
    whole + ["", "Bw==", "Bwc="][length % 3]
}

#[test]
fn a_wrong_answer_to_an_unwrap_is_refused_and_nothing_is_sealed() {
    let mut wrong: Vec<_> =
        [0, 16, 31, 33, 64].map(|length| (sevens(length), ErrorKind::Faulty)).to_vec();
    wrong.push(("A".repeat(43) + "=", ErrorKind::Faulty));
    wrong.push((sevens(32), ErrorKind::Unauthenticated));
    for (plaintext, told) in wrong {
        let Some(setting) = Setting::new() else { return };
        let warm = setting.process();
        let domain = warm.domain(DOMAIN).unwrap();
        let sealed = domain.seal("plain", &what()).unwrap();
        let rows = setting.store.rows();
        let answer = plaintext.clone();
        setting.proxy.change(move |path, mut body| {
            if path.contains("/decrypt/") {
                body["data"]["plaintext"] = json!(answer);
            }
            body
        });
        let cold = setting.open(Builder::new().clock(setting.clock.clone()));
        assert_eq!(kind(cold), Some(told), "{plaintext}: the store's own key");
        setting.clock.advance(KEY_TIME);
        assert_eq!(
            (open(&domain, &sealed), seal(&domain)),
            (Some(told), Some(told)),
            "{plaintext}"
        );
        assert!(setting.store.rows() == rows, "{plaintext}: something was stored");
        setting.proxy.be_honest();
        setting.clock.advance(SECOND * 10);
        assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "the control");
    }
}

#[test]
fn a_wrong_new_key_is_refused_and_nothing_is_stored() {
    let Some(setting) = Setting::new() else { return };
    let process = setting.process();
    let domain = process.domain(DOMAIN).unwrap();
    let rows = setting.store.rows();
    for of in ["plaintext", "ciphertext"] {
        let changed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&changed);
        setting.proxy.change(move |path, mut body| {
            if path.contains("/datakey/") {
                count.fetch_add(1, Ordering::SeqCst);
                let right = body["data"][of].as_str().unwrap().to_owned();
                let last = if right.ends_with('A') { "B" } else { "A" };
                body["data"][of] = match of {
                    "plaintext" => json!(sevens(32)),
                    _ => json!(format!("{}{last}", &right[..right.len() - 1])),
                };
            }
            body
        });
        assert!(process.domain("another").is_err(), "{of}: a domain");
        assert!(domain.rotate().is_err(), "{of}: a version");
        assert_eq!(changed.load(Ordering::SeqCst), 2, "{of}: the control");
        assert!(setting.store.rows() == rows, "{of}: something was stored that does not open");
    }
    setting.proxy.be_honest();
    assert!(process.domain("another").is_ok() && domain.rotate().is_ok(), "the control");
}
