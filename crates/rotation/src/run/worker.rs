//! Who works at a run, so that what a dead process holds need not be waited for.

use core::fmt;
use core::str::FromStr;
use phiseal_keys::{Error, ErrorKind};
use std::fs;
use std::process;

/// A process on a machine.
///
/// In text the machine as it was started, the process, and when that was started: `0b1c…/4026531836:1201:88213`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Worker {
    /// The machine since it was started, and the space in which process numbers mean something; empty: unknown.
    machine: String,
    process: u32,
    started: u64,
}

impl Worker {
    /// This process.
    #[must_use]
    pub fn this() -> Self {
        let process = process::id();
        Self {
            machine: machine().unwrap_or_default(),
            process,
            started: started(process).unwrap_or_default(),
        }
    }

    /// Whether it is known to have ended: it ran on this machine, and no process of its number and beginning does.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        let here = machine().unwrap_or_default();
        !here.is_empty() && self.machine == here && started(self.process) != Some(self.started)
    }
}

/// What changes when the machine is started anew, and differs between containers of one machine.
fn machine() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = fs::read_link("/proc/self/ns/pid").ok()?;
    let space: String = space.to_str()?.chars().filter(char::is_ascii_digit).collect();
    Some(format!("{}/{space}", boot.trim()))
}

/// When a process was started, in ticks since the machine was (`proc(5)`, field 22 of `stat`); `None` when there is none.
fn started(process: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    // A process that has ended and that nobody has asked after is none.
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.machine, self.process, self.started)
    }
}

impl FromStr for Worker {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let read = || {
            let mut parts = text.split(':');
            let machine = parts.next()?.to_owned();
            let (process, started) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            parts.next().is_none().then_some(Self { machine, process, started })
        };
        read().ok_or_else(|| Error::new(ErrorKind::Malformed, "this is not a worker"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_process_that_has_ended_is_gone() {
        let this = Worker::this();
        assert!(!this.is_gone());
        assert_eq!(this.to_string().parse::<Worker>().unwrap(), this);
        assert!(
            Worker { started: this.started + 1, ..this.clone() }.is_gone(),
            "its number was given again"
        );
        assert!(
            !Worker { machine: "elsewhere/1".to_owned(), started: 1, ..this.clone() }.is_gone(),
            "of another machine nothing is known"
        );

        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let worker = Worker { process: child.id(), started: started(child.id()).unwrap(), ..this };
        assert!(!worker.is_gone());
        child.kill().unwrap();
        while !worker.is_gone() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(worker.is_gone());
    }
}
