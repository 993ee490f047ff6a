//! What is left of keys in the memory of a process that used them: of their bytes, nothing.
//!
//! Some of the base64 in which they travelled stays in buffers of the libraries below, as the module's documentation says.

use crate::fake::{Fake, Reply, Seen, WRAP};
use crate::support::{context, engine};
use crate::watch::memory::{halves_found, look_at, wait};
use base64ct::{Base64, Encoding};
use phiseal_backends::transit::{Token, TransitKek};
use phiseal_keys::{DataKey, KekBackend};
use pollster::block_on;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

const FAKE: &str = "PHISEAL_TEST_FAKE";
const ROUNDS: usize = 25;

fn use_keys(address: &str) {
    let token = || Token::new("s.some-token".to_owned());
    let backend = TransitKek::builder(address, "phi").token_from(token).build().unwrap();
    for _ in 0..ROUNDS {
        let given = DataKey::generate(engine()).unwrap();
        let made = block_on(backend.generate_key(&context(1))).unwrap();
        block_on(backend.unwrap_key(&made.wrapped, &context(1))).unwrap();
        let wrapped = block_on(backend.wrap_key(&given, &context(1))).unwrap();
        block_on(backend.unwrap_key(&wrapped, &context(1))).unwrap();
        block_on(backend.rewrap_key(&wrapped, &context(1))).unwrap();
    }
    let kept = block_on(backend.generate_key(&context(1))).unwrap();
    wait();
    drop((backend, kept));
}

#[test]
fn no_half_of_a_key_is_left_when_it_is_dropped() {
    if let Ok(address) = std::env::var(FAKE) {
        return use_keys(&address);
    }
    let keys = Arc::new(Mutex::new((HashSet::new(), String::new())));
    let known = Arc::clone(&keys);
    let fake = Fake::start(move |seen| {
        let (all, last) = &mut *known.lock().unwrap();
        if seen.line.contains("/datakey/") {
            *last = Base64::encode_string(DataKey::generate(engine()).unwrap().expose_secret());
        } else if seen.line.contains("/encrypt/") {
            let sent: Value = serde_json::from_str(&seen.body).unwrap();
            *last = sent["plaintext"].as_str().unwrap().to_owned();
        } else if !seen.line.contains("/decrypt/") {
            return None;
        }
        all.insert(last.clone());
        answered(seen, last)
    });
    let test = "memory::no_half_of_a_key_is_left_when_it_is_dropped";
    let (_, memory) = look_at(test, &[(FAKE, &fake.address)]);

    let keys: Vec<_> =
        keys.lock().unwrap().0.iter().map(|key| Base64::decode_vec(key).unwrap()).collect();
    assert_eq!(keys.len(), 2 * ROUNDS + 1);
    let found = halves_found(&memory, &keys);
    let whole = found.chunks(2).filter(|halves| *halves == [true, true]).count();
    let any = found.iter().filter(|half| **half).count();
    assert_eq!((whole, any), (1, 2), "the key that is held, which is the control, and no other");
}

/// An answer in which there is this key, where one is asked for.
fn answered(seen: &Seen, key: &str) -> Option<Reply> {
    let data = json!({"plaintext": key, "ciphertext": WRAP, "key_version": 1});
    (!seen.line.contains("/encrypt/")).then(|| Reply::ok(&data))
}
