//! A disk that takes no more.

use crate::{CHILD, builder, numbers, verify};
use std::fs;
use std::process::Command;

/// The largest file that the child may write is 64 KiB; the signal that would end it is ignored, so that writing fails.
#[test]
fn a_log_that_cannot_grow_fails_and_stays_failed() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.jsonl");
    let script = "trap '' XFSZ; ulimit -f 128; exec \"$0\" audit-write";
    let mut command = Command::new("sh");
    command.args(["-c", script, CHILD]).current_dir(folder.path());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.starts_with("open\n"), "{said}");
    assert!(said.ends_with("failed Faulty Faulty\n"), "{said}");
    let size = fs::metadata(&log).unwrap().len();
    assert!((60_000..=65_536).contains(&size), "the control: {size}");

    let committed = said.lines().filter_map(|line| line.strip_prefix("committed ")).next_back();
    let committed: usize = committed.unwrap().parse().unwrap();
    assert_eq!(verify(&log).fault, None);
    // With room again, the log goes on behind what was whole.
    builder().open(&log).unwrap().close().unwrap();
    assert!(numbers(&log).len() >= committed);
    let verdict = verify(&log);
    assert_eq!((verdict.fault, verdict.covered), (None, verdict.lines));
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(builder().open(folder.path()).is_err());
    let device = builder().open("/dev/full").unwrap_err();
    assert_eq!(device.kind(), phiseal_keys::ErrorKind::Invalid);
    assert!(builder().open(folder.path().join("no/such/folder/audit.jsonl")).is_err());
    builder().open(folder.path().join("audit.jsonl")).unwrap();
}
