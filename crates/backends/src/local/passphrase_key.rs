//! The key that comes from a passphrase, and what is kept under it in files.

use super::passphrase::Passphrase;
use crate::hex;
use crate::versions::derive;
use phiseal_keys::{Error, ErrorKind, Secret};
use phiseal_primitives::argon2id::{self, Cost};
use phiseal_primitives::{Engine, Validation, Xaes256Gcm};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Bytes of the salt of a passphrase.
pub(crate) const SALT: usize = 16;

const NONCE: usize = 24;
const WRAPPED: usize = NONCE + 32 + 16;

/// Argon2id of a passphrase, and what it was derived with.
#[derive(Clone)]
pub(crate) struct PassphraseKey {
    cost: Cost,
    salt: [u8; SALT],
    key: Arc<Secret>,
}

impl PassphraseKey {
    /// The key of a passphrase for a new file, under a new salt.
    pub(crate) fn generate(
        engine: &'static dyn Engine,
        passphrase: &Passphrase,
        cost: Cost,
    ) -> Result<Self, Error> {
        passphrase.check_length()?;
        let mut salt = [0; SALT];
        engine.fill_random(&mut salt)?;
        Self::derive(engine, passphrase, (cost, salt))
    }

    /// Derives the key: takes the memory and time that the cost says, which is bounded first.
    ///
    /// A FIPS module approves neither Argon2id nor XAES-256-GCM, so there is no passphrase in FIPS mode.
    pub(crate) fn derive(
        engine: &'static dyn Engine,
        passphrase: &Passphrase,
        (cost, salt): (Cost, [u8; SALT]),
    ) -> Result<Self, Error> {
        if engine.module().validation != Validation::None {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the FIPS module approves no key file with a passphrase",
            ));
        }
        let key =
            Secret::filled(|out| argon2id::derive(passphrase.expose_secret(), &salt, &cost, out))?;
        Ok(Self { cost, salt, key: Arc::new(key) })
    }

    /// What it was derived with.
    pub(super) const fn header(&self) -> (Cost, [u8; SALT]) {
        (self.cost, self.salt)
    }

    /// The key, from which others derive.
    pub(super) fn secret(&self) -> &Secret {
        &self.key
    }

    /// Kind (1), cost and salt, in 29 bytes: what is kept under the key is bound to them.
    pub(crate) fn to_bytes(&self) -> [u8; 29] {
        let mut bytes = [0; 29];
        let Cost { memory_kib, passes, lanes } = self.cost;
        let numbers = [memory_kib, passes, lanes].map(u32::to_be_bytes);
        let parts = [1].iter().chain(numbers.as_flattened()).chain(&self.salt);
        bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = *part);
        bytes
    }

    /// The salt as files say it.
    pub(crate) fn salt_text(&self) -> Zeroizing<String> {
        hex::text(&self.salt)
    }

    /// `secret` in hex, under XAES-256-GCM with the key that derives by `label`.
    pub(crate) fn seal(
        &self,
        engine: &'static dyn Engine,
        label: &[u8],
        associated_data: &[u8],
        secret: &Secret,
    ) -> Result<Zeroizing<String>, Error> {
        let cipher = self.cipher(engine, label)?;
        let mut out = Zeroizing::new([0; WRAPPED]);
        let (nonce, rest) = out.split_first_chunk_mut::<NONCE>().ok_or_else(too_small)?;
        let (ciphertext, tag) = rest.split_first_chunk_mut::<32>().ok_or_else(too_small)?;
        engine.fill_random(nonce)?;
        ciphertext.copy_from_slice(secret.expose_secret());
        tag.copy_from_slice(&cipher.seal(nonce, associated_data, ciphertext)?);
        Ok(hex::text(&*out))
    }

    /// The secret of which `text` is what [`PassphraseKey::seal`] returned.
    pub(crate) fn open(
        &self,
        engine: &'static dyn Engine,
        label: &[u8],
        associated_data: &[u8],
        text: &str,
    ) -> Result<Secret, Error> {
        let cipher = self.cipher(engine, label)?;
        let mut wrapped = [0; WRAPPED];
        hex::parse(text, &mut wrapped)?;
        let (nonce, rest) = wrapped.split_first_chunk::<NONCE>().ok_or_else(too_small)?;
        let (ciphertext, tag) = rest.split_first_chunk::<32>().ok_or_else(too_small)?;
        let tag = tag.try_into().map_err(|_| too_small())?;
        let key = Secret::filled(|out| {
            *out = *ciphertext;
            cipher.open(nonce, associated_data, out, tag)
        });
        key.map_err(wrong_passphrase)
    }

    fn cipher(&self, engine: &'static dyn Engine, label: &[u8]) -> Result<Xaes256Gcm, Error> {
        Ok(Xaes256Gcm::new(engine, derive(engine, &self.key, label)?.expose_secret()))
    }
}

/// How the key comes from a passphrase, as files say it.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PassphraseText<'a> {
    kdf: &'a str,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: &'a str,
}

impl<'a> PassphraseText<'a> {
    /// That of a key, whose salt in hex is `salt`.
    pub(crate) fn of(key: &PassphraseKey, salt: &'a str) -> Self {
        let Cost { memory_kib, passes, lanes } = key.cost;
        Self { kdf: "argon2id", memory_kib, passes, lanes, salt }
    }

    /// Cost and salt, not yet bounded.
    pub(crate) fn header(&self) -> Result<(Cost, [u8; SALT]), Error> {
        if self.kdf != "argon2id" {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the key file's passphrase is for a derivation that is not known",
            ));
        }
        let Self { memory_kib, passes, lanes, .. } = *self;
        let mut salt = [0; SALT];
        hex::parse(self.salt, &mut salt)?;
        Ok((Cost { memory_kib, passes, lanes }, salt))
    }
}

#[cold]
fn wrong_passphrase(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Unauthenticated => Error::new(
            ErrorKind::Unauthenticated,
            "the passphrase is wrong, or the key file was changed",
        ),
        _ => error,
    }
}

#[cold]
fn too_small() -> Error {
    Error::new(ErrorKind::Faulty, "a buffer for a key is too small")
}
