//! Layers: the contract through each of them, and what each adds.

use crate::support::{connect, context, engine, generate, kind};
use phiseal_backends::layer::{Audited, Breaker, Deferred, Limit, Retry, Timeout};
use phiseal_backends::memory::MemoryKek;
use phiseal_conformance::kek::Fixture;
use phiseal_conformance::{Before, Faults};
use phiseal_keys::{
    Error, ErrorKind, Kek, KekBackend, KekEvent, KekEvents, KekOperation, ManualClock,
};
use pollster::block_on;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SOON: Duration = Duration::from_millis(1);
const NEVER: Duration = Duration::from_secs(3600);

fn memory() -> Arc<MemoryKek> {
    Arc::new(MemoryKek::new(engine()).unwrap())
}

/// The contract through a layer: the KEK inside is administered directly.
macro_rules! contract_through {
    ($($name:ident, $report:literal: $layer:expr;)*) => {
        $(
            mod $name {
                use super::*;

                fn fixture() -> Fixture {
                    let (inside, other) = (memory(), memory());
                    let layer: fn(Arc<MemoryKek>) -> Arc<dyn KekBackend> = $layer;
                    Fixture::new(engine(), layer(inside.clone()), layer(other)).with_admin(inside)
                }

                phiseal_conformance::kek_backend_tests!($report, fixture);
            }
        )*
    };
}

contract_through! {
    timeout, "layer-timeout": |inside| Arc::new(Timeout::new(inside, NEVER));
    retry, "layer-retry": |inside| Arc::new(Retry::new(inside).first_delay(SOON));
    limit, "layer-limit": |inside| Arc::new(Limit::new(inside, 4));
    breaker, "layer-breaker": |inside| Arc::new(Breaker::new(inside));
    deferred, "layer-deferred": |inside| {
        Arc::new(Deferred::new(move || {
            let inside = Arc::clone(&inside);
            Box::pin(async move { Ok(inside) })
        }))
    };
    audited, "layer-audited": |inside| Arc::new(Audited::new(inside, Log::default()));
    all, "layer-all": |inside| {
        let inside = Limit::new(Timeout::new(inside, NEVER), 4);
        let inside = Breaker::new(Retry::new(inside).first_delay(SOON));
        Arc::new(Timeout::new(Audited::new(inside, Log::default()), NEVER))
    };
}

/// A backend that never answers.
fn silent() -> Arc<Faults<Arc<MemoryKek>>> {
    let silent = Arc::new(Faults::new(memory()));
    silent.before(|_| Before::Hang);
    silent
}

#[test]
fn a_backend_that_cannot_be_opened_is_tried_again_by_the_next_call_and_opened_once() {
    let inside = memory();
    let (away, opened) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let (is_away, count, backend) = (away.clone(), opened.clone(), inside.clone());
    let kek = Deferred::new(move || {
        let (away, backend) = (is_away.load(Ordering::SeqCst), backend.clone());
        count.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            if away { Err(Error::new(ErrorKind::NotFound, "no such token")) } else { Ok(backend) }
        })
    });
    for tries in 1..=3 {
        assert_eq!(kind(block_on(kek.describe())), Some(ErrorKind::NotFound));
        assert_eq!(opened.load(Ordering::SeqCst), tries);
    }
    assert_eq!(inside.calls(), 0);
    away.store(false, Ordering::SeqCst);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| block_on(kek.generate_key(&context(1))).unwrap());
        }
    });
    assert_eq!((opened.load(Ordering::SeqCst), inside.calls()), (4, 16));
}

