//! The contract of KEKs, by both halves together; and what each half does by itself.

use crate::support::{Together, context, engine, kind};
use phiseal_backends::recovery::{RecoveryKek, RecoveryKey};
use phiseal_conformance::kek::Fixture;
use phiseal_format::{KekVersion, WrapAlgorithm, WrappedKey};
use phiseal_keys::{DataKey, ErrorKind, Kek, KekBackend};
use pollster::block_on;
use std::sync::Arc;

fn fixture() -> Fixture {
    Fixture::new(engine(), Arc::new(Together::new()), Arc::new(Together::new()))
        .without_admin("a recovery key has one version")
}

phiseal_conformance::kek_backend_tests!("recovery", fixture);

#[test]
fn both_halves_describe_one_kek_whose_wraps_anybody_can_make() {
    let both = Together::new();
    let (public, private) =
        (block_on(both.public.describe()).unwrap(), block_on(both.private.describe()).unwrap());
    assert_eq!(public, private);
    assert!(public.public_wraps && public.binds_context);
    assert_eq!((public.current, public.max_wrapped), (KekVersion(1), 80));
    assert!(public.id.as_str().starts_with("recovery:"));
}

#[test]
fn the_public_half_opens_nothing() {
    let both = Together::new();
    let made = block_on(both.public.generate_key(&context(1))).unwrap();
    let unwrapped = block_on(both.public.unwrap_key(&made.wrapped, &context(1)));
    assert_eq!(kind(unwrapped), Some(ErrorKind::Denied));
    let rewrapped = block_on(both.public.rewrap_key(&made.wrapped, &context(1)));
    assert_eq!(kind(rewrapped), Some(ErrorKind::Denied));
    let opened = block_on(both.private.unwrap_key(&made.wrapped, &context(1))).unwrap();
    assert_eq!(opened.key.expose_secret(), made.key.expose_secret(), "the control");
}

#[test]
fn a_wrap_is_laid_out_as_the_format_says() {
    let both = Together::new();
    let wrapped = block_on(both.public.generate_key(&context(1))).unwrap().wrapped;
    assert_eq!((wrapped.algorithm(), wrapped.wrapped().len()), (WrapAlgorithm::Hpke, 80));
    assert_eq!(wrapped.kek_version(), KekVersion(1));
    let relabelled = |algorithm, version, bytes: &[u8]| {
        let id = wrapped.kek_id().clone();
        let other = WrappedKey::new(algorithm, id, KekVersion(version), bytes.to_vec()).unwrap();
        kind(block_on(both.private.unwrap_key(&other, &context(1))))
    };
    let bytes = wrapped.wrapped();
    assert_eq!(relabelled(WrapAlgorithm::Hpke, 1, bytes), None, "the control");
    assert_eq!(relabelled(WrapAlgorithm::Hpke, 2, bytes), Some(ErrorKind::NotFound));
    assert_eq!(relabelled(WrapAlgorithm::Xaes256Gcm, 1, bytes), Some(ErrorKind::Malformed));
    assert_eq!(relabelled(WrapAlgorithm::Hpke, 1, &bytes[..79]), Some(ErrorKind::Malformed));
}

/// Whoever knows the public half can make wraps, so what comes out is compared with the id that was asked for.
#[test]
fn a_wrap_of_another_key_opens_as_that_key_and_is_refused_for_it() {
    let private = RecoveryKey::generate(engine()).unwrap();
    let attacker = RecoveryKek::parse(&private.public().to_string(), engine()).unwrap();
    let kek = block_on(Kek::connect(Arc::new(private), engine())).unwrap();
    let (known, honest) =
        (DataKey::generate(engine()).unwrap(), DataKey::generate(engine()).unwrap());
    let id = honest.id(engine()).unwrap();
    let planted = block_on(attacker.wrap_key(&known, &context(1))).unwrap();
    let refused = block_on(kek.unwrap_key(&planted, &context(1), &id));
    assert_eq!(kind(refused), Some(ErrorKind::Unauthenticated));
    let own = block_on(attacker.wrap_key(&honest, &context(1))).unwrap();
    assert!(block_on(kek.unwrap_key(&own, &context(1), &id)).is_ok(), "the control");
}

/// SWAP: a hundred wraps, each put in the place of every other one.
#[test]
fn no_wrap_opens_in_the_place_of_another() {
    let both = Together::new();
    let kek = block_on(Kek::connect(Arc::new(both), engine())).unwrap();
    let all: Vec<_> = (1..=100)
        .map(|version| {
            let context = context(version);
            let (made, id) = block_on(kek.generate_key(&context)).unwrap();
            (made.wrapped, context, id)
        })
        .collect();
    let (mut opened, mut refused) = (0, 0);
    for (at, (_, context, id)) in all.iter().enumerate() {
        for (from, (moved, ..)) in all.iter().enumerate() {
            let result = kind(block_on(kek.unwrap_key(moved, context, id)));
            assert_eq!(result, (at != from).then_some(ErrorKind::Unauthenticated));
            *(if at == from { &mut opened } else { &mut refused }) += 1;
        }
    }
    assert_eq!((opened, refused), (100, 9_900));
}
