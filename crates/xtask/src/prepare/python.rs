//! A Python virtual environment with the independent second reader's only package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Environment, debian, once};
use crate::failure::Failure;
use crate::process::{demand, works};
use crate::workspace::Workspace;

/// The release of `cryptography` that reads and writes what phiseal does, and of its published vectors.
pub(super) const CRYPTOGRAPHY: &str = "50.0.2";

/// Makes the environment and sets `PHISEAL_PYTHON` to its interpreter.
pub(super) fn prepare(workspace: &Workspace, environment: &mut Environment) -> Result<(), Failure> {
    let folder = folder(workspace);
    virtual_environment(&folder, &[&format!("cryptography=={CRYPTOGRAPHY}")])?;
    environment.set("PHISEAL_PYTHON", interpreter(&folder));
    Ok(())
}

/// The folder of the environment that tests use.
pub(super) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target().join("venv")
}

/// The interpreter of the virtual environment in `folder`.
pub(crate) fn interpreter(folder: &Path) -> PathBuf {
    folder.join("bin").join("python")
}

/// Makes a virtual environment in `folder` with exactly these `requirements` and what they depend on; options of
/// `pip install` may stand among them.
pub(crate) fn virtual_environment(folder: &Path, requirements: &[&str]) -> Result<(), Failure> {
    debian::install(&[debian::PYTHON])?;
    // An environment points at the interpreter it was made with, and is of no use after that is gone.
    if folder.exists() && !works(Command::new(interpreter(folder)).args(["-c", "import pip"])) {
        fs::remove_dir_all(folder)
            .map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
    }
    once(folder, &requirements.join("\n"), || {
        demand(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        demand(pip(folder).args(["install", "--quiet"]).args(requirements))?;
        Ok(())
    })
}

/// A call of the pip of the virtual environment in `folder`.
pub(super) fn pip(folder: &Path) -> Command {
    let mut command = Command::new(interpreter(folder));
    command.args(["-m", "pip", "--disable-pip-version-check"]);
    command
}
