//! The key file on the disk: read only when it is private, written whole or not at all, wiped when it is replaced.

use core::fmt;
use core::time::Duration;
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::Engine;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;
use zeroize::Zeroizing;

/// The largest file that is read.
const MAX_FILE: u64 = 1 << 20;

/// How long a custodian waits for another one.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// By what it is noticed that a file was changed or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            inode: inode(metadata),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The file's stamp, for the price of a `stat`.
pub(super) fn stamp(path: &Path) -> Result<Stamp, Error> {
    fs::metadata(path).map(|metadata| Stamp::of(&metadata)).map_err(|error| failed(path, error))
}

/// The contents of a file that is private to this user.
pub(super) fn read(path: &Path) -> Result<(Zeroizing<Vec<u8>>, Stamp), Error> {
    // A file that was replaced while it was read may have been wiped meanwhile.
    for _ in 0..100 {
        let link = fs::symlink_metadata(path).map_err(|error| failed(path, error))?;
        check_owner(path, &link)?;
        // Looked at before it is opened as well: to open a pipe would wait for its writer.
        check_regular(path, &fs::metadata(path).map_err(|error| failed(path, error))?)?;
        let file = File::open(path).map_err(|error| failed(path, error))?;
        let metadata = file.metadata().map_err(|error| failed(path, error))?;
        check(path, &metadata)?;
        let mut bytes = Zeroizing::new(vec![0; usize::try_from(metadata.size()).unwrap_or(0)]);
        let length = fill(&file, &mut bytes).map_err(|error| failed(path, error))?;
        bytes.truncate(length);
        let now = fs::metadata(path).map_err(|error| failed(path, error))?;
        if inode(&now) == inode(&metadata) {
            return Ok((bytes, Stamp::of(&metadata)));
        }
    }
    Err(Error::new(ErrorKind::Unavailable, "the key file is being replaced all the time"))
}

/// Makes the file, unless there is one of that name.
pub(super) fn create(path: &Path, bytes: &[u8], engine: &dyn Engine) -> Result<Stamp, Error> {
    let draft = Names::of(path)?.write_draft(bytes, engine)?;
    let made = fs::hard_link(&draft, path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => at(
            path,
            Error::new(
                ErrorKind::Conflict,
                "there is a file of that name already; it was left as it is",
            ),
        ),
        _ => failed(path, error),
    });
    // Under both names it is one file; when it got only the first, it is wiped.
    if made.is_err() {
        wipe(&draft, engine).ok();
    }
    let removed = fs::remove_file(&draft);
    made?;
    removed.and_then(|()| sync_folder(path)).map_err(|error| failed(path, error))?;
    stamp(path)
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
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&names.lock).map_err(|error| failed(&names.lock, error))?;
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
        let replaced = fs::hard_link(path, self.names.fresh("old", engine)?)
            .and_then(|()| fs::rename(&draft, path));
        if let Err(error) = replaced {
            return Err(failed(path, error));
        }
        sync_folder(path).map_err(|error| failed(path, error))?;
        stamp(path)
    }

    /// Wipes what earlier changes, finished or killed, left beside the file.
    pub(super) fn sweep(&self, engine: &dyn Engine) -> Result<(), Error> {
        let path = &self.names.path;
        let current = inode(&fs::metadata(path).map_err(|error| failed(path, error))?);
        let mut swept = false;
        for entry in fs::read_dir(&self.names.folder).map_err(|error| failed(path, error))? {
            let entry = entry.map_err(|error| failed(path, error))?;
            if !self.names.is_leftover(&entry.file_name().to_string_lossy()) {
                continue;
            }
            let leftover = entry.path();
            let metadata =
                fs::symlink_metadata(&leftover).map_err(|error| failed(&leftover, error))?;
            // Whoever plants a link or another's file under such a name must not have that wiped.
            if check(&leftover, &metadata).is_err() {
                continue;
            }
            if inode(&metadata) != current {
                wipe(&leftover, engine).map_err(|error| failed(&leftover, error))?;
            }
            fs::remove_file(&leftover).map_err(|error| failed(&leftover, error))?;
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
    fn write_draft(&self, bytes: &[u8], engine: &dyn Engine) -> Result<PathBuf, Error> {
        let draft = self.fresh("new", engine)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .map_err(|error| failed(&draft, error))?;
        if let Err(error) = file.write_all(bytes).and_then(|()| file.sync_all()) {
            wipe(&draft, engine).and_then(|()| fs::remove_file(&draft)).ok();
            return Err(failed(&draft, error));
        }
        Ok(draft)
    }
}

/// Overwrites the file's blocks where they lie.
fn wipe(path: &Path, engine: &dyn Engine) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let mut left = file.metadata()?.len();
    let mut noise = [0; 4096];
    while left > 0 {
        engine.fill_random(&mut noise).map_err(io::Error::other)?;
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(noise.len());
        let (part, _) = noise.split_at(length);
        file.write_all(part)?;
        left = left.saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
    }
    file.sync_all()
}

