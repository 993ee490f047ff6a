//! Making and replacing the key file: whole or not at all, and by one custodian at a time.

use super::contents::Contents;
use super::file::{self, NO_DETOUR, Stamp, at, failed};
use super::leftover::{self, Leftover};
use core::time::Duration;
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::Engine;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// How long a custodian waits for another one.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes the file, unless there is one of that name.
pub(crate) fn create(path: &Path, bytes: &[u8], engine: &dyn Engine) -> Result<Stamp, Error> {
    let mut draft = Names::of(path)?.write_draft(bytes, engine)?;
    let named = draft.name(path);
    if named.is_err() {
        draft.wipe(engine).ok();
    }
    let removed = draft.remove();
    named?;
    removed.and_then(|()| sync_folder(path)).map_err(|error| failed(path, error))?;
    file::stamp(path)
}

/// Makes the name of a file that was just read last: whoever gave it that name may have been killed, or be still at it, and
/// what is wrapped by a key in it is lost if the file of before comes back after a power failure.
///
/// A folder that this process cannot sync is left as it is: not everybody who may read the file may read its folder, a file
/// that was handed over as a descriptor may be in none, and some file systems sync no folders.
pub(crate) fn settle(path: &Path) -> Result<(), Error> {
    use io::ErrorKind::{
        InvalidInput, NotFound, PermissionDenied, ReadOnlyFilesystem, Unsupported,
    };
    match fs::canonicalize(path).and_then(|file| sync_folder(&file)) {
        Err(error)
            if !matches!(
                error.kind(),
                InvalidInput | NotFound | PermissionDenied | ReadOnlyFilesystem | Unsupported
            ) =>
        {
            Err(failed(path, error))
        }
        _ => Ok(()),
    }
}

/// Keeps other custodians out for as long as it lives.
pub(super) struct Lock {
    names: Names,
    _file: File,
}

/// Waits for other custodians, and keeps them out.
pub(super) fn lock(path: &Path) -> Result<Lock, Error> {
    // A link is followed: its target is what is replaced.
    let path = fs::canonicalize(path).map_err(|error| failed(path, error))?;
    let names = Names::of(&path)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600).custom_flags(NO_DETOUR);
    let file = options.open(&names.lock).map_err(|error| failed(&names.lock, error))?;
    let metadata = file.metadata().map_err(|error| failed(&names.lock, error))?;
    file::check_regular(&names.lock, &metadata)?;
    file::check_owner(&names.lock, &metadata)?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock { names, _file: file }),
            Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_TIMEOUT => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(at(
                    &names.lock,
                    Error::new(
                        ErrorKind::Unavailable,
                        "another custodian is changing the key file",
                    ),
                ));
            }
            Err(TryLockError::Error(error)) => return Err(failed(&names.lock, error)),
        }
    }
}

impl Lock {
    /// Replaces the file by one with these contents. The old one keeps a name of its own until [`Lock::sweep`].
    pub(super) fn replace(&self, bytes: &[u8], engine: &dyn Engine) -> Result<Stamp, Error> {
        let path = &self.names.path;
        let draft = self.names.write_draft(bytes, engine)?;
        fs::hard_link(path, self.names.fresh("old", engine)?)
            .and_then(|()| fs::rename(&draft.path, path))
            .and_then(|()| sync_folder(path))
            .map_err(|error| failed(path, error))?;
        file::stamp(path)
    }

    /// Removes what this and earlier changes, finished or killed, left beside the file that now holds `current`. What
    /// has no other name is wiped; what has one, only when it holds the key of a version that is destroyed.
    pub(super) fn sweep(&self, current: &Contents, engine: &dyn Engine) -> Result<(), Error> {
        let path = &self.names.path;
        let in_place = fs::metadata(path).map_err(|error| failed(path, error))?;
        let mut swept = false;
        for entry in fs::read_dir(&self.names.folder).map_err(|error| failed(path, error))? {
            let entry = entry.map_err(|error| failed(path, error))?;
            if !self.names.is_leftover(&entry.file_name().to_string_lossy()) {
                continue;
            }
            let path = entry.path();
            let Some(leftover) = Leftover::open(&path).map_err(|error| failed(&path, error))?
            else {
                continue;
            };
            if !leftover.is(&in_place) {
                leftover
                    .wipe_unless_kept(&current.versions, engine)
                    .map_err(|error| failed(&path, error))?;
            }
            leftover::remove(&path).map_err(|error| failed(&path, error))?;
            swept = true;
        }
        if swept { sync_folder(path).map_err(|error| failed(path, error)) } else { Ok(()) }
    }
}

