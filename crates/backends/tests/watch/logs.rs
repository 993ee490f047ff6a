//! Everything that is logged at its most talkative.

use base64ct::{Base64, Encoding};
use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps every event and every field of every span.
#[derive(Clone, Default)]
pub(crate) struct Everything {
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

impl Everything {
    /// Everything that this process logs from now on.
    pub(crate) fn watch() -> Self {
        let everything = Self::default();
        tracing::subscriber::set_global_default(everything.clone()).unwrap();
        everything
    }

    pub(crate) fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }
}

/// The forms in which half a key might be written.
pub(crate) fn shows(log: &str, key: &[u8; 32]) -> bool {
    let dense: String = log.chars().filter(|c| !c.is_whitespace()).collect();
    let lower = dense.to_ascii_lowercase();
    // In base64 a key stands alone, so its first 15 bytes are its first 20 symbols.
    key.chunks(16).any(|half| {
        let hex: String = half.iter().map(|byte| format!("{byte:02x}")).collect();
        let escaped: String = half.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        let list = half.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
        [hex, escaped, list].iter().any(|form| lower.contains(form))
    }) || dense.contains(&Base64::encode_string(&key[..15]))
}
