//! What a stored value can be.

use core::fmt;

/// What a stored value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "whoever counts has to say something of each")]
pub enum Class {
    /// `NULL`.
    Nothing,
    /// Sealed under the primary version, and opens.
    Current,
    /// Sealed under the person's own current key, and opens.
    Person,
    /// Sealed under a key of the person's that is older than the current one, and opens.
    PersonOlder,
    /// Sealed under a version that is older than the primary, and opens.
    Older(u32),
    /// Sealed under a version that is newer than the primary, and opens: somebody made an older one the primary again.
    Newer(u32),
    /// Names a version that opens nothing now (suspended, not active yet, destroyed), or a key of the person's that is wrapped by
    /// such a one.
    Closed(u32),
    /// Names a key of the person's that was dropped, because nothing was thought to be under it any more: it opens nothing.
    PersonDropped,
    /// Names a key of a person who was shredded.
    Shredded,
    /// Names a key that is neither the domain's nor the person's.
    Foreign,
    /// Was never sealed.
    Plaintext,
    /// Was sealed, and does not open: it was changed, cut, or moved to where it does not belong.
    Damaged,
    /// An index has no entry for a value that is there.
    Unindexed,
    /// An entry of an index that is not that of the row's value: of another value, by a definition that was replaced, or under a key
    /// that is not known.
    Stray,
    /// An entry of an index for a value that is not there, or of a person who was shredded.
    Leftover,
}

impl Class {
    /// Whether there is nothing to be done about it.
    #[must_use]
    pub const fn is_in_order(self) -> bool {
        matches!(self, Self::Nothing | Self::Current | Self::Person | Self::Shredded)
    }

    /// Whether it is a value that opened.
    #[cfg(feature = "tokens")]
    pub(crate) const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Current | Self::Person | Self::PersonOlder | Self::Older(_) | Self::Newer(_)
        )
    }

    /// Whether it is sealed under a version that opens and is not the primary, or an older key of the person's, or an entry of an
    /// index that is to be another one.
    pub(crate) const fn is_to_be_resealed(self) -> bool {
        matches!(self, Self::Older(_) | Self::Newer(_) | Self::PersonOlder)
            || matches!(self, Self::Unindexed | Self::Stray | Self::Leftover)
    }

    /// Whether it was sealed under another key than the current one, or may have been.
    pub(crate) const fn is_left(self) -> bool {
        !self.is_in_order()
            && !matches!(self, Self::Foreign | Self::Plaintext | Self::Unindexed | Self::Leftover)
    }

    /// Whether a value of this class is under version `number`, or may be.
    pub(crate) const fn may_be_under(self, number: u32, primary: u32) -> bool {
        match self {
            Self::Older(version) | Self::Newer(version) | Self::Closed(version) => {
                version == number
            }
            Self::Current => primary == number,
            Self::Damaged => true,
            Self::Nothing
            | Self::Person
            | Self::PersonOlder
            | Self::PersonDropped
            | Self::Shredded
            | Self::Foreign
            | Self::Plaintext
            | Self::Unindexed
            | Self::Stray
            | Self::Leftover => false,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("empty"),
            Self::Current => f.write_str("current version"),
            Self::Person => f.write_str("person's key"),
            Self::PersonOlder => f.write_str("person's older key"),
            Self::PersonDropped => f.write_str("person's dropped key"),
            Self::Older(version) => write!(f, "older version {version}"),
            Self::Newer(version) => write!(f, "newer version {version}"),
            Self::Closed(version) => write!(f, "version {version}, which opens nothing"),
            Self::Shredded => f.write_str("shredded person"),
            Self::Foreign => f.write_str("foreign key"),
            Self::Plaintext => f.write_str("plaintext"),
            Self::Damaged => f.write_str("damaged"),
            Self::Unindexed => f.write_str("not in the index"),
            Self::Stray => f.write_str("index entry of something else"),
            Self::Leftover => f.write_str("index entry of nothing"),
        }
    }
}
