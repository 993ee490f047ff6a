//! The two files of a log, and those of sinks: opened for appending, one writer each.

use crate::notes::{Notes, unreadable};
use phiseal_keys::{Error, ErrorKind};
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The file beside a log that holds its checkpoints.
pub(crate) fn checkpoints_of(log: &Path) -> PathBuf {
    let mut name = OsString::from(log);
    name.push(".checkpoints");
    name.into()
}

/// Opens a regular file for reading and appending, made with mode 0640 when it is not there.
pub(super) fn open(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    let file = options.open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(Error::new(ErrorKind::Invalid, "an audit log is a regular file"));
    }
    // A file that was just made is there after a power cut only if its folder says so.
    sync_folder(path).map_err(unwritable)?;
    Ok(file)
}

/// Takes the file for this process alone, until it is closed.
pub(super) fn lock(file: &File) -> Result<(), Error> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => {
            Error::new(ErrorKind::Conflict, "the audit log has another writer")
        }
        TryLockError::Error(error) => unwritable(error),
    })
}

/// Cuts off what follows the last whole note of `file`, and returns that note.
pub(super) fn cut_unfinished_note(file: &File) -> Result<Option<Vec<u8>>, Error> {
    let mut from_start = file;
    from_start.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let mut notes = Notes::new(BufReader::new(from_start));
    let mut last = None;
    while let Some(note) = notes.next()? {
        last = Some(note);
    }
    if notes.is_unfinished() {
        cut(file, notes.end())?;
    }
    Ok(last)
}

/// Cuts `file` to `length` bytes, for good.
pub(super) fn cut(file: &File, length: u64) -> Result<(), Error> {
    file.set_len(length).and_then(|()| file.sync_all()).map_err(unwritable)
}

pub(super) fn unwritable(error: io::Error) -> Error {
    Error::new(ErrorKind::Faulty, "the audit log cannot be written").with_source(error)
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
