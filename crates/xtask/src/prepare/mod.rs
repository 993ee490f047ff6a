//! What tests need on disk: programs of the operating system, Python packages, published vectors and patient data.
//!
//! One thing is one file beside this one, and one line in [`PREPARATIONS`]. Everything is kept under cargo's target
//! folder with a stamp that says how it was made, so that a second run prepares nothing.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;
use std::process::Command;

pub mod debian;
mod fhir;
pub(crate) mod python;
mod vectors;

use crate::failure::{Failure, While};
use crate::workspace::Workspace;

/// One thing that tests need.
#[derive(Debug, Clone, Copy)]
pub struct Preparation {
    /// Its name in the report.
    pub name: &'static str,
    /// Makes it, and tells tests where it is.
    pub prepare: fn(&Workspace, &mut Environment) -> Result<(), Failure>,
}

/// Everything that tests need, in the order in which it is made.
pub const PREPARATIONS: [Preparation; 4] = [
    Preparation { name: "programs", prepare: programs },
    Preparation { name: "Python", prepare: python::prepare },
    Preparation { name: "published vectors", prepare: vectors::prepare },
    Preparation { name: "patient data", prepare: fhir::prepare },
];

/// What tests are told in environment variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment(Vec<(String, OsString)>);

impl Environment {
    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.0.retain(|(present, _)| present != name);
        self.0.push((name.to_owned(), value.into()));
    }

    /// Adds every variable of `other`.
    pub fn extend(&mut self, other: &Self) {
        for (name, value) in &other.0 {
            self.set(name, value);
        }
    }

    /// The value of a variable, if it is set.
    pub fn value(&self, name: &str) -> Option<&OsStr> {
        self.0.iter().find(|(present, _)| present == name).map(|(_, value)| value.as_os_str())
    }

    /// Every variable with its value.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_os_str()))
    }

    /// Gives the variables to `command`.
    pub fn apply<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.envs(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The programs that tests call themselves: a C++ compiler for libFuzzer, gdb for core dumps.
fn programs(_: &Workspace, _: &mut Environment) -> Result<(), Failure> {
    debian::install(&[debian::CXX, debian::GDB])
}

/// Makes `folder` anew by `make`, unless its stamp says that the same `recipe` made it before.
pub(crate) fn once(
    folder: &Path,
    recipe: &str,
    make: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let stamp = folder.join(".prepared");
    if fs::read_to_string(&stamp).is_ok_and(|text| text == recipe) {
        return Ok(());
    }
    empty_folder(folder)?;
    make()?;
    fs::write(&stamp, recipe).during(stamp.display())
}

/// Makes `folder` exist and be empty.
///
/// # Errors
///
/// If the file system refuses.
pub fn empty_folder(folder: &Path) -> Result<(), Failure> {
    if folder.exists() {
        fs::remove_dir_all(folder).during(folder.display())?;
    }
    fs::create_dir_all(folder).during(folder.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamped_folder_is_made_once_for_each_recipe() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("made");
        let mut made = 0;
        let mut run = |recipe: &str| {
            once(&folder, recipe, || {
                made += 1;
                fs::write(folder.join(format!("by {recipe}")), "").during("test")
            })
            .unwrap();
            made
        };
        assert_eq!((run("one"), run("one"), run("two")), (1, 1, 2));
        assert!(!folder.join("by one").exists(), "what an older recipe made is gone");
        assert!(folder.join("by two").exists());
    }

    #[test]
    fn a_recipe_that_failed_is_tried_again() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("made");
        assert!(once(&folder, "one", || Err(Failure::new("no network"))).is_err());
        let mut made = false;
        once(&folder, "one", || {
            made = true;
            Ok(())
        })
        .unwrap();
        assert!(made);
    }

    #[test]
    fn a_variable_is_set_once() {
        let mut environment = Environment::default();
        environment.set("A", "1");
        environment.set("A", "2");
        assert_eq!(environment.value("A"), Some(OsStr::new("2")));
        let mut command = Command::new("true");
        assert_eq!(environment.apply(&mut command).get_envs().count(), 1);
    }
}
