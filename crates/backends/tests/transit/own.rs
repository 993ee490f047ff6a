//! Servers that a test starts itself, because it seals, stops or kills them.

use crate::certificates::Certificate;
use crate::support::{Operator, given, left_out};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where a server keeps what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    Memory,
    Disk,
}

/// A server of this test's own; dropping it kills its process.
#[derive(Debug)]
pub(crate) struct Own {
    binary: PathBuf,
    folder: tempfile::TempDir,
    /// Without TLS, for the operator.
    pub(crate) operator: Operator,
    /// With TLS, where there is one.
    pub(crate) tls: Option<String>,
    unseal_key: String,
    process: Option<Child>,
}

impl Own {
    /// A server that was initialised and unsealed, with the transit engine at `transit/`.
    pub(crate) fn start(storage: Storage) -> Option<Self> {
        Self::start_with(storage, |_| None)
    }

    /// As [`Own::start`], with a second listener that speaks TLS with this certificate, and asks for one of that authority.
    pub(crate) fn start_with(
        storage: Storage,
        tls: impl FnOnce(&Path) -> Option<(Certificate, Option<PathBuf>)>,
    ) -> Option<Self> {
        let binary = PathBuf::from(given("PHISEAL_OPENBAO_BINARY").map_err(left_out).ok()?);
        let folder = tempfile::tempdir().unwrap();
        let tls = tls(folder.path());
        let [plain, cluster, secure, secure_cluster] = free_ports();
        let at = |port: u16| format!("127.0.0.1:{port}");
        let mut configuration = match storage {
            Storage::Memory => "storage \"inmem\" {}\n".to_owned(),
            Storage::Disk => {
                std::fs::create_dir(folder.path().join("raft")).unwrap();
                format!(
                    "storage \"raft\" {{ path = {:?} node_id = \"one\" performance_multiplier = \"1\" }}\n",
                    folder.path().join("raft")
                )
            }
        };
        writeln!(configuration, "api_addr = \"http://{}\"", at(plain)).unwrap();
        writeln!(configuration, "cluster_addr = \"http://{}\"", at(cluster)).unwrap();
        writeln!(
            configuration,
            "listener \"tcp\" {{\n address = \"{}\"\n cluster_address = \"{}\"\n tls_disable = true\n}}",
            at(plain),
            at(cluster)
        )
        .unwrap();
        if let Some((certificate, clients)) = &tls {
            writeln!(
                configuration,
                "listener \"tcp\" {{\n address = \"{}\"\n cluster_address = \"{}\"\n tls_cert_file = {:?}\n \
                 tls_key_file = {:?}",
                at(secure),
                at(secure_cluster),
                certificate.certificate,
                certificate.key
            )
            .unwrap();
            if let Some(clients) = clients {
                writeln!(
                    configuration,
                    " tls_client_ca_file = {clients:?}\n tls_require_and_verify_client_cert = true"
                )
                .unwrap();
            }
            configuration.push_str("}\n");
        }
        std::fs::write(folder.path().join("bao.hcl"), configuration).unwrap();
        let mut own = Self {
            binary,
            folder,
            operator: Operator {
                address: format!("http://{}", at(plain)),
                token: String::new(),
                namespace: None,
            },
            tls: tls.map(|_| format!("https://{}", at(secure))),
            unseal_key: String::new(),
            process: None,
        };
        own.run();
        let secrets = json!({"secret_shares": 1, "secret_threshold": 1});
        let answer = own.operator.done("PUT", "sys/init", &secrets);
        answer["root_token"].as_str().unwrap().clone_into(&mut own.operator.token);
        answer["keys"][0].as_str().unwrap().clone_into(&mut own.unseal_key);
        own.unseal();
        own.operator.done("POST", "sys/mounts/transit", &json!({"type": "transit"}));
        Some(own)
    }

    /// Starts the process, sealed.
    pub(crate) fn run(&mut self) {
        let log = File::create(self.folder.path().join("log")).unwrap();
        let mut command = Command::new(&self.binary);
        command.args(["server", "-config", "bao.hcl"]).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.process = Some(command.spawn().unwrap());
        let host = self.operator.address.strip_prefix("http://").unwrap();
        self.wait("listens", || TcpStream::connect(host).is_ok());
    }

    pub(crate) fn unseal(&self) {
        self.wait("is unsealed and active", || {
            self.operator.ask("PUT", "sys/unseal", &json!({"key": self.unseal_key}));
            self.operator.ask("GET", "sys/health", &Value::Null).0 == 200
        });
    }

    pub(crate) fn seal(&self) {
        self.operator.done("PUT", "sys/seal", &Value::Null);
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Stops the process, with all its threads, until [`Own::go_on`].
    pub(crate) fn stop(&self) {
        let process = self.signal("STOP");
        let stopped =
            |stat: String| stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" T"));
        self.wait("stops", || {
            let mut threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
            threads.all(|thread| {
                std::fs::read_to_string(thread.unwrap().path().join("stat")).is_ok_and(stopped)
            })
        });
    }

    pub(crate) fn go_on(&self) {
        self.signal("CONT");
    }

    /// Sends the process a signal by its name.
    fn signal(&self, name: &str) -> String {
        let process = self.process.as_ref().unwrap().id().to_string();
        // The shell's own: a small system has no program of this name.
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -s \"$0\" \"$1\"", name, &process]);
        assert!(kill.status().unwrap().success());
        process
    }

    fn wait(&self, what: &str, ready: impl Fn() -> bool) {
        let start = Instant::now();
        while !ready() {
            let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap();
            assert!(start.elapsed() < Duration::from_secs(60), "no server that {what}: {}", log());
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Ports that nothing listens on, and that no two calls get while both listen.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] =
        core::array::from_fn(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}
