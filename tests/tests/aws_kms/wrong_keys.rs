//! WRONGKEY and SWAP through the whole library.

use crate::fake::{Fake, Reply, base64};
use crate::{Account, kind, open};
use phiseal::{ErrorKind, Kek};
use phiseal_keys::DataKey;
use phiseal_tests::numbers::figure;
use phiseal_tests::world::{DOMAIN, what};
use pollster::block_on;
use serde_json::{Value, json};
use std::sync::Arc;

/// From now on, every wrap opens to this.
fn answer_with(fake: &Fake, key: &[u8]) {
    let (honest, plaintext) = (fake.clone(), base64(key));
    fake.lie(move |call| {
        if call.operation != "Decrypt" {
            return None;
        }
        let truth = honest.truth(call);
        let mut answer: Value = serde_json::from_slice(&truth.body).unwrap();
        *answer.get_mut("Plaintext")? = json!(plaintext);
        Some(Reply::new(200, answer.to_string()))
    });
}

#[test]
fn a_key_that_is_not_the_one_asked_for_opens_nothing() {
    let account = Account::new();
    let process = account.process();
    let sealed = process.domain(DOMAIN).unwrap().seal("plain", &what()).unwrap();
    let other = DataKey::generate(phiseal::default_engine()).unwrap();
    let (faulty, unauthenticated) = (ErrorKind::Faulty, ErrorKind::Unauthenticated);
    let cases = [
        (vec![], faulty),
        (vec![7; 16], faulty),
        (vec![7; 31], faulty),
        (vec![7; 33], faulty),
        (vec![7; 64], faulty),
        (vec![0; 32], faulty),
        (other.expose_secret().to_vec(), unauthenticated),
    ];
    for (key, told) in cases {
        // The store's own key is right here, and what comes after it is not.
        let process = account.process();
        answer_with(&account.fake, &key);
        assert_eq!(kind(process.domain(DOMAIN)), Some(told), "{} bytes", key.len());
        assert_eq!(kind(process.domain("clinic/new")), Some(told), "a new key");
        assert_eq!(kind(account.open(|_| ())), Some(told), "the store's key");
        account.fake.tell_the_truth();
        assert_eq!(open(&account.process().domain(DOMAIN).unwrap(), &sealed), None);
    }
}

/// Everybody's wrap in everybody else's place: 100 domains with `PHISEAL_FULL=1`, else 30.
#[test]
fn no_wrap_opens_in_the_place_of_another() {
    let domains = figure(30, 100);
    let account = Account::new();
    let process = account.process();
    let kek = Kek::connect(Arc::new(account.kek(0)), phiseal::default_engine());
    let kek = block_on(kek).unwrap();
    let keysets: Vec<_> = (0..domains)
        .map(|number| process.domain(&format!("clinic/{number}")).unwrap().keyset().unwrap())
        .collect();
    let (mut opened, mut refused) = (0, 0);
    for (at, place) in keysets.iter().enumerate() {
        let context = place.wrap_context(1);
        let id = place.versions()[0].key_id();
        for (from, moved) in keysets.iter().enumerate() {
            let wrapped = &moved.versions()[0].wraps()[0];
            match kind(block_on(kek.unwrap_key(wrapped, &context, id))) {
                None => {
                    assert_eq!(at, from);
                    opened += 1;
                }
                Some(told) => {
                    assert_eq!(told, ErrorKind::Unauthenticated);
                    refused += 1;
                }
            }
        }
    }
    assert_eq!((opened, refused), (domains, domains * (domains - 1)));
}
