//! Which file it is, and whether it was written since.

use super::error::{failed, unsupported};
use phiseal_keys::Error;
use std::fs::{self, File, Metadata};
use std::path::Path;

/// A file at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    length: u64,
    modified: Option<std::time::SystemTime>,
    /// Its device, its number there, and when its contents, its mode or its owner were changed.
    #[cfg(unix)]
    number: (u64, u64, i64, i64),
}

impl Identity {
    /// That of an open file, which has to be one of its own.
    pub(super) fn of(file: &File) -> Result<Self, Error> {
        let found = file.metadata().map_err(failed)?;
        if !found.is_file() {
            return Err(unsupported("what is there is no file"));
        }
        #[cfg(unix)]
        if std::os::unix::fs::MetadataExt::nlink(&found) > 1 {
            return Err(unsupported(
                "the file has several names, and would be replaced under one of them",
            ));
        }
        Ok(Self::from(&found))
    }

    /// That of whatever is at `path`.
    pub(super) fn at(path: &Path) -> Result<Self, Error> {
        Ok(Self::from(&fs::metadata(path).map_err(failed)?))
    }
}

impl From<&Metadata> for Identity {
    fn from(found: &Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Self {
            length: found.len(),
            modified: found.modified().ok(),
            #[cfg(unix)]
            number: (found.dev(), found.ino(), found.ctime(), found.ctime_nsec()),
        }
    }
}
