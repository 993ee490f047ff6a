//! The fault injector: the backend itself without hooks, and with them what they say.

use crate::toy::{Fault, Toy};
use core::task::{Context, Poll, Waker};
use phiseal_conformance::kek::{Fixture, suite};
use phiseal_conformance::{Before, Faults, Outcome};
use phiseal_format::{EncryptionContext, EnvironmentId, KekId, KekVersion, WrappedKey};
use phiseal_keys::{BoxFuture, DataKey, Error, ErrorKind, GeneratedKey, KekBackend, KekOperation};
use phiseal_primitives::default_engine;
use pollster::block_on;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Twice around the toy: the inner one counts what reaches the backend.
type Kek = Faults<Faults<Arc<Toy>>>;

fn kek() -> Arc<Kek> {
    Arc::new(Faults::new(Faults::new(Toy::new(1, Fault::None))))
}

fn context() -> EncryptionContext {
    EncryptionContext::store_key(&EnvironmentId::from_bytes([7; 16]))
}

fn generate(kek: &impl KekBackend) -> GeneratedKey {
    block_on(kek.generate_key(&context())).unwrap()
}

fn kind<T>(outcome: Result<T, Error>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}

/// One call of each operation.
fn each<'a>(
    kek: &'a Kek,
    made: &'a GeneratedKey,
    context: &'a EncryptionContext,
) -> [(KekOperation, BoxFuture<'a, Option<ErrorKind>>); 5] {
    [
        (KekOperation::Describe, Box::pin(async { kind(kek.describe().await) })),
        (KekOperation::Generate, Box::pin(async { kind(kek.generate_key(context).await) })),
        (KekOperation::Wrap, Box::pin(async { kind(kek.wrap_key(&made.key, context).await) })),
        (
            KekOperation::Unwrap,
            Box::pin(async { kind(kek.unwrap_key(&made.wrapped, context).await) }),
        ),
        (
            KekOperation::Rewrap,
            Box::pin(async { kind(kek.rewrap_key(&made.wrapped, context).await) }),
        ),
    ]
}

#[test]
fn without_hooks_it_passes_every_clause() {
    for around in [Faults::new, |toy| Faults::new(toy).rewrapping_in_process()] {
        let report = suite(|| {
            let (toy, other) = (Toy::new(1, Fault::None), Toy::new(2, Fault::None));
            let (backend, other) = (Arc::new(around(toy.clone())), Arc::new(around(other)));
            Fixture::new(default_engine(), backend, other).with_admin(toy)
        });
        report.assert_passed();
        assert!(report.cases().iter().all(|case| case.outcome == Outcome::Passed), "{report}");
    }
}

#[test]
fn a_call_fails_when_it_is_told_to_and_does_not_reach_the_backend() {
    let (kek, context) = (kek(), context());
    let made = generate(&kek);
    for failing in KekOperation::ALL {
        kek.before(move |call| match call.operation == failing {
            true => Before::Fail(ErrorKind::Throttled),
            false => Before::GoOn,
        });
        for (operation, call) in each(&kek, &made, &context) {
            let (asked, reached) = (kek.calls_of(operation), kek.backend().calls());
            let expected = (operation == failing).then_some(ErrorKind::Throttled);
            assert_eq!(block_on(call), expected, "{operation:?} while {failing:?} fails");
            assert_eq!(kek.calls_of(operation), asked + 1);
            assert_eq!(kek.backend().calls() - reached, u64::from(operation != failing));
        }
    }
    kek.clear();
    assert!(each(&kek, &made, &context).into_iter().all(|(_, call)| block_on(call).is_none()));
    assert_eq!(kek.calls(), 1 + 6 * 5);
}

#[test]
fn a_hook_is_told_what_is_asked() {
    let (kek, context) = (kek(), context());
    let made = generate(&kek);
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    let (bound, wrap) = (context.clone(), made.wrapped.clone());
    kek.before(move |call| {
        assert!(call.context.is_none_or(|context| *context == bound));
        assert!(call.asked.is_none_or(|asked| *asked == wrap));
        let told = (call.operation, call.number, call.context.is_some(), call.asked.is_some());
        log.lock().unwrap().push(told);
        Before::GoOn
    });
    each(&kek, &made, &context).into_iter().for_each(|(_, call)| assert_eq!(block_on(call), None));
    assert_eq!(
        *told.lock().unwrap(),
        [
            (KekOperation::Describe, 2, false, false),
            (KekOperation::Generate, 3, true, false),
            (KekOperation::Wrap, 4, true, false),
            (KekOperation::Unwrap, 5, true, true),
            (KekOperation::Rewrap, 6, true, true),
        ]
    );
}

#[test]
fn every_answer_can_be_another_one() {
    let (kek, context) = (kek(), context());
    let made = generate(&kek);
    let other = KekId::try_from("another:kek").unwrap();
    let damaged = |wrapped: WrappedKey| -> Result<WrappedKey, Error> {
        let (id, version) = (wrapped.kek_id().clone(), wrapped.kek_version());
        let mut bytes = wrapped.wrapped().to_vec();
        bytes[30] ^= 1;
        Ok(WrappedKey::new(wrapped.algorithm(), id, version, bytes)?)
    };
    let id = other.clone();
    kek.after_describe(move |_, info| {
        let mut info = info?;
        info.id = id.clone();
        Ok(info)
    });
    kek.after_generate(|_, made| {
        Ok(GeneratedKey { key: DataKey::from_backend(&[7; 32])?, wrapped: made?.wrapped })
    });
    kek.after_wrap(move |_, wrapped| damaged(wrapped?));
    kek.after_unwrap(|_, answer| {
        let mut answer = answer?;
        answer.kek_version = KekVersion(9);
        Ok(answer)
    });
    kek.after_rewrap(move |_, wrapped| damaged(wrapped?));

    assert_eq!(block_on(kek.describe()).unwrap().id, other);
    let wrong = generate(&kek);
    assert_eq!(wrong.key.expose_secret(), &[7; 32]);
    let opens = |wrapped: &WrappedKey| block_on(kek.backend().unwrap_key(wrapped, &context));
    assert!(opens(&wrong.wrapped).is_ok(), "the control: its wrap is of another key, and right");
    let damaged = [
        block_on(kek.wrap_key(&made.key, &context)).unwrap(),
        block_on(kek.rewrap_key(&made.wrapped, &context)).unwrap(),
    ];
    for wrapped in damaged {
        assert_eq!(kind(opens(&wrapped)), Some(ErrorKind::Unauthenticated));
    }
    let answer = block_on(kek.unwrap_key(&made.wrapped, &context)).unwrap();
    assert_eq!(answer.kek_version, KekVersion(9));
    assert_eq!(answer.key.expose_secret(), made.key.expose_secret());
}

#[test]
fn an_error_can_become_an_answer_and_an_answer_can_be_lost() {
    let (kek, context) = (kek(), context());
    kek.after_generate(|_, made| made.and(Err(Error::new(ErrorKind::Unavailable, "no answer"))));
    assert_eq!(kind(block_on(kek.generate_key(&context))), Some(ErrorKind::Unavailable));
    assert_eq!(kek.backend().calls_of(KekOperation::Generate), 1, "the backend did it");
    kek.after_generate(|_, made| made.or(Err(Error::new(ErrorKind::Denied, "not so"))));
    assert!(block_on(kek.generate_key(&context)).is_ok(), "the control");
    kek.backend().before(|_| Before::Fail(ErrorKind::State));
    assert_eq!(kind(block_on(kek.generate_key(&context))), Some(ErrorKind::Denied));
}

#[test]
fn a_call_waits_for_a_gate_and_hangs_until_it_is_dropped() {
    let (kek, made, context) = (kek(), generate(&kek()), context());
    let mut poll = Context::from_waker(Waker::noop());
    let open = Arc::new(AtomicBool::new(false));
    let gate = open.clone();
    kek.before(move |call| match call.operation {
        KekOperation::Unwrap => Before::Hang,
        _ => {
            let gate = gate.clone();
            Before::wait(core::future::poll_fn(move |_| match gate.load(Ordering::SeqCst) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }))
        }
    });
    let mut waits = kek.describe();
    let mut hangs = kek.unwrap_key(&made.wrapped, &context);
    assert_eq!(kek.under_way(), 0, "nobody has polled yet");
    assert!(waits.as_mut().poll(&mut poll).is_pending());
    assert!(hangs.as_mut().poll(&mut poll).is_pending());
    assert_eq!((kek.under_way(), kek.backend().calls()), (2, 0));
    open.store(true, Ordering::SeqCst);
    assert!(block_on(waits).is_ok());
    assert!(hangs.as_mut().poll(&mut poll).is_pending());
    kek.clear();
    assert!(hangs.as_mut().poll(&mut poll).is_pending(), "what hangs goes on hanging");
    drop(hangs);
    assert_eq!((kek.under_way(), kek.most_under_way()), (0, 2));
    assert_eq!(kek.backend().calls(), 1);
}

