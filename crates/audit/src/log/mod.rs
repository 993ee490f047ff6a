//! The log itself: an append-only file of JSON lines with one writer, and signed checkpoints over it.

mod builder;
pub(crate) mod files;
mod queue;
mod recover;
mod sink;
mod wait;
mod writer;

pub use self::builder::LogBuilder;
pub use self::queue::SignedCheckpoint;
pub use self::sink::{CallbackSink, CheckpointSink, FileSink};
pub use self::wait::{CheckpointWait, Commit};

use crate::record::{Record, Time};
use core::fmt;
use phiseal_format::EnvironmentId;
use phiseal_keys::{Clock, Error, ErrorKind, KekEvent, KekEvents, OfProcess, Signer};
use phiseal_primitives::Engine;
use pollster::block_on;
use queue::Queue;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// An open log. Clones are handles of the same log, which is closed when [`Log::close`] is called or the last is dropped.
///
/// Records are queued and written by one thread, many with one sync of the disk. A queue that is full makes whoever appends
/// wait: no record is ever dropped. When the log cannot be written (a full disk), everything fails from then on, with the
/// error that it failed with first, until the log is opened again.
///
/// What a crash can take is what [`Log::commit`] had not returned for. A forked child cannot write.
///
/// ```
/// use phiseal_audit::{Action, Class, LocalSigner, Log, Outcome, Record};
/// use phiseal_format::EnvironmentId;
/// use phiseal_primitives::default_engine;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("audit.jsonl");
/// let engine = default_engine();
/// let signer = LocalSigner::generate(engine)?;
/// let environment = EnvironmentId::from_bytes([7; 16]);
/// let log = Log::builder("clinic.example/audit", environment, signer, engine)?.open(path)?;
/// log.append(Record::new(Class::Custody, Action::new("rewrap")?, Outcome::Success))?;
/// log.commit_blocking()?; // on disk
/// log.close()?; // and covered by a signed checkpoint
/// # Ok::<(), phiseal_keys::Error>(())
/// ```
#[derive(Clone)]
pub struct Log(Arc<OfProcess<Running>>);

struct Running {
    queue: Arc<Queue>,
    clock: Arc<dyn Clock>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Log {
    /// Begins to open the log named `origin` of an environment, whose checkpoints `signer` signs.
    ///
    /// The name is part of every checkpoint; a URL without its scheme is recommended. One name, one log, for ever.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when the name is empty, longer than 255 bytes, or holds a space or a plus;
    /// [`ErrorKind::Faulty`] when the signer's public key may not be used.
    pub fn builder(
        origin: &str,
        environment: EnvironmentId,
        signer: impl Signer,
        engine: &'static dyn Engine,
    ) -> Result<LogBuilder, Error> {
        LogBuilder::new(origin, environment, Arc::new(signer), engine)
    }

    /// The file that [`LogBuilder::open`] keeps the checkpoints of the log at `path` in: its name and `.checkpoints`.
    #[must_use]
    pub fn checkpoints_of(path: impl AsRef<Path>) -> std::path::PathBuf {
        files::checkpoints_of(path.as_ref())
    }

    /// Queues a record, stamped with the present time. It blocks the thread while the queue is full, for as long as the
    /// disk takes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Faulty`] once the log could not be written, [`ErrorKind::State`] when it is closed,
    /// [`ErrorKind::Unsupported`] in a forked child.
    pub fn append(&self, record: Record) -> Result<(), Error> {
        let running = self.running()?;
        running.queue.append(Time::from_millis(running.clock.wall_millis()), record)
    }

    /// Is ready when everything that was appended before this call is on disk.
    ///
    /// # Errors
    ///
    /// As [`Log::append`], of the future.
    pub fn commit(&self) -> Commit {
        let appended = self.running().map(|running| running.queue.appended()).unwrap_or_default();
        Commit::new(self.clone(), appended)
    }

    /// [`Log::commit`], blocking the thread.
    ///
    /// # Errors
    ///
    /// As [`Log::append`].
    pub fn commit_blocking(&self) -> Result<(), Error> {
        block_on(self.commit())
    }

    /// Signs a checkpoint over everything that was appended before this call, without waiting until one is due.
    ///
    /// # Errors
    ///
    /// As [`Log::append`], and what the signer or a sink fails with, both of the future.
    pub fn checkpoint(&self) -> CheckpointWait {
        let asked = self.running().and_then(|running| running.queue.ask());
        CheckpointWait::new(self.clone(), asked)
    }

    /// Writes what is queued, signs a last checkpoint and ends the log, for all its handles. Blocks the thread.
    ///
    /// # Errors
    ///
    /// As [`Log::append`], and what the signer or a sink fails with; the log is closed all the same. Of a log that is
    /// closed, what closing it came to.
    pub fn close(&self) -> Result<(), Error> {
        self.running()?.close()
    }

    fn running(&self) -> Result<&Running, Error> {
        self.0.get().ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "a forked child cannot write its parent's audit log")
        })
    }
}

impl Running {
    fn close(&self) -> Result<(), Error> {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A sink or a signer that closes the log runs on the very thread that is to end.
        if let Some(thread) =
            thread.filter(|thread| thread.thread().id() != std::thread::current().id())
        {
            // Its panic has been turned into an error below.
            let _: std::thread::Result<()> = thread.join();
        }
        self.queue.ended().unwrap_or(Ok(()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            ::log::error!("phiseal: the audit log was not closed properly: {error}");
        }
    }
}

/// Every call of a KEK that an audit layer tells of becomes a record. It waits while the queue is full; what a log that has
/// failed or is closed cannot take is said to the program's own log, and [`Log::commit`] fails.
impl KekEvents for Log {
    fn record(&self, event: &KekEvent<'_>) {
        if let Err(error) = self.append(Record::from(event)) {
            ::log::error!("phiseal: a call of a KEK is not on the audit log: {error}");
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}
