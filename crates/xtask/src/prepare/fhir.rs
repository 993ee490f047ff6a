//! FHIR R4 patients: HL7's own examples, and a population that Synthea makes up.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Environment, debian, once, python};
use crate::failure::{Failure, While};
use crate::process::demand;
use crate::workspace::Workspace;

/// HL7's examples (CC0) as a package of the npm registry.
const HL7: &str = "hl7.fhir.r4.examples@4.0.1";
/// SHA-256 of its tarball.
const HL7_DIGEST: &str = "dce87f1b5b9341867033f7d1f544fa1b5232503f6d62813887ac6b8a8b6cb682";
/// The number of files in it.
const HL7_FILES: usize = 5307;

/// A port of Synthea (Apache-2.0) as a Python package.
const SYNTHEA: &str = "tietai-synthea==1.5.0";
/// What it is asked for; seeds and reference date make the answer the same each time.
const SYNTHEA_ARGUMENTS: &str = "generate -p 50 -s 7 --clinician-seed 7 -r 20250101 -a 20-40 --profile us-core \
    --threads 1 --log-level error";
/// The number of patients that the arguments ask for, one file each.
const SYNTHEA_FILES: usize = 50;

/// Fetches the first, makes the second, and sets `PHISEAL_FHIR_DATA` to the folder that holds `hl7/` and `synthea/`.
pub(super) fn prepare(workspace: &Workspace, environment: &mut Environment) -> Result<(), Failure> {
    let folder = workspace.target().join("fhir");
    hl7(&folder.join("hl7"))?;
    synthea(&folder.join("synthea"), &folder.join("venv"))?;
    environment.set("PHISEAL_FHIR_DATA", folder);
    Ok(())
}

fn hl7(folder: &Path) -> Result<(), Failure> {
    once(folder, &format!("{HL7} {HL7_DIGEST}"), || {
        debian::install(&[debian::NPM])?;
        let mut pack = Command::new("npm");
        demand(pack.args(["pack", HL7, "--silent", "--pack-destination"]).arg(folder))?;
        let tarball = folder.join(format!("{}.tgz", HL7.replace('@', "-")));
        let digest = demand(Command::new("sha256sum").arg(&tarball))?;
        if !digest.starts_with(HL7_DIGEST) {
            return Err(Failure::new(format!("{HL7} is not what it was: its SHA-256 is {digest}")));
        }
        demand(Command::new("tar").arg("-xzf").arg(&tarball).arg("-C").arg(folder))?;
        fs::remove_file(&tarball).during(tarball.display())?;
        expect_files(&folder.join("package"), HL7_FILES)
    })
}

fn synthea(folder: &Path, venv: &Path) -> Result<(), Failure> {
    once(folder, &format!("{SYNTHEA} {SYNTHEA_ARGUMENTS}"), || {
        python::virtual_environment(venv, &[SYNTHEA])?;
        let mut generate = Command::new(venv.join("bin").join("synthea"));
        demand(generate.args(SYNTHEA_ARGUMENTS.split_whitespace()).arg("-o").arg(folder))?;
        expect_files(&folder.join("fhir"), SYNTHEA_FILES)?;
        // Half a gigabyte of numeric libraries that nothing needs once the patients are there.
        fs::remove_dir_all(venv).during(venv.display())
    })
}

/// Demands that `folder` holds `count` JSON files.
fn expect_files(folder: &Path, count: usize) -> Result<(), Failure> {
    let entries = fs::read_dir(folder).during(folder.display())?;
    let files =
        entries.flatten().filter(|entry| entry.path().extension().is_some_and(|end| end == "json"));
    match files.count() {
        found if found == count => Ok(()),
        found => {
            Err(Failure::new(format!("{found} files in {}, expected {count}", folder.display())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_files_are_counted_and_the_count_must_agree() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.json", "b.json", "c.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert!(expect_files(folder.path(), 2).is_ok());
        assert!(expect_files(folder.path(), 3).is_err());
        assert!(expect_files(&folder.path().join("absent"), 0).is_err());
    }
}
