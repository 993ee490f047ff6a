//! kryoptic: a second token in software, whose answers differ from SoftHSM's wherever the standard lets them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Running, Server, Shelter, token};
use crate::failure::{Failure, While};
use crate::prepare::{Environment, debian, once};
use crate::process::{demand, works};
use crate::workspace::Workspace;

const PIN: &str = "12345678";

/// The slot of the token.
const SLOT: &str = "42";

/// Its module, as cargo names it.
const MODULE: &str = "libkryoptic_pkcs11.so";

/// Sees libclang, by which kryoptic's build reads the headers of PKCS#11 and OpenSSL.
const LIBCLANG: [&str; 2] = ["/usr/lib/llvm-*/lib/libclang*.so*", "/usr/lib/*/libclang*.so*"];

/// Sees the headers that belong to it.
const CLANG_HEADERS: [&str; 2] =
    ["/usr/lib/llvm-*/lib/clang/*/include/stddef.h", "/usr/lib/clang/*/include/stddef.h"];

/// A token of kryoptic.
///
/// | variable | |
/// |---|---|
/// | `PHISEAL_KRYOPTIC_MODULE` | path of the module |
/// | `KRYOPTIC_CONF` | path of the configuration that names the token's file |
/// | `PHISEAL_KRYOPTIC_LABEL`, `_PIN`, `_SO_PIN` | how to log in |
pub(super) struct Kryoptic;

impl Server for Kryoptic {
    fn name(&self) -> &'static str {
        "kryoptic"
    }

    fn start(&self, workspace: &Workspace, _: PathBuf) -> Result<Running, Failure> {
        debian::install(&[debian::OPENSC])?;
        let module = built(workspace)?;
        let shelter = Shelter::new(self.name())?;
        let conf = shelter.path().join("kryoptic.toml");
        let file = shelter.path().join("token.sql");
        fs::write(&conf, configuration(&file)).during(conf.display())?;
        let tool = || {
            let mut command = Command::new("pkcs11-tool");
            command.env("KRYOPTIC_CONF", &conf).arg("--module").arg(&module);
            command
        };
        let so_pin = ["--so-pin", token::SO_PIN];
        demand(
            tool().args(["--init-token", "--slot", SLOT, "--label", token::LABEL]).args(so_pin),
        )?;
        let mut login = tool();
        login.args(["--token-label", token::LABEL, "--login", "--login-type", "so"]).args(so_pin);
        demand(login.args(["--init-pin", "--new-pin", PIN]))?;

        let mut environment = Environment::default();
        environment.set("PHISEAL_KRYOPTIC_MODULE", &module);
        environment.set("KRYOPTIC_CONF", &conf);
        token::tell(&mut environment, "KRYOPTIC", PIN);
        Ok(Running { environment, processes: Vec::new(), shelters: vec![shelter] })
    }
}

/// The module, built from `tests/modules/kryoptic` unless it was before.
fn built(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let source = workspace.root().join("tests").join("modules").join("kryoptic");
    let folder = workspace.target().join("modules").join("kryoptic");
    let module = folder.join(MODULE);
    let mut recipe = String::new();
    for file in ["Cargo.toml", "Cargo.lock", "src/lib.rs"] {
        let path = source.join(file);
        recipe.push_str(&fs::read_to_string(&path).during(path.display())?);
    }
    once(&folder, &recipe, || {
        install_build_tools()?;
        let build = folder.join("build");
        let mut cargo = workspace.cargo(["build", "--release", "--locked", "--manifest-path"]);
        cargo.arg(source.join("Cargo.toml")).arg("--target-dir").arg(&build);
        demand(&mut cargo)?;
        fs::copy(build.join("release").join(MODULE), &module).during(module.display())?;
        // A quarter of a gigabyte that nothing needs once the module is there.
        fs::remove_dir_all(&build).during(build.display())
    })?;
    Ok(module)
}

fn install_build_tools() -> Result<(), Failure> {
    // The others are looked for by the first.
    debian::install(&[debian::PKG_CONFIG])?;
    debian::install(&[debian::LIBSSL, debian::LIBSQLITE3])?;
    if LIBCLANG.iter().any(|files| exist(files)) && CLANG_HEADERS.iter().any(|files| exist(files)) {
        return Ok(());
    }
    let depends = demand(Command::new("apt-cache").args(["depends", "libclang1"]));
    let packages = clang_packages(&depends.unwrap_or_default());
    debian::install_packages(&packages.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Whether a file matches `pattern`.
fn exist(pattern: &str) -> bool {
    works(Command::new("sh").args(["-c", &format!("ls {pattern}")]))
}

/// libclang and its headers without the rest of clang, if `depends` (what `apt-cache depends libclang1` prints)
/// tells the distribution's version; otherwise the package that brings them all.
fn clang_packages(depends: &str) -> Vec<String> {
    let versions =
        depends.split_whitespace().filter_map(|word| word.strip_prefix("libclang1-")?.parse().ok());
    match versions.max() {
        Some(version) => {
            let version: u32 = version;
            vec![format!("libclang1-{version}"), format!("libclang-common-{version}-dev")]
        }
        None => vec!["libclang-dev".to_owned()],
    }
}

fn configuration(file: &Path) -> String {
    format!("[[slots]]\nslot = {SLOT}\ndbtype = \"sqlite\"\ndbargs = \"{}\"\n", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_of_libclang_follow_the_distribution() {
        let twelve = "libclang1\n  Depends: libclang1-14\n";
        assert_eq!(clang_packages(twelve), ["libclang1-14", "libclang-common-14-dev"]);
        let thirteen = "libclang1\n  Depends: libclang1-19\n    libclang1-9\n";
        assert_eq!(clang_packages(thirteen), ["libclang1-19", "libclang-common-19-dev"]);
        assert_eq!(clang_packages(""), ["libclang-dev"]);
    }

    #[test]
    fn a_pattern_is_matched() {
        assert!(exist("/bin/s*"));
        assert!(!exist("/bin/phiseal-no-such-program-*"));
    }

    #[test]
    fn the_configuration_names_the_file_of_the_token() {
        let text = configuration(Path::new("/a/token.sql"));
        assert!(
            text.contains("slot = 42\n") && text.contains("dbargs = \"/a/token.sql\""),
            "{text}"
        );
    }

    #[test]
    fn the_module_that_is_built_is_the_one_its_manifest_names() {
        let manifest = Workspace::find().unwrap().root().join("tests/modules/kryoptic/Cargo.toml");
        let library = MODULE.strip_prefix("lib").and_then(|name| name.strip_suffix(".so")).unwrap();
        assert!(fs::read_to_string(manifest).unwrap().contains(&format!("name = \"{library}\"")));
    }
}
