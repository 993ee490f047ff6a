//! The key of one epoch, and the associated data of one message.

use phiseal_format::{EncodedContext, FIELD_AAD_PREFIX, MAX_FIELD_AAD, Suite};
use phiseal_keys::{Error, ErrorKind, Purpose, Secret, derive};
use phiseal_primitives::{Aes256Gcm, Engine, xaes};

/// The AES-256-GCM key that messages of one epoch are encrypted under.
///
/// Suite 1: XAES-256-GCM's derivation from the field key and the first half of the nonce (c2sp.org/XAES-256-GCM).
/// Suite 2: HKDF-Expand with SHA-256 (SP 800-108; RFC 5869, 2.3).
pub(crate) fn epoch_key(
    engine: &'static dyn Engine,
    suite: Suite,
    field_key: &Secret,
    epoch: &[u8; 12],
) -> Result<Box<dyn Aes256Gcm>, Error> {
    let subkey = match suite {
        Suite::Xaes256Gcm => Secret::filled(|out| {
            xaes::derive_subkey(field_key.expose_secret(), epoch, out);
            Ok::<(), Error>(())
        })?,
        Suite::Aes256GcmHkdf => derive(engine, field_key, Purpose::Epoch, epoch)?,
        _ => return Err(Error::new(ErrorKind::Unsupported, "a suite that this release does not know")),
    };
    Ok(engine.aes_256_gcm(subkey.expose_secret())?)
}

/// Calls `f` with `suite || key id || context`, built on the stack.
#[inline]
pub(crate) fn with_aad<R>(prefix: &[u8; FIELD_AAD_PREFIX], context: &EncodedContext, f: impl FnOnce(&[u8]) -> R) -> R {
    const SHORT: usize = 128;
    let context = context.as_bytes();
    if context.len() <= SHORT - FIELD_AAD_PREFIX {
        f(concatenated(&mut [0; SHORT], prefix, context))
    } else {
        f(concatenated(&mut [0; MAX_FIELD_AAD], prefix, context))
    }
}

/// An encoded context is at most 1,024 bytes by type, so what is copied always fits.
#[inline]
fn concatenated<'a, const N: usize>(out: &'a mut [u8; N], prefix: &[u8; FIELD_AAD_PREFIX], context: &[u8]) -> &'a [u8] {
    let length = FIELD_AAD_PREFIX + context.len();
    out[..FIELD_AAD_PREFIX].copy_from_slice(prefix);
    out[FIELD_AAD_PREFIX..length].copy_from_slice(context);
    &out[..length]
}