#[test]
fn a_call_that_is_not_answered_in_time_is_given_up() {
    let silent = silent();
    let kek = Timeout::new(silent.clone(), SOON);
    let memory = connect(&memory());
    let sealed = generate(&memory, 1);
    let outcomes = [
        kind(block_on(kek.describe())),
        kind(block_on(kek.generate_key(&context(1)))),
        kind(block_on(kek.wrap_key(&sealed.key, &context(1)))),
        kind(block_on(kek.unwrap_key(&sealed.wrapped, &context(1)))),
    ];
    assert_eq!(outcomes, [Some(ErrorKind::Unavailable); 4]);
    assert_eq!(silent.most_under_way(), 1, "the control: each was begun");
    assert_eq!(silent.under_way(), 0, "and dropped");
}

#[test]
fn what_passes_is_tried_again_and_what_does_not_is_not() {
    for passing in [ErrorKind::Unavailable, ErrorKind::Throttled] {
        let inside = memory();
        let kek = Retry::new(inside.clone()).first_delay(SOON);
        inside.fail_next(3, passing);
        assert!(block_on(kek.generate_key(&context(1))).is_ok(), "{passing:?}");
        assert_eq!(inside.calls(), 4);
        inside.fail_next(4, passing);
        assert_eq!(kind(block_on(kek.generate_key(&context(1)))), Some(passing));
        assert_eq!(inside.calls(), 8, "four attempts, and no more");
        assert!(block_on(kek.generate_key(&context(1))).is_ok(), "the control");
    }
    for lasting in [
        ErrorKind::Denied,
        ErrorKind::NotFound,
        ErrorKind::State,
        ErrorKind::Unauthenticated,
        ErrorKind::Malformed,
        ErrorKind::Faulty,
        ErrorKind::Conflict,
    ] {
        let inside = memory();
        let kek = Retry::new(inside.clone()).first_delay(SOON);
        inside.fail_next(1, lasting);
        assert_eq!(kind(block_on(kek.describe())), Some(lasting));
        assert_eq!(inside.calls(), 1, "{lasting:?}");
    }
}

/// While everything is down, retries add a tenth of a call to each, and not three.
#[test]
fn retries_are_bounded_by_a_budget() {
    let inside = memory();
    let kek = Retry::new(inside.clone()).first_delay(Duration::from_micros(1));
    inside.set_unavailable(true);
    for _ in 0..200 {
        assert_eq!(kind(block_on(kek.describe())), Some(ErrorKind::Unavailable));
    }
    let retries = inside.calls() - 200;
    assert!((20..=30).contains(&retries), "{retries}");
}

