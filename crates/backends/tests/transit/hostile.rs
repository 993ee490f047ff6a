//! A server that answers what it must not, and what is asked of one that does not.

use crate::fake::{Fake, KEY, Reply, Seen, TOKEN, WRAP, honest, key};
use crate::support::{connect, context, engine, generate, kind, opens};
use core::time::Duration;
use phiseal_backends::transit::{Token, TransitAdmin};
use phiseal_format::{KekVersion, WrapAlgorithm, WrappedKey};
use phiseal_keys::{DataKey, Error, ErrorKind, KekAdminBackend, KekBackend};
use pollster::block_on;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Instant;

const OPERATIONS: [&str; 4] = ["datakey", "encrypt", "decrypt", "rewrap"];

/// What comes of the operation `of` when it is answered so, and everything else honestly.
fn outcome(of: &'static str, reply: Reply) -> Result<(), Error> {
    outcome_within(of, reply, Duration::from_secs(10))
}

fn outcome_within(of: &'static str, reply: Reply, patience: Duration) -> Result<(), Error> {
    let asked = format!("/transit/{of}/");
    let fake = Fake::start(move |seen| seen.line.contains(&asked).then(|| reply.clone()));
    let kek = connect(fake.builder().timeout(patience).build().unwrap());
    let context = context(1);
    let wrap = wrap(kek.info().id.clone(), 1, WRAP);
    let key = DataKey::from_backend(&[7; 32]).unwrap();
    let backend = fake.builder().timeout(patience).build().unwrap();
    match of {
        "datakey" => block_on(backend.generate_key(&context)).map(drop),
        "encrypt" => block_on(backend.wrap_key(&key, &context)).map(drop),
        "decrypt" => block_on(backend.unwrap_key(&wrap, &context)).map(drop),
        _ => block_on(backend.rewrap_key(&wrap, &context)).map(drop),
    }
}

fn wrap(id: phiseal_format::KekId, version: u32, text: &str) -> WrappedKey {
    let bytes = text.as_bytes().to_vec();
    WrappedKey::new(WrapAlgorithm::Service, id, KekVersion(version), bytes).unwrap()
}

/// The honest answer with one thing in it changed.
fn with(of: &str, change: &Value) -> Reply {
    let path = if of == "datakey" { "datakey/plaintext" } else { of };
    let seen = Seen {
        line: format!("POST /v1/transit/{path}/phi"),
        head: String::new(),
        body: String::new(),
    };
    let Reply::Json(_, mut answer) = honest(&seen) else { unreachable!() };
    answer["data"].as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    Reply::Json(200, answer)
}

#[test]
fn an_honest_answer_control() {
    for of in OPERATIONS {
        outcome(of, with(of, &json!({}))).unwrap();
        // More than is asked for is no harm.
        outcome(of, with(of, &json!({"batch_results": null, "more": [1]}))).unwrap();
    }
}

#[test]
fn a_plaintext_that_is_no_key_is_refused() {
    use base64ct::{Base64, Encoding};
    let mut refused = 0;
    for of in ["datakey", "decrypt"] {
        let lengths = [0, 1, 16, 31, 33, 64, 96, 97, 1000];
        let mut plaintexts: Vec<_> =
            lengths.map(|length| Base64::encode_string(&vec![7; length])).to_vec();
        plaintexts.push(Base64::encode_string(&[0; 32]));
        plaintexts.extend([
            "!".repeat(44),
            KEY.replace('=', ""),
            format!(" {KEY}"),
            format!("{KEY}="),
        ]);
        for plaintext in plaintexts {
            let answer = outcome(of, with(of, &json!({"plaintext": plaintext})));
            assert_eq!(kind(answer), Some(ErrorKind::Faulty), "{of}: {plaintext}");
            refused += 1;
        }
        for missing in [json!(null), json!(7), json!([KEY])] {
            let answer = outcome(of, with(of, &json!({"plaintext": missing})));
            assert_eq!(kind(answer), Some(ErrorKind::Faulty), "{of}: {missing}");
            refused += 1;
        }
    }
    assert_eq!(refused, 34);
}

#[test]
fn a_ciphertext_that_is_no_wrap_of_this_key_is_refused() {
    let mut refused = 0;
    for of in ["datakey", "encrypt", "rewrap"] {
        for ciphertext in [
            json!(WRAP.replace("v1", "v2")),
            json!(WRAP.replace("v1", "v0")),
            json!(WRAP.replace("v1", "v01")),
            json!(WRAP.replace("vault", "bolt")),
            json!(WRAP.replace("vault:v1:", "")),
            json!(WRAP[..WRAP.len() - 4]),
            json!(format!("{WRAP}AAAA")),
            json!(format!("{WRAP}\n")),
            json!(WRAP.replace('+', "-")),
            json!(""),
            json!(null),
            json!({}),
        ] {
            let answer =
                outcome(of, with(of, &json!({"ciphertext": ciphertext, "key_version": null})));
            assert_eq!(kind(answer), Some(ErrorKind::Faulty), "{of}: {ciphertext}");
            refused += 1;
        }
        let answer = outcome(of, with(of, &json!({"key_version": 2})));
        assert_eq!(
            kind(answer),
            Some(ErrorKind::Faulty),
            "{of}: says another version than it writes"
        );
    }
    assert_eq!(refused, 36);
}

