//! CONC: several at one rotation.

use crate::{Made, ROTATE, pace, to_the_end};
use phiseal::ErrorKind;
use phiseal::rotation::run::{Event, Phase, Step};
use phiseal_tests::clinic::{Where, plaintext};
use phiseal_tests::numbers;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
in_each_place! {
    eight_rotators_make_one_version_and_share_the_work
    who_lost_its_lease_writes_nothing_any_more
}

fn eight_rotators_make_one_version_and_share_the_work(place: Where) {
    let (runs, rows) = if numbers::full() { (100, 30_000) } else { (2, 12_000) };
    let Some(clinic) = Made::new(place, rows) else { return };
    for run in 1..=runs {
        let _ = clinic.approve(ROTATE);
        let start = |_| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_phiseal-tests-child"));
            command.args(["rotate", clinic.folder.path().to_str().unwrap(), "100", "none", "1"]);
            command.stdout(Stdio::piped()).spawn().unwrap()
        };
        let children: Vec<_> = (0..8).map(start).collect();
        for child in children {
            let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
            assert_eq!(said, format!("Done, {rows} rows\n"), "each row was done by one of them");
        }
        let keyset = clinic.keyset();
        assert_eq!(
            (keyset.primary(), keyset.versions().len()),
            (run + 1, usize::try_from(run).unwrap() + 1)
        );
        assert_eq!(clinic.assert_rotated(plaintext), rows);
    }
}

/// One that stands still for longer than its lease, in the middle of a part, finds that another has taken over.
fn who_lost_its_lease_writes_nothing_any_more(place: Where) {
    let Some(clinic) = Made::new(place, 1_000) else { return };
    let _ = clinic.approve(ROTATE);
    let (arrived, wait_for_arrival) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let slow = {
        let clinic = clinic.clone();
        thread::spawn(move || {
            let (mut writes, mut after) = (0, 0);
            let outcome = clinic.rotate(pace(100), &mut |event| {
                if matches!(event, Event::Step(Step::Write)) {
                    writes += 1;
                    if writes == 4 {
                        arrived.send(()).unwrap();
                        wait.recv().unwrap();
                    }
                    after += usize::from(writes > 4);
                }
            });
            (outcome.map(drop), after)
        })
    };
    wait_for_arrival.recv().unwrap();
    // Nobody renews what it holds, and it is not gone: its lease runs out.
    let (journal, _) = to_the_end(&clinic, 100);
    assert_eq!(journal.phase, Phase::Done);
    go_on.send(()).unwrap();
    let (outcome, writes_after) = slow.join().unwrap();
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Stale);
    assert_eq!(writes_after, 0, "the write that it stood before was its last one");
    assert_eq!(clinic.assert_rotated(plaintext), 1_000);
}
