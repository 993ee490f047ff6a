//! What a change leaves beside the key file: a file that was replaced, or a draft.
//!
//! Such a name may be planted by whoever can write the folder. So a file is opened as what lies there, without following
//! a link; what it is and whom it belongs to is asked of the open file; and what has another name is somebody's.

use super::document::Document;
use super::file::{self, NO_DETOUR};
use crate::versions::Versions;
use phiseal_primitives::Engine;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A file that this library may have left, open.
pub(super) struct Leftover {
    path: PathBuf,
    file: File,
    metadata: Metadata,
}

impl Leftover {
    /// None for what this library has not left: a link, a pipe, a file that others can reach or that belongs to another
    /// user; and for what is gone.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match OpenOptions::new().read(true).custom_flags(NO_DETOUR).open(path) {
            Ok(file) => file,
            Err(error) if is_not_ours(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        let ours = file::check(path, &metadata).is_ok();
        Ok(ours.then(|| Self { path: path.to_path_buf(), file, metadata }))
    }

    /// Whether it is that file, under another name.
    pub(super) fn is(&self, other: &Metadata) -> bool {
        file::inode(&self.metadata) == file::inode(other)
    }

    /// Overwrites the file's blocks where they lie. A file with another name is left as it is, unless it holds the key of
    /// one of `versions` that is destroyed.
    pub(super) fn wipe_unless_kept(
        &self,
        versions: &Versions,
        engine: &dyn Engine,
    ) -> io::Result<()> {
        if self.file.metadata()?.nlink() > 1 {
            let bytes = file::contents(&self.file, &self.metadata)?;
            if !Document::parse(&bytes).is_ok_and(|document| document.holds_destroyed(versions)) {
                return Ok(());
            }
        }
        let mode = self.metadata.mode() & 0o7777;
        if mode & 0o200 == 0 {
            self.file.set_permissions(Permissions::from_mode(mode | 0o200))?;
        }
        let mut file = OpenOptions::new().write(true).custom_flags(NO_DETOUR).open(&self.path)?;
        if !self.is(&file.metadata()?) {
            return Err(io::Error::other("another file took its place"));
        }
        overwrite(&mut file, engine)
    }
}

/// Overwrites all of a file with random bytes.
pub(super) fn overwrite(file: &mut File, engine: &dyn Engine) -> io::Result<()> {
    file.rewind()?;
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

/// Removes a name, unless it is gone already.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn is_not_ours(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
        || matches!(error.raw_os_error(), Some(libc::ELOOP | libc::ENXIO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use phiseal_format::KekId;
    use phiseal_primitives::default_engine;

    /// Under a name that anybody may give to another file meanwhile.
    #[test]
    fn a_file_that_took_the_place_of_a_leftover_is_not_wiped() {
        let folder = tempfile::tempdir().unwrap();
        let private = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            path
        };
        let versions =
            Versions::new(default_engine(), KekId::try_from("local:none".to_owned()).unwrap());
        let path = private("leftover", b"a version's key");
        let leftover = Leftover::open(&path).unwrap().unwrap();
        fs::rename(private("other", b"somebody's file"), &path).unwrap();
        leftover.wipe_unless_kept(&versions, default_engine()).unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"somebody's file");

        let leftover = Leftover::open(&path).unwrap().unwrap();
        leftover.wipe_unless_kept(&versions, default_engine()).unwrap();
        assert_ne!(fs::read(&path).unwrap(), b"somebody's file", "the control");
    }
}
