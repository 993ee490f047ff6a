//! Running other programs: in view, with what they print kept for counting, or quietly.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use crate::failure::{Failure, While};

/// A program that has ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// What it printed on both streams, in the order in which the lines arrived.
    pub output: String,
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
}

impl Finished {
    /// Whether the exit code was 0.
    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// What to say about an exit code that was not 0; `None` if it was.
    pub fn problem(&self) -> Option<String> {
        match self.code {
            Some(0) => None,
            Some(code) => Some(format!("exit code {code}")),
            None => Some("ended by a signal".to_owned()),
        }
    }
}

/// Runs `command` with its output in view, and keeps the output.
///
/// # Errors
///
/// If the program cannot be started.
pub fn show(command: &mut Command) -> Result<Finished, Failure> {
    println!("$ {}", rendered(command));
    collect(command, |line| println!("{line}"))
}

/// Runs `command` without showing its output, and keeps the output.
///
/// # Errors
///
/// If the program cannot be started.
pub fn quiet(command: &mut Command) -> Result<Finished, Failure> {
    collect(command, |_| ())
}

/// Runs `command` without showing its output, and demands exit code 0.
///
/// # Errors
///
/// If the program cannot be started or fails; then the failure quotes the end of its output.
pub fn demand(command: &mut Command) -> Result<String, Failure> {
    let finished = quiet(command)?;
    match finished.problem() {
        None => Ok(finished.output),
        Some(problem) => {
            let lines: Vec<&str> = finished.output.lines().collect();
            let tail = lines
                .iter()
                .skip(lines.len().saturating_sub(20))
                .fold(String::new(), |all, line| all + "\n    " + line);
            Err(Failure::new(format!("{}: {problem}{tail}", rendered(command))))
        }
    }
}

/// Whether `command` can be started and ends with exit code 0.
pub fn works(command: &mut Command) -> bool {
    quiet(command).is_ok_and(|finished| finished.succeeded())
}

fn collect(command: &mut Command, mut each: impl FnMut(&str)) -> Result<Finished, Failure> {
    let what = rendered(command);
    let spawned =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.during(&what)?;
    let (sender, lines) = mpsc::channel();
    let readers = [
        child.stdout.take().map(|stream| forward(stream, sender.clone())),
        child.stderr.take().map(|stream| forward(stream, sender)),
    ];
    let mut output = String::new();
    for line in lines {
        each(&line);
        output.push_str(&line);
        output.push('\n');
    }
    let status = child.wait().during(&what)?;
    for reader in readers.into_iter().flatten() {
        if reader.join().is_err() {
            return Err(Failure::new(format!("{what}: its output could not be read")));
        }
    }
    Ok(Finished { output, code: status.code() })
}

/// Sends each line of `stream`, with what is not UTF-8 replaced.
fn forward(
    stream: impl Read + Send + 'static,
    sender: mpsc::Sender<String>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            let text = String::from_utf8_lossy(&line);
            if sender.send(text.trim_end_matches(['\n', '\r']).to_owned()).is_err() {
                return;
            }
            line.clear();
        }
    })
}

/// The command as a person would type it, without its environment.
fn rendered(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let mut text =
        program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_streams_and_the_exit_code_are_kept() {
        let finished = quiet(&mut shell("echo one; echo two >&2; printf three; exit 7")).unwrap();
        let mut lines: Vec<&str> = finished.output.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["one", "three", "two"]);
        assert_eq!(finished.code, Some(7));
        assert_eq!(finished.problem().as_deref(), Some("exit code 7"));
    }

    #[test]
    fn a_signal_is_a_problem() {
        let finished = quiet(&mut shell("kill -9 $$")).unwrap();
        assert_eq!(finished.code, None);
        assert!(!finished.succeeded());
        assert!(finished.problem().is_some());
    }

    #[test]
    fn output_larger_than_a_pipe_does_not_block() {
        let finished = quiet(&mut shell("i=0; while [ $i -lt 20000 ]; do echo 0123456789; echo 0123456789 >&2; i=$((i+1)); done")).unwrap();
        assert_eq!(finished.output.lines().count(), 40_000);
    }

    #[test]
    fn a_demand_quotes_what_failed() {
        let failure = demand(&mut shell("echo the reason; exit 1")).unwrap_err().to_string();
        assert!(failure.contains("exit code 1") && failure.contains("the reason"), "{failure}");
        assert_eq!(demand(&mut shell("echo fine")).unwrap(), "fine\n");
    }

    #[test]
    fn a_missing_program_is_a_failure() {
        assert!(quiet(&mut Command::new("phiseal-no-such-program")).is_err());
        assert!(!works(&mut Command::new("phiseal-no-such-program")));
        assert!(works(&mut shell("true")));
    }
}
