//! WRITE: applications write while a rotation goes on, and win.

use crate::{ROTATE, pace};
use core::time::Duration;
use phiseal::rotation::run::{Event, Phase, Step};
use phiseal_tests::clinic::{DOMAIN, Made, Where, context_of, plaintext};
use phiseal_tests::in_each_place;
use phiseal_tests::numbers;
use pollster::block_on;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

in_each_place!(the_last_write_of_every_row_wins);

const WRITERS: i64 = 16;

fn the_last_write_of_every_row_wins(place: Where) {
    let rows = if numbers::full() { 8_000 } else { 480 };
    let Some(clinic) = Made::new(place, rows) else { return };
    let _ = clinic.approve(ROTATE);
    let (stop, writes) = (AtomicBool::new(false), AtomicU64::new(0));
    // Before its first write, the rotation has read what everybody then writes over, as far as they come to it.
    let mut met = false;
    let mut meet = |event: Event<'_>| {
        if matches!(event, Event::Step(Step::Write)) && !met {
            let enough = writes.load(Ordering::Relaxed) + 64;
            met = (0..20_000).any(|_| {
                thread::sleep(Duration::from_millis(1));
                writes.load(Ordering::Relaxed) >= enough
            });
        }
    };
    let mut last = BTreeMap::new();
    let journal = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (clinic, stop, writes) = (&*clinic, &stop, &writes);
                scope.spawn(move || {
                    // Half of them have a warm key that the rotation makes the old one; they seal under it for as long as they may.
                    let phi = clinic.open();
                    let domain = block_on(phi.domain(DOMAIN)).unwrap();
                    let mut written = BTreeMap::new();
                    for round in 0_i64.. {
                        if stop.load(Ordering::Relaxed) && round > 4 {
                            break;
                        }
                        if writer % 2 == 0 {
                            block_on(domain.refresh()).unwrap();
                        }
                        let id = 1 + writer + WRITERS * (round * 7 % (rows / WRITERS));
                        let value = format!("writer {writer}, round {round}");
                        let sealed =
                            block_on(domain.seal(value.as_str(), &context_of(id, 0))).unwrap();
                        clinic.set_ssn(id, sealed.as_bytes());
                        writes.fetch_add(1, Ordering::Relaxed);
                        written.insert(id, value);
                    }
                    written
                })
            })
            .collect();
        let rotated = clinic.rotate(pace(20), &mut meet);
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            last.append(&mut writer.join().unwrap());
        }
        rotated.unwrap()
    });
    assert!(met, "the control");
    assert!(matches!(journal.phase, Phase::Switched | Phase::Done), "{:?}", journal.phase);
    // What was written under the old key while it went on, or after it, is resealed by going on.
    let journal = if journal.phase == Phase::Done {
        let _ = clinic.approve(ROTATE);
        clinic.rotate(pace(20), &mut |_| {}).unwrap()
    } else {
        clinic.rotate(pace(20), &mut |_| {}).unwrap()
    };
    assert_eq!(journal.phase, Phase::Done);
    assert!(!last.is_empty());
    let expected = |id, column| match last.get(&id) {
        Some(value) if column == 0 => value.clone(),
        _ => plaintext(id, column),
    };
    assert_eq!(clinic.assert_rotated(expected), rows);
}
