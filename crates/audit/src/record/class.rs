/// What kind of event a record is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// An operation with a key: wrapped, unwrapped, generated, rewrapped.
    Key,
    /// An act of a custodian, or of the log itself: rotation, destruction, approval, a log that was opened.
    Custody,
    /// Plaintext was shown to somebody.
    Reveal,
    /// Plaintext was shown against the policy, in an emergency.
    BreakGlass,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Key, Self::Custody, Self::Reveal, Self::BreakGlass];

    /// The word that stands in a line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Custody => "custody",
            Self::Reveal => "reveal",
            Self::BreakGlass => "break-glass",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == word)
    }
}
