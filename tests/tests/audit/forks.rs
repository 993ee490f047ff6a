//! A forked child leaves its parent's log alone.

use crate::{CHILD, numbers, verify};
use phiseal_tests::processes::Talking;
use std::fs;

#[test]
fn a_forked_child_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let mut parent = Talking::start(CHILD, &["audit-fork"], folder.path());
    parent.hear("done");
    parent.go_on();
    assert!(parent.end().success());
    let kinds = fs::read_to_string(folder.path().join("child")).unwrap();
    assert_eq!(kinds, "[Unsupported, Unsupported, Unsupported]");
    let log = folder.path().join("audit.jsonl");
    assert_eq!(numbers(&log), [1, 3]);
    let verdict = verify(&log);
    assert_eq!((verdict.fault, verdict.covered), (None, verdict.lines));
}
