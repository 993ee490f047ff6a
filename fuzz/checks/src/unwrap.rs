//! Wrapped keys, unwrapped: AES key wrap, XAES-256-GCM and the KEKs that are made of it.
//!
//! ```text
//! algorithm and shape u8 | choices u8 | bytes
//! ```
//!
//! The three lowest bits of the first byte pick the algorithm, the next two a [`Shape`] over a wrap of the target's own.

use std::sync::{Arc, LazyLock};

use phiseal::backends::local::LocalKek;
use phiseal::backends::memory::MemoryKek;
use phiseal::{
    DataKey, EncryptionContext, EnvironmentId, ErrorKind, FullKeyId, Kek, KekBackend, KekId,
    KekOperation, KekVersion, WrapAlgorithm, WrappedKey,
};
use phiseal_primitives::{Xaes256Gcm, engines, key_wrap};
use pollster::block_on;

use crate::clinic::{ENGINES, named};
use crate::key_file::AnonymousFile;
use crate::mask::Shape;
use crate::seeds;

/// Unwraps the input. What comes out wraps to the input again where wrapping is deterministic; from a KEK nothing comes out
/// but what it wrapped; after a failure the buffers hold zeros.
pub fn unwrap(data: &[u8]) -> bool {
    let Some((&[first, choices], input)) = data.split_first_chunk() else { return false };
    let shape = Shape::of(first >> 3);
    match first & 7 {
        0 => key_wrapped(&shape.apply(&KW, input), choices, &key_wrap::unwrap),
        1 => padded_key_wrapped(&shape.apply(&*KWP, input), choices, &key_wrap::unwrap_padded),
        2 => xaes(&shape.apply(&XAES, input), choices),
        3 => KEKS.memory.unwrap(shape, choices, input),
        4 => KEKS.local.unwrap(shape, choices, input),
        _ => false,
    }
}

/// The KEK of RFC 3394, 4.6.
const KEK: [u8; 32] = {
    let mut kek = [0; 32];
    let mut at = 0;
    while at < 32 {
        kek[at as usize] = at;
        at += 1;
    }
    kek
};

/// What RFC 3394, 4.6 wraps.
pub(crate) const KW: [u8; 40] = [
    0x28, 0xc9, 0xf4, 0x04, 0xc4, 0xb8, 0x10, 0xf4, 0xcb, 0xcc, 0xb3, 0x5c, 0xfb, 0x87, 0xf8, 0x26,
    0x3f, 0x57, 0x86, 0xe2, 0xd8, 0x0e, 0xd3, 0x26, 0xcb, 0xc7, 0xf0, 0xe7, 0x1a, 0x99, 0xf4, 0x3b,
    0xfb, 0x98, 0x8b, 0x9b, 0x7a, 0x02, 0xdd, 0x21,
];

/// Twenty bytes, wrapped with padding.
pub(crate) static KWP: LazyLock<[u8; 32]> = LazyLock::new(|| {
    let mut wrapped = [0; 32];
    key_wrap::wrap_padded(&KEK, &[2; 20], &mut wrapped).unwrap();
    wrapped
});

/// The first vector of c2sp.org/XAES-256-GCM, with its nonce before it: key 01 01 .., no associated data.
pub(crate) const XAES: [u8; 52] = *b"ABCDEFGHIJKLMNOPQRSTUVWX\
    \xce\x54\x6e\xf6\x3c\x9c\xc6\x07\x65\x92\x36\x09\xb3\x3a\x9a\x19\
    \x74\xe9\x6e\x52\xda\xf2\xfc\xf7\x07\x5e\x22\x71";

/// What no algorithm writes into a buffer.
const UNTOUCHED: u8 = 0xa5;

type Unwrap<T> = dyn Fn(&[u8; 32], &[u8], &mut [u8]) -> Result<T, phiseal_primitives::Error>;

/// A buffer for what is in a wrap of this many bytes; one choice makes it a byte too long.
fn buffer(wrapped: &[u8], choices: u8) -> Vec<u8> {
    let length = wrapped.len().saturating_sub(key_wrap::OVERHEAD) + usize::from(choices & 1);
    vec![UNTOUCHED; length]
}

