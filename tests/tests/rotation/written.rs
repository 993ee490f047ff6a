//! WRITE: applications write while a rotation goes on, and win.

use crate::{ROTATE, pace};
use phiseal::rotation::run::Phase;
use phiseal_tests::clinic::{DOMAIN, Made, Where, context_of, plaintext};
use phiseal_tests::in_each_place;
use phiseal_tests::numbers;
use pollster::block_on;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

in_each_place!(the_last_write_of_every_row_wins);

const WRITERS: i64 = 16;

fn the_last_write_of_every_row_wins(place: Where) {
    let rows = if numbers::full() { 8_000 } else { 480 };
    let Some(clinic) = Made::new(place, rows) else { return };
    let _ = clinic.approve(ROTATE);
    let stop = AtomicBool::new(false);
    let mut last = BTreeMap::new();
    let mut journal = None;
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (clinic, stop) = (&*clinic, &stop);
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
                        written.insert(id, value);
                    }
                    written
                })
            })
            .collect();
        journal = Some(clinic.rotate(pace(20), &mut |_| {}).unwrap());
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            last.append(&mut writer.join().unwrap());
        }
    });
    let journal = journal.unwrap();
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