#[test]
fn an_answer_that_is_none_is_refused() {
    let honest = |of| {
        let Reply::Json(_, answer) = with(of, &json!({})) else { unreachable!() };
        answer.to_string()
    };
    for of in OPERATIONS {
        let whole = honest(of);
        let huge = format!("{{\"data\":{{\"filler\":\"{}\"}}}}", "a".repeat(10 << 20));
        let endless = b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
        let with_errors = whole.replacen('{', "{\"errors\":[\"but no\"],", 1);
        let cut_short =
            format!("HTTP/1.1 200 x\r\nContent-Length: {}\r\n\r\n{whole}", whole.len() + 1);
        for (what, reply, expected) in [
            (
                "half of the JSON",
                Reply::body(200, &whole.as_bytes()[..whole.len() / 2]),
                ErrorKind::Faulty,
            ),
            ("nothing", Reply::body(200, b""), ErrorKind::Faulty),
            (
                "204",
                Reply::Bytes(b"HTTP/1.1 204 x\r\nConnection: close\r\n\r\n".to_vec()),
                ErrorKind::Faulty,
            ),
            ("a list", Reply::body(200, b"[]"), ErrorKind::Faulty),
            ("no data", Reply::body(200, b"{}"), ErrorKind::Faulty),
            ("a page", Reply::body(200, b"<html></html>"), ErrorKind::Faulty),
            ("bytes", Reply::body(200, &[0xff; 100]), ErrorKind::Faulty),
            ("deep nesting", Reply::body(200, "[".repeat(60_000).as_bytes()), ErrorKind::Faulty),
            ("success and errors", Reply::body(200, with_errors.as_bytes()), ErrorKind::Faulty),
            ("10 MiB", Reply::body(200, huge.as_bytes()), ErrorKind::Faulty),
            ("10 MiB of a refusal", Reply::body(400, huge.as_bytes()), ErrorKind::Faulty),
            ("10 MiB of an outage", Reply::body(503, huge.as_bytes()), ErrorKind::Unavailable),
            (
                "a server that cannot read its own storage",
                Reply::Json(500, json!({"errors": ["cipher: message authentication failed"]})),
                ErrorKind::Unavailable,
            ),
            (
                "chunks without end",
                Reply::Bytes([endless, chunk.repeat(160)].concat()),
                ErrorKind::Faulty,
            ),
            ("another status", Reply::body(201, whole.as_bytes()), ErrorKind::Faulty),
            (
                "fewer bytes than it said",
                Reply::Bytes(cut_short.into_bytes()),
                ErrorKind::Unavailable,
            ),
            ("no HTTP", Reply::Bytes(b"SSH-2.0-x\r\n".to_vec()), ErrorKind::Unavailable),
            ("a hang-up", Reply::Bytes(Vec::new()), ErrorKind::Unavailable),
            (
                "503",
                Reply::Json(503, json!({"errors": ["Vault is sealed"]})),
                ErrorKind::Unavailable,
            ),
            (
                "429",
                Reply::Json(429, json!({"errors": ["request rejected"]})),
                ErrorKind::Throttled,
            ),
        ] {
            assert_eq!(kind(outcome(of, reply)), Some(expected), "{of}: {what}");
        }
    }
}

#[test]
fn no_change_of_an_answer_gives_another_key() {
    let honest = json!({"data": {"plaintext": KEY}}).to_string().into_bytes();
    let told = Arc::new(Mutex::new(honest.clone()));
    let telling = Arc::clone(&told);
    let fake = Fake::start(move |seen| {
        let decrypts = seen.line.contains("/transit/decrypt/");
        decrypts.then(|| Reply::body(200, &telling.lock().unwrap()))
    });
    let kek = connect(fake.builder().build().unwrap());
    let sealed = generate(&kek, 1);
    let mut refused = 0;
    for change in changes(&honest) {
        *told.lock().unwrap() = change;
        match kind(opens(&kek, &sealed)) {
            None => {}
            Some(ErrorKind::Faulty | ErrorKind::Unauthenticated) => refused += 1,
            Some(other) => panic!("{other:?}: {}", String::from_utf8_lossy(&told.lock().unwrap())),
        }
    }
    // What is left out may be a space, and what is changed may be one that nobody looks at.
    assert!(refused > honest.len() * 10, "{refused}");
    *told.lock().unwrap() = honest;
    opens(&kek, &sealed).unwrap();
}

