//! AUD: a log of 10,000 lines, changed, cut short and added to.
//!
//! Some positions by default, every one with `PHISEAL_FULL=1`. What was proved once, the lines up to a checkpoint before the
//! position, is not read again ([`Verifier::verify_after`](phiseal_audit::verify::Verifier::verify_after)); a few positions
//! are verified from the first line as well, with the same verdict.

use crate::support::{Place, closed, full, notes, verifier, verify};
use phiseal_audit::verify::{Fault, Proved, Wrong};
use std::fs;
use std::io::{BufRead, Cursor, Read};
use std::ops::Range;
use std::sync::LazyLock;

const LINES: usize = 10_000;
const PART: usize = 100;

struct Log {
    lines: Vec<String>,
    /// The lines as they are stored, and where each begins; the last one is where it ends.
    bytes: Vec<u8>,
    begins: Vec<usize>,
    checkpoints: Vec<u8>,
    /// Where in `checkpoints` those from each hundredth line on begin, and the lines before it, proved; first of all, none.
    parts: Vec<(usize, Proved)>,
}

/// Other lines in the place of some.
struct Edit {
    from: usize,
    to: usize,
    with: Vec<String>,
}

/// 9,998 records between `log-opened` and `log-closed`; a checkpoint over each hundred lines, and over none.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let place = Place::new();
    closed(&place.log(), 9_998, number(PART));
    let (lines, text) = (place.lines(), fs::read_to_string(place.checkpoints()).unwrap());
    assert_eq!(lines.len(), LINES);
    let bytes = bytes(&lines);
    assert_eq!(bytes, fs::read(place.log()).unwrap());
    let whole = verify(&bytes, &[text.as_bytes()]);
    assert_eq!((whole.fault, whole.checkpoints, whole.covered), (None, 101, 10_000), "the control");
    let mut begins = vec![0];
    for line in &lines {
        begins.push(begins.last().unwrap() + line.len() + 1);
    }
    let notes = notes(&text);
    let mut parts: Vec<(usize, Proved)> = Vec::new();
    for (number, note) in notes.iter().enumerate() {
        let last = parts.last().map(|(_, proved)| proved.clone());
        let proved = match last {
            None => verify(b"", &[note.as_bytes()]).proved,
            Some(last) => {
                let added = &bytes[begins[(number - 1) * PART]..begins[number * PART]];
                verifier(&[note.as_bytes()]).verify_after(&last, added).unwrap().proved
            }
        };
        assert_eq!(proved.lines(), self::number(number * PART));
        parts.push((notes[..number].iter().map(String::len).sum(), proved));
    }
    Log { lines, bytes, begins, checkpoints: text.into_bytes(), parts }
});

fn bytes(lines: &[String]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

impl Edit {
    fn of(places: Range<usize>, with: Vec<String>) -> Self {
        Self { from: places.start, to: places.end, with }
    }

    /// The whole log from line `first` on, changed so. What is the same is not copied.
    fn log_from(&self, first: usize) -> impl BufRead {
        let before = &LOG.bytes[LOG.begins[first]..LOG.begins[self.from]];
        before.chain(Cursor::new(bytes(&self.with))).chain(&LOG.bytes[LOG.begins[self.to]..])
    }
}

/// Line numbers, from 1.
fn positions() -> Vec<usize> {
    if full() {
        return (1..=LINES).collect();
    }
    let edges = [1, 2, 3, 99, 100, 101, 102, 999, 1_000, 1_001, 4_999, 5_000, 5_001, 5_002, 9_900];
    let some = edges.into_iter().chain((1..=LINES).step_by(1_009));
    some.chain([9_901, 9_998, 9_999, 10_000]).collect()
}

/// The fault in a log with the edit of each position, which `tamper` gets from 0.
fn found(tamper: impl Fn(usize) -> Edit + Sync, check: impl Fn(usize, &Fault) + Sync) {
    let positions = positions();
    let (left, right) = positions.split_at(positions.len() / 2);
    std::thread::scope(|scope| {
        for half in [left, right] {
            let (tamper, check) = (&tamper, &check);
            scope.spawn(move || {
                for position in half {
                    let edit = tamper(position - 1);
                    assert_ne!(edit.with, LOG.lines[edit.from..edit.to], "the control: {position}");
                    // The last whole part before the edit; the verdict comes within a part or two.
                    let (notes, proved) = &LOG.parts[edit.from.min(LINES - 1) / PART];
                    let first = usize::try_from(proved.lines()).unwrap();
                    let rest = verifier(&[&LOG.checkpoints[*notes..]]);
                    let verdict = rest.verify_after(proved, edit.log_from(first)).unwrap();
                    let fault = verdict.fault.unwrap();
                    check(*position, &fault);
                    if [1, 5_000].contains(position) {
                        let whole = verifier(&[&LOG.checkpoints]).verify(edit.log_from(0)).unwrap();
                        assert_eq!(whole.fault.unwrap(), fault);
                    }
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
        |at| Edit::of(at..at + 1, vec![another(&LOG.lines[at])]),
        |position, fault| {
            if position == LINES {
                // No line follows that would name it; the last checkpoint is over the last hundred.
                assert_eq!((fault.what, fault.line), (Wrong::Rewritten, 9_901));
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
        |at| {
            let (first, rest) = LOG.lines[at].split_at(1);
            Edit::of(at..at + 1, vec![[first, " ", rest].concat()])
        },
        |position, fault| {
            assert_eq!((fault.what, fault.line), (Wrong::Changed, number(position)));
        },
    );
}

#[test]
fn a_deleted_line_is_named() {
    found(
        |at| Edit::of(at..at + 1, vec![]),
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
        |at| Edit::of(at..at, vec![another(&LOG.lines[at])]),
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
        |at| Edit::of(at..at, vec![LOG.lines[LINES / 2].clone()]),
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
        |at| {
            // The last one with the first.
            let (one, other) = if at + 1 == LINES { (0, at) } else { (at, at + 1) };
            let mut with = LOG.lines[one..=other].to_vec();
            let last = with.len() - 1;
            with.swap(0, last);
            Edit::of(one..other + 1, with)
        },
        |position, fault| {
            let first = if position == LINES { 1 } else { position };
            assert_eq!((fault.what, fault.line), (Wrong::Missing, number(first)), "{fault}");
        },
    );
}

#[test]
fn a_cut_end_is_told_from_the_first_line_that_is_gone() {
    let most = if full() { 200 } else { 20 };
    let (notes, proved) = &LOG.parts[97];
    for cut in (1..=most).chain([199, 200]) {
        let end = LOG.begins[LINES - cut];
        let verdict = if [1, 200].contains(&cut) {
            verify(&LOG.bytes[..end], &[&LOG.checkpoints])
        } else {
            let rest = &LOG.bytes[LOG.begins[97 * PART]..end];
            verifier(&[&LOG.checkpoints[*notes..]]).verify_after(proved, rest).unwrap()
        };
        let fault = verdict.fault.unwrap();
        assert_eq!((fault.what, fault.through), (Wrong::Cut, number(LINES)));
        assert_eq!(fault.line, number(LINES - cut + 1));
    }
    // In the middle of a line.
    for cut in [1, 2, 50, 500] {
        let end = LOG.bytes.len() - cut;
        let fault = verify(&LOG.bytes[..end], &[&LOG.checkpoints]).fault.unwrap();
        assert_eq!(fault.what, Wrong::Cut);
    }
}
