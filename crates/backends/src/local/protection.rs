//! How the keys in a key file are protected.

use super::passphrase_key::{PassphraseKey, SALT};
use crate::hex;
use phiseal_keys::{Error, ErrorKind, KeyState, Secret};
use phiseal_primitives::Engine;
use phiseal_primitives::argon2id::Cost;
use zeroize::Zeroizing;

const PASSPHRASE_LABEL: &[u8] = b"phiseal/v1 local kek passphrase";
const VERSION_LABEL: &[u8] = b"phiseal/v1 local kek version";

/// How the keys in a file are protected.
#[derive(Clone)]
pub(super) enum Protection {
    /// By the file's mode alone.
    Plain,
    /// By a passphrase too.
    Passphrase(PassphraseKey),
}

/// What the key of a version is bound to under a passphrase, beside the protection.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) id: [u8; 16],
    pub(super) version: u32,
    pub(super) state: KeyState,
}

impl Protection {
    /// This protection, when it is also that of a file with this header.
    pub(super) fn still_fits(&self, header: Option<(Cost, [u8; SALT])>) -> Result<Self, Error> {
        match (self, header) {
            (Self::Plain, None) => Ok(Self::Plain),
            (Self::Passphrase(key), Some(header)) if key.header() == header => Ok(self.clone()),
            _ => Err(Error::new(
                ErrorKind::Tampered,
                "the key file is now protected in another way: open it again",
            )),
        }
    }

    /// Kind, cost and salt, in 29 bytes.
    pub(super) fn to_bytes(&self) -> [u8; 29] {
        match self {
            Self::Plain => [0; 29],
            Self::Passphrase(key) => key.to_bytes(),
        }
    }

    /// A version's key as it is written: in hex, in the clear or under the passphrase.
    pub(super) fn protect(
        &self,
        engine: &'static dyn Engine,
        slot: Slot,
        key: &Secret,
    ) -> Result<Zeroizing<String>, Error> {
        match self {
            Self::Plain => Ok(hex::text(key.expose_secret())),
            Self::Passphrase(passphrase) => {
                passphrase.seal(engine, PASSPHRASE_LABEL, &self.associated_data(slot), key)
            }
        }
    }

    /// A version's key from how it is written.
    pub(super) fn reveal(
        &self,
        engine: &'static dyn Engine,
        slot: Slot,
        text: &str,
    ) -> Result<Secret, Error> {
        match self {
            Self::Plain => Secret::filled(|out| hex::parse(text, out)),
            Self::Passphrase(passphrase) => {
                passphrase.open(engine, PASSPHRASE_LABEL, &self.associated_data(slot), text)
            }
        }
    }

    fn associated_data(&self, slot: Slot) -> Vec<u8> {
        let Slot { id, version, state } = slot;
        let head = [&version.to_be_bytes()[..], &[state.to_byte()]].concat();
        [VERSION_LABEL, &[0, 1], &id, &head, &self.to_bytes()].concat()
    }
}
