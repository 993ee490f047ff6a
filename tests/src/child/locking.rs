//! A process that may not lock memory.

use crate::{os, say};
use core::hint::black_box;
use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::Phiseal;
use phiseal::stores::MemoryStore;
use phiseal::{Builder, Error, Phi, memory_is_locked, require_locked_memory};
use phiseal_keys::Secret;
use phiseal_tests::world::{DOMAIN, what};

struct Said;

impl log::Log for Said {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        say(&format!("log {} {}", record.level(), record.args()));
    }

    fn flush(&self) {}
}

fn open(builder: Builder) -> Result<(), Error> {
    let kek = MemoryKek::new(phiseal::default_engine())?;
    let domain = Phiseal::open_with(builder, MemoryStore::new(), kek)?.domain(DOMAIN)?;
    let sealed = domain.seal("123-45-6789", &what())?;
    let opened: Phi<String> = domain.open(&sealed, &what())?;
    assert_eq!(opened.expose_secret(), "123-45-6789");
    Ok(())
}

fn said(outcome: Result<(), Error>) -> String {
    outcome.map_or_else(|error| format!("{:?}: {error}", error.kind()), |()| "works".to_owned())
}

/// What a forked child is told of memory that its parent locked, and what of it is locked (`VmLck`, in KiB).
pub(crate) fn forked(may_lock: bool) {
    require_locked_memory().unwrap();
    let kept = Secret::zeroed().unwrap();
    let Some(child) = os::fork() else {
        if !may_lock {
            os::forbid_locked_memory();
        }
        let required = require_locked_memory();
        let secret = Secret::zeroed();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let locked = status.lines().find(|line| line.starts_with("VmLck:")).unwrap();
        let locked = locked.split_whitespace().nth(1).unwrap();
        say(&format!("outcome {}", said(required)));
        say(&format!("secret {}", said(secret.map(drop))));
        say(&format!("locked {} {}", memory_is_locked(), locked != "0"));
        os::end_at_once();
    };
    os::wait_for(child);
    black_box(&kept);
}

/// `strict`, `strict-before-any-secret` or `best-effort` without the right; `allowed` with it.
pub(crate) fn run(how: &str) {
    log::set_logger(&Said).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    if how != "allowed" {
        os::forbid_locked_memory();
    }
    let outcome = match how {
        "strict" => open(Builder::new().strict()),
        "strict-before-any-secret" => require_locked_memory(),
        "allowed" => require_locked_memory().and_then(|()| open(Builder::new().strict())),
        _ => open(Builder::new()),
    };
    // More secrets than the first pages hold.
    let many: Result<Vec<_>, _> =
        (0..if how == "allowed" { 100 } else { 10_000 }).map(|_| Secret::zeroed()).collect();
    black_box(&many);
    say(&format!("outcome {}", said(outcome)));
    say(&format!("secrets {}", said(many.map(drop))));
    say(&format!("locked {}", memory_is_locked()));
}
