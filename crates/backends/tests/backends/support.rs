//! What the tests of the backends share.

use phiseal_format::{DomainId, EncryptionContext, EnvironmentId, WrappedKey};
use phiseal_keys::{DataKey, Error, ErrorKind, FullKeyId, Kek, KekBackend};
use phiseal_primitives::{Engine, default_engine};
use pollster::block_on;
use std::sync::Arc;

pub(crate) fn engine() -> &'static dyn Engine {
    default_engine()
}

pub(crate) fn context(keyset_version: u32) -> EncryptionContext {
    EncryptionContext::data_key(
        &EnvironmentId::from_bytes([1; 16]),
        &DomainId::from_bytes([2; 16]),
        keyset_version,
    )
}

pub(crate) fn connect(backend: &Arc<impl KekBackend>) -> Kek {
    block_on(Kek::connect(backend.clone(), engine())).unwrap()
}

/// The kind of an error; of a success, none.
pub(crate) fn kind<T>(result: Result<T, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// A wrap of a new key, and how it is opened.
pub(crate) struct Sealed {
    pub(crate) wrapped: WrappedKey,
    pub(crate) context: EncryptionContext,
    pub(crate) key: DataKey,
    pub(crate) id: FullKeyId,
}

pub(crate) fn generate(kek: &Kek, keyset_version: u32) -> Sealed {
    let context = context(keyset_version);
    let (generated, id) = block_on(kek.generate_key(&context)).unwrap();
    Sealed { wrapped: generated.wrapped, context, key: generated.key, id }
}

/// Opens as what it is.
pub(crate) fn opens(kek: &Kek, sealed: &Sealed) -> Result<(), Error> {
    let key = block_on(kek.unwrap_key(&sealed.wrapped, &sealed.context, &sealed.id))?;
    assert_eq!(key.expose_secret(), sealed.key.expose_secret());
    Ok(())
}

/// A hundred wrapped keys, each put in the place of every other one.
pub(crate) fn assert_no_swap_opens(kek: &Kek, one_context: bool) {
    let all: Vec<_> =
        (1..=100).map(|number| generate(kek, if one_context { 1 } else { number })).collect();
    let (mut opened, mut refused) = (0, 0);
    for (at, place) in all.iter().enumerate() {
        for (from, moved) in all.iter().enumerate() {
            let result = block_on(kek.unwrap_key(&moved.wrapped, &place.context, &place.id));
            if at == from {
                assert_eq!(result.unwrap().expose_secret(), place.key.expose_secret());
                opened += 1;
            } else {
                assert_eq!(kind(result), Some(ErrorKind::Unauthenticated));
                refused += 1;
            }
        }
    }
    assert_eq!((opened, refused), (100, 9_900));
}
