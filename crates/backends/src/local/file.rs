//! The key file on the disk: read only when it is private to this user.

use core::fmt;
use phiseal_keys::{Error, ErrorKind};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The largest file that is read.
const MAX_FILE: u64 = 1 << 20;

/// For names that this library makes: what lies there is opened itself, not what it links to, and without waiting for
/// the other end of a pipe.
pub(super) const NO_DETOUR: i32 = libc::O_NOFOLLOW | libc::O_NONBLOCK;

/// By what it is noticed that a file was changed or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
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
pub(crate) fn read(path: &Path) -> Result<(Zeroizing<Vec<u8>>, Stamp), Error> {
    read_while(path, || ())
}

/// As [`read`], while `meanwhile` happens: each time that the file was opened, before its contents are read.
fn read_while(
    path: &Path,
    mut meanwhile: impl FnMut(),
) -> Result<(Zeroizing<Vec<u8>>, Stamp), Error> {
    // A file that was replaced while it was read may have been wiped meanwhile.
    for _ in 0..100 {
        let link = fs::symlink_metadata(path).map_err(|error| failed(path, error))?;
        check_owner(path, &link)?;
        // Looked at before it is opened as well: opening a device may do something.
        check_regular(path, &fs::metadata(path).map_err(|error| failed(path, error))?)?;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)
            .map_err(|error| failed(path, error))?;
        let metadata = file.metadata().map_err(|error| failed(path, error))?;
        check(path, &metadata)?;
        meanwhile();
        let bytes = contents(&file, &metadata).map_err(|error| failed(path, error))?;
        let now = fs::metadata(path).map_err(|error| failed(path, error))?;
        if inode(&now) == inode(&metadata) {
            return Ok((bytes, Stamp::of(&metadata)));
        }
    }
    Err(Error::new(ErrorKind::Unavailable, "the key file is being replaced all the time"))
}

/// What is in an open file of the size that its metadata say.
pub(super) fn contents(mut file: &File, metadata: &Metadata) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; usize::try_from(metadata.size()).unwrap_or(0)]);
    let mut filled: usize = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Refuses what is not a regular file, belongs to another user, can be reached by others, or is too large.
pub(super) fn check(path: &Path, metadata: &Metadata) -> Result<(), Error> {
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

/// Refuses what is not a regular file.
pub(super) fn check_regular(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(at(path, Error::new(ErrorKind::Malformed, "it is not a regular file")))
}

/// Refuses what belongs neither to this user nor to root.
pub(super) fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), Error> {
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

/// Which file it is, under whatever name.
pub(super) fn inode(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
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
pub(crate) fn at(path: &Path, error: Error) -> Error {
    if core::error::Error::source(&error).is_some_and(|source| source.is::<AtPath>()) {
        return error;
    }
    let detail = core::error::Error::source(&error)
        .map_or_else(|| "is refused".to_owned(), |source| format!("at {source}"));
    error.with_source(AtPath::new(path, detail))
}

#[cold]
pub(super) fn failed(path: &Path, error: io::Error) -> Error {
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
        _ if error.raw_os_error() == Some(libc::ELOOP) => {
            (ErrorKind::Denied, "a symbolic link lies where none is followed, or leads nowhere")
        }
        _ => (ErrorKind::Unavailable, "the disk that holds the file failed"),
    };
    Error::new(kind, message).with_source(AtPath::new(path, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_that_is_replaced_and_wiped_while_it_is_read_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek.json");
        let private = |path: &Path, bytes: &[u8]| {
            fs::write(path, bytes).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        };
        let replace = |bytes: &[u8]| {
            let (draft, old) = (folder.path().join("draft"), folder.path().join("old"));
            private(&draft, bytes);
            fs::rename(&path, &old).unwrap();
            fs::rename(&draft, &path).unwrap();
            fs::write(&old, b"noise").unwrap();
        };
        private(&path, b"first");
        let mut times = 0;
        let (bytes, stamp_of_it) = read_while(&path, || {
            times += 1;
            if times == 1 {
                replace(b"later");
            }
        })
        .unwrap();
        assert_eq!((bytes.as_slice(), times), (&b"later"[..], 2));
        assert_eq!(stamp_of_it, stamp(&path).unwrap());

        let error = read_while(&path, || replace(b"again")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "replaced each time");
        assert_eq!(read(&path).unwrap().0.as_slice(), b"again", "the control");
    }
}
