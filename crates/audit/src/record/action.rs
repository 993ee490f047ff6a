use core::fmt;
use phiseal_keys::{Error, ErrorKind, KekOperation};
use std::borrow::Cow;

/// What was done: a word of the program, 1 to 32 characters of `a-z 0-9 -`, the first a letter.
///
/// A program can make one only of text that is part of it; so no action holds what a user typed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Action(Cow<'static, str>);

impl Action {
    /// A log was opened; `count` records before are not covered by a checkpoint.
    pub const LOG_OPENED: Self = Self(Cow::Borrowed("log-opened"));
    /// The unfinished last line was cut off; `count` bytes.
    pub const LOG_CUT: Self = Self(Cow::Borrowed("log-cut"));
    /// A log was closed.
    pub const LOG_CLOSED: Self = Self(Cow::Borrowed("log-closed"));
    /// A checkpoint over the records before was due and could not be signed.
    pub const CHECKPOINT_SIGN: Self = Self(Cow::Borrowed("checkpoint-sign"));
    /// A checkpoint over `count` records was signed and could not be kept elsewhere.
    pub const CHECKPOINT_KEEP: Self = Self(Cow::Borrowed("checkpoint-keep"));

    /// The action of this name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when it is empty, longer than 32 characters or has others.
    pub fn new(word: &'static str) -> Result<Self, Error> {
        if !is_word(word) {
            return Err(Error::new(ErrorKind::Invalid, "an action is a word of a-z, 0-9 and -"));
        }
        Ok(Self(Cow::Borrowed(word)))
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One that a line holds.
    pub(super) fn parse(word: &str) -> Option<Self> {
        is_word(word).then(|| Self(Cow::Owned(word.to_owned())))
    }
}

impl From<KekOperation> for Action {
    fn from(operation: KekOperation) -> Self {
        Self(Cow::Borrowed(match operation {
            KekOperation::Describe => "kek-describe",
            KekOperation::Generate => "kek-generate",
            KekOperation::Wrap => "kek-wrap",
            KekOperation::Unwrap => "kek-unwrap",
            KekOperation::Rewrap => "kek-rewrap",
        }))
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Action({})", self.0)
    }
}

pub(super) fn is_word(word: &str) -> bool {
    (1..=32).contains(&word.len())
        && word.starts_with(|first: char| first.is_ascii_lowercase())
        && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
