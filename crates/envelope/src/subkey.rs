//! The key of one epoch.

use phiseal_format::Suite;
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
        _ => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a suite that this release does not know",
            ));
        }
    };
    Ok(engine.aes_256_gcm(subkey.expose_secret())?)
}
