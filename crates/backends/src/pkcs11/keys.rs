//! A KEK on a token: which objects are its versions, and in which state each is.
//!
//! The versions of a KEK that was made here share a label, and the id of each (`CKA_ID`) is 20 bytes: 16 that name the KEK,
//! whatever token it is copied to, and the version's number, big-endian. A key that another tool made is a KEK of one
//! version.
//!
//! A state is what the token lets the key do, so that the token enforces it, against every program:
//!
//! | state | `CKA_ENCRYPT` or `CKA_WRAP` | `CKA_DECRYPT` or `CKA_UNWRAP` |
//! |---|---|---|
//! | active | yes | yes |
//! | deactivated, compromised | no | yes |
//! | suspended | yes, and not used | no |
//!
//! Whoever reaches a token without its PIN can put keys on it that are not private, with any label and id, and public
//! halves. The former are as if they were not there. Of the latter those count that belong to a private half.

use super::binding::{Key, Part, Usage};
use super::mechanism::{Handles, WrapMechanism};
use phiseal_format::{KekId, KekVersion};
use phiseal_keys::{Error, ErrorKind, KeyState};
use std::collections::BTreeMap;

/// Which key of a token is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Selector {
    pub(super) label: String,
    pub(super) which: Which,
}

/// Which of the keys with one label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Which {
    /// The only one.
    Only,
    /// The one with this `CKA_ID`, which another tool made.
    Id(Vec<u8>),
    /// Those that are versions of the KEK of this name.
    Named(Name),
}

/// The 16 bytes that name a KEK which was made here.
pub(super) type Name = [u8; NAME];

const NAME: usize = 16;
const NUMBER: usize = 4;

/// The version of a key that another tool made.
const ONLY: u32 = 1;

/// A KEK as one session finds it.
#[derive(Clone, Debug)]
pub(super) struct Kek {
    pub(super) id: KekId,
    /// None when another tool made it: it then has one version for ever.
    pub(super) name: Option<Name>,
    pub(super) versions: BTreeMap<u32, Version>,
}

/// One version of it.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) state: KeyState,
    pub(super) mechanism: WrapMechanism,
    pub(super) bits: usize,
    pub(super) handles: Handles,
    /// The objects, to be changed or destroyed.
    pub(super) objects: Vec<Key>,
}

impl Kek {
    /// What `keys`, all with the selector's label, are the versions of.
    pub(super) fn of(selector: &Selector, keys: Vec<Key>) -> Result<Self, Error> {
        let wanted = |key: &Key| match &selector.which {
            Which::Only => true,
            Which::Id(id) => *id == key.id,
            Which::Named(name) => key.id.starts_with(name),
        };
        let (keys, unguarded): (Vec<_>, Vec<_>) =
            keys.into_iter().filter(wanted).partition(is_guarded);
        let mut by_id: BTreeMap<Vec<u8>, Vec<Key>> = BTreeMap::new();
        for key in with_own_halves(keys) {
            by_id.entry(key.id.clone()).or_default().push(key);
        }
        if by_id.is_empty() && !unguarded.is_empty() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the key can be used without the PIN: make one that is private",
            ));
        }
        let mut names: Vec<Option<Name>> =
            by_id.keys().map(|id| parse(id).map(|(name, _)| name)).collect();
        names.dedup();
        let name = match names[..] {
            [] => return Err(Error::new(ErrorKind::NotFound, "the token has no key of this name")),
            [Some(name)] => Some(name),
            [None] if by_id.len() == 1 => None,
            _ => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "several keys of the token have this label: name the key's id as well",
                ));
            }
        };
        let id = match name {
            Some(name) => KekId::try_from(format!("pkcs11:{}", hex(&name)))?,
            None => foreign_id(selector, by_id.keys().next())?,
        };
        let mut versions = BTreeMap::new();
        for (id, objects) in by_id {
            let number = parse(&id).map_or(ONLY, |(_, number)| number);
            versions.insert(number, Version::of(objects)?);
        }
        Ok(Self { id, name, versions })
    }

    /// By what it is found from now on, whatever else gets the same label.
    pub(super) fn selector(&self, found_by: &Selector) -> Selector {
        let which = match (self.name, self.versions.values().next()) {
            (Some(name), _) => Which::Named(name),
            (None, Some(Version { objects, .. })) => {
                Which::Id(objects.first().map_or_else(Vec::new, |key| key.id.clone()))
            }
            (None, None) => found_by.which.clone(),
        };
        Selector { label: found_by.label.clone(), which }
    }

    /// The newest version: what new wraps use.
    pub(super) fn current(&self) -> Result<(KekVersion, &Version), Error> {
        let (number, version) = self.versions.last_key_value().ok_or_else(no_version)?;
        Ok((KekVersion(*number), version))
    }

    /// Every version and the state that the token shows of it.
    pub(super) fn states(&self) -> impl Iterator<Item = (KekVersion, KeyState)> + '_ {
        self.versions.iter().map(|(number, version)| (KekVersion(*number), version.state))
    }

    pub(super) fn version(&self, number: KekVersion) -> Result<&Version, Error> {
        self.versions.get(&number.0).ok_or_else(no_version)
    }
}