#[test]
fn no_more_calls_are_made_at_once_than_may_be_and_no_more_wait() {
    let silent = silent();
    let kek = Limit::new(silent.clone(), 2);
    let mut calls: Vec<_> = (0..34).map(|_| kek.describe()).collect();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for call in &mut calls {
        assert!(call.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(silent.most_under_way(), 2);
    assert_eq!(kind(block_on(kek.describe())), Some(ErrorKind::Throttled), "too many wait");
    // Those that are given up make room.
    calls.drain(..2);
    calls.iter_mut().for_each(|call| assert!(call.as_mut().poll(&mut context).is_pending()));
    assert_eq!(silent.under_way(), 2);
    assert!(kek.describe().as_mut().poll(&mut context).is_pending(), "there is room again");
    drop(calls);
    assert_eq!(silent.under_way(), 0);
    assert_eq!(silent.most_under_way(), 2);
}

#[test]
fn a_backend_that_does_not_answer_is_left_alone_for_a_while() {
    let (inside, clock) = (memory(), ManualClock::at(0));
    let kek = Breaker::new(inside.clone()).after(3).pause(SOON * 1000).clock(clock.clone());
    let ask = || kind(block_on(kek.describe()));
    inside.set_unavailable(true);
    for _ in 0..3 {
        assert_eq!(ask(), Some(ErrorKind::Unavailable));
    }
    assert_eq!(inside.calls(), 3);
    for _ in 0..100 {
        assert_eq!(ask(), Some(ErrorKind::Unavailable));
    }
    assert_eq!(inside.calls(), 3, "nobody asks it");
    clock.advance(SOON * 1000);
    assert_eq!(ask(), Some(ErrorKind::Unavailable));
    assert_eq!(inside.calls(), 4, "one tries");
    assert_eq!(ask(), Some(ErrorKind::Unavailable));
    assert_eq!(inside.calls(), 4, "and then nobody again");
    inside.set_unavailable(false);
    clock.advance(SOON * 1000);
    assert_eq!((ask(), ask()), (None, None));
    assert_eq!(inside.calls(), 6, "it is back");
    // An answer is an answer: refusals do not open the breaker, and end a row of failures.
    for refusal in [ErrorKind::Denied, ErrorKind::Throttled] {
        inside.fail_next(50, refusal);
        (0..50).for_each(|_| assert_eq!(ask(), Some(refusal)));
    }
    assert_eq!(inside.calls(), 106);
}

/// Of many that come when the pause is over, one tries; a try that is given up leaves room for another.
#[test]
fn one_call_at_a_time_tries_again() {
    let (inside, clock) = (Arc::new(Faults::new(memory())), ManualClock::at(0));
    inside.before(|_| Before::Fail(ErrorKind::Unavailable));
    let kek = Breaker::new(inside.clone()).after(1).pause(SOON).clock(clock.clone());
    assert_eq!(kind(block_on(kek.describe())), Some(ErrorKind::Unavailable), "the control");
    clock.advance(SOON);
    inside.before(|_| Before::Hang);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut trying = kek.describe();
    assert!(trying.as_mut().poll(&mut context).is_pending());
    assert_eq!(kind(block_on(kek.describe())), Some(ErrorKind::Unavailable));
    assert_eq!(inside.calls(), 2, "the second was not made");
    drop(trying);
    assert!(kek.describe().as_mut().poll(&mut context).is_pending());
    assert_eq!(inside.calls(), 3, "another tries");
}

/// Remembers what it was told, as text.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl KekEvents for Log {
    fn record(&self, event: &KekEvent<'_>) {
        let version = event.asked.map(|wrapped| wrapped.kek_version().0);
        let bound = event.context.is_some();
        let KekEvent { operation, outcome, .. } = event;
        self.0.lock().unwrap().push(format!("{operation:?} {bound} {version:?} {outcome:?}"));
    }
}

#[test]
fn every_call_is_told_with_its_outcome_and_nothing_secret() {
    let (inside, log) = (memory(), Log::default());
    let audited = Audited::new(inside.clone(), log.clone());
    let kek = block_on(Kek::connect(Arc::new(audited), engine())).unwrap();
    let (made, id) = block_on(kek.generate_key(&context(1))).unwrap();
    block_on(kek.wrap_key(&made.key, &context(1))).unwrap();
    block_on(kek.unwrap_key(&made.wrapped, &context(1), &id)).unwrap();
    assert!(block_on(kek.unwrap_key(&made.wrapped, &context(2), &id)).is_err());
    inside.fail_next(1, ErrorKind::Denied);
    assert!(block_on(kek.unwrap_key(&made.wrapped, &context(1), &id)).is_err());
    let told = log.0.lock().unwrap().clone();
    assert_eq!(
        told,
        [
            "Describe false None Ok(())",
            "Generate true None Ok(())",
            "Wrap true None Ok(())",
            "Unwrap true Some(1) Ok(())",
            "Unwrap true Some(1) Err(Unauthenticated)",
            "Unwrap true Some(1) Err(Denied)",
        ]
    );
}

#[test]
fn an_event_s_debug_shows_no_key() {
    let kek = connect(&memory());
    let sealed = generate(&kek, 1);
    let context = context(1);
    let event =
        KekEvent::new(KekOperation::Unwrap, Ok(()), SOON).of(Some(&context), Some(&sealed.wrapped));
    let text = format!("{event:?}");
    assert!(text.contains("Unwrap"), "the control: {text}");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert!(!text.contains(&hex(&sealed.key.expose_secret()[..8])), "{text}");
}
