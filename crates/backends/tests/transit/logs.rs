//! What the libraries below log at their most talkative.

use crate::fake::{Fake, KEY, TOKEN};
use crate::support::context;
use crate::watch::logs::{Everything, shows};
use base64ct::{Base64, Encoding};
use phiseal_keys::{DataKey, KekBackend};
use phiseal_primitives::default_engine;
use pollster::block_on;

#[test]
fn neither_a_key_nor_the_token_is_in_what_is_logged() {
    let everything = Everything::watch();
    let fake = Fake::start(|_| None);
    let backend = fake.kek();
    let given = DataKey::generate(default_engine()).unwrap();
    let made = block_on(backend.generate_key(&context(1))).unwrap();
    let wrapped = block_on(backend.wrap_key(&given, &context(1))).unwrap();
    for wrap in [&made.wrapped, &wrapped] {
        block_on(backend.unwrap_key(wrap, &context(1))).unwrap();
        block_on(backend.rewrap_key(wrap, &context(1))).unwrap();
    }
    block_on(backend.describe()).unwrap();
    tracing::info!(key = KEY, "the control");

    let log = everything.text();
    let key = Base64::decode_vec(KEY).unwrap().try_into().unwrap();
    let (before, control) = log.split_once("the control").unwrap();
    assert!(shows(control, &key), "what is written in base64 is seen");
    assert!(log.matches("hyper").count() >= 7, "what the libraries log is seen: {log}");
    for key in [&key, made.key.expose_secret(), given.expose_secret()] {
        assert!(!shows(before, key), "{before}");
    }
    assert!(!before.contains(TOKEN), "{before}");
}
