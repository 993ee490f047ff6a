//! Logs that never see the value of a declared field.

use crate::World;
use core::time::Duration;
use phiseal_tokens::{Cardinality, Column, Deterministic, Mask, Token, Tokenized, TokenizedFields};
use pollster::block_on;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use tracing::{Level, info, info_span, span};
use tracing_subscriber::fmt::format::{DefaultFields, FmtSpan, Format};
use tracing_subscriber::prelude::*;

/// What was written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

type Writer<S> = tracing_subscriber::fmt::Layer<S, DefaultFields, Format, Make>;
type Make = Box<dyn Fn() -> Written + Send + Sync>;

fn writer<S>(written: &Written) -> Writer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let written = written.clone();
    let make: Make = Box::new(move || written.clone());
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_span_events(FmtSpan::NEW | FmtSpan::CLOSE);
    layer.with_writer(make)
}

fn column(world: &World) -> Column<Deterministic> {
    let column =
        Column::new(&world.domain("d"), "ssn", Deterministic::new(Cardinality::SSN).unwrap());
    block_on(column.ready()).unwrap();
    column
}

/// What is logged with the values of these fields, declared or not, through this subscriber.
fn log(canary: &str, number: u64) {
    let span = info_span!("admission", ssn = canary, room = 7, late = tracing::field::Empty);
    let _entered = span.enter();
    info!(ssn = canary, "as text");
    info!(ssn = %canary, phone = ?canary, "as it displays");
    info!(number, count = -3_i64, share = 0.5, done = true, "as numbers");
    info!(name = &io::Error::other(canary) as &(dyn std::error::Error + 'static), "as an error");
    span.record("late", canary);
    info!(parent: &span, ssn = canary, "with a parent");
    info!(parent: None, ssn = canary, "without one");
    let _child = span!(parent: &span, Level::INFO, "child", ssn = canary).entered();
    let _root = span!(parent: None, Level::INFO, "root", name = canary).entered();
}

#[test]
fn no_writer_sees_a_declared_field() {
    let world = World::new();
    for canary in 0..500_u64 {
        let (text, number) = (format!("canary-{canary:03}-45-6789"), 900_000_000 + canary);
        let (seen, unseen) = (Written::default(), Written::default());
        {
            let _guard = tracing_subscriber::registry().with(writer(&seen)).set_default();
            log(&text, number);
        }
        assert!(seen.text().matches(&text).count() >= 10, "the control: {}", seen.text());
        assert!(seen.text().contains(&number.to_string()));
        let logs = Tokenized::writing(writer(&unseen))
            .token("ssn", column(&world))
            .masked("phone", Mask::ssn())
            .withheld("name")
            .withheld("number")
            .withheld("late");
        {
            let _guard = tracing_subscriber::registry().with(logs).set_default();
            log(&text, number);
        }
        let unseen = unseen.text();
        assert!(!unseen.contains("canary"), "{unseen}");
        assert!(!unseen.contains(&number.to_string()), "{unseen}");
        assert_eq!(unseen.lines().count(), seen.text().lines().count(), "every line is there");
        if canary > 0 {
            continue;
        }
        for shown in [
            "room=7",
            "count=-3 share=0.5 done=true",
            "number=[withheld]",
            "name=[withheld]",
            "late=[withheld]",
            "phone=\"******-***-**-6789\"",
            "as an error",
            "without one",
        ] {
            assert!(unseen.contains(shown), "{shown}: {unseen}");
        }
    }
}

/// Lines about one person are found together, and whoever may opens the token.
#[test]
fn equal_values_have_equal_tokens_that_open() {
    let world = World::new();
    let (column, written) = (column(&world), Written::default());
    let logs = Tokenized::writing(writer(&written)).token("ssn", column.clone());
    {
        let _guard = tracing_subscriber::registry().with(logs).set_default();
        info!(ssn = "123-45-6789", "one");
        info!(ssn = "123-45-6789", "two");
    }
    let text = written.text();
    let tokens: Vec<&str> = text.lines().filter_map(|line| line.split("ssn=").nth(1)).collect();
    assert_eq!(tokens.len(), 2);
    assert_eq!(tokens[0], tokens[1]);
    let token: Token = tokens[0].parse().unwrap();
    assert_eq!(block_on(column.open::<String>(&token)).unwrap().expose_secret(), "123-45-6789");
}

#[test]
fn without_keys_the_value_is_withheld() {
    let world = World::new();
    let column = column(&world);
    world.clock.advance(Duration::from_secs(601));
    let written = Written::default();
    let logs = Tokenized::writing(writer(&written)).token("ssn", column.clone());
    let _guard = tracing_subscriber::registry().with(logs).set_default();
    info!(ssn = "123-45-6789", "the lease is over");
    assert!(written.text().contains("ssn=[withheld]"), "{}", written.text());
    block_on(column.ready()).unwrap();
    info!(ssn = "123-45-6789", "somebody used the domain");
    assert!(written.text().contains("ssn=phi1."), "{}", written.text());
}

fn silent<S>(
    written: &Written,
) -> Tokenized<tracing_subscriber::fmt::Layer<S, TokenizedFields, Format, Make>>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    Tokenized::writing(writer::<S>(written))
        .withheld("ssn")
        .withheld("name")
        .withheld("late")
        .withheld("phone")
}

/// Beside a layer that shows everything, before it or after, the one that is put in shows what it would alone.
#[test]
fn a_layer_beside_it_shares_nothing_with_it() {
    for is_first in [true, false] {
        let (all, tokens) = (Written::default(), Written::default());
        if is_first {
            let _guard = tracing_subscriber::registry()
                .with(silent(&tokens))
                .with(writer(&all))
                .set_default();
            log("canary", 7);
        } else {
            let _guard = tracing_subscriber::registry()
                .with(writer(&all))
                .with(silent(&tokens))
                .set_default();
            log("canary", 7);
        }
        assert!(!tokens.text().contains("canary"), "{is_first}: {}", tokens.text());
        assert!(tokens.text().contains("late=[withheld]"));
        assert!(all.text().contains("late=\"canary\""), "{}", all.text());
    }
}

#[test]
fn an_event_of_many_fields_loses_none() {
    let written = Written::default();
    let logs = Tokenized::writing(writer(&written)).withheld("ssn");
    let _guard = tracing_subscriber::registry().with(logs).set_default();
    info!(
        a1 = 1,
        a2 = 2,
        a3 = 3,
        a4 = 4,
        a5 = 5,
        a6 = 6,
        a7 = 7,
        a8 = 8,
        a9 = 9,
        b1 = 1,
        b2 = 2,
        b3 = 3,
        b4 = 4,
        b5 = 5,
        b6 = 6,
        b7 = 7,
        b8 = 8,
        b9 = 9,
        c1 = 1,
        c2 = 2,
        c3 = 3,
        c4 = 4,
        c5 = 5,
        c6 = 6,
        c7 = 7,
        c8 = 8,
        c9 = 9,
        d1 = 1,
        d2 = 2,
        d3 = 3,
        d4 = 4,
        d5 = 5,
        d6 = 6,
        ssn = "canary",
        last = 9,
        "many"
    );
    let text = written.text();
    assert!(text.contains("a1=1") && text.contains("d6=6") && text.contains("last=9"), "{text}");
    assert!(text.contains("ssn=[withheld]") && !text.contains("canary"), "{text}");
}
