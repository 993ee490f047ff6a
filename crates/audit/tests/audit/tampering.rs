//! AUD: a log of 10,000 lines, changed, cut short and added to.
//!
//! Twelve positions by default, every one with `PHISEAL_FULL=1`.

use crate::support::{Place, closed, full, verify};
use phiseal_audit::verify::{Fault, Wrong};
use std::fs;
use std::sync::LazyLock;

const LINES: usize = 10_000;

struct Log {
    lines: Vec<String>,
    checkpoints: Vec<u8>,
}

/// 9,998 records between `log-opened` and `log-closed`; a checkpoint over each thousand lines, and over none.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let place = Place::new();
    closed(&place.log(), 9_998, 1_000);
    let log = Log { lines: place.lines(), checkpoints: fs::read(place.checkpoints()).unwrap() };
    assert_eq!(log.lines.len(), LINES);
    let verdict = verify(&bytes(&log.lines), &[&log.checkpoints]);
    assert_eq!((verdict.fault, verdict.checkpoints), (None, 11), "the control");
    log
});

fn bytes(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_bytes(), b"\n"]).flatten().copied().collect()
}

/// Line numbers, from 1.
fn positions() -> Vec<usize> {
    if full() {
        return (1..=LINES).collect();
    }
    vec![1, 2, 3, 500, 999, 1_000, 1_001, 1_002, 2_000, 3_333, 9_999, 10_000]
}

/// The fault in a log that `tamper` changed at each position, which it gets from 0.
fn found(tamper: impl Fn(&mut Vec<String>, usize) + Sync, check: impl Fn(usize, &Fault) + Sync) {
    let positions = positions();
    let (left, right) = positions.split_at(positions.len() / 2);
    std::thread::scope(|scope| {
        for half in [left, right] {
            let (tamper, check) = (&tamper, &check);
            scope.spawn(move || {
                for position in half {
                    let mut lines = LOG.lines.clone();
                    tamper(&mut lines, position - 1);
                    assert_ne!(lines, LOG.lines, "the control: {position}");
                    let fault = verify(&bytes(&lines), &[&LOG.checkpoints]).fault;
                    check(*position, &fault.unwrap());
                }
            });
        }
    });
}

fn number(position: usize) -> u64 {
    u64::try_from(position).unwrap()
}

/// Another record of the same form: the millisecond of its time is another.
fn another(line: &str) -> String {
    let at = line.find("Z\",").unwrap() - 1;
    let digit = if &line[at..=at] == "0" { "1" } else { "0" };
    [&line[..at], digit, &line[at + 1..]].concat()
}

#[test]
fn a_changed_line_is_named() {
    found(
        |lines, at| lines[at] = another(&lines[at]),
        |position, fault| {
            if position == LINES {
                // No line follows that would name it; the last checkpoint is over the last thousand.
                assert_eq!((fault.what, fault.line), (Wrong::Rewritten, 9_001));
                assert_eq!(fault.through, number(LINES));
            } else {
                assert_eq!(fault.what, Wrong::Changed, "{position}: {fault}");
                assert_eq!(fault.line, number(position));
                // Of the last two lines, which disagree, nothing tells which was changed.
                let through = if position == LINES - 1 { LINES } else { position };
                assert_eq!(fault.through, number(through));
            }
        },
    );
}

#[test]
fn a_line_that_is_no_record_is_named() {
    found(
        |lines, at| lines[at].insert(1, ' '),
        |position, fault| {
            assert_eq!((fault.what, fault.line), (Wrong::Changed, number(position)));
        },
    );
}

#[test]
fn a_deleted_line_is_named() {
    found(
        |lines, at| drop(lines.remove(at)),
        |position, fault| {
            let what = if position == LINES { Wrong::Cut } else { Wrong::Missing };
            assert_eq!((fault.what, fault.line), (what, number(position)), "{fault}");
            assert_eq!(fault.through, number(position));
        },
    );
}

#[test]
fn a_line_put_in_is_named() {
    found(
        |lines, at| lines.insert(at, another(&lines[at])),
        |position, fault| {
            // The one put in takes the place, and the number, of the one that was there.
            assert!(
                (fault.what, fault.line) == (Wrong::More, number(position + 1))
                    || (fault.what, fault.line) == (Wrong::Changed, number(position)),
                "{position}: {fault}"
            );
        },
    );
    found(
        |lines, at| lines.insert(at, lines[LINES / 2].clone()),
        |position, fault| {
            let wrong = [Wrong::Missing, Wrong::More].contains(&fault.what);
            assert!(wrong, "{position}: {fault}");
            assert!([number(position), number(position + 1)].contains(&fault.line), "{fault}");
        },
    );
}

#[test]
fn two_swapped_lines_are_named() {
    found(
        |lines, at| lines.swap(at, if at + 1 == LINES { 0 } else { at + 1 }),
        |position, fault| {
            let first = if position == LINES { 1 } else { position };
            assert_eq!((fault.what, fault.line), (Wrong::Missing, number(first)), "{fault}");
        },
    );
}

#[test]
fn a_cut_end_is_told_from_the_first_line_that_is_gone() {
    let most = if full() { 200 } else { 20 };
    for cut in (1..=most).chain([199, 200]) {
        let lines = &LOG.lines[..LINES - cut];
        let verdict = verify(&bytes(lines), &[&LOG.checkpoints]);
        let fault = verdict.fault.unwrap();
        assert_eq!((fault.what, fault.through), (Wrong::Cut, number(LINES)));
        assert_eq!(fault.line, number(LINES - cut + 1));
    }
    // In the middle of a line.
    let whole = bytes(&LOG.lines);
    for cut in [1, 2, 50, 500] {
        let fault = verify(&whole[..whole.len() - cut], &[&LOG.checkpoints]).fault.unwrap();
        assert_eq!(fault.what, Wrong::Cut);
    }
}
