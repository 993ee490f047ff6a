//! Logs with tokens in the place of declared fields (feature `tracing`).

use crate::{Column, Deterministic, Mask};
use core::fmt;
use std::collections::HashMap;
use std::sync::Arc;
use tracing_core::field::{Field, FieldSet, Value, Visit, display};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Interest, LevelFilter, Metadata, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt as fmt_layer;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// A layer of `tracing` around another one, which sees tokens or masks in the place of the values of declared fields, in events and
/// in spans. Whatever the other one does, write, count or send, it does with those.
///
/// # Security
///
/// What is replaced is what is a *field* of a declared name: `info!(ssn = %ssn, "admitted")`. What a program writes into the message
/// itself, or into a field of another name, nobody can tell from text. Layers beside this one see the values as they are, and layers of
/// `tracing_subscriber::fmt` share what they wrote of a span with all others of their format of fields: so one that writes text is put in
/// by [`Tokenized::writing`], which gives it a format of its own. A filter goes around this layer, not into it.
///
/// A token is made with the keys at hand, as a log cannot wait: where there are none, or their lease is over because nobody has used
/// the domain, `[withheld]` stands in its place.
///
/// ```
/// use phiseal_tokens::{Mask, Tokenized};
/// use tracing_subscriber::prelude::*;
///
/// # let written = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
/// # struct To(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
/// # impl std::io::Write for To {
/// #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> { self.0.lock().unwrap().write(bytes) }
/// #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
/// # }
/// # let to = written.clone();
/// let writer = tracing_subscriber::fmt::layer().with_ansi(false);
/// # let writer = writer.with_writer(move || To(to.clone()));
/// let logs = Tokenized::writing(writer).masked("phone", Mask::phone()).withheld("name");
/// let _guard = tracing_subscriber::registry().with(logs).set_default();
/// tracing::info!(phone = "206-555-0123", name = "Jane Doe", room = 7, "admitted");
/// # let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
/// # assert!(written.ends_with("admitted phone=***-***-0123 name=[withheld] room=7\n"), "{written}");
/// ```
pub struct Tokenized<L> {
    inner: L,
    fields: HashMap<&'static str, Replacement>,
}

impl<S, E, W> Tokenized<fmt_layer::Layer<S, TokenizedFields, E, W>> {
    /// Around a layer that writes text, without a declared field.
    #[must_use]
    pub fn writing(inner: fmt_layer::Layer<S, DefaultFields, E, W>) -> Self
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        Self::around(inner.fmt_fields(TokenizedFields(DefaultFields::new())))
    }
}

/// The fields of spans as a layer in a [`Tokenized`] one writes them: what is kept of them is shared with no other layer.
#[derive(Debug)]
pub struct TokenizedFields(DefaultFields);

impl<'w> FormatFields<'w> for TokenizedFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        self.0.format_fields(writer, fields)
    }
}

/// What takes a value's place.
#[derive(Clone)]
struct Replacement(Arc<dyn Fn(&str) -> String + Send + Sync>);

/// What stands where there is nothing else to be shown.
const WITHHELD: &str = "[withheld]";

impl<L> Tokenized<L> {
    /// Around this layer, without a declared field. One of `tracing_subscriber::fmt` goes into [`Tokenized::writing`].
    #[must_use]
    pub fn around(inner: L) -> Self {
        Self { inner, fields: HashMap::new() }
    }

    /// Fields of this name become tokens of a column: equal values stay equal, so that lines about one thing are found together.
    #[must_use]
    pub fn token(self, field: &'static str, column: Column<Deterministic>) -> Self {
        self.replaced(field, move |value| {
            let token = column.at_hand().and_then(|keyed| keyed.token(value).ok());
            token.map_or_else(|| WITHHELD.to_owned(), |token| token.to_string())
        })
    }

    /// Fields of this name are masked.
    #[must_use]
    pub fn masked(self, field: &'static str, mask: Mask) -> Self {
        self.replaced(field, move |value| mask.of(value).to_string())
    }

    /// Fields of this name are not shown at all.
    #[must_use]
    pub fn withheld(self, field: &'static str) -> Self {
        self.replaced(field, |_| WITHHELD.to_owned())
    }

    fn replaced(
        mut self,
        field: &'static str,
        replace: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Self {
        self.fields.insert(field, Replacement(Arc::new(replace)));
        self
    }

    /// Whether any of these fields is declared.
    fn declares(&self, fields: &FieldSet) -> bool {
        fields.iter().any(|field| self.fields.contains_key(field.name()))
    }

    /// Calls `with` with the values of a record, of which the declared ones are replaced.
    fn with<R>(
        &self,
        fields: &'static FieldSet,
        record: impl FnOnce(&mut dyn Visit),
        with: impl FnOnce(&tracing_core::field::ValueSet<'_>) -> R,
    ) -> R {
        let mut replaced = Replaced { declared: &self.fields, values: Vec::new() };
        record(&mut replaced);
        let values: Vec<(usize, Box<dyn Value + '_>)> = replaced
            .values
            .iter()
            .map(|(field, value)| (field.index(), value.as_value()))
            .collect();
        let mut all: Vec<Option<&dyn Value>> = vec![None; fields.len()];
        for (place, value) in &values {
            if let Some(slot) = all.get_mut(*place) {
                *slot = Some(&**value);
            }
        }
        with(&fields.value_set_all(&all))
    }
}

impl<L> fmt::Debug for Tokenized<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tokenized").field(&self.fields.keys()).finish()
    }
}

/// The values of a record, kept until they are given on.
struct Replaced<'a> {
    declared: &'a HashMap<&'static str, Replacement>,
    values: Vec<(Field, Kept)>,
}

