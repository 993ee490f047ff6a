use core::fmt;

/// Why bytes or text were refused: one word wide, nothing of the input in it.
///
/// ```
/// use phiseal_format::{ErrorKind, FieldEnvelope};
///
/// let error = FieldEnvelope::parse(&[1, 2, 3]).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Truncated);
/// assert_eq!(error.to_string(), "input ends too early");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Error {
    kind: ErrorKind,
}

impl Error {
    /// What is wrong, for a program to act on.
    #[must_use]
    pub const fn kind(self) -> ErrorKind {
        self.kind
    }

    /// Whether the same bytes could be accepted later: never.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        false
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self { kind }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.sentence())
    }
}

impl core::error::Error for Error {}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input ends before the structure does.
    Truncated,
    /// The input, a length in it or a component is over its limit.
    TooLong,
    /// The first byte names no suite that this release can open.
    UnknownSuite,
    /// The version byte or the purpose is not one that this release knows.
    UnknownVersion,
    /// A context tag that has no meaning here.
    UnknownTag,
    /// A wrap algorithm that this release does not know.
    UnknownAlgorithm,
    /// Context components are not in the order of their tags.
    Order,
    /// The same context tag occurs twice.
    Duplicate,
    /// What must hold at least one byte or component holds none.
    Empty,
    /// A component that must be there is not.
    Missing,
    /// Bytes follow the end of the structure.
    Trailing,
    /// Not the strict text form: wrong prefix, character, length or unused bits.
    Text,
    /// A value of fixed length has another one.
    Length,
    /// A tag that belongs to the format was used for an application's component.
    Reserved,
}

impl ErrorKind {
    /// Every kind, in the order of declaration.
    pub const ALL: [Self; 14] = [
        Self::Truncated,
        Self::TooLong,
        Self::UnknownSuite,
        Self::UnknownVersion,
        Self::UnknownTag,
        Self::UnknownAlgorithm,
        Self::Order,
        Self::Duplicate,
        Self::Empty,
        Self::Missing,
        Self::Trailing,
        Self::Text,
        Self::Length,
        Self::Reserved,
    ];

    /// The kind's stable name in lower case with underscores, as the frozen vectors spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::TooLong => "too_long",
            Self::UnknownSuite => "unknown_suite",
            Self::UnknownVersion => "unknown_version",
            Self::UnknownTag => "unknown_tag",
            Self::UnknownAlgorithm => "unknown_algorithm",
            Self::Order => "order",
            Self::Duplicate => "duplicate",
            Self::Empty => "empty",
            Self::Missing => "missing",
            Self::Trailing => "trailing",
            Self::Text => "text",
            Self::Length => "length",
            Self::Reserved => "reserved",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Truncated => "input ends too early",
            Self::TooLong => "length over the limit",
            Self::UnknownSuite => "unknown suite",
            Self::UnknownVersion => "unknown format version",
            Self::UnknownTag => "unknown context tag",
            Self::UnknownAlgorithm => "unknown wrap algorithm",
            Self::Order => "context components out of order",
            Self::Duplicate => "context component given twice",
            Self::Empty => "nothing where something is required",
            Self::Missing => "required context component missing",
            Self::Trailing => "bytes after the end",
            Self::Text => "not the strict text form",
            Self::Length => "value of a fixed length has another length",
            Self::Reserved => "context tag reserved by the format",
        }
    }
}