/// The names beside a key file: `.kek.json.<16 hex digits>.new` and `.old`, and `.kek.json.lock`.
struct Names {
    path: PathBuf,
    folder: PathBuf,
    lock: PathBuf,
    prefix: String,
}

impl Names {
    fn of(path: &Path) -> Result<Self, Error> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name =
            name.ok_or_else(|| Error::new(ErrorKind::Invalid, "the name of a key file is UTF-8"))?;
        let folder = folder_of(path).to_path_buf();
        let prefix = format!(".{name}.");
        Ok(Self {
            path: path.to_path_buf(),
            lock: folder.join(format!("{prefix}lock")),
            folder,
            prefix,
        })
    }

    fn fresh(&self, ending: &str, engine: &dyn Engine) -> Result<PathBuf, Error> {
        let mut random = [0; 8];
        engine.fill_random(&mut random)?;
        Ok(self.folder.join(format!("{}{:016x}.{ending}", self.prefix, u64::from_be_bytes(random))))
    }

    fn is_leftover(&self, name: &str) -> bool {
        let middle = name
            .strip_prefix(&self.prefix)
            .and_then(|rest| rest.strip_suffix(".new").or(rest.strip_suffix(".old")));
        middle.is_some_and(|middle| {
            middle.len() == 16 && middle.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    }

    /// A new file with these contents, private from its first moment and on the disk.
    fn write_draft(&self, bytes: &[u8], engine: &dyn Engine) -> Result<Draft, Error> {
        let path = self.fresh("new", engine)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(&path).map_err(|error| failed(&path, error))?;
        let mut draft = Draft { path, file };
        if let Err(error) = draft.file.write_all(bytes).and_then(|()| draft.file.sync_all()) {
            draft.wipe(engine).and_then(|()| draft.remove()).ok();
            return Err(failed(&draft.path, error));
        }
        Ok(draft)
    }
}

/// A new file under a name that nobody looks for.
struct Draft {
    path: PathBuf,
    file: File,
}

impl Draft {
    /// Gives the file the name that it is for as well, unless another has it.
    fn name(&self, path: &Path) -> Result<(), Error> {
        fs::hard_link(&self.path, path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => taken(path),
            // A custodian of the file that has the name has swept the draft away.
            io::ErrorKind::NotFound if fs::symlink_metadata(path).is_ok() => taken(path),
            _ => failed(path, error),
        })
    }

    /// Overwrites it, unless it has got its other name after all.
    fn wipe(&mut self, engine: &dyn Engine) -> io::Result<()> {
        if self.file.metadata()?.nlink() > 1 {
            return Ok(());
        }
        leftover::overwrite(&mut self.file, engine)
    }

    /// Takes the name of the draft away, which a custodian of the finished file may have done already.
    fn remove(&self) -> io::Result<()> {
        leftover::remove(&self.path)
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes names in the file's folder as durable as what they name.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

#[cold]
fn taken(path: &Path) -> Error {
    at(
        path,
        Error::new(
            ErrorKind::Conflict,
            "there is a file of that name already; it was left as it is",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::LocalKek;
    use phiseal_keys::KekAdminBackend;
    use phiseal_primitives::default_engine;

    /// A custodian may find the new file, change it and sweep its draft away before its maker has removed that.
    #[test]
    fn a_draft_that_a_custodian_swept_away_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("kek.json"), folder.path().join("other.json"));
        LocalKek::create(&other, default_engine()).unwrap();
        let bytes = fs::read(&other).unwrap();

        let draft = Names::of(&path).unwrap().write_draft(&bytes, default_engine()).unwrap();
        draft.name(&path).unwrap();
        let custodian = LocalKek::open(&path, default_engine()).unwrap();
        pollster::block_on(custodian.create_version()).unwrap();
        assert!(!draft.path.exists(), "the custodian swept nothing");
        draft.remove().unwrap();

        let late = Names::of(&path).unwrap().write_draft(&bytes, default_engine()).unwrap();
        pollster::block_on(custodian.create_version()).unwrap();
        assert!(!late.path.exists(), "the custodian swept nothing");
        assert_eq!(late.name(&path).unwrap_err().kind(), ErrorKind::Conflict);
        let nowhere = folder.path().join("none.json");
        assert_eq!(late.name(&nowhere).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_draft_that_has_its_name_is_not_wiped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek.json");
        let mut draft = Names::of(&path).unwrap().write_draft(b"a key", default_engine()).unwrap();
        draft.name(&path).unwrap();
        draft.wipe(default_engine()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"a key");
        draft.remove().unwrap();
        draft.wipe(default_engine()).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.len() == 5 && bytes != b"a key");
    }
}
