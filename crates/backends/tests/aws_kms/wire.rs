//! What goes over the wire, how often, and over which wire.

use crate::fake::{Fake, Reply, arn, base64};
use crate::support::{
    alone, builder, client, connect, context, faked, generated, is_again, kek, kind,
};
use phiseal_backends::aws_kms::AwsKmsKek;
use phiseal_format::{WrapAlgorithm, WrappedKey};
use phiseal_keys::{ErrorKind, KekBackend};
use pollster::block_on;
use serde_json::{Value, json};

const REGION: &str = "eu-central-1";

#[test]
fn each_method_is_one_call_with_the_arn_and_opaque_ids_only() {
    let fake = Fake::start();
    let backend = faked(&fake);
    let made = block_on(backend.generate_key(&context(3))).unwrap();
    let wrapped = block_on(backend.wrap_key(&made.key, &context(3))).unwrap();
    block_on(backend.unwrap_key(&wrapped, &context(3))).unwrap();
    block_on(backend.rewrap_key(&wrapped, &context(3))).unwrap();
    block_on(backend.describe()).unwrap();

    let ids = json!({ "phiseal": "v1 data key", "environment": "01".repeat(16),
        "domain": "02".repeat(16), "version": "3" });
    let (key, blob) = (base64(made.key.expose_secret()), base64(wrapped.wrapped()));
    let expected = [
        (
            "GenerateDataKey",
            json!({ "KeyId": arn(0), "KeySpec": "AES_256", "EncryptionContext": ids }),
        ),
        ("Encrypt", json!({ "KeyId": arn(0), "Plaintext": key, "EncryptionContext": ids })),
        ("Decrypt", json!({ "KeyId": arn(0), "CiphertextBlob": blob, "EncryptionContext": ids })),
        (
            "ReEncrypt",
            json!({ "CiphertextBlob": blob, "SourceKeyId": arn(0), "DestinationKeyId": arn(0),
                "SourceEncryptionContext": ids, "DestinationEncryptionContext": ids }),
        ),
        ("DescribeKey", json!({ "KeyId": arn(0) })),
    ];
    let calls = fake.calls();
    assert_eq!(calls.len(), expected.len());
    for (call, (operation, body)) in calls.iter().zip(expected) {
        assert_eq!(call.operation, operation);
        assert_eq!(serde_json::from_str::<Value>(&call.body).unwrap(), body);
        assert!(call.head.contains("/eu-central-1/kms/aws4_request"), "{}", call.head);
    }
    assert_eq!(fake.connections(), 1, "which is used again");
}

#[test]
fn what_another_kek_wrapped_is_refused_without_a_call() {
    let fake = Fake::start();
    let (backend, other) = (faked(&fake), kek(&fake.url(), &arn(1)));
    let own = block_on(backend.generate_key(&context(1))).unwrap().wrapped;
    let foreign = block_on(other.generate_key(&context(1))).unwrap().wrapped;
    let bytes = own.wrapped().to_vec();
    let other_algorithm =
        WrappedKey::new(WrapAlgorithm::AesGcm, own.kek_id().clone(), own.kek_version(), bytes);
    let before = fake.count();
    for (wrap, expected) in
        [(&foreign, ErrorKind::Foreign), (&other_algorithm.unwrap(), ErrorKind::Malformed)]
    {
        assert_eq!(kind(block_on(backend.unwrap_key(wrap, &context(1)))), Some(expected));
        assert_eq!(kind(block_on(backend.rewrap_key(wrap, &context(1)))), Some(expected));
    }
    assert_eq!(fake.count(), before);
    block_on(backend.unwrap_key(&own, &context(1))).unwrap();
    assert_eq!(fake.count(), before + 1);
}

#[test]
fn a_call_is_repeated_by_the_sdk_or_not_at_all() {
    for (retries, expected) in [(true, 3), (false, 1)] {
        let fake = Fake::start();
        fake.lie(|_| Some(Reply::error("ThrottlingException")));
        let builder = builder(&fake.url(), &arn(0));
        let builder = if retries { builder } else { builder.without_retries() };
        let backend = block_on(builder.connect()).unwrap();
        assert_eq!(fake.count(), 0, "connecting makes no call");
        assert_eq!(kind(block_on(backend.describe())), Some(ErrorKind::Throttled));
        assert_eq!(fake.count(), expected);
    }
    // What would fail again is not repeated.
    let fake = Fake::start();
    fake.lie(|_| Some(Reply::error("AccessDeniedException")));
    assert_eq!(kind(block_on(kek(&fake.url(), &arn(0)).describe())), Some(ErrorKind::Denied));
    assert_eq!(fake.count(), 1);
}

#[test]
fn an_applications_own_client_is_used_and_watched_too() {
    let fake = Fake::start();
    let backend =
        block_on(AwsKmsKek::builder(&arn(0)).client(client(&fake.url(), REGION)).connect());
    generated(&connect(&std::sync::Arc::new(backend.unwrap())), &context(1));
    assert_eq!(fake.count(), 3);
    fake.lie(|_| Some(Reply::new(200, vec![b' '; 1 << 20])));
    let url = fake.url();
    let made = AwsKmsKek::builder(&arn(0)).client_from(move || client(&url, REGION));
    let made = block_on(made.connect()).unwrap();
    assert_eq!(kind(block_on(made.describe())), Some(ErrorKind::Faulty));

    // Its endpoint cannot be looked at before a call; then it is.
    let open = AwsKmsKek::builder(&arn(0)).client(client("http://kms.example.com", REGION));
    let open = block_on(open.connect()).unwrap();
    assert_eq!(kind(block_on(open.describe())), Some(ErrorKind::Unsupported));

    let elsewhere = AwsKmsKek::builder(&arn(0)).client(client(&fake.url(), "eu-west-1"));
    assert_eq!(kind(block_on(elsewhere.connect())), Some(ErrorKind::Invalid));
    let twice = builder(&fake.url(), &arn(0)).client(client(&fake.url(), REGION));
    assert_eq!(kind(block_on(twice.connect())), Some(ErrorKind::Invalid));
}

