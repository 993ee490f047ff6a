use crate::Digest;
use core::fmt;
use core::str::FromStr;
use phiseal_format::SubjectTag;
use phiseal_keys::{Error, ErrorKind};

/// What custodians are asked to agree to.
///
/// | in a request | |
/// |---|---|
/// | `rotate` | a new data key; the one before opens only |
/// | `rotate-compromised` | a new data key; all before it are known to others |
/// | `rewrap` | the same data keys under the KEKs of the request |
/// | `retire 3` | version 3 is deactivated |
/// | `destroy 3` | version 3 is destroyed |
/// | `shred 4f2a…` | the keys of the person of this tag are destroyed |
/// | `roster 9c41…` | other custodians: the roster of this SHA-256 |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// A new data key, and whether those before it are in wrong hands.
    Rotate {
        /// Whether every key before is compromised from then on.
        compromised: bool,
    },
    /// The same data keys under other versions of KEKs, or under other KEKs.
    Rewrap,
    /// The end of the use of a version under which nothing is sealed any more.
    Retire(u32),
    /// The end of a retired version.
    Destroy(u32),
    /// The end of a person's keys.
    Shred(SubjectTag),
    /// Another roster of custodians.
    Roster(Digest),
}

impl Operation {
    /// Whether keys are wrapped, so that it matters by which KEKs.
    #[must_use]
    pub const fn wraps(&self) -> bool {
        matches!(self, Self::Rotate { .. } | Self::Rewrap)
    }

    /// Whether keys are destroyed.
    #[must_use]
    pub const fn destroys(&self) -> bool {
        matches!(self, Self::Destroy(_) | Self::Shred(_))
    }

    /// What it does, in the words of one sentence after "This".
    #[must_use]
    pub const fn meaning(&self) -> &'static str {
        match self {
            Self::Rotate { compromised: false } => {
                "makes a new data key and reseals every value under it; older versions open until they are retired"
            }
            Self::Rotate { compromised: true } => {
                "declares every data key before it compromised, makes a new one, gives every person a new key, and reseals \
                 every value"
            }
            Self::Rewrap => {
                "wraps the data keys under the key-encryption keys named here; no value is touched"
            }
            Self::Retire(_) => {
                "ends the use of a version under which nothing is sealed any more; it can be destroyed then"
            }
            Self::Destroy(_) => {
                "destroys a version for ever: whatever is still sealed under it, in a backup or elsewhere, is lost"
            }
            Self::Shred(_) => {
                "destroys the keys of one person for ever: whatever is sealed under them is lost, everywhere"
            }
            Self::Roster(_) => "puts another roster of custodians in force",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rotate { compromised: false } => f.write_str("rotate"),
            Self::Rotate { compromised: true } => f.write_str("rotate-compromised"),
            Self::Rewrap => f.write_str("rewrap"),
            Self::Retire(version) => write!(f, "retire {version}"),
            Self::Destroy(version) => write!(f, "destroy {version}"),
            Self::Shred(tag) => write!(f, "shred {tag}"),
            Self::Roster(digest) => write!(f, "roster {digest}"),
        }
    }
}

impl FromStr for Operation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let operation = match word {
            "rotate" => Some(Self::Rotate { compromised: false }),
            "rotate-compromised" => Some(Self::Rotate { compromised: true }),
            "rewrap" => Some(Self::Rewrap),
            "retire" => rest.parse().ok().map(Self::Retire),
            "destroy" => rest.parse().ok().map(Self::Destroy),
            "shred" => rest.parse().ok().map(Self::Shred),
            "roster" => rest.parse().ok().map(Self::Roster),
            _ => None,
        };
        let is_canonical = |operation: &Self| operation.to_string() == text;
        operation
            .filter(is_canonical)
            .ok_or_else(|| Error::new(ErrorKind::Malformed, "not an operation"))
    }
}
