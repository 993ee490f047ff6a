//! Somebody who has the log's key, or the log's checkpoints, but not those that are kept elsewhere.

use crate::support::{Place, builder, closed, key, notes, record, signer, verify};
use phiseal_audit::verify::Wrong;
use phiseal_audit::{Checkpoint, Entry, FileSink, Log};
use phiseal_primitives::default_engine;
use std::fs;
use std::time::Duration;

/// A log of 42 lines whose checkpoints are also kept in a file elsewhere.
fn kept() -> (Place, Vec<u8>) {
    let place = Place::new();
    let elsewhere = place.beside("elsewhere");
    let sink = FileSink::open(&elsewhere).unwrap();
    let builder = builder().checkpoint_every(10, Duration::from_secs(60)).queue(1);
    let log = builder.also_keep_in(sink).open(place.log()).unwrap();
    (0..40).for_each(|number| log.append(record(number)).unwrap());
    log.close().unwrap();
    let elsewhere = fs::read(elsewhere).unwrap();
    (place, elsewhere)
}

#[test]
fn a_log_written_anew_with_its_own_key_is_caught_by_a_checkpoint_kept_elsewhere() {
    let (_honest, elsewhere) = kept();
    // As many lines, the same key, one record left out and another made up: all of it fits together.
    let forged = Place::new();
    let log = builder()
        .checkpoint_every(10, Duration::from_secs(60))
        .queue(1)
        .open(forged.log())
        .unwrap();
    (0..39).chain([1_000]).for_each(|number| log.append(record(number)).unwrap());
    log.close().unwrap();
    let (log, own) = (fs::read(forged.log()).unwrap(), fs::read(forged.checkpoints()).unwrap());
    assert_eq!(verify(&log, &[&own]).fault, None, "the control: by itself it is sound");

    let verdict = verify(&log, &[&own, &elsewhere]);
    let fault = verdict.fault.unwrap();
    assert_eq!((fault.what, fault.by.as_deref()), (Wrong::Rewritten, Some("place 1")));
    assert!(fault.to_string().contains("place 1"));
}

#[test]
fn a_log_that_was_cut_together_with_its_checkpoints_is_caught_by_one_kept_elsewhere() {
    let (place, elsewhere) = kept();
    let text = fs::read_to_string(place.checkpoints()).unwrap();
    let notes = notes(&text);
    let log: String = place.lines()[..30].iter().map(|line| format!("{line}\n")).collect();
    let own = notes[..4].concat();
    let alone = verify(log.as_bytes(), &[own.as_bytes()]);
    assert_eq!((alone.fault, alone.covered), (None, 30), "the control");

    let fault = verify(log.as_bytes(), &[own.as_bytes(), &elsewhere]).fault.unwrap();
    assert_eq!((fault.what, fault.line, fault.through), (Wrong::Cut, 31, 42));
    assert_eq!(fault.by.as_deref(), Some("place 1"));
}

#[test]
fn lines_rewritten_together_are_found_by_the_next_checkpoint() {
    let (place, _) = kept();
    // Line 14 on is written anew, each line naming the one before: the chain is whole.
    let mut lines: Vec<Entry> =
        place.lines().iter().map(|line| Entry::parse(line.as_bytes()).unwrap()).collect();
    lines[13].record.count = Some(999);
    for at in 14..lines.len() {
        let hash =
            phiseal_audit::tree::leaf_hash(default_engine(), lines[at - 1].to_line().as_bytes());
        lines[at].previous.copy_from_slice(&hash[..8]);
    }
    let log: String = lines.iter().map(|entry| format!("{}\n", entry.to_line())).collect();
    let verdict = verify(log.as_bytes(), &[&fs::read(place.checkpoints()).unwrap()]);
    let fault = verdict.fault.unwrap();
    assert_eq!((fault.what, fault.line, fault.through), (Wrong::Rewritten, 11, 20));
    assert_eq!(verdict.covered, 10);
}

#[test]
fn checkpoints_of_another_key_changed_or_in_another_order_are_named() {
    let (place, _) = kept();
    let (log, own) =
        (fs::read(place.log()).unwrap(), fs::read_to_string(place.checkpoints()).unwrap());
    let what = |own: &str| verify(&log, &[own.as_bytes()]).fault.unwrap().what;

    let forger = Log::builder("clinic.example/audit", [7; 16].into(), signer(2), default_engine());
    let other = Place::new();
    forger.unwrap().open(other.log()).unwrap().close().unwrap();
    assert_eq!(what(&fs::read_to_string(other.checkpoints()).unwrap()), Wrong::Forged);

    for (from, to) in [
        ("\n20\n", "\n21\n"),
        ("\n20\n", "\n10\n"),
        ("clinic.example/audit\n20", "clinic.example/other\n20"),
    ] {
        let changed = own.replacen(from, to, 1);
        assert_ne!(changed, own);
        assert_eq!(what(&changed), Wrong::Forged, "{to}");
    }
    let notes = notes(&own);
    assert_eq!(notes.concat(), own, "the control");
    assert_eq!(notes.len(), 6);
    let swapped = [&notes[0][..], &notes[2], &notes[1], &notes[3]].concat();
    assert_eq!(what(&swapped), Wrong::Disordered);
    assert_eq!(
        what(
            &[
                "another line
",
                &own
            ]
            .concat()
        ),
        Wrong::Forged
    );
    let signature =
        own.replacen("\u{2014} clinic.example/audit ", "\u{2014} clinic.example/audit A", 1);
    assert_ne!(signature, own);
    assert_eq!(what(&signature), Wrong::Malformed);
}

/// Every byte of a short log and of its last checkpoint: a changed log never passes for a whole one.
#[test]
fn every_byte_of_a_log_and_of_its_checkpoint() {
    let place = Place::new();
    closed(&place.log(), 1, 100);
    let log = fs::read(place.log()).unwrap();
    let own = notes(&fs::read_to_string(place.checkpoints()).unwrap()).pop().unwrap();
    let own = [own.trim_end_matches('\n').as_bytes(), b"\n"].concat();
    let whole = |log: &[u8], own: &[u8]| {
        let verdict = verify(log, &[own]);
        verdict.fault.is_none() && verdict.covered == 3
    };
    assert!(whole(&log, &own), "the control");
    for bytes in [&log, &own] {
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            let passed = if bytes == &log { whole(&changed, &own) } else { whole(&log, &changed) };
            assert!(!passed, "byte {at} of {}", bytes.len());
        }
    }
}

#[test]
fn checkpoints_kept_one_by_one_can_be_put_together() {
    let (place, elsewhere) = kept();
    let text = String::from_utf8(elsewhere).unwrap();
    // As `cat` puts files together that hold one note each, without the empty lines between.
    let joined: String = notes(&text).iter().map(|note| note.strip_suffix('\n').unwrap()).collect();
    let verdict = verify(&fs::read(place.log()).unwrap(), &[joined.as_bytes()]);
    assert_eq!((verdict.fault, verdict.checkpoints), (None, 6));
    let one = notes(&text)[3].trim_end_matches('\n').to_owned() + "\n";
    assert_eq!(Checkpoint::verified(one.as_bytes(), &[key()]).unwrap().size, 30);
}