/// Reads until the end or until `bytes` is full.
fn fill(mut file: &File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut filled: usize = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn check(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    check_regular(path, metadata)?;
    check_owner(path, metadata)?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        let error =
            Error::new(ErrorKind::Denied, "the file can be reached by others than its owner");
        return Err(
            error.with_source(AtPath::new(path, format!("has mode {mode:04o}: chmod 600 it")))
        );
    }
    if metadata.size() > MAX_FILE {
        return Err(at(path, Error::new(ErrorKind::Malformed, "the file is over 1 MiB")));
    }
    Ok(())
}

fn check_regular(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(at(path, Error::new(ErrorKind::Malformed, "it is not a regular file")))
}

fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    let us = effective_user().map_err(|error| failed(path, error))?;
    if metadata.uid() == us || metadata.uid() == 0 {
        return Ok(());
    }
    let error = Error::new(ErrorKind::Denied, "the file, or a link to it, belongs to another user");
    let detail = format!("belongs to user {}, and this is user {us}: chown it", metadata.uid());
    Err(error.with_source(AtPath::new(path, detail)))
}

/// The user whose rights this process has: the owner of a pipe that it just made. (`/proc/self` belongs to root where a
/// process may not be dumped.)
fn effective_user() -> io::Result<u32> {
    let (reader, _writer) = io::pipe()?;
    Ok(File::from(OwnedFd::from(reader)).metadata()?.uid())
}

fn inode(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes names in the file's folder as durable as what they name.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// Which file an error is about, and what to do. Paths are told, contents never.
#[derive(Debug)]
struct AtPath {
    path: PathBuf,
    detail: String,
}

impl AtPath {
    fn new(path: &Path, detail: String) -> Self {
        Self { path: path.to_path_buf(), detail }
    }
}

impl fmt::Display for AtPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path.display(), self.detail)
    }
}

impl core::error::Error for AtPath {}

/// The error, with the file that it is about, unless it names one already.
#[cold]
pub(super) fn at(path: &Path, error: Error) -> Error {
    if core::error::Error::source(&error).is_some_and(|source| source.is::<AtPath>()) {
        return error;
    }
    let detail = core::error::Error::source(&error)
        .map_or_else(|| "is refused".to_owned(), |source| format!("at {source}"));
    error.with_source(AtPath::new(path, detail))
}

#[cold]
fn failed(path: &Path, error: io::Error) -> Error {
    let (kind, message) = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            (ErrorKind::NotFound, "there is no such file or folder")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            (ErrorKind::Denied, "this process may not read or write the file or its folder")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (ErrorKind::Unavailable, "the disk that holds the file is full")
        }
        _ => (ErrorKind::Unavailable, "the disk that holds the file failed"),
    };
    Error::new(kind, message).with_source(AtPath::new(path, error.to_string()))
}
