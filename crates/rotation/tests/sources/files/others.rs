//! Others who write the file, and processes that are killed.

use super::{Place, change, lines, rows};
use phiseal_keys::{Error, ErrorKind};
use phiseal_rotation::source::{NdjsonSource, Outcome, Table};
use pollster::block_on;
use std::fs;
use std::io::Write;

fn kind<T>(outcome: Result<T, Error>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}

#[test]
fn two_handles_do_not_work_on_one_file() {
    let place = Place::ndjson(lines(3));
    let source = place.open().unwrap();
    let second = place.open().map(drop).unwrap_err();
    assert_eq!((second.kind(), second.is_retryable()), (ErrorKind::Unavailable, true));
    let first = rows(&*source).remove(0);
    block_on(source.replace(&[change(&first, "new")])).unwrap();
    assert_eq!(kind(place.open()), Some(ErrorKind::Unavailable));
    assert_eq!(place.names().len(), 2, "and what the first one writes is not swept away");
    block_on(source.finish()).unwrap();
    assert_eq!(kind(place.open()), Some(ErrorKind::Unavailable), "the new file is locked as well");
    drop(source);
    assert_eq!(kind(place.open()), None, "the control");
}

type Event = fn(&Place);

/// What others do while a source is open.
const EVENTS: [(&str, Event); 6] = [
    ("append", |place| {
        let mut file = fs::OpenOptions::new().append(true).open(place.path()).unwrap();
        file.write_all(b"{\"id\":77,\"ssn\":\"theirs\"}\n").unwrap();
    }),
    ("write over a value of the same length", |place| {
        fs::write(place.path(), lines(20).replace("old 7\"", "new 7\"")).unwrap();
    }),
    ("cut it", |place| fs::write(place.path(), lines(2)).unwrap()),
    ("put another file in its place", |place| {
        let other = place.path().with_extension("other");
        fs::write(&other, lines(20)).unwrap();
        fs::rename(other, place.path()).unwrap();
    }),
    ("change it and set its time back", |place| {
        let before = fs::metadata(place.path()).unwrap().modified().unwrap();
        fs::write(place.path(), lines(20).replace("old 7\"", "new 7\"")).unwrap();
        let file = fs::OpenOptions::new().write(true).open(place.path()).unwrap();
        file.set_modified(before).unwrap();
    }),
    ("remove it", |place| fs::remove_file(place.path()).unwrap()),
];

#[test]
fn a_file_that_somebody_else_has_changed_is_left_as_they_left_it() {
    for (what, event) in EVENTS {
        for when in 0..4 {
            let place = Place::ndjson(lines(20));
            let source = place.open().unwrap();
            let read = rows(&*source);
            if when > 0 {
                block_on(source.replace(&[change(&read[3], "ours")])).unwrap();
            }
            if when > 1 {
                // Behind: the new file is whole already.
                block_on(source.replace(&[change(&read[2], "ours")])).unwrap();
            }
            if when > 2 {
                block_on(source.finish()).unwrap();
                block_on(source.replace(&[change(&read[1], "ours")])).unwrap();
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
            event(&place);
            let theirs = fs::read(place.path()).ok();
            assert_eq!(kind(block_on(source.finish())), Some(ErrorKind::Conflict), "{what} {when}");
            assert_eq!(
                kind(block_on(source.scan(None, None, 1))),
                Some(ErrorKind::Conflict),
                "{what}"
            );
            let changes = [change(&read[9], "ours")];
            assert_eq!(
                kind(block_on(source.replace(&changes))),
                Some(ErrorKind::Conflict),
                "{what}"
            );
            drop(source);
            assert_eq!(fs::read(place.path()).ok(), theirs, "{what} {when}");
            let expected: &[&str] = if theirs.is_some() { &["patients.ndjson"] } else { &[] };
            assert_eq!(place.names(), expected, "{what} {when}");
        }
    }
}

/// A process that is killed leaves the file whole and something beside it, which the next one removes.
#[test]
fn what_a_killed_process_leaves_is_removed() {
    let place = Place::ndjson(lines(20));
    let before = place.read();
    let source = place.open().unwrap();
    let read = rows(&*source);
    block_on(source.replace(&[change(&read[3], "ours")])).unwrap();
    block_on(source.replace(&[change(&read[2], "ours")])).unwrap();
    assert_eq!(place.names().len(), 3, "the control: two files beside it");
    // A copy of the folder is what a crash leaves of it.
    let after = tempfile::tempdir().unwrap();
    for name in place.names() {
        fs::copy(place.path().with_file_name(&name), after.path().join(&name)).unwrap();
    }
    let path = after.path().join("patients.ndjson");
    fs::write(after.path().join(".patients.ndjson.phiseal-keys"), "hashes").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    let table = || Table::new("patients", &["id"], &["ssn"]).unwrap();
    let next = NdjsonSource::open(&path, table()).unwrap();
    assert_eq!(fs::read_dir(after.path()).unwrap().count(), 1);
    assert_eq!(rows(&next), read);
    drop(next);
    // What this library did not make is not removed.
    fs::create_dir(after.path().join(".patients.ndjson.phiseal-new")).unwrap();
    assert_eq!(kind(NdjsonSource::open(&path, table())), Some(ErrorKind::Unsupported));
}

#[test]
fn what_is_given_up_leaves_nothing() {
    let place = Place::ndjson(lines(20));
    let source = place.open().unwrap();
    let first = rows(&*source).remove(0);
    assert_eq!(block_on(source.replace(&[change(&first, "new")])).unwrap(), [Outcome::Written]);
    assert_eq!(place.names().len(), 2, "the control");
    drop(source);
    assert_eq!((place.read(), place.names()), (lines(20), vec!["patients.ndjson".to_owned()]));
}
