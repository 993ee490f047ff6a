//! Folders that belong to one run: made empty, and taken away by whichever later run finds their maker gone.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, While};
use crate::prepare::empty_folder;

/// Where files live in memory, and every user may come.
const IN_MEMORY: &str = "/dev/shm";

/// A folder that every user of the machine can reach, in memory where the system has that; dropping it removes it.
///
/// Cargo's target folder may lie below one that only its owner can enter, and a disk is slow: a software token writes
/// each key to it forty milliseconds long.
#[derive(Debug)]
pub struct Shelter(PathBuf);

impl Shelter {
    /// A new, empty folder for `name`.
    ///
    /// # Errors
    ///
    /// If the file system refuses.
    pub fn new(name: &str) -> Result<Self, Failure> {
        let memory = Path::new(IN_MEMORY);
        let parent = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        fresh_folder(&parent, name).map(Self)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Shelter {
    fn drop(&mut self) {
        // What a process that is just ending still holds is left to the next run.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An empty folder for `name` in `parent`, whose own name says which process made it. Those of processes that are
/// gone are removed, because a process that was killed removes nothing.
///
/// # Errors
///
/// If the file system refuses.
pub(super) fn fresh_folder(parent: &Path, name: &str) -> Result<PathBuf, Failure> {
    let prefix = format!("phiseal-{name}-");
    for entry in fs::read_dir(parent).during(parent.display())?.flatten() {
        let maker = entry.file_name();
        let maker = maker.to_str().and_then(|file| file.strip_prefix(&prefix)?.parse::<u32>().ok());
        if maker.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // Another run may be at it, or it may be another user's: this run needs only its own.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let folder = parent.join(format!("{prefix}{}", std::process::id()));
    empty_folder(&folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shelter_goes_when_it_is_dropped() {
        let shelter = Shelter::new("shelter-of-the-test").unwrap();
        let path = shelter.path().to_path_buf();
        fs::write(path.join("file"), "").unwrap();
        drop(shelter);
        assert!(!path.exists());
    }

    #[test]
    fn what_dead_processes_left_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        // Above the largest process id that Linux gives out, 2^22.
        let dead = parent.path().join("phiseal-one-4194305");
        let kept = ["phiseal-one-1", "phiseal-other-4194305", "phiseal-one-more-4194305", "one"];
        let kept = kept.map(|name| parent.path().join(name));
        for folder in kept.iter().chain([&dead]) {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("file"), "").unwrap();
        }
        let own = fresh_folder(parent.path(), "one").unwrap();
        assert!(own.is_dir() && !dead.exists());
        assert!(kept.iter().all(|folder| folder.join("file").exists()));
    }
}
