//! The file before SQLite sees it.

use phiseal_keys::{Error, ErrorKind};
#[cfg(unix)]
use std::fs;
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

/// Which file it is, under whatever name.
pub(super) type Identity = (u64, u64);

/// Of the file `path`. Only looks at names: see [`create_if_absent`].
#[cfg(unix)]
pub(super) fn identity(path: &Path) -> Result<Identity, Error> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).map_err(refused)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Elsewhere no process is forked, so nobody asks.
#[cfg(not(unix))]
pub(super) fn identity(_path: &Path) -> Result<Identity, Error> {
    Ok((0, 0))
}

/// Refuses a store that its group or others can write, and warns of one that they can read. Only looks at names: see
/// [`create_if_absent`].
#[cfg(unix)]
pub(super) fn check_modes(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;
    let mut readable = None;
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let metadata = match fs::metadata(&name) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(refused(error)),
        };
        let (name, mode) = (Path::new(&name).display(), metadata.mode() & 0o7777);
        // What is no file is SQLite's to refuse.
        if metadata.is_file() && mode & 0o022 != 0 {
            let what_to_do = format!("{name} has mode {mode:04o}: chmod 600 it");
            return Err(Error::new(
                ErrorKind::Denied,
                "the store can be written by others than its owner",
            )
            .with_source(io::Error::other(what_to_do)));
        }
        if mode & 0o044 != 0 && readable.is_none() {
            readable = Some(format!("{name} has mode {mode:04o}"));
        }
    }
    if let Some(file) = readable {
        log::warn!(
            "phiseal: others than its owner can read the wrapped keys of a store: {file}; chmod 600 it"
        );
    }
    Ok(())
}

/// Elsewhere there are no modes to look at.
#[cfg(not(unix))]
pub(super) fn check_modes(_path: &Path) -> Result<(), Error> {
    Ok(())
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
