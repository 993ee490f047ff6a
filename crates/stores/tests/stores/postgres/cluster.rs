//! A server of one test's own, which can be killed and stopped.

use super::server::Server;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long anything may take before a test fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A server; dropping it kills it.
pub(super) struct Cluster {
    folder: tempfile::TempDir,
    programs: PathBuf,
    settings: Vec<String>,
    port: u16,
    process: Option<Child>,
}

impl Cluster {
    /// A server that asks for no password, with these settings.
    pub(super) fn start(programs: &Path, settings: &[&str]) -> Self {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("phiseal-store-").tempdir_in(parent).unwrap();
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let programs = programs.to_path_buf();
        let mut cluster = Self { folder, programs, settings, port, process: None };
        cluster.give_away(cluster.folder.path());
        let mut initdb = cluster.command("initdb");
        initdb.args(["--no-sync", "--auth=trust", "-U", "phiseal", "--locale=C", "-D"]);
        let output = initdb.arg(cluster.data()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        cluster.run();
        cluster
    }

    /// The file of this name beside the data, which then belongs to the server.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes `path` the server's.
    pub(super) fn give_away(&self, path: &Path) {
        if is_root() {
            assert!(Command::new("chown").arg("postgres:").arg(path).status().unwrap().success());
        }
    }

    /// Settings from the next start on, in which `{folder}` stands for the folder of [`file`](Self::file).
    pub(super) fn settings(&mut self, settings: &[&str]) {
        self.settings.extend(settings.iter().map(|&setting| setting.to_owned()));
    }

    /// Replaces the list of who may log in how, and starts anew.
    pub(super) fn admit(&mut self, rules: &str) {
        fs::write(self.data().join("pg_hba.conf"), rules).unwrap();
        self.kill();
        self.run();
    }

    pub(super) fn server(&self) -> Server {
        let url = format!("postgres://phiseal@127.0.0.1:{}/postgres", self.port);
        Server { url, programs: self.programs.clone() }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server as a power failure would, but for the disk.
    pub(super) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts the server that was killed and waits until it answers.
    pub(super) fn run(&mut self) {
        let start = Instant::now();
        loop {
            if self.process.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some()) {
                // Processes of the one that was killed may need a moment to notice.
                self.process = Some(self.spawn());
            }
            if self.answers() {
                return;
            }
            let log = fs::read_to_string(self.file("log")).unwrap_or_default();
            assert!(start.elapsed() < PATIENCE, "the server does not start: {log}");
            sleep(Duration::from_millis(50));
        }
    }

    /// Sends `signal` to the server, which must be there, and to every process that it has started.
    pub(super) fn signal(&self, signal: &str) {
        let parent = self.process.as_ref().unwrap().id();
        let kill = |processes: &str| {
            // The shell's own: a small system has no program of this name.
            let mut kill = Command::new("sh");
            kill.args(["-c", "kill -s \"$0\" \"$@\"", signal]).args(processes.split_whitespace());
            kill.stderr(Stdio::null()).status().unwrap().success()
        };
        assert!(kill(&parent.to_string()));
        // Some of them may just have ended.
        kill(&fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap());
    }

    fn spawn(&self) -> Child {
        let mut server = self.command("postgres");
        let folder = self.folder.path().display();
        for setting in [
            "listen_addresses=127.0.0.1",
            &format!("port={}", self.port),
            &format!("unix_socket_directories={folder}"),
            "fsync=off",
            "dynamic_shared_memory_type=mmap",
        ] {
            server.args(["-c", setting]);
        }
        for setting in &self.settings {
            server.args(["-c", &setting.replace("{folder}", &folder.to_string())]);
        }
        let log = fs::File::options().create(true).append(true).open(self.file("log")).unwrap();
        server.arg("-D").arg(self.data()).stdin(Stdio::null());
        server.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
    }

    fn answers(&self) -> bool {
        let mut ready = Command::new(self.programs.join("pg_isready"));
        ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        ready.status().unwrap().success()
    }

    /// A call of one of the server's programs by the user who may run it, which ends with this process.
    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if is_root() {
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
        }
        command.arg(program).current_dir(self.folder.path());
        command
    }

    fn data(&self) -> PathBuf {
        self.file("data")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.signal("CONT");
        }
        self.kill();
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}
