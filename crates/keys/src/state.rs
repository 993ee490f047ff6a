//! The states of a key and what each allows.

use crate::{Error, ErrorKind};
use core::fmt;

/// The state of one version of a data key (SP 800-57 part 1 revision 5, section 7).
///
/// | from \ to | pre-active | active | suspended | deactivated | compromised | destroyed |
/// |---|---|---|---|---|---|---|
/// | pre-active | | yes | | | yes | yes |
/// | active | | | yes | yes | yes | |
/// | suspended | | yes | | yes | yes | |
/// | deactivated | | | | | yes | yes |
/// | compromised | | | | | | yes |
/// | destroyed | | | | | | |
///
/// The standard lets a key go from active or suspended to destroyed in one step; here it is deactivated first, because
/// a key may be destroyed only after a count has shown that nothing is sealed under it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "SP 800-57 has six states, and every use of one is a total function of them"
)]
pub enum KeyState {
    /// Made, not yet in use: neither seals nor opens.
    PreActive,
    /// In use: seals when it is the primary, and opens.
    Active,
    /// Held back for the time being: neither seals nor opens.
    Suspended,
    /// At the end of its use: opens, never seals.
    Deactivated,
    /// Known or suspected to be in wrong hands: opens, so that data can be resealed, never seals.
    Compromised,
    /// Gone: its wraps are erased and nothing opens under it.
    Destroyed,
}

/// What somebody wants to do with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyUse {
    /// Protect new data.
    Seal,
    /// Read data that it protects.
    Open,
    /// Wrap the same data key under another KEK version.
    Rewrap,
}

impl KeyState {
    /// All six, in the order of a key's life.
    pub const ALL: [Self; 6] = [
        Self::PreActive,
        Self::Active,
        Self::Suspended,
        Self::Deactivated,
        Self::Compromised,
        Self::Destroyed,
    ];

    /// Whether a key in this state may go to state `to`.
    #[must_use]
    pub const fn can_become(self, to: Self) -> bool {
        use KeyState::{Active, Compromised, Deactivated, Destroyed, PreActive, Suspended};
        match self {
            PreActive => matches!(to, Active | Compromised | Destroyed),
            Active => matches!(to, Suspended | Deactivated | Compromised),
            Suspended => matches!(to, Active | Deactivated | Compromised),
            Deactivated => matches!(to, Compromised | Destroyed),
            Compromised => matches!(to, Destroyed),
            Destroyed => false,
        }
    }

    /// Whether any number of transitions, none included, leads from this state to that one.
    #[must_use]
    pub fn leads_to(self, to: Self) -> bool {
        // No cycle but active and suspended, and from either the other is one step away.
        self == to
            || self.can_become(to)
            || Self::ALL.into_iter().any(|next| self.can_become(next) && next.can_become(to))
    }

    /// Whether a key in this state may be used so.
    #[must_use]
    pub const fn allows(self, usage: KeyUse) -> bool {
        match usage {
            KeyUse::Seal => matches!(self, Self::Active),
            KeyUse::Open => matches!(self, Self::Active | Self::Deactivated | Self::Compromised),
            KeyUse::Rewrap => !matches!(self, Self::Destroyed),
        }
    }

    /// Refuses a use that this state does not allow.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::State`], with the state in its message.
    pub fn require(self, usage: KeyUse) -> Result<(), Error> {
        if self.allows(usage) { Ok(()) } else { Err(Error::new(ErrorKind::State, self.refusal())) }
    }

    const fn refusal(self) -> &'static str {
        match self {
            Self::PreActive => "the key is pre-active: it neither seals nor opens yet",
            Self::Active => "the key is active",
            Self::Suspended => "the key is suspended: it neither seals nor opens",
            Self::Deactivated => "the key is deactivated: it opens, but does not seal",
            Self::Compromised => "the key is compromised: it opens, but does not seal",
            Self::Destroyed => "the key is destroyed",
        }
    }

    /// The byte that stands for this state in a stored keyset.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::PreActive => 1,
            Self::Active => 2,
            Self::Suspended => 3,
            Self::Deactivated => 4,
            Self::Compromised => 5,
            Self::Destroyed => 6,
        }
    }

    /// The state that `byte` stands for.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::PreActive,
            2 => Self::Active,
            3 => Self::Suspended,
            4 => Self::Deactivated,
            5 => Self::Compromised,
            6 => Self::Destroyed,
            _ => return None,
        })
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PreActive => "pre-active",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deactivated => "deactivated",
            Self::Compromised => "compromised",
            Self::Destroyed => "destroyed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows and columns in the order of [`KeyState::ALL`].
    const TRANSITIONS: [&str; 6] = [".Y..YY", "..YYY.", ".Y.YY.", "....YY", ".....Y", "......"];
    const USES: [(&str, KeyUse); 3] =
        [(".Y....", KeyUse::Seal), (".Y.YY.", KeyUse::Open), ("YYYYY.", KeyUse::Rewrap)];

    #[test]
    fn all_36_transitions() {
        let mut checked = 0;
        for (from, row) in KeyState::ALL.into_iter().zip(TRANSITIONS) {
            for (to, cell) in KeyState::ALL.into_iter().zip(row.chars()) {
                assert_eq!(from.can_become(to), cell == 'Y', "{from} to {to}");
                checked += 1;
            }
        }
        assert_eq!(checked, 36);
    }

    #[test]
    fn every_use_in_every_state() {
        let mut checked = 0;
        for (row, usage) in USES {
            for (state, cell) in KeyState::ALL.into_iter().zip(row.chars()) {
                assert_eq!(state.allows(usage), cell == 'Y', "{usage:?} when {state}");
                assert_eq!(
                    state.require(usage).map_err(|e| e.kind()),
                    if cell == 'Y' { Ok(()) } else { Err(ErrorKind::State) }
                );
                checked += 1;
            }
        }
        assert_eq!(checked, 18);
    }

    #[test]
    fn bytes_are_strict() {
        let parsed: Vec<_> = (0..=255).filter_map(KeyState::from_byte).collect();
        assert_eq!(parsed, KeyState::ALL);
        assert!(KeyState::ALL.iter().all(|s| KeyState::from_byte(s.to_byte()) == Some(*s)));
    }
}
