//! A network and a service that fail, by a proxy in front of an emulator.

use crate::support::{Custodian, builder, connect, context, generated, kind, server};
use phiseal_backends::aws_kms::{AwsKmsBuilder, AwsKmsKek};
use phiseal_keys::{ErrorKind, FullKeyId, GeneratedKey, Kek, KekBackend};
use pollster::block_on;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// The proxy's control.
struct Proxy(String);

impl Proxy {
    fn ask(&self, method: &str, path: &str, body: &str) -> Value {
        let host = self.0.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).unwrap();
        let sort = if body.is_empty() { "text/plain" } else { "application/json" };
        let request = format!(
            "{method} /_microburst/{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             content-type: {sort}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 2"), "{request} was answered {answer}");
        serde_json::from_str(body).unwrap_or(Value::Null)
    }

    /// From now on, every `Decrypt` meets this fault, and nothing else meets any.
    fn fault(&self, fault: &Value) {
        let mut rule = json!({ "service": "kms", "operation": "Decrypt" });
        let members = rule.as_object_mut().unwrap();
        members.extend(fault.as_object().unwrap().clone());
        self.ask("DELETE", "fired", "");
        self.ask("POST", "rules", &json!([rule]).to_string());
    }

    /// How often it was met.
    fn met(&self) -> usize {
        let fired = self.ask("GET", "fired", "");
        fired.as_array().unwrap().len()
    }

    fn clear(&self) {
        self.ask("POST", "rules", "[]");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.clear();
        }
    }
}

/// A wrap, and a handle that makes every call once.
struct Scene {
    proxy: Proxy,
    once: Arc<AwsKmsKek>,
    repeating: Arc<AwsKmsKek>,
    made: GeneratedKey,
    id: FullKeyId,
}

impl Scene {
    fn kind(&self, backend: &AwsKmsKek) -> Option<ErrorKind> {
        kind(block_on(backend.unwrap_key(&self.made.wrapped, &context(1))))
    }
}

/// The proxy's rules are one list, so this is one test.
#[test]
fn every_fault_is_an_error_of_its_kind() {
    let Some(url) = server("PHISEAL_MICROBURST") else { return };
    let Some(target) = server("PHISEAL_MICROBURST_TARGET") else { return };
    let arn = Custodian::of(&target, "eu-central-1").key();
    let connected = |builder: AwsKmsBuilder| Arc::new(block_on(builder.connect()).unwrap());
    let hasty = || builder(&url, &arn).attempt_timeout(Duration::from_secs(2));
    let (once, repeating) = (connected(hasty().without_retries()), connected(hasty()));
    let proxy = Proxy(url.clone());
    proxy.clear();
    // The proxy's first call takes it seconds.
    let minute = Duration::from_secs(60);
    let patient = builder(&url, &arn).attempt_timeout(minute).operation_timeout(minute);
    block_on(connected(patient).describe()).unwrap();
    let (made, id) = generated(&connect(&once), &context(1));
    let scene = Scene { proxy, once, repeating, made, id };

    codes(&scene);
    repeats(&scene);
    lost_connections(&scene);
    spoilt_answers(&scene);
    scene.proxy.clear();
    assert_eq!((scene.kind(&scene.once), scene.kind(&scene.repeating)), (None, None));
}

fn codes(scene: &Scene) {
    let codes = [
        ("ThrottlingException", ErrorKind::Throttled),
        ("LimitExceededException", ErrorKind::Throttled),
        ("KMSInternalException", ErrorKind::Unavailable),
        ("DependencyTimeoutException", ErrorKind::Unavailable),
        ("KeyUnavailableException", ErrorKind::Unavailable),
        ("AccessDeniedException", ErrorKind::Denied),
        ("ExpiredTokenException", ErrorKind::Denied),
        ("DisabledException", ErrorKind::State),
        // Of a key that is enabled.
        ("KMSInvalidStateException", ErrorKind::Unavailable),
        ("NotFoundException", ErrorKind::NotFound),
        ("InvalidCiphertextException", ErrorKind::Unauthenticated),
        ("IncorrectKeyException", ErrorKind::Unauthenticated),
        ("InvalidKeyUsageException", ErrorKind::Invalid),
        ("DryRunOperationException", ErrorKind::Faulty),
    ];
    for (code, expected) in codes {
        scene.proxy.fault(&json!({ "error": { "code": code } }));
        assert_eq!(scene.kind(&scene.once), Some(expected), "{code}");
        assert_eq!(scene.proxy.met(), 1, "{code}");
    }
}

fn repeats(scene: &Scene) {
    scene.proxy.fault(&json!({ "times": 2, "error": { "code": "ThrottlingException" } }));
    assert_eq!(scene.kind(&scene.repeating), None, "the third attempt is answered");
    assert_eq!(scene.proxy.met(), 2);
    for (backend, attempts) in [(&scene.repeating, 3), (&scene.once, 1)] {
        scene.proxy.fault(&json!({ "error": { "code": "ThrottlingException" } }));
        assert_eq!(scene.kind(backend), Some(ErrorKind::Throttled));
        assert_eq!(scene.proxy.met(), attempts);
    }
}

fn lost_connections(scene: &Scene) {
    for fault in
        [json!({ "reset": true }), json!({ "latency": 4000 }), json!({ "timeout_ms": 4000 })]
    {
        scene.proxy.fault(&fault);
        assert_eq!(scene.kind(&scene.once), Some(ErrorKind::Unavailable), "{fault}");
        assert_eq!(scene.proxy.met(), 1, "{fault}");
    }
    scene.proxy.fault(&json!({ "times": 1, "reset": true }));
    assert_eq!(scene.kind(&scene.repeating), None);
    assert_eq!(scene.proxy.met(), 1);
}

/// However an answer is spoilt, it yields the right key or an error.
fn spoilt_answers(scene: &Scene) {
    let kek: Kek = connect(&scene.once);
    let faults = [
        (json!({ "corrupt_bytes": 1 }), 40),
        (json!({ "corrupt_bytes": 16 }), 20),
        (json!({ "truncate_frac": 0.5 }), 3),
        (json!({ "truncate_bytes": 1 }), 3),
        (json!({ "abort_frac": 0.3 }), 3),
    ];
    for (response, rounds) in faults {
        scene.proxy.fault(&json!({ "response": response }));
        let mut refused = 0;
        for _ in 0..rounds {
            match block_on(kek.unwrap_key(&scene.made.wrapped, &context(1), &scene.id)) {
                Ok(key) => assert_eq!(key.expose_secret(), scene.made.key.expose_secret()),
                Err(error) => {
                    let expected =
                        [ErrorKind::Faulty, ErrorKind::Unauthenticated, ErrorKind::Unavailable];
                    assert!(expected.contains(&error.kind()), "{response}: {error:?}");
                    refused += 1;
                }
            }
        }
        assert!(refused > 0, "{response} spoilt nothing");
        assert_eq!(scene.proxy.met(), rounds, "{response}");
    }
}
