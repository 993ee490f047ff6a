//! Processes that fork.

use crate::{Nonce, repeats};
use phiseal_tests::numbers::figure;
use phiseal_tests::processes::run;
use std::fs;
use std::path::Path;

const CHILD: &str = env!("CARGO_BIN_EXE_phiseal-tests-child");
const CHILDREN: usize = 8;

/// The nonces that each process wrote: eight children and, last, the parent, which also wrote some before it forked.
fn forked(how: &str, each: usize) -> Vec<Vec<Nonce>> {
    let folder = tempfile::tempdir().unwrap();
    let output = run(CHILD, &[how, &each.to_string()], folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (0..=CHILDREN).map(|number| read(&folder.path().join(number.to_string()))).collect()
}

fn read(path: &Path) -> Vec<Nonce> {
    let bytes = fs::read(path).unwrap();
    let (nonces, rest) = bytes.as_chunks::<24>();
    assert!(rest.is_empty());
    nonces.to_vec()
}

#[test]
fn eight_forked_children_and_their_parent_repeat_no_nonce() {
    let each = figure(10_000, 100_000);
    for how in ["fork", "fork-per-message"] {
        let processes = forked(how, each);
        assert_eq!(processes.len(), CHILDREN + 1);
        for (number, nonces) in processes.iter().enumerate() {
            let before = if number == CHILDREN { 100 } else { 0 };
            assert_eq!(nonces.len(), each + before, "{how}: process {number}");
        }
        assert_eq!(repeats(processes.concat()), 0, "{how}");
    }
}

/// A counter that is simply continued after the fork, as a library without a check would do.
#[test]
fn eight_forked_children_control() {
    let processes = forked("fork-naively", 1_000);
    assert_eq!(repeats(processes.concat()), CHILDREN * 1_000);
}

/// What the parent had reserved is the parent's: children that go on with its cipher do not use it once more each.
#[test]
fn children_do_not_use_what_their_parent_reserved() {
    let processes = forked("fork-capped", 2_000);
    let sealed: Vec<_> = processes.iter().map(Vec::len).collect();
    assert!(sealed[CHILDREN] >= 100, "the control: the parent sealed before it forked");
    assert!(sealed.iter().sum::<usize>() <= 1_000, "a cap of 1,000: {sealed:?}");
    assert_eq!(repeats(processes.concat()), 0);
}
