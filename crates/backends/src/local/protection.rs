//! How the keys in a key file are protected.

use super::Passphrase;
use crate::hex;
use crate::versions::derive;
use phiseal_keys::{Error, ErrorKind, KeyState, Secret};
use phiseal_primitives::argon2id::{self, Cost};
use phiseal_primitives::{Engine, Validation, Xaes256Gcm};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Bytes of the salt of a passphrase.
pub(super) const SALT: usize = 16;

const NONCE: usize = 24;
const WRAPPED: usize = NONCE + 32 + 16;

const PASSPHRASE_LABEL: &[u8] = b"phiseal/v1 local kek passphrase";
const VERSION_LABEL: &[u8] = b"phiseal/v1 local kek version";

/// How the keys in a file are protected.
#[derive(Clone)]
pub(super) enum Protection {
    /// By the file's mode alone.
    Plain,
    /// By a passphrase too.
    Passphrase { cost: Cost, salt: [u8; SALT], key: Arc<Secret> },
}

/// What the key of a version is bound to under a passphrase, beside the protection.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) id: [u8; 16],
    pub(super) version: u32,
    pub(super) state: KeyState,
}

impl Protection {
    /// Derives the key: takes the memory and time that `cost` says, which is bounded first.
    ///
    /// A FIPS module approves neither Argon2id nor XAES-256-GCM, so there is no passphrase in FIPS mode.
    pub(super) fn from_passphrase(
        engine: &'static dyn Engine,
        passphrase: &Passphrase,
        cost: Cost,
        salt: [u8; SALT],
    ) -> Result<Self, Error> {
        if engine.module().validation != Validation::None {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the FIPS module approves no key file with a passphrase",
            ));
        }
        let key =
            Secret::filled(|out| argon2id::derive(passphrase.expose_secret(), &salt, &cost, out))?;
        Ok(Self::Passphrase { cost, salt, key: Arc::new(key) })
    }

    /// This protection, when it is also that of a file with this header.
    pub(super) fn still_fits(&self, header: Option<(Cost, [u8; SALT])>) -> Result<Self, Error> {
        match (self, header) {
            (Self::Plain, None) => Ok(Self::Plain),
            (Self::Passphrase { cost, salt, .. }, Some((new_cost, new_salt)))
                if (*cost, *salt) == (new_cost, new_salt) =>
            {
                Ok(self.clone())
            }
            _ => Err(Error::new(
                ErrorKind::Tampered,
                "the key file is now protected in another way: open it again",
            )),
        }
    }

    /// Kind, cost and salt, in 29 bytes.
    pub(super) fn to_bytes(&self) -> [u8; 29] {
        let mut bytes = [0; 29];
        if let Self::Passphrase { cost, salt, .. } = self {
            let numbers = [cost.memory_kib, cost.passes, cost.lanes].map(u32::to_be_bytes);
            let parts = [1].iter().chain(numbers.as_flattened()).chain(salt);
            bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = *part);
        }
        bytes
    }

    /// A version's key as it is written: in hex, in the clear or under the passphrase.
    pub(super) fn protect(
        &self,
        engine: &'static dyn Engine,
        slot: Slot,
        key: &Secret,
    ) -> Result<Zeroizing<String>, Error> {
        let Self::Passphrase { key: passphrase, .. } = self else {
            return Ok(hex::text(key.expose_secret()));
        };
        let cipher = cipher(engine, passphrase)?;
        let mut out = Zeroizing::new([0; WRAPPED]);
        let (nonce, rest) = out.split_first_chunk_mut::<NONCE>().ok_or_else(too_small)?;
        let (ciphertext, tag) = rest.split_first_chunk_mut::<32>().ok_or_else(too_small)?;
        engine.fill_random(nonce)?;
        ciphertext.copy_from_slice(key.expose_secret());
        tag.copy_from_slice(&cipher.seal(nonce, &self.associated_data(slot), ciphertext)?);
        Ok(hex::text(&*out))
    }

    /// A version's key from how it is written.
    pub(super) fn reveal(
        &self,
        engine: &'static dyn Engine,
        slot: Slot,
        text: &str,
    ) -> Result<Secret, Error> {
        let Self::Passphrase { key: passphrase, .. } = self else {
            return Secret::filled(|out| hex::parse(text, out));
        };
        let cipher = cipher(engine, passphrase)?;
        let mut wrapped = [0; WRAPPED];
        hex::parse(text, &mut wrapped)?;
        let (nonce, rest) = wrapped.split_first_chunk::<NONCE>().ok_or_else(too_small)?;
        let (ciphertext, tag) = rest.split_first_chunk::<32>().ok_or_else(too_small)?;
        let tag = tag.try_into().map_err(|_| too_small())?;
        let key = Secret::filled(|out| {
            *out = *ciphertext;
            cipher.open(nonce, &self.associated_data(slot), out, tag)
        });
        key.map_err(wrong_passphrase)
    }

    fn associated_data(&self, slot: Slot) -> Vec<u8> {
        let Slot { id, version, state } = slot;
        let head = [&version.to_be_bytes()[..], &[state.to_byte()]].concat();
        [VERSION_LABEL, &[0, 1], &id, &head, &self.to_bytes()].concat()
    }
}

fn cipher(engine: &'static dyn Engine, passphrase: &Secret) -> Result<Xaes256Gcm, Error> {
    Ok(Xaes256Gcm::new(engine, derive(engine, passphrase, PASSPHRASE_LABEL)?.expose_secret()))
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
