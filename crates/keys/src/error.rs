use core::fmt;
use std::error::Error as StdError;
use std::sync::Arc;

/// Why a key could not be had, made, stored or used.
///
/// One word wide. It holds a [kind](ErrorKind), a sentence, and at times a source; no key, no plaintext, no context and
/// no name that a person wrote is in any of them.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    message: &'static str,
    row: Option<usize>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What a caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The backend or the store did not answer. Nothing is lost; try again.
    Unavailable,
    /// The backend asks for fewer calls. Try again later.
    Throttled,
    /// The store changed under this operation. Read it again and decide anew.
    Conflict,
    /// What a handle knows is older than it may be: its lease or the key's time is over. Ask for a fresh one.
    Stale,
    /// The credential may not do this.
    Denied,
    /// There is no such key, version, keyset or subject.
    NotFound,
    /// The key exists, but its state forbids this use: disabled, pending deletion, suspended, destroyed, shredded.
    State,
    /// The key that is named belongs to somebody else. No backend was called.
    Foreign,
    /// Authentication failed: something was changed, moved or made under another key. No detail is given.
    Unauthenticated,
    /// The key store holds what it was never given: changed, swapped, revived or rolled back.
    Tampered,
    /// An argument is not valid.
    Invalid,
    /// Bytes are not what the format says.
    Malformed,
    /// The combination would lose a promise, so it is refused.
    Unsupported,
    /// The key has been used as often as it may be.
    Exhausted,
    /// Secrets cannot be kept in locked memory.
    Memory,
    /// The random generator failed.
    Random,
    /// The backend or engine returned what it must not, or failed without a reason.
    Faulty,
}

impl ErrorKind {
    /// Whether the same call can succeed later with nothing changed by hand.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::Unavailable | Self::Throttled | Self::Conflict | Self::Stale => true,
            Self::Denied
            | Self::NotFound
            | Self::State
            | Self::Foreign
            | Self::Unauthenticated
            | Self::Tampered
            | Self::Invalid
            | Self::Malformed
            | Self::Unsupported
            | Self::Exhausted
            | Self::Memory
            | Self::Random
            | Self::Faulty => false,
        }
    }
}

impl Error {
    /// An error of `kind` that says `message`: lower case, no full stop, nothing secret and nothing personal.
    #[must_use]
    #[cold]
    pub fn new(kind: ErrorKind, message: &'static str) -> Self {
        Self(Arc::new(Inner { kind, message, row: None, source: None }))
    }

    /// Adds what caused it. Only errors that are known to hold no secret and no personal name may be sources.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source = Some(Arc::from(source.into()));
        Self(Arc::new(Inner { source, ..self.0.parts() }))
    }

    /// Says in which row of a column it was, counted from 0.
    #[must_use]
    pub fn in_row(self, row: usize) -> Self {
        Self(Arc::new(Inner { row: Some(row), ..self.0.parts() }))
    }

    /// What a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call can succeed later with nothing changed by hand.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.kind().is_retryable()
    }

    /// In which row of a column it was, counted from 0, where it was in one.
    #[must_use]
    pub fn row(&self) -> Option<usize> {
        self.0.row
    }
}

impl Inner {
    fn parts(&self) -> Self {
        Self { kind: self.kind, message: self.message, row: self.row, source: self.source.clone() }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut s = f.debug_struct("Error");
        s.field("kind", &self.0.kind).field("message", &self.0.message);
        if let Some(row) = self.0.row {
            s.field("row", &row);
        }
        if let Some(source) = &self.0.source {
            s.field("source", source);
        }
        s.finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.row {
            Some(row) => write!(f, "row {row}: {}", self.0.message),
            None => f.write_str(self.0.message),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<phiseal_primitives::Error> for Error {
    fn from(error: phiseal_primitives::Error) -> Self {
        use phiseal_primitives::Error as P;
        match error {
            P::Unauthenticated => Self::new(ErrorKind::Unauthenticated, "authentication failed"),
            P::Random => Self::new(ErrorKind::Random, "the random generator failed"),
            P::NotApproved => {
                Self::new(ErrorKind::Unsupported, "the FIPS module does not approve this operation")
            }
            P::Length => Self::new(ErrorKind::Invalid, "a length is not allowed"),
            P::Parameter => Self::new(ErrorKind::Invalid, "a parameter is out of bounds"),
            _ => Self::new(ErrorKind::Faulty, "the cryptographic engine failed"),
        }
    }
}

impl From<phiseal_format::Error> for Error {
    fn from(error: phiseal_format::Error) -> Self {
        Self::new(ErrorKind::Malformed, "malformed bytes").with_source(error)
    }
}