fn key_wrapped(wrapped: &[u8], choices: u8, unwrap: &Unwrap<()>) -> bool {
    let mut key = buffer(wrapped, choices);
    let unwrapped = unwrap(&KEK, wrapped, &mut key);
    if unwrapped.is_err() {
        assert!(key.iter().all(|byte| *byte == 0));
        return false;
    }
    let mut again = vec![UNTOUCHED; wrapped.len()];
    key_wrap::wrap(&KEK, &key, &mut again).unwrap();
    assert_eq!(again, wrapped);
    true
}

fn padded_key_wrapped(wrapped: &[u8], choices: u8, unwrap: &Unwrap<usize>) -> bool {
    let mut key = buffer(wrapped, choices);
    let Ok(length) = unwrap(&KEK, wrapped, &mut key) else {
        assert!(key.iter().all(|byte| *byte == 0));
        return false;
    };
    assert!(key[length..].iter().all(|byte| *byte == 0));
    let mut again = vec![UNTOUCHED; wrapped.len()];
    key_wrap::wrap_padded(&KEK, &key[..length], &mut again).unwrap();
    assert_eq!(again, wrapped);
    true
}

/// `nonce 24 | ciphertext | tag 16`, under all engines, which must agree.
fn xaes(bytes: &[u8], choices: u8) -> bool {
    let Some((nonce, rest)) = bytes.split_first_chunk() else { return false };
    let Some((ciphertext, tag)) = rest.split_last_chunk() else { return false };
    let aad: &[u8] = if choices & 1 == 0 { b"" } else { b"c2sp.org/XAES-256-GCM" };
    let opened = engines().iter().map(|engine| {
        let kek = Xaes256Gcm::new(*engine, &[1 + (choices & 2); 32]);
        let mut body = ciphertext.to_vec();
        if kek.open(nonce, aad, &mut body, tag).is_err() {
            assert!(body.iter().all(|byte| *byte == 0));
            return None;
        }
        let plaintext = body.clone();
        assert_eq!(kek.seal(nonce, aad, &mut body).unwrap(), *tag);
        assert_eq!(body, ciphertext);
        Some(plaintext)
    });
    let opened: Vec<_> = opened.collect();
    assert!(opened.len() == 3 && opened.iter().all(|plaintext| *plaintext == opened[0]));
    opened[0].is_some()
}

static KEKS: LazyLock<Keks> = LazyLock::new(|| {
    let memory = Arc::new(MemoryKek::new(named(ENGINES[0])).unwrap());
    let file = AnonymousFile::new();
    file.write(&seeds::bytes("key_file", "valid-plain"));
    let local = Arc::new(LocalKek::open(file.path(), named(ENGINES[0])).unwrap());
    Keks {
        memory: Own::new(memory.clone(), Some(memory)),
        local: Own::new(local, None),
        _file: file,
    }
});

struct Keks {
    memory: Own,
    local: Own,
    /// Looked at by the local KEK before each operation.
    _file: AnonymousFile,
}

/// A KEK, and a data key that it wrapped.
struct Own {
    kek: Kek,
    /// The backend again, if it counts its calls.
    counting: Option<Arc<MemoryKek>>,
    key: DataKey,
    key_id: FullKeyId,
    wrapped: WrappedKey,
    context: EncryptionContext,
}

impl Own {
    fn new(backend: Arc<dyn KekBackend>, counting: Option<Arc<MemoryKek>>) -> Self {
        let kek = block_on(Kek::connect(backend, named(ENGINES[0]))).unwrap();
        let context = EncryptionContext::store_key(&EnvironmentId::from_bytes([7; 16]));
        let (generated, key_id) = block_on(kek.generate_key(&context)).unwrap();
        let (key, wrapped) = (generated.key, generated.wrapped);
        Self { kek, counting, key, key_id, wrapped, context }
    }

