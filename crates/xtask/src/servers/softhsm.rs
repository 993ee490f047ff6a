//! SoftHSM: a token in software, over OpenSSL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Running, Server, Shelter, token};
use crate::failure::{Failure, While};
use crate::prepare::{Environment, debian};
use crate::process::demand;
use crate::workspace::Workspace;

/// Where distributions put the module.
const MODULES: [&str; 6] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];

const PIN: &str = "1234";

/// A token of SoftHSM.
///
/// | variable | |
/// |---|---|
/// | `PHISEAL_SOFTHSM_MODULE` | path of the module |
/// | `PHISEAL_SOFTHSM_CONF`, `SOFTHSM2_CONF` | path of the configuration that names the token's folder |
/// | `PHISEAL_SOFTHSM_LABEL`, `_PIN`, `_SO_PIN` | how to log in |
pub(super) struct SoftHsm;

impl Server for SoftHsm {
    fn name(&self) -> &'static str {
        "softhsm"
    }

    fn start(&self, _: &Workspace, _: PathBuf) -> Result<Running, Failure> {
        debian::install(&[debian::SOFTHSM, debian::OPENSC])?;
        let module = MODULES.into_iter().find(|path| Path::new(path).exists());
        let module = module.ok_or_else(|| {
            Failure::new(format!("SoftHSM's module is at none of {}", MODULES.join(", ")))
        })?;
        let shelter = Shelter::new(self.name())?;
        let conf = shelter.path().join("softhsm2.conf");
        let tokens = shelter.path().join("tokens");
        fs::create_dir(&tokens).during(tokens.display())?;
        fs::write(&conf, configuration(&tokens)).during(conf.display())?;
        let mut init = Command::new("softhsm2-util");
        init.env("SOFTHSM2_CONF", &conf).args(["--init-token", "--free", "--label", token::LABEL]);
        demand(init.args(["--so-pin", token::SO_PIN, "--pin", PIN]))?;

        let mut environment = Environment::default();
        environment.set("PHISEAL_SOFTHSM_MODULE", module);
        environment.set("PHISEAL_SOFTHSM_CONF", &conf);
        environment.set("SOFTHSM2_CONF", &conf);
        token::tell(&mut environment, "SOFTHSM", PIN);
        Ok(Running { environment, processes: Vec::new(), shelters: vec![shelter] })
    }
}

fn configuration(tokens: &Path) -> String {
    format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n",
        tokens.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_names_the_folder_of_the_tokens() {
        let text = configuration(Path::new("/a/tokens"));
        assert!(text.starts_with("directories.tokendir = /a/tokens\n"), "{text}");
        assert!(text.lines().all(|line| line.contains(" = ")), "{text}");
    }
}
