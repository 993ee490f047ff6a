use super::files;
use super::queue::Queue;
use super::recover::recover;
use super::sink::CheckpointSink;
use super::writer::Writer;
use super::{Log, Running};
use crate::note::{KeyName, VerifierKey};
use crate::record::{Action, Outcome};
use core::fmt;
use core::time::Duration;
use phiseal_format::EnvironmentId;
use phiseal_keys::{Clock, Error, ErrorKind, OfProcess, Signer, SystemClock};
use phiseal_primitives::Engine;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// How a log is kept: [`Log::builder`].
pub struct LogBuilder {
    origin: KeyName,
    environment: EnvironmentId,
    signer: Arc<dyn Signer>,
    key: VerifierKey,
    engine: &'static dyn Engine,
    clock: Arc<dyn Clock>,
    sinks: Vec<Box<dyn CheckpointSink>>,
    queue: usize,
    every_records: u64,
    every: Duration,
}

impl LogBuilder {
    pub(super) fn new(
        origin: &str,
        environment: EnvironmentId,
        signer: Arc<dyn Signer>,
        engine: &'static dyn Engine,
    ) -> Result<Self, Error> {
        let origin = KeyName::new(origin)?;
        let key = VerifierKey::of(origin.clone(), &*signer, engine)?;
        Ok(Self {
            origin,
            environment,
            signer,
            key,
            engine,
            clock: Arc::new(SystemClock::new()),
            sinks: Vec::new(),
            queue: 4_096,
            every_records: 1_000,
            every: Duration::from_secs(60),
        })
    }

    /// The key that verifies the log's checkpoints. Give it to those who will verify, before they need it.
    #[must_use]
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.key
    }

    /// Signs a checkpoint after so many records (1,000 unless said otherwise), and so long (a minute) after the last one
    /// if there are records that it does not cover. What is not covered yet can be changed without being noticed.
    #[must_use]
    pub fn checkpoint_every(mut self, records: u64, time: Duration) -> Self {
        (self.every_records, self.every) = (records.max(1), time);
        self
    }

    /// Lets so many records wait to be written: 4,096 unless said otherwise.
    #[must_use]
    pub fn queue(mut self, records: usize) -> Self {
        self.queue = records;
        self
    }

    /// Keeps each checkpoint in this place too.
    #[must_use]
    pub fn also_keep_in(mut self, sink: impl CheckpointSink) -> Self {
        self.sinks.push(Box::new(sink));
        self
    }

    /// Stamps records by this clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Opens the log at `path`, makes it when it is not there, and starts its writer. Blocks the thread.
    ///
    /// The whole log is verified against its last checkpoint. An unfinished last line, which a crash can leave, is cut off,
    /// and a record says so. The new log of a new file begins with a checkpoint over nothing: from then on, a log without
    /// one has lost it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when another writer has it, [`ErrorKind::Tampered`] when log and checkpoint do not fit each
    /// other, [`ErrorKind::Invalid`] when it is of another environment or no regular file, [`ErrorKind::Unavailable`] and
    /// [`ErrorKind::Faulty`] when it cannot be read or written, and what the signer fails with.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Log, Error> {
        let path = path.as_ref();
        let log = files::open(path)?;
        files::lock(&log)?;
        let checkpoints = files::open(&files::checkpoints_of(path))?;
        let found = recover(&log, &checkpoints, &self.key, self.environment, self.engine)?;
        let mut writer = Writer {
            log,
            checkpoints,
            sinks: self.sinks,
            engine: self.engine,
            clock: Arc::clone(&self.clock),
            environment: self.environment,
            origin: self.origin,
            key: self.key,
            signer: self.signer,
            every_records: self.every_records,
            every: self.every,
            covered: found.covered.unwrap_or_default(),
            tried: (self.clock.now(), found.tree.size()),
            previous: found.previous,
            tree: found.tree,
        };
        let uncovered = writer.tree.size().saturating_sub(writer.covered);
        if found.covered.is_none() {
            let _ = writer.checkpoint(false)??;
        }
        if found.cut > 0 {
            writer.note(Action::LOG_CUT, Outcome::Success, Some(found.cut))?;
        }
        writer.note(Action::LOG_OPENED, Outcome::Success, Some(uncovered))?;

        let queue = Arc::new(Queue::new(self.queue));
        let own = Arc::clone(&queue);
        let thread = std::thread::Builder::new()
            .name("phiseal-audit".to_owned())
            .spawn(move || writer.run(&own))
            .map_err(|error| {
                Error::new(ErrorKind::Unavailable, "the writer of the audit log cannot be started")
                    .with_source(error)
            })?;
        let thread = Mutex::new(Some(thread));
        Ok(Log(Arc::new(OfProcess::new(Running { queue, clock: self.clock, thread }))))
    }
}

impl fmt::Debug for LogBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogBuilder").field("key", &self.key).finish_non_exhaustive()
    }
}
