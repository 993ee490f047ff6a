//! LocalStack: an AWS KMS in Python that knows key states and replicas in other regions.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::{Running, Server, pins};
use crate::failure::{Failure, While};
use crate::guard::{Guarded, answers, free_port};
use crate::prepare::{Environment, python};
use crate::workspace::Workspace;

/// What it is told beside its port and its folder: KMS alone, ready when it answers, nothing fetched, no telemetry. Its
/// other web server listens on every address whatever it is told.
const SETTINGS: [(&str, &str); 8] = [
    ("GATEWAY_SERVER", "hypercorn"),
    ("SERVICES", "kms"),
    ("STRICT_SERVICE_LOADING", "1"),
    ("EAGER_SERVICE_LOADING", "1"),
    ("SKIP_SSL_CERT_DOWNLOAD", "1"),
    ("DISABLE_EVENTS", "1"),
    ("DNS_ADDRESS", "0"),
    ("PERSISTENCE", "0"),
];

/// A KMS of LocalStack; `PHISEAL_LOCALSTACK` is its URL.
pub(super) struct LocalStack;

impl Server for LocalStack {
    fn name(&self) -> &'static str {
        "localstack"
    }

    fn start(&self, workspace: &Workspace, folder: PathBuf) -> Result<Running, Failure> {
        let venv = workspace.target().join("venvs").join(self.name());
        python::virtual_environment(&venv, &pins::LOCALSTACK)?;
        let port = free_port()?;
        let root = folder.join("root");
        std::fs::create_dir(&root).during(root.display())?;
        let mut server = Command::new(python::interpreter(&venv));
        server.args(["-m", "localstack.runtime.main"]).current_dir(&folder).envs(SETTINGS);
        server.env("GATEWAY_LISTEN", format!("127.0.0.1:{port}"));
        server.env("FILESYSTEM_ROOT", &root).env("LOCALSTACK_VOLUME_DIR", &root);
        let process = Guarded::start(self.name(), &server, &folder.join("log"))?;
        process.ready(Duration::from_secs(120), || answers(port, "/_localstack/health"))?;

        let mut environment = Environment::default();
        environment.set("PHISEAL_LOCALSTACK", format!("http://127.0.0.1:{port}"));
        Ok(Running { environment, processes: vec![process], shelters: Vec::new() })
    }
}
