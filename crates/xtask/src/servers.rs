//! The servers that tests talk to, on loopback ports of their own choice.
//!
//! One server is one file beside this one, with a type that implements [`Server`], and one line in [`servers`].
//! It installs what it needs (as [`prepare`](crate::prepare) does for files), starts its process as a [`Guarded`],
//! and says in environment variables where tests find it. A test whose variable is missing fails.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::guard::Guarded;
use crate::prepare::Environment;
use crate::report::{Kind, Outcome, Report};
use crate::workspace::Workspace;

/// A server that tests talk to.
pub trait Server {
    /// Its name in the report.
    fn name(&self) -> &'static str;

    /// Installs what is missing, starts the server, and returns when it answers.
    ///
    /// `folder` is empty, belongs to this server alone, and is deleted before the next run.
    ///
    /// # Errors
    ///
    /// If anything is missing or the server does not answer.
    fn start(&self, workspace: &Workspace, folder: PathBuf) -> Result<Running, Failure>;
}

/// A server that answers; dropping it stops its processes.
#[derive(Debug, Default)]
pub struct Running {
    /// Where tests find it.
    pub environment: Environment,
    /// Its processes; none for a library that only needs files, such as a software HSM.
    pub processes: Vec<Guarded>,
}

/// Every server, in the order in which they start.
pub fn servers() -> Vec<Box<dyn Server>> {
    Vec::new()
}

/// Starts every server of `servers`, as one step each, and adds what they say to `environment`.
///
/// They run as long as what is returned lives.
pub fn start(
    servers: &[Box<dyn Server>],
    workspace: &Workspace,
    environment: &mut Environment,
    report: &mut Report,
) -> Vec<Running> {
    let mut all = Vec::new();
    for server in servers {
        report.step(&format!("server {}", server.name()), Kind::Check, || {
            let folder = workspace.target().join("servers").join(server.name());
            crate::prepare::empty_folder(&folder)?;
            let running = server.start(workspace, folder)?;
            environment.extend(&running.environment);
            all.push(running);
            Ok(Outcome::default())
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    struct Sleeper;

    impl Server for Sleeper {
        fn name(&self) -> &'static str {
            "sleeper-of-the-test"
        }

        fn start(&self, _: &Workspace, folder: PathBuf) -> Result<Running, Failure> {
            let mut command = Command::new("sleep");
            command.arg("600");
            let process = Guarded::start(self.name(), &command, &folder.join("log"))?;
            let mut environment = Environment::default();
            environment.set("SLEEPER", process.pid().to_string());
            Ok(Running { environment, processes: vec![process] })
        }
    }

    struct Broken;

    impl Server for Broken {
        fn name(&self) -> &'static str {
            "broken-of-the-test"
        }

        fn start(&self, _: &Workspace, _: PathBuf) -> Result<Running, Failure> {
            Err(Failure::new("not installed"))
        }
    }

    #[test]
    fn servers_run_while_they_are_held_and_a_broken_one_is_a_failure() {
        let workspace = Workspace::find().unwrap();
        let (mut environment, mut report) = (Environment::default(), Report::new());
        let all: [Box<dyn Server>; 2] = [Box::new(Sleeper), Box::new(Broken)];
        let running = start(&all, &workspace, &mut environment, &mut report);
        assert_eq!(running.len(), 1);
        assert_eq!(report.totals(), (0, 1));
        let pid = environment.value("SLEEPER").unwrap().to_string_lossy().into_owned();
        let process = PathBuf::from(format!("/proc/{pid}"));
        assert!(process.exists(), "the control: it ran");
        drop(running);
        assert!(!process.exists());
    }
}
