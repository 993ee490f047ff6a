//! A server process that cannot outlive this one.
//!
//! The server is the child of a small shell, in a process group of its own, so that the terminal's ctrl-c does not
//! reach it. The shell waits for the end of a pipe that this process holds. However this process ends (normally, by
//! a panic, by ctrl-c, by `kill -9`), the kernel closes the pipe, and the shell ends the server by its process id.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, While};

/// `$1` is the log, the rest is the server: start it, tell its process id, wait for the pipe, stop it.
const SHELL: &str = r#"
log=$1; shift
"$@" </dev/null >"$log" 2>&1 &
pid=$!
echo "$pid"
read -r _
kill -TERM "$pid" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
    kill -0 "$pid" 2>/dev/null || exit 0
    sleep 0.1
done
kill -KILL "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
exit 0
"#;

/// A running server; dropping it stops the server and waits until it is gone.
#[derive(Debug)]
pub struct Guarded {
    name: String,
    shell: Child,
    pid: u32,
    log: std::path::PathBuf,
}

impl Guarded {
    /// Starts `server`, with its output in `log`.
    ///
    /// # Errors
    ///
    /// If the shell around it cannot be started.
    pub fn start(name: &str, server: &Command, log: &Path) -> Result<Self, Failure> {
        let mut command = Command::new("sh");
        command
            .args(["-c", SHELL, "guard"])
            .arg(log)
            .arg(server.get_program())
            .args(server.get_args());
        for (variable, value) in server.get_envs() {
            match value {
                Some(value) => command.env(variable, value),
                None => command.env_remove(variable),
            };
        }
        if let Some(folder) = server.get_current_dir() {
            command.current_dir(folder);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut shell = command.spawn().during(name)?;
        let mut line = String::new();
        if let Some(stdout) = shell.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).during(name)?;
        }
        let pid = line.trim().parse().during(format_args!("{name}: its process id"))?;
        Ok(Self { name: name.to_owned(), shell, pid, log: log.to_path_buf() })
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until `probe` says that the server answers.
    ///
    /// # Errors
    ///
    /// If it ends first, or does not answer within `limit`; the failure quotes the end of its log.
    pub fn ready(&self, limit: Duration, mut probe: impl FnMut() -> bool) -> Result<(), Failure> {
        let start = Instant::now();
        loop {
            if !self.runs() {
                return Err(self.failure("ended before it answered"));
            }
            if probe() {
                return Ok(());
            }
            if start.elapsed() > limit {
                return Err(self.failure("did not answer in time"));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether the server's process is alive; a process that ended and waits to be collected is not.
    fn runs(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid));
        // proc(5): the state follows the program's name, which is in parentheses and may itself hold some.
        stat.is_ok_and(|stat| {
            stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
        })
    }

    fn failure(&self, what: &str) -> Failure {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines
            .iter()
            .skip(lines.len().saturating_sub(15))
            .fold(String::new(), |all, line| all + "\n    " + line);
        Failure::new(format!("{} {what}{tail}", self.name))
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // The shell ends by itself within about three seconds; nothing can be done here if it does not.
        let _ = self.shell.wait();
    }
}

/// A TCP port on loopback that nothing listens on at the moment.
///
/// # Errors
///
/// If the system has none to give.
pub fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).during("a free port")?;
    Ok(listener.local_addr().during("a free port")?.port())
}

/// Whether something on loopback answers `GET path` with a status of 200 to 299.
pub fn answers(port: u16, path: &str) -> bool {
    let limit = Duration::from_secs(2);
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut stream =
            TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), limit)?;
        stream.set_read_timeout(Some(limit))?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
        // In one piece: a server that answers early may close before a second one arrives.
        stream.write_all(request.as_bytes())?;
        let mut start = [0; 12];
        stream.read_exact(&mut start)?;
        Ok(start.to_vec())
    };
    // "HTTP/1.1 2": the first digit of the status is at index 9.
    ask().is_ok_and(|start| start.starts_with(b"HTTP/1.") && start.get(9) == Some(&b'2'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alive(pid: u32) -> bool {
        Path::new(&format!("/proc/{pid}")).exists()
    }

    fn sleeper(log: &Path) -> Guarded {
        let mut command = Command::new("sleep");
        command.arg("600");
        Guarded::start("sleep", &command, log).unwrap()
    }

    #[test]
    fn a_dropped_server_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let server = sleeper(&folder.path().join("log"));
        let pid = server.pid();
        assert!(alive(pid), "the control: it ran");
        drop(server);
        assert!(!alive(pid));
    }

    #[test]
    fn a_server_that_ignores_the_polite_signal_is_gone_too() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"]);
        let log = folder.path().join("log");
        let server = Guarded::start("stubborn", &command, &log).unwrap();
        let pid = server.pid();
        server
            .ready(Duration::from_secs(20), || {
                std::fs::read_to_string(&log).is_ok_and(|text| text.contains("up"))
            })
            .unwrap();
        drop(server);
        assert!(!alive(pid));
    }

    #[test]
    fn a_server_outlives_nobody_who_held_its_pipe() {
        // The end of the pipe is all the shell waits for, so closing it stands for any end of this process.
        let folder = tempfile::tempdir().unwrap();
        let mut server = sleeper(&folder.path().join("log"));
        let pid = server.pid();
        drop(server.shell.stdin.take());
        let start = Instant::now();
        while alive(pid) && start.elapsed() < Duration::from_secs(20) {
            thread::sleep(Duration::from_millis(20));
        }
        assert!(!alive(pid));
    }

    #[test]
    fn a_server_that_ends_early_is_a_failure_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo address already in use; exit 3"]);
        let server = Guarded::start("short", &command, &folder.path().join("log")).unwrap();
        let failure = server.ready(Duration::from_secs(20), || false).unwrap_err().to_string();
        assert!(
            failure.contains("ended before it answered")
                && failure.contains("address already in use"),
            "{failure}"
        );
    }

    #[test]
    fn a_server_that_never_answers_is_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        let server = sleeper(&folder.path().join("log"));
        let failure = server.ready(Duration::from_millis(120), || false).unwrap_err().to_string();
        assert!(failure.contains("did not answer in time"), "{failure}");
    }

    #[test]
    fn an_answer_is_a_status_of_success() {
        for (status, expected) in
            [("200 OK", true), ("204 No Content", true), ("503 Busy", false), ("301 Moved", false)]
        {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut request = String::new();
                while !request.ends_with("\r\n\r\n") {
                    assert_ne!(
                        reader.read_line(&mut request).unwrap(),
                        0,
                        "the request ended early"
                    );
                }
                stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).unwrap();
                request
            });
            assert_eq!(answers(port, "/health"), expected, "{status}");
            assert!(server.join().unwrap().starts_with("GET /health HTTP/1.1\r\n"));
        }
        assert!(!answers(free_port().unwrap(), "/"));
    }
}