/// A thousand of them wait at once on one thread, which no delay blocks.
#[test]
fn delays_need_no_executor_and_block_nobody() {
    let delay = Duration::from_millis(50);
    let (kek, start) = (kek(), Instant::now());
    kek.before(move |_| Before::delay(delay));
    let mut poll = Context::from_waker(Waker::noop());
    let mut calls: Vec<_> = (0..1_000).map(|_| kek.describe()).collect();
    let pending: usize =
        calls.iter_mut().map(|call| usize::from(call.as_mut().poll(&mut poll).is_pending())).sum();
    assert!(pending > 0);
    for call in calls {
        assert!(block_on(call).is_ok());
    }
    assert!(start.elapsed() >= delay);
    assert!(start.elapsed() < delay * 500, "they waited one after the other");
}

#[test]
fn a_rewrap_in_process_is_an_unwrap_and_a_wrap() {
    let context = context();
    let of = |kek: &Faults<Arc<Toy>>| {
        let made = generate(kek);
        block_on(kek.rewrap_key(&made.wrapped, &context)).unwrap();
        KekOperation::ALL.map(|operation| kek.calls_of(operation))
    };
    let toy = || Faults::new(Toy::new(1, Fault::None));
    assert_eq!(of(&toy()), [0, 1, 0, 0, 1]);
    assert_eq!(of(&toy().rewrapping_in_process()), [0, 1, 1, 1, 1]);
}

#[test]
fn debug_shows_the_backend_and_no_hook() {
    let kek = Faults::new(Toy::new(1, Fault::None));
    kek.before(|_| Before::GoOn);
    generate(&kek);
    assert_eq!(format!("{kek:?}"), "Faults { backend: Toy(toy:1), calls: 1, .. }");
    assert_eq!(format!("{:?}", Before::delay(Duration::ZERO)), "Wait(..)");
}
