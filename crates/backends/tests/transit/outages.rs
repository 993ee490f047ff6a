//! A server that is sealed, stopped, killed, restarted or asks for fewer calls.

use crate::own::{Own, Storage};
use crate::support::{connect, context, fresh_name, generate, kind, opens, server};
use core::time::Duration;
use phiseal_keys::{ErrorKind, KekAdminBackend};
use pollster::block_on;
use serde_json::json;
use std::time::Instant;

const UNAVAILABLE: Option<ErrorKind> = Some(ErrorKind::Unavailable);

#[test]
fn a_sealed_server_is_an_outage_and_over_when_it_is_unsealed() {
    let Some(own) = Own::start(Storage::Memory) else { return };
    let name = own.operator.new_key();
    let (kek, admin) = (connect(own.operator.kek(&name)), own.operator.admin(&name));
    let sealed = generate(&kek, 1);
    own.seal();
    assert_eq!(kind(opens(&kek, &sealed)), UNAVAILABLE);
    assert_eq!(kind(block_on(kek.generate_key(&context(1)))), UNAVAILABLE);
    assert_eq!(kind(block_on(kek.wrap_key(&sealed.key, &context(1)))), UNAVAILABLE);
    assert_eq!(kind(block_on(kek.rewrap_key(&sealed.wrapped, &context(1)))), UNAVAILABLE);
    assert_eq!(kind(block_on(kek.describe())), UNAVAILABLE);
    assert_eq!(kind(block_on(admin.create_version())), UNAVAILABLE);
    own.unseal();
    opens(&kek, &sealed).unwrap();
    opens(&kek, &generate(&kek, 1)).unwrap();
}

#[test]
fn a_server_that_is_killed_and_restarted_on_disk_opens_the_same_wraps() {
    let Some(mut own) = Own::start(Storage::Disk) else { return };
    let name = own.operator.new_key();
    let kek = connect(own.operator.kek(&name));
    let sealed = generate(&kek, 1);
    own.kill();
    assert_eq!(kind(opens(&kek, &sealed)), UNAVAILABLE);
    own.run();
    assert_eq!(kind(opens(&kek, &sealed)), UNAVAILABLE, "it is sealed");
    own.unseal();
    opens(&kek, &sealed).unwrap();
    let later = connect(own.operator.kek(&name));
    assert_eq!(later.info().id, kek.info().id);
    opens(&later, &sealed).unwrap();
    opens(&kek, &generate(&later, 1)).unwrap();
}

#[test]
fn a_server_that_stops_is_given_up_in_time() {
    let Some(own) = Own::start(Storage::Memory) else { return };
    let name = own.operator.new_key();
    let patience = Duration::from_millis(400);
    let kek = connect(own.operator.builder(&name).timeout(patience).build().unwrap());
    let sealed = generate(&kek, 1);
    own.stop();
    let start = Instant::now();
    // By the connection that is there, and by new ones.
    for _ in 0..3 {
        assert_eq!(kind(opens(&kek, &sealed)), UNAVAILABLE);
    }
    assert!(start.elapsed() >= patience, "the control: it did wait");
    assert!(start.elapsed() < patience * 3 + Duration::from_secs(10), "{:?}", start.elapsed());
    own.go_on();
    opens(&kek, &sealed).unwrap();
}

#[test]
fn a_server_that_limits_the_rate_asks_for_fewer_calls() {
    let Some(server) = server() else { return };
    let (mount, name) = (fresh_name(), fresh_name());
    server.done("POST", &format!("sys/mounts/{mount}"), &json!({"type": "transit"}));
    server.done("POST", &format!("{mount}/keys/{name}"), &json!({"derived": true}));
    let kek = connect(server.builder(&name).mount(&mount).build().unwrap());
    let sealed = generate(&kek, 1);
    let quota = format!("sys/quotas/rate-limit/{mount}");
    let body = json!({"path": format!("{mount}/"), "rate": 1, "interval": "1h"});
    server.done("POST", &quota, &body);
    let outcomes: Vec<_> = (0..4).map(|_| kind(opens(&kek, &sealed))).collect();
    assert_eq!(outcomes[3], Some(ErrorKind::Throttled), "{outcomes:?}");
    server.done("DELETE", &quota, &serde_json::Value::Null);
    opens(&kek, &sealed).unwrap();
    server.done("DELETE", &format!("sys/mounts/{mount}"), &serde_json::Value::Null);
}

#[test]
fn nobody_at_the_address_is_an_outage() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let backend = phiseal_backends::transit::TransitKek::builder(&address, "phi")
        .token_from(|| phiseal_backends::transit::Token::new("s.any".to_owned()));
    let backend = backend.build().unwrap();
    assert_eq!(kind(block_on(phiseal_keys::KekBackend::describe(&backend))), UNAVAILABLE);
}
