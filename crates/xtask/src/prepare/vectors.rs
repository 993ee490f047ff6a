//! The vectors that pyca/cryptography publishes, NIST CAVP among them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::python::{self, CRYPTOGRAPHY};
use super::{Environment, once};
use crate::failure::{Failure, While};
use crate::process::demand;
use crate::workspace::Workspace;

/// Unpacks the package and sets `PHISEAL_VECTORS` to the folder that holds `cryptography_vectors/`.
pub(super) fn prepare(workspace: &Workspace, environment: &mut Environment) -> Result<(), Failure> {
    let folder = workspace.target().join("vectors");
    let requirement = format!("cryptography-vectors=={CRYPTOGRAPHY}");
    let python = python::folder(workspace);
    once(&folder, &requirement, || {
        let mut pip = python::pip(&python);
        pip.args(["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest"])
            .arg(&folder);
        demand(pip.arg(&requirement))?;
        let wheel = only_wheel(&folder)?;
        let mut unpack = Command::new(python::interpreter(&python));
        demand(unpack.args(["-m", "zipfile", "-e"]).args([&wheel, &folder]))?;
        fs::remove_file(&wheel).during(wheel.display())?;
        let inside = folder.join("cryptography_vectors").join("ciphers");
        if inside.is_dir() {
            Ok(())
        } else {
            Err(Failure::new(format!("{} is missing", inside.display())))
        }
    })?;
    environment.set("PHISEAL_VECTORS", folder);
    Ok(())
}

fn only_wheel(folder: &Path) -> Result<PathBuf, Failure> {
    let entries = fs::read_dir(folder).during(folder.display())?;
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let wheels: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "whl")).collect();
    match <[PathBuf; 1]>::try_from(wheels) {
        Ok([wheel]) => Ok(wheel),
        Err(wheels) => Err(Failure::new(format!(
            "{} wheels in {}, expected one",
            wheels.len(),
            folder.display()
        ))),
    }
}
