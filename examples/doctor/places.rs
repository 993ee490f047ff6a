//! Whether the keys, what guards them and what they guard lie together: whoever copies one then has the others too.

use std::io;
use std::path::{Path, PathBuf};

/// How near two files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Nearness {
    Apart,
    SameDevice,
    SameFolder,
    SameFile,
}

/// What else there is, and how near it is to the key store.
pub(crate) struct Place {
    pub(crate) what: &'static str,
    pub(crate) file: PathBuf,
    pub(crate) nearness: Nearness,
}

impl Place {
    /// A backup or a permission for a folder includes both; of a device, it may.
    pub(crate) fn needs_attention(&self) -> bool {
        self.nearness >= Nearness::SameFolder
    }

    pub(crate) fn sentence(&self) -> String {
        let (what, file) = (self.what, self.file.display());
        match self.nearness {
            Nearness::SameFile => format!(
                "{what} {file} is the file of the key store itself: give the keys a file of their own, elsewhere."
            ),
            Nearness::SameFolder => format!(
                "{what} {file} lies in the folder of the key store, so one copy or one permission has both: move one of them."
            ),
            Nearness::SameDevice => format!(
                "{what} {file} is on the device of the key store, so an image of it has both; another device is better."
            ),
            Nearness::Apart => format!("{what} {file} is on another device than the key store."),
        }
    }
}

/// Of the KEK files and the database of the data.
pub(crate) fn of(
    store: &Path,
    kek_files: &[PathBuf],
    data: Option<&Path>,
) -> Result<Vec<Place>, String> {
    let keks = kek_files.iter().map(|file| ("The KEK", file.as_path()));
    let all = keks.chain(data.map(|file| ("The data", file)));
    all.map(|(what, file)| {
        let nearness =
            nearness(store, file).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(Place { what, file: file.to_owned(), nearness })
    })
    .collect()
}

/// Under whatever names. Looks at names only: a database that is open must not be opened and closed again beside SQLite.
fn nearness(one: &Path, other: &Path) -> io::Result<Nearness> {
    let folder = |path: &Path| path.parent().map(Path::to_owned);
    let (real_one, real_other) = (one.canonicalize()?, other.canonicalize()?);
    if real_one == real_other || identity(&real_one)? == identity(&real_other)? {
        Ok(Nearness::SameFile)
    } else if folder(&real_one) == folder(&real_other) {
        Ok(Nearness::SameFolder)
    } else if device(&real_one)? == device(&real_other)? {
        Ok(Nearness::SameDevice)
    } else {
        Ok(Nearness::Apart)
    }
}

#[cfg(unix)]
fn device(path: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    Ok(path.metadata()?.dev())
}

/// Elsewhere the name of the volume.
#[cfg(not(unix))]
fn device(path: &Path) -> io::Result<Option<std::ffi::OsString>> {
    Ok(path.components().next().map(|prefix| prefix.as_os_str().to_owned()))
}

/// Two names of one file (hard links) are one file.
#[cfg(unix)]
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = path.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> io::Result<PathBuf> {
    Ok(path.to_owned())
}
