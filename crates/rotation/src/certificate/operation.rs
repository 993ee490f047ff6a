//! What was done, and when.

use super::Digest;
use super::text::{maybe_seconds, parsed, seconds};
use core::fmt;
use phiseal_format::SubjectTag;
use serde::{Deserialize, Serialize};

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever reads a certificate has to say something of each"
)]
pub enum Operation {
    /// A new version became the primary, and what was sealed under others was sealed anew.
    Rotate {
        /// Whether that was because the version before is in wrong hands, or may be.
        compromised: bool,
    },
    /// A version was taken out of use: it opens, and seals no more.
    Retire {
        /// Which one.
        version: u32,
    },
    /// A version was destroyed: nothing opens under it any more.
    Destroy {
        /// Which one.
        version: u32,
    },
    /// The keys of one person were destroyed.
    Shred {
        /// Who, as the key store names persons: it says nothing of who it is.
        #[serde(with = "parsed")]
        person: SubjectTag,
        /// The 32-byte ids of the person's keys, of which nothing but these is left.
        keys: Vec<Digest>,
        /// Whether the store says afterwards that they are gone.
        shredded: bool,
    },
}

/// The times of the act, in seconds since 1970 by the clocks of those machines that took the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "what callers build")]
pub struct Times {
    /// When it was asked for.
    #[serde(with = "seconds")]
    pub requested: u64,
    /// When the last approval came that it needed; none where one custodian acts alone, and where the approvals do not say, as
    /// those of `custody` do not.
    #[serde(with = "maybe_seconds")]
    pub approved: Option<u64>,
    /// When it began.
    #[serde(with = "seconds")]
    pub began: u64,
    /// When it ended.
    #[serde(with = "seconds")]
    pub ended: u64,
}

impl Operation {
    /// Whether it is there to make something unreadable.
    pub(super) const fn erases(&self) -> bool {
        matches!(self, Self::Destroy { .. } | Self::Shred { .. })
    }
}

/// As titles have it: `key rotation`.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rotate { compromised: false } => "key rotation",
            Self::Rotate { compromised: true } => "key rotation after a compromise",
            Self::Retire { .. } => "key retirement",
            Self::Destroy { .. } => "key destruction",
            Self::Shred { .. } => "destruction of one person's keys",
        })
    }
}
