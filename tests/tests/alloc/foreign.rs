//! What names somebody else's key calls nobody.

use crate::{keyset, place, wrapped};
use phiseal::{Engine, ErrorKind, FieldCipher, FullKeyId, Kek, KeyState, Sealed, Suite};
use phiseal_format::{EncryptionContext, EnvironmentId, FieldEnvelope};
use phiseal_tests::numbers::{Dice, figure};
use phiseal_tests::spy::SpyKek;
use phiseal_tests::warm::Warm;
use pollster::block_on;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn wrapped_keys_of_foreign_keks_call_nobody() {
    const KEYS: usize = 1_000;
    let engine = phiseal::default_engine();
    let spy = SpyKek::new(engine, [0x4b; 32]);
    let kek = block_on(Kek::connect(Arc::new(spy.clone()), engine)).unwrap();
    let warm = Warm::under(spy.clone(), engine, Suite::Xaes256Gcm);
    let store = warm.phiseal.key_store();
    let context = EncryptionContext::store_key(&EnvironmentId::from_bytes([0xe1; 16]));
    let mut dice = Dice::new(39);
    let before = spy.calls();
    for key in 0..KEYS {
        let foreign = format!("spy:{key:04x}{:016x}", dice.number());
        let id = FullKeyId::from_bytes(dice.array());
        let error =
            block_on(kek.unwrap_key(&wrapped(&mut dice, &foreign), &context, &id)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Foreign);
        let keyset = keyset(&mut dice, 1, &foreign);
        let error = block_on(store.unwrap(&keyset, &keyset.versions()[0])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Foreign);
    }
    assert_eq!(spy.calls() - before, 0);

    // The control: its own wrap is one call, and a wrap of its own name that it did not make is one, too.
    let (own, id) = block_on(kek.generate_key(&context)).unwrap();
    let forged = wrapped(&mut dice, kek.info().id.as_str());
    let before = spy.calls();
    block_on(kek.unwrap_key(&own.wrapped, &context, &id)).unwrap();
    block_on(kek.unwrap_key(&forged, &context, &id)).unwrap_err();
    assert_eq!(spy.calls() - before, 2);
}

/// An envelope that parses and names a key that nobody has.
fn foreign(dice: &mut Dice) -> Sealed {
    let mut bytes = dice.bytes(FieldCipher::OVERHEAD + 11);
    bytes[0] = 1 + u8::from(dice.coin());
    assert!(FieldEnvelope::parse(&bytes).is_ok());
    Sealed::try_from(bytes).unwrap()
}

/// Opens `count` foreign envelopes, so many milliseconds apart; returns calls of the backend and reads of the store.
fn open_foreign(warm: &Warm, count: u64, apart: u64) -> (u64, u64) {
    let mut dice = Dice::new(40);
    let before = (warm.kek.calls(), warm.store.reads());
    for _ in 0..count {
        let error = warm.domain.open::<Vec<u8>>(&foreign(&mut dice), &place()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Foreign);
        warm.clock.advance(Duration::from_millis(apart));
    }
    (warm.kek.calls() - before.0, warm.store.reads() - before.1)
}

#[test]
fn fields_under_foreign_keys_call_nobody() {
    for engine in phiseal::engines() {
        let warm = Warm::new(*engine, Suite::Xaes256Gcm);
        assert_eq!(open_foreign(&warm, 1_000, 0), (0, 1), "all within one moment");
        let warm = Warm::new(*engine, Suite::Xaes256Gcm);
        assert_eq!(open_foreign(&warm, 1_000, 10), (0, 10), "over ten seconds, one look in each");
        assert_eq!(warm.store.writes(), Warm::new(*engine, Suite::Xaes256Gcm).store.writes());
    }
}

#[test]
fn fields_under_foreign_keys_call_nobody_from_many_threads() {
    const THREADS: usize = 8;
    for _ in 0..figure(20, 200) {
        let warm = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm);
        let before = (warm.kek.calls(), warm.store.reads());
        let barrier = std::sync::Barrier::new(THREADS);
        std::thread::scope(|scope| {
            for seed in 0..THREADS {
                let (warm, barrier) = (&warm, &barrier);
                scope.spawn(move || {
                    let mut dice = Dice::new(41 + u64::try_from(seed).unwrap());
                    barrier.wait();
                    for _ in 0..125 {
                        let error =
                            warm.domain.open::<Vec<u8>>(&foreign(&mut dice), &place()).unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::Foreign);
                    }
                });
            }
        });
        assert_eq!((warm.kek.calls() - before.0, warm.store.reads() - before.1), (0, 1));
    }
}

#[test]
fn fields_under_foreign_keys_call_nobody_for_a_person() {
    let warm = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm);
    let person = warm.domain.subject_or_create("ann").unwrap();
    let mut dice = Dice::new(42);
    let before = (warm.kek.calls(), warm.store.reads());
    for _ in 0..1_000 {
        let error = person.open::<Vec<u8>>(&foreign(&mut dice), &place()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Foreign);
    }
    // One look: another process may have given the person a new key just now.
    assert_eq!((warm.kek.calls() - before.0, warm.store.reads() - before.1), (0, 1));
    let before = (warm.kek.calls(), warm.store.reads());
    for _ in 0..1_000 {
        warm.clock.advance(Duration::from_millis(10));
        let error = person.open::<Vec<u8>>(&foreign(&mut dice), &place()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Foreign);
    }
    let after = (warm.kek.calls() - before.0, warm.store.reads() - before.1);
    assert_eq!(after, (0, 10), "over ten seconds, one look in each");
}

/// The control: a key that another handle has just made is found by that one look, and asked for once.
#[test]
fn a_new_key_is_found_control() {
    let warm = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm);
    let engine: &'static dyn Engine = phiseal::default_engine();
    let other = phiseal::blocking::Phiseal::open_with(
        phiseal::Phiseal::builder().engine(engine).clock(warm.clock.clone()),
        warm.store.clone(),
        warm.kek.clone(),
    );
    let other = other.unwrap().domain("clinic/patients").unwrap();
    other.rotate().unwrap();
    let sealed = other.seal("123-45-6789", &place()).unwrap();

    let before = (warm.kek.calls(), warm.store.reads());
    assert_eq!(
        warm.domain.open::<String>(&sealed, &place()).unwrap().expose_secret(),
        "123-45-6789"
    );
    // One look; both versions are asked for, since the keyset changed; one usage count is read for the new key.
    assert_eq!((warm.kek.calls() - before.0, warm.store.reads() - before.1), (2, 2));
    assert_eq!(warm.domain.keyset().unwrap().versions()[0].state(), KeyState::Deactivated);
}
