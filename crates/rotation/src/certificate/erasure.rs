//! Whether what was destroyed is gone for good, and why.

use core::fmt;
use core::str::FromStr;
use phiseal_keys::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

/// Whether what was destroyed is gone for good.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "status", rename_all = "kebab-case", deny_unknown_fields)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever reads a certificate has to say something of each"
)]
pub enum Erasure {
    /// The act was not to erase anything.
    None {},
    /// It is gone for good.
    Final {
        /// What that rests on; at least one.
        grounds: Vec<Ground>,
    },
    /// The store does not have it any more, but copies may be left.
    Pending {
        /// Where; at least one.
        reasons: Vec<Reason>,
    },
}

/// What it rests on that a key is gone for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever reads a certificate has to say something of each"
)]
pub enum Ground {
    /// The store has erased the wrapped key, and no backup that holds it is kept any more.
    BackupsExpired,
    /// Each key that wrapped it is destroyed, so that no copy of the wrapped key opens.
    WrappingKeysDestroyed,
}

/// Why a copy of the wrapped key may be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever reads a certificate has to say something of each"
)]
pub enum Reason {
    /// The store is PostgreSQL, whose write-ahead log keeps what was deleted.
    WriteAheadLog,
    /// Backups that hold it are still kept.
    Backups,
    /// The store may keep replaced records where it cannot erase them.
    StoreCopies,
}

impl Ground {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::BackupsExpired, Self::WrappingKeysDestroyed];

    /// By what word a certificate and a request name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BackupsExpired => "backups-expired",
            Self::WrappingKeysDestroyed => "wrapping-keys-destroyed",
        }
    }
}

impl FromStr for Ground {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let ground = Self::ALL.into_iter().find(|ground| ground.name() == text);
        ground.ok_or_else(|| {
            Error::new(
                ErrorKind::Malformed,
                "the ground of a final erasure is backups-expired or wrapping-keys-destroyed",
            )
        })
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BackupsExpired => {
                "the key store has erased the wrapped key, and no backup that holds it is kept any more"
            }
            Self::WrappingKeysDestroyed => {
                "each key that wrapped it is destroyed, so that no copy of the wrapped key can be opened"
            }
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WriteAheadLog => {
                "the key store is a PostgreSQL database, whose write-ahead log and archives keep deleted \
                 records; it is final when each key that wrapped the key is destroyed"
            }
            Self::Backups => "backups that hold the wrapped key are still kept; it is final when they expire",
            Self::StoreCopies => {
                "the key store may keep copies of replaced records that it cannot erase by itself"
            }
        })
    }
}