/// `bytes` with each bit changed, each byte left out or there twice, and cut short after each.
fn changes(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..bytes.len()).flat_map(move |at| {
        let bits = (0..8).map(move |bit| {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1 << bit;
            changed
        });
        let without = [&bytes[..at], &bytes[at + 1..]].concat();
        let twice = [&bytes[..=at], &bytes[at..]].concat();
        bits.chain([without, twice, bytes[..at].to_vec()])
    })
}

#[test]
fn bytes_that_drip_are_given_up_in_time() {
    let patience = Duration::from_millis(300);
    for of in ["decrypt", "encrypt"] {
        let Reply::Json(_, answer) = with(of, &json!({})) else { unreachable!() };
        let answer = answer.to_string();
        let text = format!("HTTP/1.1 200 x\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
        let start = Instant::now();
        let slow = Reply::Drip(text.clone().into_bytes(), Duration::from_millis(100));
        assert_eq!(kind(outcome_within(of, slow, patience)), Some(ErrorKind::Unavailable));
        assert!(start.elapsed() < Duration::from_secs(10));
        let quick = Reply::Drip(text.into_bytes(), Duration::ZERO);
        outcome_within(of, quick, Duration::from_secs(10)).unwrap();
    }
}

/// The token goes to the server that was named, and to no other one.
#[test]
fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Fake::start(|_| None);
        let target = elsewhere.address.clone();
        let fake = Fake::start(move |seen| {
            let path = seen.line.split(' ').nth(1).unwrap();
            // The token is looked at on a connection of its own: nothing may be asked on one that has ended.
            let head = format!(
                "HTTP/1.1 {status} x\r\nLocation: {target}{path}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            );
            Some(Reply::Bytes(head.into_bytes()))
        });
        assert_eq!(kind(block_on(fake.kek().describe())), Some(ErrorKind::Unavailable));
        assert_eq!((fake.seen().len(), elsewhere.seen().len()), (1, 0));
        assert!(
            block_on(elsewhere.kek().describe()).is_ok(),
            "the control: it would have answered"
        );
    }
}

#[test]
fn a_description_that_makes_no_sense_is_refused() {
    for (change, expected) in [
        (json!({}), None),
        (json!({"name": "phj"}), Some(ErrorKind::Faulty)),
        (json!({"exportable": null}), Some(ErrorKind::Faulty)),
        (json!({"latest_version": 0, "keys": {}}), Some(ErrorKind::Faulty)),
        (json!({"latest_version": -1}), Some(ErrorKind::Faulty)),
        (json!({"latest_version": 2}), Some(ErrorKind::Faulty)),
        (json!({"keys": {"2": 1}}), Some(ErrorKind::Faulty)),
        (json!({"keys": {"1": "yesterday"}}), Some(ErrorKind::Faulty)),
        (json!({"derived": false}), Some(ErrorKind::Unsupported)),
    ] {
        let answer = change.clone();
        let fake = Fake::start(move |seen| {
            seen.line.contains("/keys/").then(|| {
                let mut key = key();
                key.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
                Reply::ok(&key)
            })
        });
        assert_eq!(kind(block_on(fake.kek().describe())), expected, "{change}");
    }
    for (change, expected) in [
        (
            json!({"type": "kv", "uuid": "67536a91-3103-1790-8a79-c75a4a8c99b8"}),
            ErrorKind::Unsupported,
        ),
        (json!({"type": "transit", "uuid": ""}), ErrorKind::Faulty),
        (
            json!({"type": "transit", "uuid": "../../../../../../../../../../../../"}),
            ErrorKind::Faulty,
        ),
        (json!({"type": "transit"}), ErrorKind::Faulty),
    ] {
        let answer = change.clone();
        let fake =
            Fake::start(move |seen| seen.line.contains("/mounts/").then(|| Reply::ok(&answer)));
        assert_eq!(kind(block_on(fake.kek().describe())), Some(expected), "{change}");
    }
}

