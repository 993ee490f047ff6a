//! The KEK in memory: its contract, its versions and states, its faults.

use crate::support::{assert_no_swap_opens, connect, context, engine, generate, kind, opens};
use phiseal_backends::memory::MemoryKek;
use phiseal_conformance::kek::Fixture;
use phiseal_format::{KekId, KekVersion, WrapAlgorithm, WrappedKey};
use phiseal_keys::{ErrorKind, KekAdminBackend, KekBackend, KekOperation, KeyState};
use pollster::block_on;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn memory() -> Arc<MemoryKek> {
    Arc::new(MemoryKek::new(engine()).unwrap())
}

fn fixture() -> Fixture {
    let backend = memory();
    Fixture::new(engine(), backend.clone(), memory()).with_admin(backend)
}

phiseal_conformance::kek_backend_tests!("memory", fixture);

#[test]
fn no_wrapped_key_opens_in_the_place_of_another() {
    let kek = connect(&memory());
    assert_no_swap_opens(&kek, false);
    assert_no_swap_opens(&kek, true);
}

#[test]
fn a_wrap_that_names_a_foreign_kek_reaches_no_backend() {
    let backend = memory();
    let kek = connect(&backend);
    let sealed = generate(&kek, 1);
    let before = backend.calls();
    let mut refused = 0;
    for number in 0..1000 {
        let foreign = KekId::try_from(format!("memory:{number:032x}")).unwrap();
        let wrapped = WrappedKey::new(
            WrapAlgorithm::Xaes256Gcm,
            foreign,
            KekVersion(1),
            sealed.wrapped.wrapped().to_vec(),
        )
        .unwrap();
        let result = block_on(kek.unwrap_key(&wrapped, &sealed.context, &sealed.id));
        refused += u32::from(kind(result) == Some(ErrorKind::Foreign));
    }
    assert_eq!((refused, backend.calls() - before), (1000, 0));
    opens(&kek, &sealed).unwrap();
    assert_eq!(backend.calls() - before, 1);
}

#[test]
fn each_state_of_a_version_does_what_it_says() {
    let cases: [(&[KeyState], Option<ErrorKind>); 5] = [
        (&[], None),
        (&[KeyState::Deactivated], None),
        (&[KeyState::Compromised], None),
        (&[KeyState::Suspended], Some(ErrorKind::State)),
        (&[KeyState::Suspended, KeyState::Active], None),
    ];
    for (path, expected) in cases {
        let backend = memory();
        let kek = connect(&backend);
        let sealed = generate(&kek, 1);
        block_on(backend.create_version()).unwrap();
        for state in path {
            block_on(backend.set_state(KekVersion(1), *state)).unwrap();
        }
        assert_eq!(kind(opens(&kek, &sealed)), expected, "{path:?}");
        assert_eq!(generate(&kek, 2).wrapped.kek_version(), KekVersion(2));
    }
}

#[test]
fn the_newest_version_wraps_only_while_it_is_active() {
    for state in [KeyState::Suspended, KeyState::Deactivated, KeyState::Compromised] {
        let backend = memory();
        let kek = connect(&backend);
        block_on(backend.create_version()).unwrap();
        block_on(backend.set_state(KekVersion(2), state)).unwrap();
        assert_eq!(
            kind(block_on(kek.generate_key(&context(1)))),
            Some(ErrorKind::State),
            "{state}"
        );
        block_on(backend.create_version()).unwrap();
        assert_eq!(generate(&kek, 1).wrapped.kek_version(), KekVersion(3));
    }
}

#[test]
fn a_version_is_destroyed_only_after_its_use_has_ended() {
    let backend = memory();
    let kek = connect(&backend);
    let sealed = generate(&kek, 1);
    block_on(backend.create_version()).unwrap();
    let destroy = |version| kind(block_on(backend.destroy(KekVersion(version))));
    assert_eq!(destroy(1), Some(ErrorKind::State));
    opens(&kek, &sealed).unwrap();
    block_on(backend.set_state(KekVersion(1), KeyState::Deactivated)).unwrap();
    assert_eq!((destroy(1), destroy(1), destroy(7)), (None, None, Some(ErrorKind::NotFound)));
    assert_eq!(kind(opens(&kek, &sealed)), Some(ErrorKind::State));
    let set = |state| kind(block_on(backend.set_state(KekVersion(1), state)));
    assert_eq!(
        (set(KeyState::Active), set(KeyState::Destroyed)),
        (Some(ErrorKind::State), Some(ErrorKind::Invalid))
    );
}

#[test]
fn another_algorithm_length_or_version_is_told_apart() {
    let backend = memory();
    let sealed = generate(&connect(&backend), 1);
    let bytes = sealed.wrapped.wrapped();
    let relabelled = |algorithm, version, bytes: &[u8]| {
        let id = sealed.wrapped.kek_id().clone();
        let wrapped = WrappedKey::new(algorithm, id, KekVersion(version), bytes.to_vec()).unwrap();
        kind(block_on(backend.unwrap_key(&wrapped, &sealed.context)))
    };
    assert_eq!(relabelled(WrapAlgorithm::Xaes256Gcm, 1, bytes), None);
    assert_eq!(relabelled(WrapAlgorithm::AesGcmHkdf, 1, bytes), Some(ErrorKind::Unauthenticated));
    assert_eq!(relabelled(WrapAlgorithm::Xaes256Gcm, 2, bytes), Some(ErrorKind::NotFound));
    assert_eq!(relabelled(WrapAlgorithm::Xaes256Gcm, 1, &bytes[..71]), Some(ErrorKind::Malformed));
    let mut flipped = bytes.to_vec();
    flipped[40] ^= 1;
    assert_eq!(
        relabelled(WrapAlgorithm::Xaes256Gcm, 1, &flipped),
        Some(ErrorKind::Unauthenticated)
    );
}

#[test]
fn faults_come_when_they_are_told_to() {
    let backend = memory();
    let call = || kind(block_on(backend.generate_key(&context(1))));
    assert_eq!(call(), None);
    backend.fail_next(2, ErrorKind::Throttled);
    assert_eq!(
        [call(), call(), call()],
        [Some(ErrorKind::Throttled), Some(ErrorKind::Throttled), None]
    );
    backend.fail_next(5, ErrorKind::Denied);
    backend.fail_next(0, ErrorKind::Denied);
    assert_eq!(call(), None);
    backend.set_unavailable(true);
    assert_eq!([call(), kind(block_on(backend.describe()))], [Some(ErrorKind::Unavailable); 2]);
    backend.set_unavailable(false);
    assert_eq!(
        (
            backend.calls(),
            backend.calls_of(KekOperation::Generate),
            backend.calls_of(KekOperation::Describe)
        ),
        (7, 6, 1)
    );
    backend.fail_every(5, ErrorKind::Unavailable);
    let failed = (0..100).filter(|_| call() == Some(ErrorKind::Unavailable)).count();
    assert_eq!(failed, 20);
    backend.fail_every(0, ErrorKind::Unavailable);
    backend.latency(Duration::from_millis(20));
    let start = Instant::now();
    assert_eq!(call(), None);
    assert!(start.elapsed() >= Duration::from_millis(20));
}
