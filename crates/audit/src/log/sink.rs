use super::files;
use crate::Checkpoint;
use core::fmt;
use phiseal_keys::Error;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Where checkpoints are kept that whoever can write the log cannot change: another machine, write-once storage, a printer.
///
/// A log tells each sink of each checkpoint, on its writer's thread: appending waits as long as a sink takes. A sink that
/// fails is told of the next checkpoint, which covers all that the lost one did; a record says that it failed.
pub trait CheckpointSink: fmt::Debug + Send + 'static {
    /// Keeps `note`, the signed form of `checkpoint`.
    ///
    /// # Errors
    ///
    /// Whatever kept it from being kept.
    fn keep(&mut self, checkpoint: &Checkpoint, note: &str) -> Result<(), Error>;
}

/// A file in another place, to which each checkpoint is appended and synced.
#[derive(Debug)]
pub struct FileSink(File);

impl FileSink {
    /// The file at `path`, made when it is not there. An unfinished note at its end is cut off.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](phiseal_keys::ErrorKind::Unavailable) when it cannot be opened,
    /// [`ErrorKind::Malformed`](phiseal_keys::ErrorKind::Malformed) when it holds other things than notes.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let file = files::open(path.as_ref())?;
        files::cut_unfinished_note(&file)?;
        Ok(Self(file))
    }
}

impl CheckpointSink for FileSink {
    fn keep(&mut self, _: &Checkpoint, note: &str) -> Result<(), Error> {
        append_note(&self.0, note)
    }
}

/// A function that is called with each checkpoint.
pub struct CallbackSink<F>(F);

impl<F> CallbackSink<F>
where
    F: FnMut(&Checkpoint, &str) -> Result<(), Error> + Send + 'static,
{
    /// The sink that calls `keep`.
    pub fn new(keep: F) -> Self {
        Self(keep)
    }
}

impl<F> CheckpointSink for CallbackSink<F>
where
    F: FnMut(&Checkpoint, &str) -> Result<(), Error> + Send + 'static,
{
    fn keep(&mut self, checkpoint: &Checkpoint, note: &str) -> Result<(), Error> {
        (self.0)(checkpoint, note)
    }
}

impl<F> fmt::Debug for CallbackSink<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallbackSink")
    }
}

/// Appends a note and the empty line after it, and syncs.
pub(super) fn append_note(mut file: &File, note: &str) -> Result<(), Error> {
    file.write_all(format!("{note}\n").as_bytes())
        .and_then(|()| file.sync_data())
        .map_err(files::unwritable)
}
