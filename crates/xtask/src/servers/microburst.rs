//! microburst: a proxy that injects faults in front of an AWS endpoint.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::{Running, Server, moto};
use crate::failure::Failure;
use crate::guard::{Guarded, answers, free_port};
use crate::prepare::Environment;
use crate::workspace::Workspace;

/// A proxy in front of a moto of its own.
///
/// Its rules are one list for the whole proxy, so tests that run at the same time start proxies of their own by
/// `PHISEAL_MICROBURST_BINARY --host 127.0.0.1 -p PORT -u URL`, in front of any endpoint.
///
/// | variable | |
/// |---|---|
/// | `PHISEAL_MICROBURST` | its URL; rules are posted to `/_microburst/rules` |
/// | `PHISEAL_MICROBURST_TARGET` | the URL behind it, by which keys are made without faults |
/// | `PHISEAL_MICROBURST_BINARY` | the program |
pub(super) struct Microburst;

impl Server for Microburst {
    fn name(&self) -> &'static str {
        "microburst"
    }

    fn start(&self, workspace: &Workspace, folder: PathBuf) -> Result<Running, Failure> {
        let venv = moto::venv(workspace)?;
        let (target, target_url) = moto::serve(&venv, &folder)?;
        let port = free_port()?;
        let binary = venv.join("bin").join("microburst");
        let mut proxy = Command::new(&binary);
        proxy.args(["--host", "127.0.0.1", "-p", &port.to_string(), "-u", &target_url]);
        let process = Guarded::start(self.name(), proxy.current_dir(&folder), &folder.join("log"))?;
        process.ready(Duration::from_secs(60), || answers(port, "/_microburst/health"))?;

        let mut environment = Environment::default();
        environment.set("PHISEAL_MICROBURST", format!("http://127.0.0.1:{port}"));
        environment.set("PHISEAL_MICROBURST_TARGET", target_url);
        environment.set("PHISEAL_MICROBURST_BINARY", binary);
        Ok(Running { environment, processes: vec![process, target], shelters: Vec::new() })
    }
}