#[test]
fn what_is_not_a_key_or_would_show_one_is_refused_before_any_call() {
    let fake = Fake::start();
    let cases = [
        (fake.url(), arn(0), None),
        ("https://kms.eu-central-1.amazonaws.com".to_owned(), arn(0), None),
        ("http://kms.eu-central-1.amazonaws.com".to_owned(), arn(0), Some(ErrorKind::Unsupported)),
        ("http://localhost.example.com".to_owned(), arn(0), Some(ErrorKind::Unsupported)),
        (fake.url(), arn(0).replace("key/", "alias/"), Some(ErrorKind::Invalid)),
        (fake.url(), "alias/clinic".to_owned(), Some(ErrorKind::Invalid)),
        (fake.url(), arn(0).rsplit('/').next().unwrap().to_owned(), Some(ErrorKind::Invalid)),
    ];
    for (url, arn, expected) in cases {
        assert_eq!(kind(block_on(builder(&url, &arn).connect())), expected, "{url} {arn}");
    }
    assert_eq!(fake.count(), 0);
    let alias = arn(0).split("key/").next().unwrap().to_owned() + "alias/clinic";
    assert_eq!(block_on(builder(&fake.url(), &alias).resolve_alias()).unwrap(), arn(0));
    assert_eq!(fake.count(), 1);
    // The key is where its alias is.
    for (was, becomes) in [("111122223333", "111122224444"), (":eu-central-1:", ":eu-west-1:")] {
        let arn = arn(0).replace(was, becomes);
        let elsewhere = json!({ "KeyMetadata": { "KeyId": "x", "Arn": arn } });
        fake.lie(move |_| Some(Reply::new(200, elsewhere.to_string())));
        let answer = block_on(builder(&fake.url(), &alias).resolve_alias());
        assert_eq!(kind(answer), Some(ErrorKind::Faulty), "{becomes}");
    }
}

/// The SDK takes a proxy from the environment, also to an endpoint on this machine, to which it then speaks no TLS.
#[test]
fn a_proxy_of_the_environment_sees_no_key() {
    if is_again() {
        let fake = Fake::start();
        let told = kind(block_on(faked(&fake).describe()));
        let kept = std::env::var("NO_PROXY").is_ok_and(|hosts| hosts.contains("127.0.0.1"));
        assert_eq!(told, (!kept).then_some(ErrorKind::Unsupported));
        assert_eq!(fake.count(), usize::from(kept));
        return;
    }
    let (test, proxy) = ("wire::a_proxy_of_the_environment_sees_no_key", Fake::start());
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        alone(test, &[(name, &proxy.url()), ("NO_PROXY", "example.com"), ("no_proxy", "")]);
        assert_eq!(proxy.connections(), 0, "{name}");
    }
    let except = "example.com, 127.0.0.1";
    alone(test, &[("HTTP_PROXY", &proxy.url()), ("NO_PROXY", except), ("no_proxy", except)]);
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn an_environment_that_has_the_sdk_log_answers_is_refused() {
    let connected = || block_on(builder(&Fake::start().url(), &arn(0)).connect());
    if is_again() {
        assert_eq!(kind(connected()), Some(ErrorKind::Unsupported));
        return;
    }
    assert_eq!(kind(connected()), None);
    let test = "wire::an_environment_that_has_the_sdk_log_answers_is_refused";
    alone(test, &[("LOG_SENSITIVE_BODIES", "True")]);
}

/// The standard chain: what the environment says is used, and where it says nothing, there is an error and no call.
#[test]
fn credentials_come_from_the_standard_chain() {
    if is_again() {
        let fake = Fake::start();
        let backend = AwsKmsKek::builder(&arn(0)).endpoint(fake.url()).without_retries();
        let answer = block_on(block_on(backend.connect()).unwrap().describe());
        match std::env::var("AWS_ACCESS_KEY_ID") {
            Ok(id) => {
                answer.unwrap();
                assert!(fake.calls()[0].head.contains(&format!("Credential={id}/")));
            }
            Err(_) => {
                assert_eq!(kind(answer), Some(ErrorKind::Denied));
                assert_eq!(fake.count(), 0);
            }
        }
        return;
    }
    let test = "wire::credentials_come_from_the_standard_chain";
    let nothing = [
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ];
    alone(test, &nothing);
    alone(
        test,
        &[&nothing[..], &[("AWS_ACCESS_KEY_ID", "AKIDTEST"), ("AWS_SECRET_ACCESS_KEY", "s")]]
            .concat(),
    );
}

#[test]
fn debug_shows_the_arn_and_no_credential() {
    let fake = Fake::start();
    let backend = faked(&fake);
    assert_eq!(format!("{backend:?}"), format!("AwsKmsKek {{ arn: {:?}, .. }}", arn(0)));
    let builder = builder(&fake.url(), &arn(0));
    assert_eq!(format!("{builder:?}"), format!("AwsKmsBuilder {{ arn: {:?}, .. }}", arn(0)));
}
