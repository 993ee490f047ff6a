//! ROT, CONC, WRITE, STALE, DEST: rotations that are killed, shared and overtaken, and the end of versions.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's own functions fail by panicking"
)]

mod acts;
mod certified;
mod ends;
mod going_on;
mod gone_for_good;
mod indexes;
mod kills;
mod long;
mod memory;
mod persons;
mod shared;
mod vault;
mod written;

use phiseal::rotation::custody::Operation;
use phiseal::rotation::run::{Event, Journal, Phase};
use phiseal::rotation::{Class, Pace};
use phiseal_tests::clinic::{Clinic, Made, Where};
use phiseal_tests::in_each_place;

pub(crate) const ROTATE: Operation = Operation::Rotate { compromised: false };

pub(crate) fn pace(rows: usize) -> Pace {
    let mut pace = Pace::default();
    pace.rows = rows;
    pace
}

/// Does what was approved last, to the end; the ids of rows with something that is not in order, with their columns.
pub(crate) fn to_the_end(clinic: &Clinic, rows: usize) -> (Journal, Vec<(String, Class)>) {
    let mut found = Vec::new();
    let journal = clinic.rotate(pace(rows), &mut |event| {
        if let Event::Finding { finding, .. } = event {
            found.push((finding.column.clone(), finding.class));
        }
    });
    (journal.unwrap(), found)
}

in_each_place!(a_rotation_from_one_end_to_the_other);

fn a_rotation_from_one_end_to_the_other(place: Where) {
    let Some(clinic) = Made::new(place, 2_500) else { return };
    let before = clinic.keyset();
    let _ = clinic.approve(ROTATE);
    let (journal, found) = to_the_end(&clinic, 100);
    assert_eq!((journal.phase, journal.from, journal.to), (Phase::Done, 1, 2));
    assert!(found.is_empty(), "{found:?}");
    assert_eq!((journal.totals().rows, journal.totals().values), (2_500, 7_500));
    assert_eq!(clinic.assert_rotated(phiseal_tests::clinic::plaintext), 2_500);

    let current = |counted: &[phiseal::rotation::certificate::Counted]| {
        let columns = counted[0].census().columns.iter();
        columns.map(|it| it.counts.get(&Class::Current).copied().unwrap_or_default()).sum::<u64>()
    };
    assert_eq!((current(&journal.before), current(&journal.after)), (7_500, 7_500));
    assert_eq!(journal.left(&before.domain()), 0);

    let after = clinic.keyset();
    assert_eq!(after.revision(), before.revision() + 1, "one write");
    assert_eq!(after.versions().len(), 2);
    // What was done is not done again, and told as it was.
    let (again, _) = to_the_end(&clinic, 100);
    assert_eq!(again, journal);
    assert_eq!(clinic.keyset(), after);
}
