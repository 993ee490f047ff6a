use crate::{FullKeyId, KeyState};
use phiseal_format::WrappedKey;

/// One version of a domain's data key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyVersion {
    pub(super) number: u32,
    pub(super) state: KeyState,
    pub(super) key_id: FullKeyId,
    pub(super) created: u64,
    pub(super) activated: u64,
    pub(super) replaced: u64,
    pub(super) wraps: Vec<WrappedKey>,
}

impl KeyVersion {
    /// Its number, from 1, never used again.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> KeyState {
        self.state
    }

    /// The id of its data key.
    #[must_use]
    pub const fn key_id(&self) -> &FullKeyId {
        &self.key_id
    }

    /// When it was made, in seconds since 1970 by the clock of the machine that made it.
    #[must_use]
    pub const fn created(&self) -> u64 {
        self.created
    }

    /// When it became the primary, last if more than once, in seconds since 1970; `None` when it never was.
    #[must_use]
    pub const fn activated(&self) -> Option<u64> {
        if self.activated == 0 { None } else { Some(self.activated) }
    }

    /// When another version became the primary in its place, in seconds since 1970; `None` when it is the primary, or
    /// never was.
    #[must_use]
    pub const fn replaced(&self) -> Option<u64> {
        if self.replaced == 0 { None } else { Some(self.replaced) }
    }

    /// Its wraps, any one of which yields the data key; none once it is destroyed.
    #[must_use]
    pub fn wraps(&self) -> &[WrappedKey] {
        &self.wraps
    }
}
