use crate::ErrorKind;
use core::fmt;
use core::time::Duration;
use phiseal_format::{EncryptionContext, WrappedKey};

/// Who is told of every call of a KEK: an audit log, metrics.
pub trait KekEvents: fmt::Debug + Send + Sync + 'static {
    /// Is told of one call, before its caller gets the answer. It must not wait.
    fn record(&self, event: &KekEvent<'_>);
}

/// One call of a KEK. Nothing in it is secret, and nothing names a person: contexts of wraps are opaque ids.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct KekEvent<'a> {
    /// What was asked.
    pub operation: KekOperation,
    /// What the wrap is bound to, if one is.
    pub context: Option<&'a EncryptionContext>,
    /// The wrap that was to be opened: it names the KEK and its version.
    pub asked: Option<&'a WrappedKey>,
    /// Whether it was answered, or why not.
    pub outcome: Result<(), ErrorKind>,
    /// How long it took.
    pub took: Duration,
}

impl<'a> KekEvent<'a> {
    /// A call that was answered with `outcome` after `took`.
    #[must_use]
    pub const fn new(
        operation: KekOperation,
        outcome: Result<(), ErrorKind>,
        took: Duration,
    ) -> Self {
        Self { operation, context: None, asked: None, outcome, took }
    }

    /// Adds what the wrap is bound to, and the wrap that was to be opened.
    #[must_use]
    pub const fn of(
        mut self,
        context: Option<&'a EncryptionContext>,
        asked: Option<&'a WrappedKey>,
    ) -> Self {
        self.context = context;
        self.asked = asked;
        self
    }
}

/// A method of [`KekBackend`](crate::KekBackend).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the trait has five methods")]
pub enum KekOperation {
    /// [`KekBackend::describe`](crate::KekBackend::describe).
    Describe,
    /// [`KekBackend::generate_key`](crate::KekBackend::generate_key).
    Generate,
    /// [`KekBackend::wrap_key`](crate::KekBackend::wrap_key).
    Wrap,
    /// [`KekBackend::unwrap_key`](crate::KekBackend::unwrap_key).
    Unwrap,
    /// [`KekBackend::rewrap_key`](crate::KekBackend::rewrap_key).
    Rewrap,
}

impl KekOperation {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Describe, Self::Generate, Self::Wrap, Self::Unwrap, Self::Rewrap];
}
