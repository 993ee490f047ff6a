//! The file before SQLite sees it.

use phiseal_keys::{Error, ErrorKind};
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Makes an empty file with mode 0600 unless there is a file.
///
/// An existing file is never opened here: closing it would drop the locks that SQLite holds on it in this process
/// (sqlite.org/howtocorrupt.html, 2.2). For the same reason nobody may open the new file before it is closed here.
pub(super) fn create_if_absent(path: &Path) -> Result<(), Error> {
    static CREATING: Mutex<()> = Mutex::new(());
    let _alone = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(file) => {
            drop(file);
            sync_folder(path).map_err(|error| {
                Error::new(ErrorKind::Unavailable, "the disk that holds the store failed")
                    .with_source(error)
            })
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(refused(error)),
    }
}

/// Makes the file's name as durable as its contents will be.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

#[cold]
fn refused(error: io::Error) -> Error {
    let (kind, message) = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            (ErrorKind::NotFound, "the folder of the store does not exist")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            (ErrorKind::Denied, "the folder of the store cannot be written by this process")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (ErrorKind::Unavailable, "the disk that holds the store is full")
        }
        _ => (ErrorKind::Unavailable, "the store's file cannot be made"),
    };
    Error::new(kind, message).with_source(error)
}
