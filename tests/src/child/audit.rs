//! A process that writes an audit log until somebody or something ends it.

use crate::{os, say, wait};
use phiseal_audit::{Action, Class, LocalSigner, Log, LogBuilder, Outcome, Record};
use phiseal_keys::{Error, Secret};
use std::io::Write;
use std::time::Duration;

/// A log with a key that is the same in every process.
fn builder() -> LogBuilder {
    let seed = Secret::filled(|out| {
        out.fill(1);
        Ok::<(), Error>(())
    });
    let signer = LocalSigner::new(seed.unwrap());
    Log::builder("clinic.example/audit", [7; 16].into(), signer, phiseal::default_engine())
        .unwrap()
        .checkpoint_every(50, Duration::from_millis(5))
}

fn record(number: u64) -> Record {
    let mut record = Record::new(Class::Key, Action::new("kek-wrap").unwrap(), Outcome::Success);
    record.count = Some(number);
    record
}

/// Opens `audit.jsonl` and appends records numbered from 1, a few to each commit; says after each up to which they are
/// committed. When the log fails it says `failed` and the error's kind, twice: of the first error and of a later append.
pub(crate) fn write() {
    let log = match builder().open("audit.jsonl") {
        Ok(log) => log,
        Err(error) => {
            say(&format!("failed {:?} {:?}", error.kind(), error.kind()));
            return;
        }
    };
    say("open");
    for number in 1.. {
        let written = log
            .append(record(number))
            .and_then(|()| if number % 3 == 0 { log.commit_blocking() } else { Ok(()) });
        if let Err(error) = written {
            let later = log.append(record(0)).and_then(|()| log.commit_blocking());
            say(&format!("failed {:?} {:?}", error.kind(), later.unwrap_err().kind()));
            assert!(log.close().is_err(), "the control: closing tells as well");
            return;
        }
        // To a pipe that nobody may read any more.
        if number % 3 == 0 && writeln!(std::io::stdout(), "committed {number}").is_err() {
            return;
        }
    }
}

/// Forks with an open log: child and parent both append. The child says in a file what came of it.
pub(crate) fn fork() {
    let log = builder().open("audit.jsonl").unwrap();
    log.append(record(1)).unwrap();
    log.commit_blocking().unwrap();
    match os::fork_among_threads() {
        Some(child) => {
            os::wait_for(child);
            log.append(record(3)).unwrap();
            log.close().unwrap();
            say("done");
        }
        None => {
            let kinds = [
                log.append(record(2)).unwrap_err().kind(),
                log.commit_blocking().unwrap_err().kind(),
                log.close().unwrap_err().kind(),
            ];
            drop(log);
            std::fs::write("child", format!("{kinds:?}")).unwrap();
            os::end_at_once();
        }
    }
    wait();
}
