//! PostgreSQL: a cluster that is made anew, with TLS and passwords.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::certificates::{self, Certificates};
use super::{Running, Server, Shelter};
use crate::failure::{Failure, While};
use crate::guard::{Guarded, free_port};
use crate::prepare::{Environment, debian};
use crate::process::{demand, works};
use crate::workspace::Workspace;

/// Where Debian puts the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The server refuses to run as root, and Debian has this user for it.
const USER: &str = "postgres";

const ROLE: &str = "phiseal";
const DATABASE: &str = "phiseal";
const PASSWORD: &str = "a-password-of-the-tests";

/// A server with a database and a superuser for the tests.
///
/// | variable | |
/// |---|---|
/// | `PHISEAL_POSTGRES` | its URL, with user, password and database |
/// | `PHISEAL_POSTGRES_CA` | the certificate of the authority that signed the server's, in PEM |
/// | `PHISEAL_POSTGRES_BIN` | the folder of the programs, for tests that start servers of their own |
pub(super) struct Postgres;

impl Server for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn start(&self, _: &Workspace, folder: PathBuf) -> Result<Running, Failure> {
        debian::install(&[debian::POSTGRESQL])?;
        let programs = programs()?;
        let shelter = Shelter::new(self.name())?;
        let certificates = certificates::make(shelter.path())?;
        let data = cluster(&programs, shelter.path())?;
        let port = free_port()?;
        let mut server = as_server_user(&programs.join("postgres"))?;
        server.args(settings(port, &certificates, shelter.path())).arg("-D").arg(&data);
        server.current_dir(shelter.path());
        let process = Guarded::start(self.name(), &server, &folder.join("log"))?;
        let client = |program: &str| {
            let mut command = Command::new(programs.join(program));
            command.args(["-h", "127.0.0.1", "-U", ROLE, "-p", &port.to_string()]);
            command.env("PGPASSWORD", PASSWORD);
            command
        };
        process.ready(Duration::from_secs(60), || works(&mut client("pg_isready")))?;
        demand(client("createdb").arg(DATABASE))?;

        let mut environment = Environment::default();
        let url = format!("postgres://{ROLE}:{PASSWORD}@127.0.0.1:{port}/{DATABASE}");
        environment.set("PHISEAL_POSTGRES", url);
        environment.set("PHISEAL_POSTGRES_CA", certificates.authority);
        environment.set("PHISEAL_POSTGRES_BIN", programs);
        Ok(Running { environment, processes: vec![process], shelters: vec![shelter] })
    }
}

/// The folder of the newest version's programs.
fn programs() -> Result<PathBuf, Failure> {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let newest = newest(versions.map(|entry| entry.path()));
    if let Some(folder) = newest.map(|version| version.join("bin")) {
        return Ok(folder);
    }
    let initdb = demand(Command::new("sh").args(["-c", "command -v initdb"]))?;
    let initdb = fs::canonicalize(initdb.trim()).during(initdb.trim())?;
    Ok(initdb.parent().map(Path::to_path_buf).unwrap_or_default())
}

/// The folder with the highest number for a name among those that hold a server.
fn newest(versions: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    versions.filter(|path| path.join("bin").join("initdb").exists()).max_by_key(|path| number(path))
}

/// Makes a cluster in `shelter`, all of which then belongs to the server's user.
fn cluster(programs: &Path, shelter: &Path) -> Result<PathBuf, Failure> {
    let (data, password) = (shelter.join("data"), shelter.join("password"));
    fs::write(&password, PASSWORD).during(password.display())?;
    if is_root()? {
        demand(Command::new("chown").arg("-R").arg(format!("{USER}:")).arg(shelter))?;
    }
    let mut initdb = as_server_user(&programs.join("initdb"))?;
    initdb.args(["--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C"]);
    initdb.args(["--auth-host=scram-sha-256", "--auth-local=reject", "-U", ROLE, "-D"]).arg(&data);
    demand(initdb.arg("--pwfile").arg(&password).current_dir(shelter))?;
    fs::remove_file(&password).during(password.display())?;
    Ok(data)
}

/// A call of `program` by the user who may run the server.
fn as_server_user(program: &Path) -> Result<Command, Failure> {
    if !is_root()? {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={USER}"), &format!("--regid={USER}"), "--clear-groups"]);
    command.arg(program);
    Ok(command)
}

fn is_root() -> Result<bool, Failure> {
    Ok(fs::metadata("/proc/self").during("/proc/self")?.uid() == 0)
}

/// Loopback only, TLS on; nothing of it needs to survive the machine, so nothing is forced onto the disk.
fn settings(port: u16, certificates: &Certificates, shelter: &Path) -> Vec<String> {
    let settings = [
        ("listen_addresses", "127.0.0.1".to_owned()),
        ("port", port.to_string()),
        ("unix_socket_directories", shelter.display().to_string()),
        ("ssl", "on".to_owned()),
        ("ssl_cert_file", certificates.certificate.display().to_string()),
        ("ssl_key_file", certificates.key.display().to_string()),
        ("fsync", "off".to_owned()),
        ("full_page_writes", "off".to_owned()),
        ("max_connections", "100".to_owned()),
        // In the cluster's folder, which goes with it even if the server is killed.
        ("dynamic_shared_memory_type", "mmap".to_owned()),
    ];
    let pairs = settings.into_iter().map(|(name, value)| format!("{name}={value}"));
    pairs.flat_map(|pair| ["-c".to_owned(), pair]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_by_number_and_has_a_server() {
        let folder = tempfile::tempdir().unwrap();
        let at = |version: &str| folder.path().join(version);
        for version in ["9", "15", "14"] {
            fs::create_dir_all(at(version).join("bin")).unwrap();
            fs::write(at(version).join("bin/initdb"), "").unwrap();
        }
        fs::create_dir_all(at("16").join("bin")).unwrap();
        let all = ["9", "15", "14", "16"].map(at);
        assert_eq!(newest(all.into_iter()), Some(at("15")));
        assert_eq!(newest([at("16")].into_iter()), None);
    }

    #[test]
    fn the_server_listens_on_loopback_with_tls() {
        let certificates = Certificates {
            authority: "/c/ca.pem".into(),
            certificate: "/c/server.pem".into(),
            key: "/c/server.key".into(),
        };
        let settings = settings(5, &certificates, Path::new("/s"));
        for expected in
            ["listen_addresses=127.0.0.1", "port=5", "ssl=on", "ssl_key_file=/c/server.key"]
        {
            assert!(settings.iter().any(|setting| setting == expected), "{expected}");
        }
    }
}
