//! What is in a key file: JSON, and what authenticates it.

use super::contents::Contents;
use super::json::{self, malformed};
use super::kek_id;
use super::passphrase_key::{PassphraseText, SALT};
use super::protection::{Protection, Slot};
use crate::hex;
use crate::versions::{MAX_VERSIONS, Version, Versions, derive};
use phiseal_keys::{Error, ErrorKind, KeyState, Secret};
use phiseal_primitives::argon2id::Cost;
use phiseal_primitives::{Engine, constant_time};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use zeroize::Zeroizing;

const FORMAT: &str = "phiseal local kek";
const VERSION: u32 = 1;

const MAC_LABEL: &[u8] = b"phiseal/v1 local kek mac";
const FILE_LABEL: &[u8] = b"phiseal/v1 local kek file";

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
    revision: u64,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    passphrase: Option<PassphraseText<'a>>,
    #[serde(borrow)]
    versions: Vec<VersionText<'a>>,
    mac: &'a str,
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

impl<'a> Document<'a> {
    /// Reads the JSON.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        json::check_header(bytes, FORMAT, VERSION)?;
        let document: Self = json::parse(bytes)?;
        if document.versions.is_empty() || document.versions.len() > MAX_VERSIONS {
            return Err(malformed("the key file has no version of the key, or too many"));
        }
        Ok(document)
    }

    /// The cost and salt of the passphrase, not yet bounded; none without one.
    pub(super) fn passphrase(&self) -> Result<Option<(Cost, [u8; SALT])>, Error> {
        self.passphrase.as_ref().map(PassphraseText::header).transpose()
    }

    /// What is in it, once the file is found authentic.
    pub(super) fn open(
        &self,
        engine: &'static dyn Engine,
        protection: Protection,
    ) -> Result<Contents, Error> {
        let mut id = [0; 16];
        hex::parse(self.id, &mut id)?;
        let mut versions = Versions::new(engine, kek_id(&id)?);
        for text in &self.versions {
            if text.version <= versions.current().0 {
                return Err(malformed("the versions in the key file are not in ascending order"));
            }
            let state = state_from_text(text.state)?;
            let key = match (text.key, text.wrapped, &protection, state) {
                (None, None, _, KeyState::Destroyed) => None,
                (Some(key), None, Protection::Plain, _)
                | (None, Some(key), Protection::Passphrase(_), _)
                    if state != KeyState::Destroyed =>
                {
                    let slot = Slot { id, version: text.version, state };
                    Some(Arc::new(protection.reveal(engine, slot, key)?))
                }
                _ => {
                    return Err(malformed(
                        "a version in the key file has a key that does not fit its state",
                    ));
                }
            };
            versions.versions.insert(text.version, Version { state, key });
        }
        let contents = Contents { revision: self.revision, versions, protection };
        let mut claimed = [0; 32];
        hex::parse(self.mac, &mut claimed)?;
        if !constant_time::equal(&mac(&contents, &id)?, &claimed) {
            return Err(Error::new(
                ErrorKind::Unauthenticated,
                "the key file was changed by something other than this library",
            ));
        }
        Ok(contents)
    }

    /// Whether this, which nobody has authenticated, is an earlier file of the KEK with these versions and holds the key
    /// of one that is destroyed now.
    pub(super) fn holds_destroyed(&self, versions: &Versions) -> bool {
        versions.id.as_str().strip_prefix("local:") == Some(self.id)
            && self.versions.iter().any(|text| {
                let now = versions.versions.get(&text.version);
                (text.key.is_some() || text.wrapped.is_some())
                    && now.is_some_and(|now| now.key.is_none())
            })
    }
}

/// The file's text.
pub(super) fn print(contents: &Contents) -> Result<Zeroizing<Vec<u8>>, Error> {
    let Contents { revision, versions, protection } = contents;
    let id_text = versions.id.as_str().strip_prefix("local:").unwrap_or_default();
    let mut id = [0; 16];
    hex::parse(id_text, &mut id)?;
    let mut keys = Vec::with_capacity(versions.versions.len());
    for (number, version) in &versions.versions {
        let slot = Slot { id, version: *number, state: version.state };
        let key = version.key.as_ref();
        keys.push(key.map(|key| protection.protect(versions.engine, slot, key)).transpose()?);
    }
    let plain = matches!(protection, Protection::Plain);
    let texts = versions.versions.iter().zip(&keys).map(|((number, version), key)| {
        let key = key.as_ref().map(|key| key.as_str());
        let (key, wrapped) = if plain { (key, None) } else { (None, key) };
        VersionText { version: *number, state: state_text(version.state), key, wrapped }
    });
    let mac = hex::text(&mac(contents, &id)?);
    let passphrase = match protection {
        Protection::Plain => None,
        Protection::Passphrase(key) => Some((key, key.salt_text())),
    };
    let document = Document {
        format: FORMAT,
        version: VERSION,
        id: id_text,
        revision: *revision,
        passphrase: passphrase.as_ref().map(|(key, salt)| PassphraseText::of(key, salt)),
        versions: texts.collect(),
        mac: mac.as_str(),
    };
    json::print(
        &document,
        versions.versions.len().saturating_mul(VERSION_TEXT).saturating_add(FIXED_TEXT),
    )
}

/// HMAC-SHA-256 over id, revision, protection and every version with its key.
fn mac(contents: &Contents, id: &[u8; 16]) -> Result<[u8; 32], Error> {
    let Contents { revision, versions, protection } = contents;
    let newest = versions.versions.values().rev().find_map(|version| version.key.as_ref());
    let key = match (protection, newest) {
        (Protection::Passphrase(key), _) => derive(versions.engine, key.secret(), MAC_LABEL)?,
        (Protection::Plain, Some(key)) => derive(versions.engine, key, MAC_LABEL)?,
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
    let (revision, protection) = (revision.to_be_bytes(), protection.to_bytes());
    let mut parts: Vec<&[u8]> = vec![FILE_LABEL, &[0, 1], id, &revision, &protection];
    for (head, key) in &heads {
        parts.push(head);
        if let Some(key) = key {
            parts.push(key.expose_secret());
        }
    }
    Ok(versions.engine.hmac_sha_256(key.expose_secret(), &parts))
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
