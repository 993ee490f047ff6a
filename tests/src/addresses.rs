//! KEKs that are opened by their addresses.

use phiseal::{Kek, KekBackend, address, default_engine};
use phiseal_format::{EncryptionContext, EnvironmentId};
use phiseal_keys::{Error, ErrorKind};
use pollster::block_on;
use std::path::Path;
use std::sync::Arc;

/// The KEK at `address`, whose files are named from `folder`.
///
/// # Errors
///
/// What opening it answers.
pub fn kek(address: &str, folder: &Path) -> Result<Arc<dyn KekBackend>, Error> {
    address::kek(address, folder, default_engine())
}

/// Two handles are on one KEK: what either wraps the other unwraps, and under its context alone.
///
/// # Panics
///
/// When it is otherwise.
#[track_caller]
pub fn are_one(one: Arc<dyn KekBackend>, other: Arc<dyn KekBackend>) {
    let [one, other] =
        [one, other].map(|backend| block_on(Kek::connect(backend, default_engine())).unwrap());
    assert_eq!(one.info().id, other.info().id);
    let [context, another] = [7, 8].map(|byte| {
        let environment = EnvironmentId::from_bytes([byte; 16]);
        EncryptionContext::store_key(&environment)
    });
    for (wraps, unwraps) in [(&one, &other), (&other, &one)] {
        let (made, id) = block_on(wraps.generate_key(&context)).unwrap();
        let key = block_on(unwraps.unwrap_key(&made.wrapped, &context, &id)).unwrap();
        assert!(key.expose_secret() == made.key.expose_secret());
        let wrapped = block_on(wraps.wrap_key(&key, &context)).unwrap();
        let again = block_on(unwraps.unwrap_key(&wrapped, &context, &id)).unwrap();
        assert!(again.expose_secret() == made.key.expose_secret());
        let refused = block_on(unwraps.unwrap_key(&wrapped, &another, &id)).err();
        assert_eq!(refused.map(|error| error.kind()), Some(ErrorKind::Unauthenticated));
    }
}