/// What is asked, word by word: the context and no more, the token in its header and nowhere else.
#[test]
fn what_is_sent_is_what_the_documentation_says() {
    use base64ct::{Base64, Encoding};
    let fake = Fake::start(|_| None);
    let backend = fake.kek();
    let context = context(7);
    let id = block_on(backend.describe()).unwrap().id;
    let key = DataKey::generate(engine()).unwrap();
    block_on(backend.generate_key(&context)).unwrap();
    block_on(backend.wrap_key(&key, &context)).unwrap();
    block_on(backend.unwrap_key(&wrap(id.clone(), 1, WRAP), &context)).unwrap();
    block_on(backend.rewrap_key(&wrap(id, 1, WRAP), &context)).unwrap();
    let seen = fake.seen();
    let bound = Base64::encode_string(context.as_bytes());
    let plaintext = Base64::encode_string(key.expose_secret());
    let look = ("GET /v1/transit/keys/phi", Value::Null);
    let expected = [
        ("GET /v1/sys/internal/ui/mounts/transit", Value::Null),
        look.clone(),
        ("POST /v1/transit/datakey/plaintext/phi", json!({"context": bound, "bits": 256})),
        look.clone(),
        (
            "POST /v1/transit/encrypt/phi",
            json!({"context": bound, "plaintext": plaintext, "type": "phiseal-makes-no-key"}),
        ),
        look.clone(),
        ("POST /v1/transit/decrypt/phi", json!({"context": bound, "ciphertext": WRAP})),
        ("POST /v1/transit/rewrap/phi", json!({"context": bound, "ciphertext": WRAP})),
        look,
    ];
    assert_eq!(seen.len(), expected.len());
    for (seen, (line, body)) in seen.iter().zip(&expected) {
        assert_eq!(seen.line, *line);
        let said = serde_json::from_str(&seen.body).unwrap_or(Value::Null);
        assert_eq!(said, *body, "{line}");
        assert!(seen.head.contains(&format!("x-vault-token: {TOKEN}\r\n")));
        assert!(seen.head.contains("x-vault-request: true\r\n"));
        assert!(!seen.body.contains(TOKEN) && !seen.line.contains(TOKEN));
    }
}

/// What is refused by its label or its text is not sent.
#[test]
fn a_wrap_that_cannot_be_this_key_s_calls_nobody() {
    let fake = Fake::start(|_| None);
    let backend = fake.kek();
    let id = block_on(backend.describe()).unwrap().id;
    let asked = fake.seen().len();
    let context = context(1);
    let other = phiseal_format::KekId::try_from("transit:other/phi").unwrap();
    let relabelled =
        WrappedKey::new(WrapAlgorithm::AesGcm, id.clone(), KekVersion(1), WRAP.into()).unwrap();
    for (wrapped, expected) in [
        (wrap(other, 1, WRAP), ErrorKind::Foreign),
        (wrap(id.clone(), 2, WRAP), ErrorKind::Malformed),
        (wrap(id.clone(), 0, WRAP), ErrorKind::Malformed),
        (wrap(id.clone(), 1, &WRAP.replace("v1", "v01")), ErrorKind::Malformed),
        (wrap(id.clone(), 1, "vault:v1:AAAA"), ErrorKind::Malformed),
        (relabelled, ErrorKind::Malformed),
    ] {
        assert_eq!(kind(block_on(backend.unwrap_key(&wrapped, &context))), Some(expected));
        assert_eq!(kind(block_on(backend.rewrap_key(&wrapped, &context))), Some(expected));
    }
    assert_eq!(fake.seen().len(), asked);
    block_on(backend.unwrap_key(&wrap(id, 1, WRAP), &context)).unwrap();
    assert_eq!(fake.seen().len(), asked + 1, "the control");
}

/// No retry: one request for each call, however it fails; the layers retry.
#[test]
fn a_failure_is_one_request() {
    for status in [400, 403, 404, 429, 500, 502, 503] {
        let fake = Fake::start(move |_| Some(Reply::Json(status, json!({"errors": ["x"]}))));
        assert!(block_on(fake.kek().describe()).is_err());
        assert_eq!(fake.seen().len(), 1, "{status}");
    }
}

#[test]
fn a_custodian_s_server_that_did_not_do_it_is_noticed() {
    let fake = Fake::start(|seen| seen.line.starts_with("POST").then(|| Reply::ok(&key())));
    let admin = TransitAdmin::builder(&fake.address, "phi")
        .token_from(|| Token::new(TOKEN.to_owned()))
        .build()
        .unwrap();
    assert_eq!(kind(block_on(admin.create_version())), Some(ErrorKind::Faulty), "no new version");
    let deactivated = admin.set_state(KekVersion(1), phiseal_keys::KeyState::Deactivated);
    assert_eq!(kind(block_on(deactivated)), Some(ErrorKind::Faulty));
    let silent = Fake::start(|seen| {
        seen.line
            .starts_with("POST")
            .then(|| Reply::Bytes(b"HTTP/1.1 204 x\r\nConnection: close\r\n\r\n".to_vec()))
    });
    let admin = TransitAdmin::builder(&silent.address, "phi")
        .token_from(|| Token::new(TOKEN.to_owned()))
        .build()
        .unwrap();
    assert_eq!(kind(block_on(admin.create_version())), Some(ErrorKind::Faulty), "no new version");
}
