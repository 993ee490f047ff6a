//! Programs from Debian's packages: looked for first, installed only when missing.

use std::process::Command;

use crate::failure::Failure;
use crate::process::{demand, works};

/// A program, how to see that it is there, and the package that brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// A command that ends with exit code 0 if the program is there.
    pub probe: &'static [&'static str],
    /// The Debian package that brings it.
    pub package: &'static str,
}

/// A C++ compiler, for libFuzzer.
pub const CXX: Program = Program { probe: &["g++", "--version"], package: "g++" };
/// The debugger that makes core dumps.
pub const GDB: Program = Program { probe: &["gdb", "--version"], package: "gdb" };
/// Python with virtual environments.
pub const PYTHON: Program =
    Program { probe: &["python3", "-c", "import ensurepip, venv"], package: "python3-venv" };
/// The client of the npm registry.
pub const NPM: Program = Program { probe: &["npm", "--version"], package: "npm" };
/// The build tool of the FIPS module.
pub const CMAKE: Program = Program { probe: &["cmake", "--version"], package: "cmake" };
/// The language that the FIPS module's build is written in.
pub const GO: Program = Program { probe: &["go", "version"], package: "golang" };

impl Program {
    fn is_there(&self) -> bool {
        self.probe
            .split_first()
            .is_some_and(|(program, arguments)| works(Command::new(program).args(arguments)))
    }
}

/// Installs those of `programs` that are missing.
///
/// # Errors
///
/// If one is missing and cannot be installed: not as root, not on Debian, or not to be had.
pub fn install(programs: &[Program]) -> Result<(), Failure> {
    let missing: Vec<&str> = programs
        .iter()
        .filter(|program| !program.is_there())
        .map(|program| program.package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing {}", missing.join(", "));
    let steps = demand(&mut apt_get(&["update"])).and_then(|_| {
        let mut install = apt_get(&["install", "--yes", "--no-install-recommends"]);
        demand(install.args(&missing))
    });
    if let Err(failure) = steps {
        return Err(Failure::new(format!(
            "missing: {}; installing needs root on Debian\n{failure}",
            missing.join(", ")
        )));
    }
    match programs.iter().find(|program| !program.is_there()) {
        None => Ok(()),
        Some(program) => Err(Failure::new(format!(
            "{} was installed, but {:?} still fails",
            program.package, program.probe
        ))),
    }
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.arg("--quiet").args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_installed() {
        install(&[Program { probe: &["true"], package: "phiseal-no-such-package" }]).unwrap();
    }

    #[test]
    fn a_program_that_fails_its_probe_is_missing() {
        assert!(!Program { probe: &["false"], package: "none" }.is_there());
        assert!(!Program { probe: &["phiseal-no-such-program"], package: "none" }.is_there());
        assert!(!Program { probe: &[], package: "none" }.is_there());
    }
}