    /// Of the choices, each of the five lowest bits makes one thing another than it was when the key was wrapped: the
    /// algorithm, the version, the KEK's id, the context, the id of the key that is asked for.
    fn unwrap(&self, shape: Shape, choices: u8, input: &[u8]) -> bool {
        let is_set = |bit: u8| choices & (1 << bit) != 0;
        let algorithm = if is_set(0) { WrapAlgorithm::AesGcm } else { self.wrapped.algorithm() };
        let version = KekVersion(self.wrapped.kek_version().0 + u32::from(is_set(1)));
        let id = match is_set(2) {
            true => KekId::try_from("local:00000000000000000000000000000000").unwrap(),
            false => self.wrapped.kek_id().clone(),
        };
        let context = match is_set(3) {
            true => EncryptionContext::store_key(&EnvironmentId::from_bytes([8; 16])),
            false => self.context.clone(),
        };
        let key_id = if is_set(4) { FullKeyId::from_bytes([7; 32]) } else { self.key_id };
        let bytes = shape.apply(self.wrapped.wrapped(), input);
        let Ok(wrapped) = WrappedKey::new(algorithm, id, version, bytes) else { return false };

        // Of several things that are wrong, any may be found first, but another's wrap is never looked at.
        let wrong = [
            (
                is_set(0) || wrapped.wrapped().len() != self.wrapped.wrapped().len(),
                ErrorKind::Malformed,
            ),
            (is_set(1), ErrorKind::NotFound),
            (is_set(3) || is_set(4) || wrapped != self.wrapped, ErrorKind::Unauthenticated),
        ];
        let mut kinds: Vec<_> =
            wrong.into_iter().filter(|(is_wrong, _)| *is_wrong).map(|(_, kind)| kind).collect();
        if is_set(0) || is_set(1) {
            kinds.retain(|kind| *kind != ErrorKind::Unauthenticated);
        }
        if is_set(2) {
            kinds = vec![ErrorKind::Foreign];
        }
        let calls = self.calls();
        self.judge(&kinds, block_on(self.kek.unwrap_key(&wrapped, &context, &key_id)));
        let made = self.calls() - calls;
        assert_eq!(made, u64::from(self.counting.is_some() && !is_set(2)), "calls of the backend");
        kinds.is_empty()
    }

    /// Holds what came of an unwrapping against the kinds of error that may come of it; without any, the key must.
    fn judge(&self, kinds: &[ErrorKind], unwrapped: Result<DataKey, phiseal::Error>) {
        match unwrapped {
            Ok(key) => {
                assert!(kinds.is_empty(), "a wrap was opened that was changed");
                assert_eq!(key.expose_secret(), self.key.expose_secret());
            }
            Err(error) => assert!(kinds.contains(&error.kind()), "{error:?}, not {kinds:?}"),
        }
    }

    fn calls(&self) -> u64 {
        self.counting.as_ref().map_or(0, |kek| kek.calls_of(KekOperation::Unwrap))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::must_panic;

    #[test]
    fn an_unwrapping_that_does_not_look_is_noticed() {
        assert!(key_wrapped(&KW, 0, &key_wrap::unwrap));
        let mut changed = KW;
        changed[39] ^= 1;
        assert!(!key_wrapped(&changed, 0, &key_wrap::unwrap));
        must_panic(|| key_wrapped(&changed, 0, &|kek, _, key| key_wrap::unwrap(kek, &KW, key)));
        must_panic(|| key_wrapped(&changed, 0, &|_, _, _| Err(phiseal_primitives::Error::Length)));

        assert!(padded_key_wrapped(&*KWP, 0, &key_wrap::unwrap_padded));
        must_panic(|| {
            padded_key_wrapped(&*KWP, 0, &|kek, wrapped, key| {
                key_wrap::unwrap_padded(kek, wrapped, key).map(|length| length + 1)
            })
        });
        must_panic(|| padded_key_wrapped(&changed, 0, &|_, _, _| Ok(20)));
    }

    #[test]
    fn a_kek_that_unwraps_another_key_is_noticed() {
        let own = &KEKS.local;
        own.judge(&[], block_on(own.kek.unwrap_key(&own.wrapped, &own.context, &own.key_id)));
        let another = || DataKey::generate(named(ENGINES[0]));
        must_panic(|| own.judge(&[], another()));
        must_panic(|| own.judge(&[ErrorKind::Unauthenticated], another()));
        let refused = || Err(phiseal::Error::new(ErrorKind::Foreign, "foreign"));
        own.judge(&[ErrorKind::Foreign], refused());
        must_panic(|| own.judge(&[ErrorKind::Unauthenticated], refused()));
        must_panic(|| own.judge(&[], refused()));
    }

    #[test]
    fn a_wrap_opens_when_nothing_is_changed_and_only_then() {
        for algorithm in [3, 4] {
            for choices in 0..32 {
                assert_eq!(unwrap(&[algorithm | 1 << 3, choices]), choices == 0, "{choices}");
            }
        }
    }

    #[test]
    fn the_published_vectors_open() {
        assert!(unwrap(&[&[0, 0], &KW[..]].concat()));
        assert!(unwrap(&[&[2, 0], &XAES[..]].concat()));
    }
}