enum Kept {
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Bool(bool),
    Str(String),
    /// As it was formatted.
    Text(String),
}

impl Kept {
    fn as_value(&self) -> Box<dyn Value + '_> {
        match self {
            Self::I64(value) => Box::new(*value),
            Self::U64(value) => Box::new(*value),
            Self::I128(value) => Box::new(*value),
            Self::U128(value) => Box::new(*value),
            Self::F64(value) => Box::new(*value),
            Self::Bool(value) => Box::new(*value),
            Self::Str(value) => Box::new(value.as_str()),
            Self::Text(value) => Box::new(display(value)),
        }
    }
}

impl Replaced<'_> {
    /// Keeps a value, or what takes its place.
    fn keep(&mut self, field: &Field, text: impl FnOnce() -> String, value: impl FnOnce() -> Kept) {
        let kept = match self.declared.get(field.name()) {
            Some(Replacement(replace)) => Kept::Text(replace(&text())),
            None => value(),
        };
        self.values.push((field.clone(), kept));
    }
}

impl Visit for Replaced<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, || value.to_string(), || Kept::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, || value.to_string(), || Kept::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, || value.to_string(), || Kept::U64(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.keep(field, || value.to_string(), || Kept::I128(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.keep(field, || value.to_string(), || Kept::U128(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, || value.to_string(), || Kept::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, || value.to_owned(), || Kept::Str(value.to_owned()));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.keep(field, || value.to_string(), || Kept::Text(value.to_string()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.keep(field, || format!("{value:?}"), || Kept::Text(format!("{value:?}")));
    }
}

impl<S, L> Layer<S> for Tokenized<L>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    L: Layer<S>,
{
    fn on_register_dispatch(&self, subscriber: &tracing_core::Dispatch) {
        self.inner.on_register_dispatch(subscriber);
    }

    fn on_layer(&mut self, subscriber: &mut S) {
        self.inner.on_layer(subscriber);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.inner.register_callsite(metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        self.inner.enabled(metadata, context)
    }

    /// None: the hint of a layer that is filtered or absent would be taken for one of all layers.
    fn max_level_hint(&self) -> Option<LevelFilter> {
        None
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let metadata = attributes.metadata();
        if !self.declares(metadata.fields()) {
            return self.inner.on_new_span(attributes, id, context);
        }
        self.with(
            metadata.fields(),
            |visit| attributes.record(visit),
            |values| {
                let replaced = match attributes.parent() {
                    Some(parent) => Attributes::child_of(parent.clone(), metadata, values),
                    None if attributes.is_root() => Attributes::new_root(metadata, values),
                    None => Attributes::new(metadata, values),
                };
                self.inner.on_new_span(&replaced, id, context);
            },
        );
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let Some(metadata) = context.metadata(id) else { return };
        if !self.declares(metadata.fields()) {
            return self.inner.on_record(id, record, context);
        }
        self.with(
            metadata.fields(),
            |visit| record.record(visit),
            |values| {
                self.inner.on_record(id, &Record::new(values), context);
            },
        );
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        self.inner.on_follows_from(id, follows, context);
    }

    fn event_enabled(&self, event: &Event<'_>, context: Context<'_, S>) -> bool {
        if !self.declares(event.metadata().fields()) {
            return self.inner.event_enabled(event, context);
        }
        self.with_event(event, |event| self.inner.event_enabled(event, context))
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if !self.declares(event.metadata().fields()) {
            return self.inner.on_event(event, context);
        }
        self.with_event(event, |event| self.inner.on_event(event, context));
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.inner.on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.inner.on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.inner.on_close(id, context);
    }

    fn on_id_change(&self, old: &Id, new: &Id, context: Context<'_, S>) {
        self.inner.on_id_change(old, new, context);
    }
}

impl<L> Tokenized<L> {
    /// Calls `with` with the event, of which the declared fields are replaced.
    fn with_event<R>(&self, event: &Event<'_>, with: impl FnOnce(&Event<'_>) -> R) -> R {
        let metadata = event.metadata();
        self.with(
            metadata.fields(),
            |visit| event.record(visit),
            |values| {
                let replaced = match event.parent() {
                    Some(parent) => Event::new_child_of(parent.clone(), metadata, values),
                    None if event.is_root() => Event::new_child_of(None, metadata, values),
                    None => Event::new(metadata, values),
                };
                with(&replaced)
            },
        )
    }
}
