//! kill -9 of a process that writes a log.

use crate::{CHILD, builder, numbers, verify};
use phiseal_tests::numbers::figure;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Starts a writer in `folder`, kills it after `millis`, and returns the last number that it said was committed.
fn killed(folder: &std::path::Path, millis: u64) -> u64 {
    let mut command = Command::new(CHILD);
    command.arg("audit-write").current_dir(folder).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut from = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    assert_eq!(line, "open\n");
    let reader = std::thread::spawn(move || {
        let mut last = 0;
        for line in from.lines() {
            // The pipe may end in the middle of a line.
            let number = line.unwrap().strip_prefix("committed ").and_then(|n| n.parse().ok());
            last = number.unwrap_or(last).max(last);
        }
        last
    });
    std::thread::sleep(Duration::from_millis(millis));
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

#[test]
fn every_committed_record_of_a_killed_process_is_there_and_the_log_verifies() {
    let mut unfinished = 0;
    let mut some = 0;
    for round in 0..figure(25, 250) {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("audit.jsonl");
        // Twice into the same log: what the first one left is opened by the second.
        for again in 0..2 {
            let before = if log.exists() { numbers_of_whole_lines(&log).len() } else { 0 };
            let millis = u64::try_from((round * 7 + again * 13) % 60).unwrap();
            let committed = usize::try_from(killed(folder.path(), millis)).unwrap();
            let verdict = verify(&log);
            assert_eq!(verdict.fault, None, "round {round}");
            unfinished += verdict.unfinished;
            let numbers = numbers_of_whole_lines(&log);
            let new = &numbers[before..];
            assert!(new.len() >= committed, "round {round}: {} of {committed}", new.len());
            assert!(new.iter().copied().eq(1..=u64::try_from(new.len()).unwrap()), "round {round}");
            some += usize::from(committed > 0);
        }
        builder().open(&log).unwrap().close().unwrap();
        let verdict = verify(&log);
        assert_eq!((verdict.fault, verdict.covered), (None, verdict.lines));
        assert_eq!(numbers(&log).len(), numbers_of_whole_lines(&log).len());
    }
    assert!(
        some > 10,
        "the control: {some} had committed something, {unfinished} bytes were cut off"
    );
}

/// As [`numbers`], of a log whose last line may be unfinished.
fn numbers_of_whole_lines(log: &std::path::Path) -> Vec<u64> {
    let bytes = std::fs::read(log).unwrap();
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let whole = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(whole.path(), &bytes[..end]).unwrap();
    numbers(whole.path())
}