impl Version {
    /// The key or the pair of keys that share an id.
    fn of(objects: Vec<Key>) -> Result<Self, Error> {
        if objects.iter().any(|key| key.leaves_the_token) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the key can leave the token: make one that is sensitive and not extractable",
            ));
        }
        let (wraps, unwraps) = match &objects[..] {
            [key] if key.part == Part::Aes => (key, key),
            [public, private]
                if (public.part, private.part) == (Part::RsaPublic, Part::RsaPrivate) =>
            {
                (public, private)
            }
            [_] => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "the key is neither one for AES nor both halves of one for RSA",
                ));
            }
            _ => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "several keys of the token have this label and id: destroy those that are not meant",
                ));
            }
        };
        let (encrypts, wrapping) = (
            (wraps.usage.encrypt, unwraps.usage.decrypt),
            (wraps.usage.wrap, unwraps.usage.unwrap),
        );
        let (mechanism, usage) = match (wraps.part, encrypts, wrapping) {
            (Part::Aes, usage, (false, false)) => (WrapMechanism::AesGcm, usage),
            (Part::Aes, (false, false), usage) => (WrapMechanism::AesKeyWrap, usage),
            (_, usage, (false, false)) => (WrapMechanism::RsaOaep, usage),
            _ => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "the key may both encrypt and wrap: make one that may do one of them",
                ));
            }
        };
        let bits = wraps.bits;
        let long_enough = match mechanism {
            WrapMechanism::RsaOaep => (2048..=8192).contains(&bits) && bits.is_multiple_of(8),
            WrapMechanism::AesGcm | WrapMechanism::AesKeyWrap => bits == 256,
        };
        if !long_enough {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the key is not of 256 bits (AES) or at least 2048 (RSA)",
            ));
        }
        let state = match usage {
            (true, true) => KeyState::Active,
            (false, true) => KeyState::Deactivated,
            (true, false) => KeyState::Suspended,
            // Of a pair, the two are set one after the other.
            (false, false) if mechanism == WrapMechanism::RsaOaep => KeyState::Suspended,
            (false, false) => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "the key may neither encrypt and decrypt nor wrap and unwrap",
                ));
            }
        };
        let handles = Handles { wraps: wraps.handle, unwraps: unwraps.handle };
        Ok(Self { state, mechanism, bits, handles, objects })
    }

    /// What the objects of a version in this state may do; none in the states that a token cannot tell.
    pub(super) fn usage(&self, state: KeyState) -> Option<Usage> {
        let (seals, opens) = match state {
            KeyState::Active => (true, true),
            KeyState::Deactivated | KeyState::Compromised => (false, true),
            KeyState::Suspended => (true, false),
            KeyState::PreActive | KeyState::Destroyed => return None,
        };
        let encrypts = self.mechanism.encrypts();
        Some(Usage {
            encrypt: seals && encrypts,
            decrypt: opens && encrypts,
            wrap: seals && !encrypts,
            unwrap: opens && !encrypts,
        })
    }
}

/// Whether it takes the PIN to have put this key there, or it is a public half.
fn is_guarded(key: &Key) -> bool {
    key.private || key.part == Part::RsaPublic
}

/// `keys` without the public halves that belong to no private half of the same id: planted ones, and what is left of a
/// version that was being destroyed.
fn with_own_halves(keys: Vec<Key>) -> Vec<Key> {
    let (halves, mut keys): (Vec<_>, Vec<_>) =
        keys.into_iter().partition(|key| key.part == Part::RsaPublic);
    for half in halves {
        let owner = |key: &Key| {
            (key.part, &key.id) == (Part::RsaPrivate, &half.id) && key.pair.has(&half.pair)
        };
        if let Some(at) = keys.iter().position(owner) {
            // The public half first.
            keys.insert(at, half);
        }
    }
    keys
}

/// The `CKA_ID` of a version.
pub(super) fn object_id(name: &Name, number: u32) -> Vec<u8> {
    [&name[..], &number.to_be_bytes()].concat()
}

/// The number in the `CKA_ID` of a version.
pub(super) fn number_of(id: &[u8]) -> Option<u32> {
    parse(id).map(|(_, number)| number)
}

/// The label of versions that are being made: no process uses them yet, and one that was not finished is of no use to any.
pub(super) fn staging_label(name: &Name) -> String {
    format!("phiseal being made {}", hex(name))
}

fn parse(id: &[u8]) -> Option<(Name, u32)> {
    let (name, number) = id.split_first_chunk::<NAME>()?;
    let number: [u8; NUMBER] = number.try_into().ok()?;
    let number = u32::from_be_bytes(number);
    (number > 0).then_some((*name, number))
}

/// `pkcs11:object=LABEL;id=HEX`, the label with everything but letters and digits as in a URI (RFC 7512).
fn foreign_id(selector: &Selector, id: Option<&Vec<u8>>) -> Result<KekId, Error> {
    let mut text = "pkcs11:object=".to_owned();
    for byte in selector.label.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => text.push(byte.into()),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text.push_str(&format!(";id={}", hex(id.map_or(&[], Vec::as_slice))));
    KekId::try_from(text).map_err(|error| {
        Error::new(ErrorKind::Invalid, "label and id of the key are too long").with_source(error)
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cold]
fn no_version() -> Error {
    Error::new(ErrorKind::NotFound, "the KEK has no such version")
}
