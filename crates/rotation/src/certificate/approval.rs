//! Who asked for the act, and who approved it.

use super::Digest;
use crate::custody::Roster;
use core::fmt;
use phiseal_audit::note::VerifierKey;
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::Engine;
use serde::{Deserialize, Serialize};

/// Who asked for the act and who approved it, and by which rules.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "what callers build")]
pub struct Approval {
    /// Who asked for it.
    pub requester: Signatory,
    /// Who else approved it.
    pub approvers: Vec<Signatory>,
    /// The SHA-256 of the request, which is what was approved.
    pub request: Digest,
    /// The roster of custodians that was in force; none where one custodian acts alone.
    pub roster: Option<RosterHead>,
    /// Whether one custodian acted alone: a dangerous mode for demonstrations, of which the page says so.
    pub single_custodian: bool,
}

/// Which roster of custodians it was, and how many of them had to approve.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "what callers build")]
pub struct RosterHead {
    /// Its number.
    pub number: u32,
    /// Its SHA-256.
    pub sha256: Digest,
    /// How many had to approve, beside the one who asked.
    pub threshold: u32,
    /// How many custodians it names.
    pub custodians: u32,
}

impl RosterHead {
    /// That of a roster.
    #[must_use]
    pub fn new(roster: &Roster, engine: &dyn Engine) -> Self {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            number: roster.number(),
            sha256: roster.digest(engine),
            threshold: count(roster.threshold()),
            custodians: count(roster.custodians().len()),
        }
    }
}

/// A custodian: a name, and the key that signs for it.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Signatory {
    name: String,
    key: String,
    key_id: String,
}

/// The longest name of a custodian, in bytes.
const MAX_NAME: usize = 255;

impl Signatory {
    /// The custodian who goes by `name` in the roster, and signs with `key`.
    #[must_use]
    pub fn new(name: &str, key: &VerifierKey) -> Self {
        Self { name: name.to_owned(), key: key.to_string(), key_id: id_text(key) }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The line of the key, as [`VerifierKey::parse`] reads it.
    #[must_use]
    pub fn key_line(&self) -> &str {
        &self.key
    }

    /// The key's id, in hexadecimal.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The key, when name and id are what they must be.
    pub(super) fn checked(&self, engine: &dyn Engine) -> Result<VerifierKey, Error> {
        let sound =
            (1..=MAX_NAME).contains(&self.name.len()) && !self.name.chars().any(char::is_control);
        if !sound {
            let message = "a custodian's name has 1 to 255 bytes and no control characters";
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let key = VerifierKey::parse(&self.key, engine)?;
        if self.key_id != id_text(&key) {
            let message = "the id of a custodian's key is not that key's";
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        Ok(key)
    }
}

fn id_text(key: &VerifierKey) -> String {
    format!("{:08x}", u32::from_be_bytes(key.id()))
}

/// Without the name.
impl fmt::Debug for Signatory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signatory")
    }
}
