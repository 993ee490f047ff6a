//! moto: an AWS KMS and a DynamoDB in Python. It has more operations than LocalStack, and ignores key states.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Running, Server, pins};
use crate::failure::Failure;
use crate::guard::{Guarded, answers, free_port};
use crate::prepare::{Environment, python};
use crate::workspace::Workspace;

/// A server of moto; `PHISEAL_MOTO` is its URL.
pub(super) struct Moto;

impl Server for Moto {
    fn name(&self) -> &'static str {
        "moto"
    }

    fn start(&self, workspace: &Workspace, folder: PathBuf) -> Result<Running, Failure> {
        let (process, url) = serve(&venv(workspace)?, &folder)?;
        let mut environment = Environment::default();
        environment.set("PHISEAL_MOTO", url);
        Ok(Running { environment, processes: vec![process], shelters: Vec::new() })
    }
}

/// The virtual environment with moto and microburst. Two servers want it at the same time; one makes it.
pub(super) fn venv(workspace: &Workspace) -> Result<PathBuf, Failure> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let venv = workspace.target().join("venvs").join("moto");
    python::virtual_environment(&venv, &pins::MOTO)?;
    Ok(venv)
}

/// Starts moto, with its log in `folder`, and returns it with its URL.
pub(super) fn serve(venv: &Path, folder: &Path) -> Result<(Guarded, String), Failure> {
    let port = free_port()?;
    let mut server = Command::new(venv.join("bin").join("moto_server"));
    server.args(["-H", "127.0.0.1", "-p", &port.to_string()]).current_dir(folder);
    let process = Guarded::start("moto", &server, &folder.join("moto.log"))?;
    process.ready(Duration::from_secs(60), || answers(port, "/moto-api/data.json"))?;
    Ok((process, format!("http://127.0.0.1:{port}")))
}
