//! Keys that are not at hand.

use crate::cipher::foreign;
use phiseal_format::KeyId;
use phiseal_keys::Error;

/// A key of the domain, or of the person, that could not be had, and why.
#[derive(Clone, Debug)]
pub(crate) struct Missing {
    pub(crate) id: KeyId,
    pub(crate) why: Error,
    pub(crate) life: Life,
}

/// Where in its life a key is that is not at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It has not been in use yet: nothing is under it.
    Ahead,
    /// Something may be under it.
    Middle,
    /// It was destroyed or dropped: whatever is under it opens no more.
    Over,
}

impl Missing {
    /// One that something may be under.
    pub(crate) const fn withheld(id: KeyId, why: Error) -> Self {
        Self { id, why, life: Life::Middle }
    }

    /// Why there is no key of this id: it is among the missing, or is none of theirs.
    #[cold]
    pub(crate) fn why(missing: &[Self], id: &KeyId) -> Error {
        Self::reason(missing, id).unwrap_or_else(foreign)
    }

    /// Why the key of this id is missing, if it is.
    pub(crate) fn reason(missing: &[Self], id: &KeyId) -> Option<Error> {
        missing.iter().find(|key| key.id == *id).map(|key| key.why.clone())
    }
}
