//! What is in a key file: JSON, and what authenticates it.

use super::{Passphrase, hex, kek_id};
use crate::versions::{MAX_VERSIONS, Version, Versions, derive};
use core::fmt;
use phiseal_keys::{Error, ErrorKind, KeyState, Secret};
use phiseal_primitives::argon2id::{self, Cost};
use phiseal_primitives::{Engine, Xaes256Gcm, constant_time};
use serde::{Deserialize, Serialize};
use std::io::Cursor;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Bytes of the salt of a passphrase.
pub(super) const SALT: usize = 16;

const FORMAT: &str = "phiseal local kek";
const VERSION: u32 = 1;
const NONCE: usize = 24;
const WRAPPED: usize = NONCE + 32 + 16;

const MAC_LABEL: &[u8] = b"phiseal/v1 local kek mac";
const PASSPHRASE_LABEL: &[u8] = b"phiseal/v1 local kek passphrase";
const FILE_LABEL: &[u8] = b"phiseal/v1 local kek file";
const VERSION_LABEL: &[u8] = b"phiseal/v1 local kek version";

/// More than a file without versions, and than a version in one, takes in JSON.
const FIXED_TEXT: usize = 1024;
const VERSION_TEXT: usize = 320;

/// A key file as it is written. Everything is borrowed: the parser makes no copy of a key that nobody wipes.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document<'a> {
    format: &'a str,
    version: u32,
    id: &'a str,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    passphrase: Option<PassphraseText<'a>>,
    #[serde(borrow)]
    versions: Vec<VersionText<'a>>,
    mac: &'a str,
}

/// How the key that protects the others comes from a passphrase.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PassphraseText<'a> {
    kdf: &'a str,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: &'a str,
}

/// One version: its key in the clear, or wrapped, or neither when it is destroyed.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct VersionText<'a> {
    version: u32,
    state: &'a str,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    wrapped: Option<&'a str>,
}

/// How the keys in a file are protected.
#[derive(Clone)]
pub(super) enum Protection {
    /// By the file's mode alone.
    Plain,
    /// By a passphrase too.
    Passphrase { cost: Cost, salt: [u8; SALT], key: Arc<Secret> },
}

impl Protection {
    /// Derives the key: takes the memory and time that `cost` says, which is bounded first.
    pub(super) fn from_passphrase(
        passphrase: &Passphrase,
        cost: Cost,
        salt: [u8; SALT],
    ) -> Result<Self, Error> {
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
    fn to_bytes(&self) -> [u8; 29] {
        let mut bytes = [0; 29];
        if let Self::Passphrase { cost, salt, .. } = self {
            let numbers = [cost.memory_kib, cost.passes, cost.lanes].map(u32::to_be_bytes);
            let parts = [1].iter().chain(numbers.as_flattened()).chain(salt);
            bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = *part);
        }
        bytes
    }
}

