//! A source in the middle of whose use something happens.

use phiseal::rotation::source::{Change, Outcome, Row, RowKey, Source, Table};
use phiseal::{BoxFuture, Error};
use std::fmt;

/// What a source is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "what a source can be asked")]
pub enum Asked {
    /// See [`Source::scan`].
    Scan,
    /// See [`Source::replace`].
    Replace,
    /// See [`Source::finish`].
    Finish,
}

/// A source before which something happens.
pub struct Eventful {
    source: Box<dyn Source>,
    before: Box<dyn Fn(Asked) -> Result<(), Error> + Send + Sync>,
    keeps_each_batch: bool,
}

impl Eventful {
    /// `source`, with `before` called before each call of it.
    pub fn new(source: Box<dyn Source>, before: impl Fn(Asked) + Send + Sync + 'static) -> Self {
        Self::or_failing(source, move |asked| {
            before(asked);
            Ok(())
        })
    }

    /// The same, but that what `before` fails with is what the call fails with, which does nothing then.
    pub fn or_failing(
        source: Box<dyn Source>,
        before: impl Fn(Asked) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        let keeps_each_batch = source.keeps_each_batch();
        Self { source, before: Box::new(before), keeps_each_batch }
    }

    /// What a file says of itself: nothing lasts before the end.
    #[must_use]
    pub fn made_last_at_the_end(self) -> Self {
        Self { keeps_each_batch: false, ..self }
    }
}

impl fmt::Debug for Eventful {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl Source for Eventful {
    fn table(&self) -> &Table {
        self.source.table()
    }

    fn scan<'a>(
        &'a self,
        after: Option<&'a RowKey>,
        until: Option<&'a RowKey>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, Error>> {
        match (self.before)(Asked::Scan) {
            Ok(()) => self.source.scan(after, until, limit),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn replace<'a>(&'a self, changes: &'a [Change]) -> BoxFuture<'a, Result<Vec<Outcome>, Error>> {
        match (self.before)(Asked::Replace) {
            Ok(()) => self.source.replace(changes),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn keeps_each_batch(&self) -> bool {
        self.keeps_each_batch
    }

    fn finish(&self) -> BoxFuture<'_, Result<(), Error>> {
        match (self.before)(Asked::Finish) {
            Ok(()) => self.source.finish(),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }
}
