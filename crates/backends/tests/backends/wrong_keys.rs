//! Backends that return what was not asked for: a [`Kek`] hands out none of it.

use crate::support::{connect, context, engine, generate, kind, opens};
use phiseal_backends::memory::MemoryKek;
use phiseal_conformance::Faults;
use phiseal_format::{KekId, KekVersion, WrapAlgorithm, WrappedKey};
use phiseal_keys::{DataKey, Error, ErrorKind, GeneratedKey, UnwrappedKey};
use pollster::block_on;
use std::sync::Arc;

/// The KEK, whose every answer to an unwrap is changed.
fn unwrapping(
    inner: &Arc<MemoryKek>,
    change: impl Fn(&mut UnwrappedKey) -> Result<(), Error> + Send + Sync + 'static,
) -> Arc<Faults<Arc<MemoryKek>>> {
    let kek = Arc::new(Faults::new(inner.clone()));
    kek.after_unwrap(move |_, answer| {
        let mut answer = answer?;
        change(&mut answer).map(|()| answer)
    });
    kek
}

/// The KEK, whose every new wrap is this one.
fn wrapping(inner: &Arc<MemoryKek>, wrap: &WrappedKey) -> Arc<Faults<Arc<MemoryKek>>> {
    let kek = Arc::new(Faults::new(inner.clone()));
    let (of_new_keys, of_others) = (wrap.clone(), wrap.clone());
    kek.after_generate(move |_, made| Ok(GeneratedKey { wrapped: of_new_keys.clone(), ..made? }));
    kek.after_wrap(move |_, wrapped| wrapped.map(|_| of_others.clone()));
    kek
}

#[test]
fn wrong_bytes_are_refused() {
    let inner = Arc::new(MemoryKek::new(engine()).unwrap());
    let kek = connect(&inner);
    let (sealed, other) = (generate(&kek, 1), generate(&kek, 1));
    let mut one_bit = *sealed.key.expose_secret();
    one_bit[31] ^= 1;
    let right = sealed.key.expose_secret();
    let cases: [(&str, Vec<u8>, Option<ErrorKind>); 11] = [
        ("the key", right.to_vec(), None),
        ("nothing", vec![], Some(ErrorKind::Faulty)),
        ("16 bytes of it", right[..16].to_vec(), Some(ErrorKind::Faulty)),
        ("31 bytes of it", right[..31].to_vec(), Some(ErrorKind::Faulty)),
        ("it and a byte", [&right[..], &[0]].concat(), Some(ErrorKind::Faulty)),
        ("it twice", [*right, *right].concat(), Some(ErrorKind::Faulty)),
        ("64 zeros", vec![0; 64], Some(ErrorKind::Faulty)),
        ("32 zeros", vec![0; 32], Some(ErrorKind::Faulty)),
        ("32 other bytes", vec![7; 32], Some(ErrorKind::Unauthenticated)),
        ("another data key", other.key.expose_secret().to_vec(), Some(ErrorKind::Unauthenticated)),
        ("the key but for a bit", one_bit.to_vec(), Some(ErrorKind::Unauthenticated)),
    ];
    for (what, bytes, expected) in cases {
        let scripted = unwrapping(&inner, move |answer| {
            answer.key = DataKey::from_backend(&bytes)?;
            Ok(())
        });
        assert_eq!(kind(opens(&connect(&scripted), &sealed)), expected, "{what}");
    }
}

#[test]
fn an_answer_of_another_kek_or_version_is_refused() {
    let inner = Arc::new(MemoryKek::new(engine()).unwrap());
    let sealed = generate(&connect(&inner), 1);
    let (id, other) = (connect(&inner).info().id.clone(), KekId::try_from("memory:other").unwrap());
    for (id, version, expected) in [
        (other, KekVersion(1), Some(ErrorKind::Unauthenticated)),
        (id.clone(), KekVersion(0), Some(ErrorKind::Unauthenticated)),
        (id.clone(), KekVersion(2), Some(ErrorKind::Unauthenticated)),
        (id, KekVersion(1), None),
    ] {
        let scripted = unwrapping(&inner, move |answer| {
            (answer.kek_id, answer.kek_version) = (id.clone(), version);
            Ok(())
        });
        assert_eq!(kind(opens(&connect(&scripted), &sealed)), expected);
    }
}

#[test]
fn a_wrap_of_another_kek_or_an_overlong_one_is_refused() {
    let inner = Arc::new(MemoryKek::new(engine()).unwrap());
    let id = connect(&inner).info().id.clone();
    let wrap = |id, length| {
        WrappedKey::new(WrapAlgorithm::Xaes256Gcm, id, KekVersion(1), vec![1; length]).unwrap()
    };
    let cases = [
        (wrap(id.clone(), 72), None),
        (wrap(KekId::try_from("memory:other").unwrap(), 72), Some(ErrorKind::Faulty)),
        (wrap(id, 73), Some(ErrorKind::Faulty)),
    ];
    let key = DataKey::generate(engine()).unwrap();
    for (wrap, expected) in cases {
        let kek = connect(&wrapping(&inner, &wrap));
        assert_eq!(kind(block_on(kek.generate_key(&context(1)))), expected);
        assert_eq!(kind(block_on(kek.wrap_key(&key, &context(1)))), expected);
    }
}
