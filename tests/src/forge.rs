//! Fields made and opened by hand, from a data key and the documentation of the format.

use phiseal_format::{FieldEnvelope, Suite, label};
use phiseal_primitives::{Engine, constant_time, xaes};

/// HKDF-Expand-SHA-256(key, label || 0x00 || parameters, 32 bytes).
#[must_use]
pub fn derive(engine: &dyn Engine, key: &[u8; 32], label: &str, parameters: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    engine.hkdf_expand(key, &[label.as_bytes(), &[0], parameters], &mut out).unwrap();
    out
}

/// The 32-byte id of a data key.
#[must_use]
pub fn key_id(engine: &dyn Engine, data_key: &[u8; 32]) -> [u8; 32] {
    derive(engine, data_key, label::KEY_ID, &[])
}

/// The AES-256-GCM key of one epoch.
#[must_use]
pub fn epoch_key(
    engine: &dyn Engine,
    data_key: &[u8; 32],
    suite: Suite,
    epoch: &[u8; 12],
) -> [u8; 32] {
    let field_key = derive(engine, data_key, label::FIELD, &[suite.to_byte()]);
    match suite {
        Suite::Xaes256Gcm => {
            let mut subkey = [0; 32];
            xaes::derive_subkey(&field_key, epoch, &mut subkey);
            subkey
        }
        _ => derive(engine, &field_key, label::EPOCH, epoch),
    }
}

/// What stands before the nonce: suite and the first half of the key's id.
#[must_use]
pub fn prefix(engine: &dyn Engine, data_key: &[u8; 32], suite: Suite) -> [u8; 17] {
    let mut prefix = [suite.to_byte(); 17];
    prefix[1..].copy_from_slice(&key_id(engine, data_key)[..16]);
    prefix
}

/// An envelope of `plaintext`, which is padded already where the context says so.
#[must_use]
pub fn seal(
    engine: &dyn Engine,
    data_key: &[u8; 32],
    suite: Suite,
    nonce: &[u8; 24],
    context: &[u8],
    plaintext: &[u8],
) -> Vec<u8> {
    let prefix = prefix(engine, data_key, suite);
    let (epoch, count) = halves(nonce);
    let key = engine.aes_256_gcm(&epoch_key(engine, data_key, suite, &epoch)).unwrap();
    let mut body = plaintext.to_vec();
    let tag = key.seal_in_place(&count, &[&prefix[..], context].concat(), &mut body).unwrap();
    [&prefix[..], nonce, &body, &tag].concat()
}

/// The plaintext of an envelope, still padded where the context says so, or the name of the reason why there is none.
///
/// # Errors
///
/// The kinds of the format, by name; `foreign_key`; `unauthenticated`.
pub fn open(
    engine: &dyn Engine,
    data_key: &[u8; 32],
    envelope: &[u8],
    context: &[u8],
) -> Result<Vec<u8>, &'static str> {
    let parsed = FieldEnvelope::parse(envelope).map_err(|error| error.kind().name())?;
    let ours = key_id(engine, data_key);
    if !constant_time::equal(parsed.key_id().as_bytes(), &ours[..16]) {
        return Err("foreign_key");
    }
    let key = epoch_key(engine, data_key, parsed.suite(), parsed.epoch().as_bytes());
    let aad = [parsed.aad_prefix(), context].concat();
    let mut out = vec![0; parsed.ciphertext().len()];
    let opened = engine.aes_256_gcm(&key).unwrap().open_into(
        parsed.count().as_bytes(),
        &aad,
        parsed.ciphertext(),
        parsed.tag(),
        &mut out,
    );
    opened.map(|()| out).map_err(|_| "unauthenticated")
}

/// `plaintext` padded to a multiple of `class`, at least one, and the mark: ISO/IEC 9797-1, padding method 2.
#[must_use]
pub fn pad(plaintext: &[u8], class: usize) -> Vec<u8> {
    let length = plaintext.len().max(1).div_ceil(class) * class + 1;
    let mut out = plaintext.to_vec();
    out.push(0x80);
    out.resize(length, 0);
    out
}

/// What [`pad`] padded to this class; `None` for anything else.
#[must_use]
pub fn unpad(padded: &[u8], class: usize) -> Option<Vec<u8>> {
    let mark = padded.iter().rposition(|byte| *byte != 0)?;
    let plaintext = padded[..mark].to_vec();
    (pad(&plaintext, class) == padded).then_some(plaintext)
}

/// Epoch and count.
fn halves(nonce: &[u8; 24]) -> ([u8; 12], [u8; 12]) {
    let (epoch, count) = nonce.split_at(12);
    (epoch.try_into().unwrap(), count.try_into().unwrap())
}
