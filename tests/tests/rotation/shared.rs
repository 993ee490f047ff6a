//! CONC: several at one rotation.

use crate::{ROTATE, pace, to_the_end};
use core::time::Duration;
use phiseal::rotation::custody::{Custodians, Request};
use phiseal::rotation::run::{Event, Holding, Phase, Rotator, Step};
use phiseal::{Clock, ErrorKind, ManualClock};
use phiseal_tests::clinic::{DOMAIN, Made, Where, plaintext};
use phiseal_tests::eventful::{Asked, Eventful};
use phiseal_tests::in_each_place;
use phiseal_tests::numbers;
use pollster::block_on;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
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
            command.args(["rotate", clinic.folder().to_str().unwrap(), "100", "none", "1"]);
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
        let (clinic, wait) = (clinic.clone(), Mutex::new(wait));
        thread::spawn(move || {
            let (mut writes, mut after) = (0, 0);
            let outcome = clinic.rotate(pace(100), &mut |event| {
                if matches!(event, Event::Step(Step::Write)) {
                    writes += 1;
                    if writes == 4 {
                        arrived.send(()).unwrap();
                        wait.lock().unwrap().recv().unwrap();
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

/// Of a file, the whole is put in its place at the end: by one who lost it after the last page, never.
#[test]
fn who_lost_its_lease_puts_no_file_in_its_place_any_more() {
    let clinic = Made::new(Where::Sqlite, 100).unwrap();
    let note = clinic.approve(ROTATE);
    let request = Request::parse(note.text()).unwrap();
    let clock = ManualClock::at(request.requested.as_millis() / 1_000);
    let phi = clinic.open_by(&clock);
    let domain = block_on(phi.domain(DOMAIN)).unwrap();
    let custodians = block_on(Custodians::load(phi.key_store(), None)).unwrap().unwrap();
    let now = phi.key_store().clock().wall();
    let approved = custodians.check(&request, &[note], Some(&clinic.keyset()), now).unwrap();
    let finished = Arc::new(AtomicUsize::new(0));
    let counting = |holding: Holding| {
        let finished = finished.clone();
        let source = Eventful::new(holding.source, move |asked| {
            finished.fetch_add(usize::from(asked == Asked::Finish), Ordering::SeqCst);
        });
        Holding { source: Box::new(source.made_last_at_the_end()), columns: holding.columns }
    };
    let holdings: Vec<_> = clinic.holdings(&domain).into_iter().map(counting).collect();
    let quick = |after| {
        let clock = ManualClock::at(clock.wall() + after);
        let phi = clinic.open_by(&clock);
        let domain = block_on(phi.domain(DOMAIN)).unwrap();
        let holdings = clinic.holdings(&domain);
        let mut rotator = Rotator::new(domain, &holdings, pace(50));
        rotator.resume(approved.digest(), Some(&custodians), &mut |_| {}).unwrap()
    };
    let mut rotator = Rotator::new(domain.clone(), &holdings, pace(50));
    let mut rows = 0;
    let outcome = rotator.run(&approved, Some(&custodians), &mut |event| {
        if let Event::Resealed { rows: more, .. } = event {
            rows += more;
            if rows == 100 {
                // It stands still after its last page, and somebody else takes the table over.
                assert_eq!(quick(60).phase, Phase::Done);
                clock.advance(Duration::from_secs(60));
            }
        }
    });
    assert_eq!(outcome.map(drop).unwrap_err().kind(), ErrorKind::Stale);
    assert_eq!((rows, finished.load(Ordering::SeqCst)), (100, 0));

    // The control: one who keeps its lease finishes, once.
    let note = clinic.approve(ROTATE);
    let request = Request::parse(note.text()).unwrap();
    let now = clock.wall();
    let approved = custodians.check(&request, &[note], Some(&clinic.keyset()), now).unwrap();
    let journal = rotator.run(&approved, Some(&custodians), &mut |_| {}).unwrap();
    assert_eq!((journal.phase, finished.load(Ordering::SeqCst)), (Phase::Done, 1));
    assert_eq!(clinic.assert_rotated(plaintext), 100);
}
