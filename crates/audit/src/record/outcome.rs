use phiseal_keys::ErrorKind;

/// Whether what a record tells of succeeded, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "it did or it did not")]
pub enum Outcome {
    /// It did.
    Success,
    /// It ended in an error of this kind.
    Failure(ErrorKind),
}

impl Outcome {
    /// The word that stands in a line. A kind of error that this version does not know stands as `faulty`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let Self::Failure(kind) = self else { return SUCCESS };
        KINDS.iter().find(|(known, _)| *known == kind).map_or("faulty", |(_, word)| word)
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        if word == SUCCESS {
            return Some(Self::Success);
        }
        KINDS.iter().find(|(_, known)| *known == word).map(|(kind, _)| Self::Failure(*kind))
    }
}

impl<T> From<Result<T, ErrorKind>> for Outcome {
    fn from(result: Result<T, ErrorKind>) -> Self {
        result.map_or_else(Self::Failure, |_| Self::Success)
    }
}

const SUCCESS: &str = "success";

pub(super) const KINDS: [(ErrorKind, &str); 17] = [
    (ErrorKind::Unavailable, "unavailable"),
    (ErrorKind::Throttled, "throttled"),
    (ErrorKind::Conflict, "conflict"),
    (ErrorKind::Stale, "stale"),
    (ErrorKind::Denied, "denied"),
    (ErrorKind::NotFound, "not-found"),
    (ErrorKind::State, "state"),
    (ErrorKind::Foreign, "foreign"),
    (ErrorKind::Unauthenticated, "unauthenticated"),
    (ErrorKind::Tampered, "tampered"),
    (ErrorKind::Invalid, "invalid"),
    (ErrorKind::Malformed, "malformed"),
    (ErrorKind::Unsupported, "unsupported"),
    (ErrorKind::Exhausted, "exhausted"),
    (ErrorKind::Memory, "memory"),
    (ErrorKind::Random, "random"),
    (ErrorKind::Faulty, "faulty"),
];
