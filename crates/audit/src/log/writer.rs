use super::files;
use super::queue::{Queue, SignedCheckpoint};
use super::sink::{CheckpointSink, append_note};
use crate::Checkpoint;
use crate::lines::short;
use crate::note::{KeyName, VerifierKey};
use crate::record::{Action, Class, Entry, Outcome, Record, Time};
use crate::tree::{Tree, leaf_hash};
use core::time::Duration;
use phiseal_format::EnvironmentId;
use phiseal_keys::{Clock, Error, ErrorKind, Moment, Signer};
use phiseal_primitives::Engine;
use pollster::block_on;
use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::sync::Arc;

/// The one who writes: lines in the order in which they were appended, and checkpoints over them.
pub(super) struct Writer {
    pub(super) log: File,
    pub(super) checkpoints: File,
    pub(super) sinks: Vec<Box<dyn CheckpointSink>>,
    pub(super) engine: &'static dyn Engine,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) environment: EnvironmentId,
    pub(super) origin: KeyName,
    pub(super) key: VerifierKey,
    pub(super) signer: Arc<dyn Signer>,
    /// A checkpoint is due after so many records, and so long after the first that none covers.
    pub(super) every_records: u64,
    pub(super) every: Duration,
    pub(super) tree: Tree,
    pub(super) previous: [u8; 8],
    /// How many records the last signed checkpoint covers.
    pub(super) covered: u64,
    /// When a checkpoint was last tried, and over how many records.
    pub(super) tried: (Moment, u64),
}

/// The longest that the writer sleeps while a checkpoint will be due: a clock may be set on.
const NAP: Duration = Duration::from_millis(250);

impl Writer {
    /// Writes until the log is closed or cannot be written.
    pub(super) fn run(mut self, queue: &Queue) {
        queue.begin();
        // However this thread ends, nobody waits for it for ever.
        let end = End(queue);
        let result = self.serve(queue);
        end.0.end(result);
    }

    fn serve(&mut self, queue: &Queue) -> Result<(), Error> {
        loop {
            let work = queue.wait(self.nap());
            let count = work.records.len();
            if count > 0 {
                self.write(work.records)?;
                queue.commit(count);
            }
            if work.closing {
                self.note(Action::LOG_CLOSED, Outcome::Success, None)?;
                let answer = self.checkpoint(false)?;
                if let Some(asked) = work.asked {
                    queue.reply(asked, answer.clone());
                }
                return answer.map(drop);
            }
            if let Some(asked) = work.asked {
                let answer = self.checkpoint(true)?;
                queue.reply(asked, answer);
            } else if self.is_due() {
                // What went wrong is on record.
                let _: Result<_, Error> = self.checkpoint(true)?;
            }
        }
    }

    /// Appends one line for each record and syncs.
    pub(super) fn write(&mut self, records: VecDeque<(Time, Record)>) -> Result<(), Error> {
        let mut lines = Vec::with_capacity(records.len().saturating_mul(320));
        for (time, record) in records {
            let entry = Entry {
                sequence: self.tree.size().saturating_add(1),
                time,
                previous: self.previous,
                environment: self.environment,
                record,
            };
            let line = entry.to_line();
            let hash = leaf_hash(self.engine, line.as_bytes());
            self.previous = short(&hash);
            self.tree.push(hash);
            lines.extend_from_slice(line.as_bytes());
            lines.push(b'\n');
        }
        self.log.write_all(&lines).and_then(|()| self.log.sync_data()).map_err(files::unwritable)
    }

    /// A record of the log's own.
    pub(super) fn note(
        &mut self,
        action: Action,
        outcome: Outcome,
        count: Option<u64>,
    ) -> Result<(), Error> {
        let mut record = Record::new(Class::Custody, action, outcome);
        record.count = count;
        let time = Time::from_millis(self.clock.wall_millis());
        self.write(VecDeque::from([(time, record)]))
    }

    /// Signs a checkpoint over everything written and hands it to everybody who keeps it.
    ///
    /// The outer result is an error only when the log cannot be written. When the key's place does not answer, or a sink
    /// fails, the log goes on, and a record says so where `tell` is set.
    pub(super) fn checkpoint(
        &mut self,
        tell: bool,
    ) -> Result<Result<SignedCheckpoint, Error>, Error> {
        self.tried = (self.clock.now(), self.tree.size());
        let checkpoint = Checkpoint {
            origin: self.origin.clone(),
            size: self.tree.size(),
            root: self.tree.root(),
        };
        let note = match block_on(checkpoint.sign(&self.key, &*self.signer)) {
            Ok(note) => note,
            Err(error) => {
                if tell {
                    let outcome = Outcome::Failure(error.kind());
                    self.note(Action::CHECKPOINT_SIGN, outcome, None)?;
                }
                return Ok(Err(error));
            }
        };
        let text = note.to_string();
        append_note(&self.checkpoints, &text)?;
        self.covered = checkpoint.size;
        let kept = self.sinks.iter_mut().map(|sink| sink.keep(&checkpoint, &text));
        // Each is told, whatever became of the others.
        let failed = kept.filter_map(Result::err).last();
        match failed {
            None => Ok(Ok(SignedCheckpoint { checkpoint, note })),
            Some(error) => {
                if tell {
                    let outcome = Outcome::Failure(error.kind());
                    self.note(Action::CHECKPOINT_KEEP, outcome, Some(checkpoint.size))?;
                }
                Ok(Err(error))
            }
        }
    }

    fn uncovered(&self) -> u64 {
        self.tree.size().saturating_sub(self.covered)
    }

    fn is_due(&self) -> bool {
        // Counted from the last try: after a failure the next one has its time again.
        let (tried, size) = self.tried;
        let many = self.tree.size().saturating_sub(size) >= self.every_records;
        many || (self.uncovered() > 0 && self.clock.now().since(tried) >= self.every)
    }

    /// How long to wait for work; without an end when nothing is uncovered.
    fn nap(&self) -> Option<Duration> {
        (self.uncovered() > 0).then(|| {
            let since = self.clock.now().since(self.tried.0);
            self.every.saturating_sub(since).clamp(Duration::from_millis(1), NAP)
        })
    }
}

struct End<'a>(&'a Queue);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let message = "the writer of the audit log ended without a reason";
        self.0.end(Err(Error::new(ErrorKind::Faulty, message)));
    }
}
