//! What a service could answer that means harm, or is broken.

use crate::fake::{Call, Fake, Reply, arn, base64};
use crate::support::{connect, context, engine, faked, generated, kind, kinds};
use phiseal_keys::{DataKey, Error, ErrorKind, GeneratedKey, KekBackend};
use pollster::block_on;
use serde_json::{Value, json};
use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const FAULTY: Option<ErrorKind> = Some(ErrorKind::Faulty);
const UNAUTHENTICATED: Option<ErrorKind> = Some(ErrorKind::Unauthenticated);

/// An honest answer with one member changed, or left out.
fn changed(fake: &Fake, call: &Call, member: &str, value: Option<Value>) -> Reply {
    let truth = fake.truth(call);
    let mut answer: Value = serde_json::from_slice(&truth.body).unwrap();
    let members = answer.as_object_mut().unwrap();
    match value {
        Some(value) => drop(members.insert(member.to_owned(), value)),
        None => drop(members.remove(member)),
    }
    Reply::new(200, answer.to_string())
}

/// From now on, every answer has this member changed.
fn change(fake: &Fake, member: &'static str, value: Option<Value>) {
    let honest = fake.clone();
    fake.lie(move |call| {
        let has_it = match (member, &*call.operation) {
            ("KeyId", operation) => operation != "DescribeKey",
            ("KeyMetadata", operation) => operation == "DescribeKey",
            ("SourceKeyId", operation) => operation == "ReEncrypt",
            ("Plaintext", operation) => matches!(operation, "GenerateDataKey" | "Decrypt"),
            (_, operation) => !matches!(operation, "DescribeKey" | "Decrypt"),
        };
        has_it.then(|| changed(&honest, call, member, value.clone()))
    });
}

fn started() -> (Fake, std::sync::Arc<phiseal_backends::aws_kms::AwsKmsKek>, GeneratedKey) {
    let fake = Fake::start();
    let backend = faked(&fake);
    let (made, _) = generated(&connect(&backend), &context(1));
    assert_eq!(kinds(&backend, &made), [None; 5], "the control");
    (fake, backend, made)
}

#[test]
fn an_answer_of_another_key_or_of_none_is_refused() {
    let (fake, backend, made) = started();
    change(&fake, "KeyId", Some(json!(arn(1))));
    assert_eq!(kinds(&backend, &made), [None, FAULTY, FAULTY, UNAUTHENTICATED, FAULTY]);
    // A bare id does not say which account and region.
    change(&fake, "KeyId", Some(json!(arn(0).rsplit('/').next())));
    assert_eq!(kinds(&backend, &made), [None, FAULTY, FAULTY, UNAUTHENTICATED, FAULTY]);
    change(&fake, "KeyId", None);
    assert_eq!(kinds(&backend, &made), [None, FAULTY, FAULTY, FAULTY, FAULTY]);

    change(&fake, "SourceKeyId", Some(json!(arn(1))));
    assert_eq!(kinds(&backend, &made), [None, None, None, None, UNAUTHENTICATED]);
    change(&fake, "SourceKeyId", None);
    assert_eq!(kinds(&backend, &made), [None, None, None, None, FAULTY]);

    change(&fake, "KeyMetadata", None);
    assert_eq!(kinds(&backend, &made), [FAULTY, None, None, None, None]);
    let other = json!({ "Arn": arn(1), "KeyId": "1", "Enabled": true, "KeyState": "Enabled",
        "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT" });
    change(&fake, "KeyMetadata", Some(other));
    assert_eq!(kinds(&backend, &made), [FAULTY, None, None, None, None]);
    fake.tell_the_truth();
    assert_eq!(kinds(&backend, &made), [None; 5]);
}

#[test]
fn a_key_that_is_none_is_refused() {
    let (fake, backend, made) = started();
    let lengths = [0, 16, 31, 33, 64];
    let plaintexts = lengths.map(|length| vec![7; length]).into_iter().chain([vec![0; 32]]);
    for plaintext in plaintexts {
        change(&fake, "Plaintext", Some(json!(base64(&plaintext))));
        let expected = [None, FAULTY, None, FAULTY, None];
        assert_eq!(kinds(&backend, &made), expected, "{} bytes", plaintext.len());
    }
    for value in [None, Some(json!("")), Some(json!("!!!!")), Some(json!("AAA")), Some(json!(7))] {
        change(&fake, "Plaintext", value.clone());
        assert_eq!(kinds(&backend, &made), [None, FAULTY, None, FAULTY, None], "{value:?}");
    }
}

/// WRONGKEY: a key of the right length that is another one is noticed by its id.
#[test]
fn another_key_is_refused_by_its_id() {
    let fake = Fake::start();
    let kek = connect(&faked(&fake));
    let (first, id) = generated(&kek, &context(1));
    let (second, second_id) = generated(&kek, &context(1));
    for key in [second.key.expose_secret(), &[7; 32]] {
        change(&fake, "Plaintext", Some(json!(base64(key))));
        let refused = block_on(kek.unwrap_key(&first.wrapped, &context(1), &id));
        assert_eq!(kind(refused), UNAUTHENTICATED);
    }
    change(&fake, "Plaintext", Some(json!(base64(second.key.expose_secret()))));
    block_on(kek.unwrap_key(&second.wrapped, &context(1), &second_id)).unwrap();
}

