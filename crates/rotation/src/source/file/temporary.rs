//! Files beside a file: written under another name, until they take its place or are removed.

use super::error::{failed, unsupported};
use phiseal_keys::Error;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// A file that is removed when this is dropped.
pub(super) struct Temporary {
    path: Option<PathBuf>,
}

impl Temporary {
    /// A new file, which nobody else may read.
    pub(super) fn create(path: PathBuf) -> Result<(File, Self), Error> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(failed)?;
        Ok((file, Self { path: Some(path) }))
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Puts it in the place of `target`, for good, and makes that last.
    pub(super) fn replace(mut self, target: &Path) -> Result<(), Error> {
        if let Some(path) = &self.path {
            fs::rename(path, target).map_err(failed)?;
        }
        self.path = None;
        sync_folder_of(target)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = self.path.take() {
            // What stays is found by whoever opens the file next.
            let _ = fs::remove_file(path);
        }
    }
}

/// The names beside `path` that a source uses: two for new files, one for hashes of keys.
pub(super) fn names(path: &Path) -> [PathBuf; 3] {
    ["new", "newer", "keys"].map(|what| {
        let mut name = OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".phiseal-{what}"));
        path.with_file_name(name)
    })
}

/// Removes what a process left that was killed. Only whoever has the file to itself may do that.
pub(super) fn sweep(path: &Path) -> Result<(), Error> {
    for name in names(path) {
        match fs::symlink_metadata(&name) {
            Ok(found) if found.is_file() => fs::remove_file(&name).map_err(failed)?,
            Ok(_) => {
                return Err(unsupported(
                    "beside the file is something of the name of a temporary file",
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

/// Makes a change of names last.
fn sync_folder_of(path: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Gives a new file the owner and the mode of an old one.
pub(super) fn dress(new: &File, old: &File) -> Result<(), Error> {
    let wanted = old.metadata().map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let found = new.metadata().map_err(failed)?;
        if (wanted.uid(), wanted.gid()) != (found.uid(), found.gid()) {
            fchown(new, Some(wanted.uid()), Some(wanted.gid())).map_err(failed)?;
        }
    }
    new.set_permissions(wanted.permissions()).map_err(failed)
}
