//! What the SDK logs at its most talkative.

use crate::fake::{Fake, arn};
use crate::support::{Custodian, alone, context, faked, is_again};
use crate::watch::logs::{Everything, shows};
use aws_sdk_kms::types::DataKeySpec;
use phiseal_keys::{DataKey, KekBackend};
use phiseal_primitives::default_engine;
use pollster::block_on;

#[test]
fn no_key_is_in_what_the_sdk_logs() {
    let everything = Everything::watch();
    let fake = Fake::start();
    let backend = faked(&fake);
    let given = DataKey::generate(default_engine()).unwrap();
    let made = block_on(backend.generate_key(&context(1))).unwrap();
    let wrapped = block_on(backend.wrap_key(&given, &context(1))).unwrap();
    for wrap in [&made.wrapped, &wrapped] {
        block_on(backend.unwrap_key(wrap, &context(1))).unwrap();
        block_on(backend.rewrap_key(wrap, &context(1))).unwrap();
        // What is refused is logged as well.
        block_on(backend.unwrap_key(wrap, &context(2))).unwrap_err();
    }
    block_on(backend.describe()).unwrap();

    let log = everything.text();
    assert!(log.matches("transmitting request").count() >= 9, "every request is logged");
    assert!(log.contains("TRACE aws_smithy_runtime") && log.contains("TrentService.Encrypt"));
    for key in [&made.key, &given] {
        assert!(!shows(&log, key.expose_secret()), "{log}");
    }
}

/// An answer to the SDK alone, in an environment that has it logged, is seen.
#[test]
fn no_key_is_in_what_the_sdk_logs_control() {
    if !is_again() {
        let test = "logs::no_key_is_in_what_the_sdk_logs_control";
        return alone(test, &[("LOG_SENSITIVE_BODIES", "true")]);
    }
    let everything = Everything::watch();
    let custodian = Custodian::of(&Fake::start().url(), "eu-central-1");
    let generate = |client: aws_sdk_kms::Client| {
        client.generate_data_key().key_id(arn(0)).key_spec(DataKeySpec::Aes256).send()
    };
    let key = custodian.ask(generate).unwrap().plaintext.unwrap().into_inner();
    assert!(shows(&everything.text(), &key.try_into().unwrap()));
}
