//! The servers that tests talk to, on loopback ports of their own choice.
//!
//! One server is one file beside this one, with a type that implements [`Server`], and one line in [`servers`].
//! It installs what it needs (as [`prepare`](crate::prepare) does for files), starts its process as a [`Guarded`],
//! and says in environment variables where tests find it. A test whose variable is missing fails.
//!
//! A software HSM counts as a server, though it has no process: it is a token that is initialised anew.

use std::panic;
use std::path::PathBuf;
use std::thread;

use crate::failure::{Failure, While};
use crate::guard::Guarded;
use crate::prepare::Environment;
use crate::report::{Kind, Outcome, Report};
use crate::workspace::Workspace;

mod certificates;
pub mod hold;
mod kryoptic;
mod localstack;
mod microburst;
mod moto;
mod openbao;
mod pins;
mod postgres;
mod shelter;
mod softhsm;
mod token;

pub use shelter::Shelter;

/// A server that tests talk to.
pub trait Server: Sync {
    /// Its name in the report.
    fn name(&self) -> &'static str;

    /// Installs what is missing, starts the server, and returns when it answers.
    ///
    /// `folder` is empty and belongs to this server alone; a later run deletes it. Servers start at the same time,
    /// so none may need another.
    ///
    /// # Errors
    ///
    /// If anything is missing or the server does not answer.
    fn start(&self, workspace: &Workspace, folder: PathBuf) -> Result<Running, Failure>;
}

/// A server that answers; dropping it stops its processes, then removes its folders.
#[derive(Debug, Default)]
pub struct Running {
    /// Where tests find it.
    pub environment: Environment,
    /// Its processes; none for a library that only needs files, such as a software HSM.
    pub processes: Vec<Guarded>,
    /// Its folders outside of cargo's target folder.
    pub shelters: Vec<Shelter>,
}

/// Every server.
pub fn servers() -> Vec<Box<dyn Server>> {
    vec![
        Box::new(softhsm::SoftHsm),
        Box::new(kryoptic::Kryoptic),
        Box::new(openbao::OpenBao),
        Box::new(moto::Moto),
        Box::new(localstack::LocalStack),
        Box::new(microburst::Microburst),
        Box::new(postgres::Postgres),
    ]
}

/// Starts every server of `servers` at the same time, reports each as a step, and adds what they say to `environment`.
///
/// They run as long as what is returned lives.
pub fn start(
    servers: &[Box<dyn Server>],
    workspace: &Workspace,
    environment: &mut Environment,
    report: &mut Report,
) -> Vec<Running> {
    let mut all = Vec::new();
    thread::scope(|scope| {
        let starting: Vec<_> = servers
            .iter()
            .map(|server| (server.name(), scope.spawn(|| start_one(server.as_ref(), workspace))))
            .collect();
        for (name, thread) in starting {
            report.step(&format!("server {name}"), Kind::Check, || {
                let running = thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?;
                environment.extend(&running.environment);
                all.push(running);
                Ok(Outcome::default())
            });
        }
    });
    all
}

fn start_one(server: &dyn Server, workspace: &Workspace) -> Result<Running, Failure> {
    let parent = workspace.target().join("servers");
    std::fs::create_dir_all(&parent).during(parent.display())?;
    server.start(workspace, shelter::fresh_folder(&parent, server.name())?)
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
            Ok(Running { environment, processes: vec![process], shelters: Vec::new() })
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
        let all: [Box<dyn Server>; 2] = [Box::new(Broken), Box::new(Sleeper)];
        let running = start(&all, &workspace, &mut environment, &mut report);
        assert_eq!(running.len(), 1);
        assert_eq!(report.totals(), (0, 1));
        let pid = environment.value("SLEEPER").unwrap().to_string_lossy().into_owned();
        let process = PathBuf::from(format!("/proc/{pid}"));
        assert!(process.exists(), "the control: it ran");
        drop(running);
        assert!(!process.exists());
    }

    #[test]
    fn every_server_has_a_name_of_its_own() {
        let mut names: Vec<_> = servers().iter().map(|server| server.name()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!((names.len(), count), (7, 7));
    }
}