#[test]
fn no_change_of_an_answer_gives_another_key() {
    let fake = Fake::start();
    let kek = connect(&faked(&fake));
    let (made, id) = generated(&kek, &context(1));
    let honest = fake.clone();
    let (at, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (place, past) = (Arc::clone(&at), Arc::clone(&ended));
    fake.lie(move |call| {
        let change = change_of(&honest.truth(call).body, place.load(Ordering::SeqCst));
        past.store(change.is_none(), Ordering::SeqCst);
        change.map(|body| Reply::new(200, body))
    });
    let (mut opened, mut refused) = (0, 0);
    while !ended.load(Ordering::SeqCst) {
        match block_on(kek.unwrap_key(&made.wrapped, &context(1), &id)) {
            Ok(key) => {
                assert_eq!(key.expose_secret(), made.key.expose_secret());
                opened += 1;
            }
            Err(error) => {
                assert!(matches!(Some(error.kind()), FAULTY | UNAUTHENTICATED), "{error}");
                refused += 1;
            }
        }
        at.fetch_add(1, Ordering::SeqCst);
    }
    // The last one is the truth.
    assert!(opened >= 1 && refused > 1000, "{opened} opened, {refused} refused");
}

/// The change number `at` of these bytes: of each byte, each of its bits changed, left out, there twice, nothing after it.
fn change_of(bytes: &[u8], at: usize) -> Option<Vec<u8>> {
    let (place, what) = (at / 11, at % 11);
    let mut changed = bytes.to_vec();
    match what {
        bit @ 0..8 => *changed.get_mut(place)? ^= 1 << bit,
        8 => drop((place < bytes.len()).then(|| changed.remove(place))?),
        9 => changed.insert(place, *bytes.get(place)?),
        _ => changed.truncate((place < bytes.len()).then_some(place)?),
    }
    Some(changed)
}

#[test]
fn a_wrap_that_is_none_or_too_long_is_refused() {
    let (fake, backend, made) = started();
    let blob = |length| Some(json!(base64(&vec![7; length])));
    for (value, expected) in [
        (blob(1), None),
        (blob(6144), None),
        (blob(6145), FAULTY),
        (blob(1 << 20), FAULTY),
        (blob(0), FAULTY),
        (None, FAULTY),
        (Some(json!("!!!!")), FAULTY),
    ] {
        change(&fake, "CiphertextBlob", value);
        assert_eq!(kinds(&backend, &made), [None, expected, expected, None, expected]);
    }
}

#[test]
fn an_answer_that_cannot_be_read_is_an_error_of_its_kind() {
    let (fake, backend, made) = started();
    let truncated = |call: &Call, honest: &Fake| {
        let truth = honest.truth(call).body;
        Reply::new(200, &truth[..truth.len() / 2])
    };
    let honest = fake.clone();
    fake.lie(move |call| Some(truncated(call, &honest)));
    assert_eq!(kinds(&backend, &made), [FAULTY; 5], "half an answer");

    for body in ["", "{}", "[]", "null", "<html>", "{\"KeyId\":", "\u{0}\u{1}\u{2}"] {
        fake.lie(move |_| Some(Reply::new(200, body)));
        assert_eq!(kinds(&backend, &made), [FAULTY; 5], "{body:?}");
    }
    let error = json!({ "__type": "AccessDeniedException", "message": "no" }).to_string();
    fake.lie(move |_| Some(Reply::new(200, error.clone())));
    assert_eq!(kinds(&backend, &made), [FAULTY; 5], "an error that calls itself a success");

    // Nested deeper than any parser should go by recursion.
    let deep = format!("{}1{}", "[".repeat(30_000), "]".repeat(30_000));
    fake.lie(move |_| Some(Reply::new(200, deep.clone())));
    assert_eq!(kinds(&backend, &made), [FAULTY; 5], "deep");

    // The truth, and white space after it, which is read up to a bound.
    for (spaces, expected) in [(1000, None), (8 << 20, FAULTY)] {
        let honest = fake.clone();
        fake.lie(move |call| {
            let truth = honest.truth(call).body;
            Some(Reply::new(200, [truth, vec![b' '; spaces]].concat()))
        });
        assert_eq!(kinds(&backend, &made), [expected; 5], "{spaces} spaces");
    }
    // An error that is as long is not read to its end either.
    let spaces = vec![b' '; 8 << 20];
    fake.lie(move |_| Some(Reply::new(400, spaces.clone())));
    assert_eq!(kinds(&backend, &made), [FAULTY; 5], "8 MiB of an error");
    let page = vec![b' '; 1 << 20];
    fake.lie(move |_| Some(Reply::new(503, page.clone())));
    assert_eq!(kinds(&backend, &made), [Some(ErrorKind::Unavailable); 5], "an outage at length");

    let honest = fake.clone();
    fake.lie(move |call| {
        let truth = honest.truth(call);
        Some(Reply { length: truth.length + 100, ..truth })
    });
    assert_eq!(kinds(&backend, &made), [Some(ErrorKind::Unavailable); 5], "cut off");
    fake.tell_the_truth();
    assert_eq!(kinds(&backend, &made), [None; 5]);
}

#[test]
fn what_no_emulator_enforces_has_its_kind() {
    let (fake, backend, made) = started();
    let codes = [
        ("AccessDeniedException", ErrorKind::Denied),
        ("DryRunOperationException", ErrorKind::Faulty),
        ("InvalidGrantTokenException", ErrorKind::Denied),
        ("ExpiredTokenException", ErrorKind::Denied),
        ("UnrecognizedClientException", ErrorKind::Denied),
        ("KMSInvalidStateException", ErrorKind::State),
        ("KeyUnavailableException", ErrorKind::Unavailable),
        ("com.amazonaws.kms#NotFoundException", ErrorKind::NotFound),
        ("NeverHeardOfException", ErrorKind::Faulty),
    ];
    for (code, expected) in codes {
        fake.lie(move |_| Some(Reply::error(code)));
        assert_eq!(kinds(&backend, &made), [Some(expected); 5], "{code}");
    }
}

/// For a key in a custom key store the code stands for any failure of that store (Decrypt, API reference): the state of
/// the key tells them apart.
#[test]
fn an_outage_of_a_custom_key_store_is_no_state_of_the_key() {
    let (fake, backend, made) = started();
    let states = [
        ("Enabled", 200, ErrorKind::Unavailable),
        ("Unavailable", 200, ErrorKind::Unavailable),
        ("Enabled", 503, ErrorKind::Unavailable),
        ("PendingDeletion", 200, ErrorKind::State),
        ("PendingImport", 200, ErrorKind::State),
        ("Enabled", 400, ErrorKind::State),
    ];
    for (state, status, expected) in states {
        let honest = fake.clone();
        fake.lie(move |call| {
            if call.operation != "DescribeKey" {
                return Some(Reply::error("KMSInvalidStateException"));
            }
            let truth = honest.truth(call);
            let body = String::from_utf8(truth.body).unwrap();
            let state = format!("\"KeyState\":\"{state}\"");
            Some(Reply::new(status, body.replace("\"KeyState\":\"Enabled\"", &state)))
        });
        assert_eq!(kinds(&backend, &made)[1..], [Some(expected); 4], "{state} {status}");
    }
}

/// Everything that an error shows.
fn told(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    text
}

#[test]
fn no_error_repeats_what_was_sent_or_answered() {
    let (fake, backend, made) = started();
    let key = DataKey::generate(engine()).unwrap();
    let (canary, context) = (base64(key.expose_secret()), context(1));
    let message = format!("canary {canary}");
    let answers = [
        Reply::new(400, json!({ "__type": "ValidationException", "message": message }).to_string()),
        Reply::new(400, json!({ "__type": canary, "message": message }).to_string()),
        Reply::new(200, message.clone()),
        Reply::new(500, message),
    ];
    let mut all = String::new();
    for answer in answers {
        fake.lie(move |_| Some(answer.clone()));
        let errors = [
            block_on(backend.describe()).unwrap_err(),
            block_on(backend.generate_key(&context)).unwrap_err(),
            block_on(backend.wrap_key(&key, &context)).unwrap_err(),
            block_on(backend.unwrap_key(&made.wrapped, &context)).unwrap_err(),
            block_on(backend.rewrap_key(&made.wrapped, &context)).unwrap_err(),
        ];
        all.extend(errors.iter().map(told));
    }
    assert!(all.contains("ValidationException") && all.contains("status 500"), "{all}");
    let request = fake.calls().pop().unwrap().head.to_ascii_lowercase();
    assert!(request.contains("authorization: aws4-hmac-sha256"), "{request}");
    let sent = base64(made.wrapped.wrapped());
    for part in ["canary", &canary, &sent, "AWS4", "Signature", "Credential", "arn:"] {
        assert!(!all.contains(part), "{part} in {all}");
    }
}

#[test]
fn a_service_that_does_not_answer_is_given_up() {
    let fake = Fake::start();
    let builder = crate::support::builder(&fake.url(), &arn(0)).without_retries();
    let backend = block_on(builder.attempt_timeout(Duration::from_millis(100)).connect()).unwrap();
    block_on(backend.describe()).unwrap();
    fake.latency(Duration::from_secs(20));
    let before = std::time::Instant::now();
    assert_eq!(kind(block_on(backend.describe())), Some(ErrorKind::Unavailable));
    assert!(before.elapsed() < Duration::from_secs(10));

    // Nobody listens.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let builder = crate::support::builder(&format!("http://127.0.0.1:{port}"), &arn(0));
    let backend = block_on(builder.without_retries().connect()).unwrap();
    assert_eq!(kind(block_on(backend.describe())), Some(ErrorKind::Unavailable));
}