impl<'a> Document<'a> {
    /// Reads the JSON. Its errors would quote what they found, so none is passed on; only the place is.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        // Of a file of another version only the number need be understood.
        #[derive(Deserialize)]
        struct Header<'a> {
            format: &'a str,
            version: u32,
        }
        let header: Header<'_> = serde_json::from_slice(bytes).map_err(|error| not_json(&error))?;
        if header.format != FORMAT {
            return Err(malformed("the file is not a key file"));
        }
        if header.version > VERSION {
            return Err(Error::new(ErrorKind::Unsupported, "a newer release wrote the key file"));
        }
        let document: Self = serde_json::from_slice(bytes).map_err(|error| not_json(&error))?;
        if document.version != VERSION {
            return Err(malformed("the key file has a version that no release wrote"));
        }
        if document.versions.is_empty() || document.versions.len() > MAX_VERSIONS {
            return Err(malformed("the key file has no version of the key, or too many"));
        }
        Ok(document)
    }

    /// The cost and salt of the passphrase, not yet bounded; none without one.
    pub(super) fn passphrase(&self) -> Result<Option<(Cost, [u8; SALT])>, Error> {
        let Some(text) = &self.passphrase else { return Ok(None) };
        if text.kdf != "argon2id" {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the key file's passphrase is for a derivation that is not known",
            ));
        }
        let mut salt = [0; SALT];
        hex::parse(text.salt, &mut salt)?;
        Ok(Some((
            Cost { memory_kib: text.memory_kib, passes: text.passes, lanes: text.lanes },
            salt,
        )))
    }

    /// The versions in it, once the file is found authentic.
    pub(super) fn open(
        &self,
        engine: &'static dyn Engine,
        protection: &Protection,
    ) -> Result<Versions, Error> {
        let mut id = [0; 16];
        hex::parse(self.id, &mut id)?;
        let mut versions = Versions::new(engine, kek_id(&id)?);
        for text in &self.versions {
            if text.version <= versions.current().0 {
                return Err(malformed("the versions in the key file are not in ascending order"));
            }
            let state = state_from_text(text.state)?;
            let key = match (text.key, text.wrapped, protection, state) {
                (None, None, _, KeyState::Destroyed) => None,
                (Some(key), None, Protection::Plain, _) if state != KeyState::Destroyed => {
                    Some(Secret::filled(|out| hex::parse(key, out))?)
                }
                (None, Some(wrapped), Protection::Passphrase { key, .. }, _)
                    if state != KeyState::Destroyed =>
                {
                    let aad = version_aad(&id, text.version, state, protection);
                    Some(unwrap(engine, key, &aad, wrapped).map_err(wrong_passphrase)?)
                }
                _ => {
                    return Err(malformed(
                        "a version in the key file has a key that does not fit its state",
                    ));
                }
            };
            versions.versions.insert(text.version, Version { state, key: key.map(Arc::new) });
        }
        let mut claimed = [0; 32];
        hex::parse(self.mac, &mut claimed)?;
        if !constant_time::equal(&mac(&versions, &id, protection)?, &claimed) {
            return Err(Error::new(
                ErrorKind::Unauthenticated,
                "the key file was changed by something other than this library",
            ));
        }
        Ok(versions)
    }
}

/// The file's text.
pub(super) fn print(
    versions: &Versions,
    protection: &Protection,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let id_text = versions.id.as_str().strip_prefix("local:").unwrap_or_default();
    let mut id = [0; 16];
    hex::parse(id_text, &mut id)?;
    let mut keys = Vec::with_capacity(versions.versions.len());
    for (number, version) in &versions.versions {
        keys.push(match (&version.key, protection) {
            (None, _) => None,
            (Some(key), Protection::Plain) => Some(hex::text(key.expose_secret())),
            (Some(key), Protection::Passphrase { key: passphrase, .. }) => {
                let aad = version_aad(&id, *number, version.state, protection);
                Some(hex::text(&*wrap(versions.engine, passphrase, &aad, key)?))
            }
        });
    }
    let plain = matches!(protection, Protection::Plain);
    let texts = versions.versions.iter().zip(&keys).map(|((number, version), key)| {
        let key = key.as_ref().map(|key| key.as_str());
        let (key, wrapped) = if plain { (key, None) } else { (None, key) };
        VersionText { version: *number, state: state_text(version.state), key, wrapped }
    });
    let mac = hex::text(&mac(versions, &id, protection)?);
    let salt = match protection {
        Protection::Plain => None,
        Protection::Passphrase { cost, salt, .. } => Some((cost, hex::text(salt))),
    };
    let document = Document {
        format: FORMAT,
        version: VERSION,
        id: id_text,
        passphrase: salt.as_ref().map(|(cost, salt)| PassphraseText {
            kdf: "argon2id",
            memory_kib: cost.memory_kib,
            passes: cost.passes,
            lanes: cost.lanes,
            salt: salt.as_str(),
        }),
        versions: texts.collect(),
        mac: mac.as_str(),
    };
    // A buffer that grew would leave keys in the memory that it left.
    let room = versions.versions.len().saturating_mul(VERSION_TEXT).saturating_add(FIXED_TEXT);
    let mut buffer = Zeroizing::new(vec![0; room]);
    let mut cursor = Cursor::new(buffer.as_mut_slice());
    serde_json::to_writer_pretty(&mut cursor, &document).map_err(|_| too_small())?;
    let length = usize::try_from(cursor.position()).map_err(|_| too_small())?;
    *buffer.get_mut(length).ok_or_else(too_small)? = b'\n';
    buffer.truncate(length.saturating_add(1));
    Ok(buffer)
}

