//! Programs from Debian's packages: looked for first, installed only when missing.

use std::process::Command;
use std::sync::{Mutex, PoisonError};

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
/// SoftHSM, a software token, and the program that initialises its tokens.
pub const SOFTHSM: Program =
    Program { probe: &["softhsm2-util", "--version"], package: "softhsm2" };
/// OpenSC's `pkcs11-tool`.
pub const OPENSC: Program =
    Program { probe: &["sh", "-c", "command -v pkcs11-tool"], package: "opensc" };
/// The program that makes certificates.
pub const OPENSSL: Program = Program { probe: &["openssl", "version"], package: "openssl" };
/// The program that finds C libraries.
pub const PKG_CONFIG: Program =
    Program { probe: &["pkg-config", "--version"], package: "pkg-config" };
/// OpenSSL to link with.
pub const LIBSSL: Program =
    Program { probe: &["pkg-config", "--exists", "libcrypto"], package: "libssl-dev" };
/// SQLite to link with.
pub const LIBSQLITE3: Program =
    Program { probe: &["pkg-config", "--exists", "sqlite3"], package: "libsqlite3-dev" };
/// PostgreSQL's server programs, which Debian keeps out of the search path.
pub const POSTGRESQL: Program = Program {
    probe: &["sh", "-c", "ls /usr/lib/postgresql/*/bin/initdb || command -v initdb"],
    package: "postgresql",
};

/// Held while it is seen to what is missing: apt-get takes one caller at a time, and what two want is installed once.
/// Says whether the lists of packages are this run's.
static LISTS_ARE_NEW: Mutex<bool> = Mutex::new(false);

impl Program {
    /// Whether it is there.
    pub fn is_there(&self) -> bool {
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
    let mut lists_are_new = LISTS_ARE_NEW.lock().unwrap_or_else(PoisonError::into_inner);
    let missing: Vec<&str> = programs
        .iter()
        .filter(|program| !program.is_there())
        .map(|program| program.package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    get(&missing, &mut lists_are_new)?;
    match programs.iter().find(|program| !program.is_there()) {
        None => Ok(()),
        Some(program) => Err(Failure::new(format!(
            "{} was installed, but {:?} still fails",
            program.package, program.probe
        ))),
    }
}

/// Installs `packages`, whether they are there or not.
///
/// # Errors
///
/// If one cannot be installed: not as root, not on Debian, or not to be had.
pub fn install_packages(packages: &[&str]) -> Result<(), Failure> {
    let mut lists_are_new = LISTS_ARE_NEW.lock().unwrap_or_else(PoisonError::into_inner);
    get(packages, &mut lists_are_new)
}

fn get(packages: &[&str], lists_are_new: &mut bool) -> Result<(), Failure> {
    println!("installing {}", packages.join(", "));
    let update = if *lists_are_new { Ok(String::new()) } else { demand(&mut apt_get(&["update"])) };
    let steps = update.and_then(|_| {
        *lists_are_new = true;
        let mut install = apt_get(&["install", "--yes", "--no-install-recommends"]);
        demand(install.args(packages))
    });
    steps.map(drop).map_err(|failure| {
        Failure::new(format!(
            "missing: {}; installing needs root on Debian\n{failure}",
            packages.join(", ")
        ))
    })
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
