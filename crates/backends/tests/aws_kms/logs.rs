//! What the SDK logs at its most talkative.

use crate::fake::{Fake, arn, base64};
use crate::support::{Custodian, alone, context, faked, is_again};
use aws_sdk_kms::types::DataKeySpec;
use phiseal_keys::{DataKey, KekBackend};
use phiseal_primitives::default_engine;
use pollster::block_on;
use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps every event and every field of every span.
#[derive(Clone, Default)]
struct Everything {
    text: Arc<Mutex<String>>,
    spans: Arc<AtomicU64>,
}

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = self.text.lock().unwrap();
        text.push_str("\nspan");
        span.record(&mut Line(&mut text));
        Id::from_u64(self.spans.fetch_add(1, Ordering::SeqCst) + 1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Line(&mut self.text.lock().unwrap()));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = self.text.lock().unwrap();
        write!(text, "\n{} {}", event.metadata().level(), event.metadata().target()).unwrap();
        event.record(&mut Line(&mut text));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The forms in which half a key might be written.
fn shows(log: &str, key: &[u8; 32]) -> bool {
    let dense: String = log.chars().filter(|c| !c.is_whitespace()).collect();
    let lower = dense.to_ascii_lowercase();
    // In base64 a key stands alone, so its first 15 bytes are its first 20 symbols.
    key.chunks(16).any(|half| {
        let hex: String = half.iter().map(|byte| format!("{byte:02x}")).collect();
        let escaped: String = half.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        let list = half.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
        [hex, escaped, list].iter().any(|form| lower.contains(form))
    }) || dense.contains(&base64(&key[..15]))
}

#[test]
fn no_key_is_in_what_the_sdk_logs() {
    let everything = Everything::default();
    tracing::subscriber::set_global_default(everything.clone()).unwrap();
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

    let log = everything.text.lock().unwrap().clone();
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
    let everything = Everything::default();
    tracing::subscriber::set_global_default(everything.clone()).unwrap();
    let custodian = Custodian::of(&Fake::start().url(), "eu-central-1");
    let generate = |client: aws_sdk_kms::Client| {
        client.generate_data_key().key_id(arn(0)).key_spec(DataKeySpec::Aes256).send()
    };
    let key = custodian.ask(generate).unwrap().plaintext.unwrap().into_inner();
    assert!(shows(&everything.text.lock().unwrap(), &key.try_into().unwrap()));
}