/// HMAC-SHA-256 over id, protection and every version with its key.
fn mac(versions: &Versions, id: &[u8; 16], protection: &Protection) -> Result<[u8; 32], Error> {
    let newest = versions.versions.values().rev().find_map(|version| version.key.as_ref());
    let key = match (protection, newest) {
        (Protection::Passphrase { key, .. }, _) | (Protection::Plain, Some(key)) => {
            derive(versions.engine, key, MAC_LABEL)?
        }
        // Nothing is left to protect: this is then a checksum.
        (Protection::Plain, None) => Secret::zeroed()?,
    };
    let heads = versions.versions.iter().map(|(number, version)| {
        let [a, b, c, d] = number.to_be_bytes();
        (
            [a, b, c, d, version.state.to_byte(), u8::from(version.key.is_some())],
            version.key.as_ref(),
        )
    });
    let heads: Vec<_> = heads.collect();
    let protection = protection.to_bytes();
    let mut parts: Vec<&[u8]> = vec![FILE_LABEL, &[0, 1], id, &protection];
    for (head, key) in &heads {
        parts.push(head);
        if let Some(key) = key {
            parts.push(key.expose_secret());
        }
    }
    Ok(versions.engine.hmac_sha_256(key.expose_secret(), &parts))
}

/// What a version's key is bound to under a passphrase.
fn version_aad(id: &[u8; 16], number: u32, state: KeyState, protection: &Protection) -> Vec<u8> {
    [VERSION_LABEL, &[0, 1], id, &number.to_be_bytes(), &[state.to_byte()], &protection.to_bytes()]
        .concat()
}

fn wrap(
    engine: &'static dyn Engine,
    passphrase: &Secret,
    aad: &[u8],
    key: &Secret,
) -> Result<Zeroizing<[u8; WRAPPED]>, Error> {
    let cipher =
        Xaes256Gcm::new(engine, derive(engine, passphrase, PASSPHRASE_LABEL)?.expose_secret());
    let mut out = Zeroizing::new([0; WRAPPED]);
    let (nonce, rest) = out.split_first_chunk_mut::<NONCE>().ok_or_else(too_small)?;
    let (ciphertext, tag) = rest.split_first_chunk_mut::<32>().ok_or_else(too_small)?;
    engine.fill_random(nonce)?;
    ciphertext.copy_from_slice(key.expose_secret());
    tag.copy_from_slice(&cipher.seal(nonce, aad, ciphertext)?);
    Ok(out)
}

fn unwrap(
    engine: &'static dyn Engine,
    passphrase: &Secret,
    aad: &[u8],
    text: &str,
) -> Result<Secret, Error> {
    let cipher =
        Xaes256Gcm::new(engine, derive(engine, passphrase, PASSPHRASE_LABEL)?.expose_secret());
    let mut wrapped = [0; WRAPPED];
    hex::parse(text, &mut wrapped)?;
    let (nonce, rest) = wrapped.split_first_chunk::<NONCE>().ok_or_else(too_small)?;
    let (ciphertext, tag) = rest.split_first_chunk::<32>().ok_or_else(too_small)?;
    let tag = tag.try_into().map_err(|_| too_small())?;
    Secret::filled(|out| {
        *out = *ciphertext;
        cipher.open(nonce, aad, out, tag)
    })
}

fn state_text(state: KeyState) -> &'static str {
    match state {
        KeyState::PreActive => "pre-active",
        KeyState::Active => "active",
        KeyState::Suspended => "suspended",
        KeyState::Deactivated => "deactivated",
        KeyState::Compromised => "compromised",
        KeyState::Destroyed => "destroyed",
    }
}

fn state_from_text(text: &str) -> Result<KeyState, Error> {
    let state = KeyState::ALL.into_iter().find(|state| state_text(*state) == text);
    state.ok_or_else(|| malformed("a version in the key file has a state that is not known"))
}

/// Where the JSON stopped making sense; serde's own message may quote a key.
#[derive(Debug)]
struct Place {
    line: usize,
    column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl core::error::Error for Place {}

#[cold]
fn not_json(error: &serde_json::Error) -> Error {
    malformed("the key file is not what it should be")
        .with_source(Place { line: error.line(), column: error.column() })
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
fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

#[cold]
fn too_small() -> Error {
    Error::new(ErrorKind::Faulty, "a buffer for a key file is too small")
}
