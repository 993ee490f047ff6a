//! Clauses 9 and 10: what is left behind.

use super::{Fixture, Handle};
use crate::forms::{shows, told};
use crate::report::{Stop, ensure};
use crate::run::finish;
use phiseal_keys::{Erasure, MAX_ID, MAX_RECORD, RecordKind};
use std::collections::{HashMap, HashSet};

const RECORDS: u32 = 64;
const REVISIONS: u64 = 4;
const MARK: usize = 24;

pub(super) fn erase_keeps_its_word(fixture: &Fixture) -> Result<(), Stop> {
    let store = fixture.open();
    for revision in 0..=REVISIONS {
        for number in 0..RECORDS {
            store.write(
                RecordKind::Subject,
                &number.to_be_bytes(),
                revision,
                &marked(number, revision),
            )?;
        }
    }
    let all_are_there = |store: &Handle<'_>| {
        (0..RECORDS).try_for_each(|number| {
            store.holds(
                RecordKind::Subject,
                &number.to_be_bytes(),
                REVISIONS + 1,
                &marked(number, REVISIONS),
            )
        })
    };
    for _ in 0..2 {
        let erasure = store.done("erase", store.store.erase())?;
        all_are_there(&store)?;
        if let (Some(medium), Erasure::Done) = (&fixture.medium, erasure) {
            look(&medium())?;
        }
    }
    all_are_there(&fixture.open())?;
    store.write(RecordKind::Subject, &0_u32.to_be_bytes(), REVISIONS + 1, b"after erase")?;
    store.holds(RecordKind::Subject, &0_u32.to_be_bytes(), REVISIONS + 2, b"after erase")
}

/// What is on the medium: every live record, so that this is a look at the right place, and none that was replaced.
fn look(medium: &[u8]) -> Result<(), Stop> {
    let records =
        || (0..RECORDS).flat_map(|number| (0..=REVISIONS).map(move |revision| (number, revision)));
    let marks: HashMap<_, _> =
        records().map(|(number, revision)| (mark(number, revision), (number, revision))).collect();
    let found: HashSet<_> = medium.windows(MARK).filter_map(|window| marks.get(window)).collect();
    for (number, revision) in records() {
        let (live, is_there) = (revision == REVISIONS, found.contains(&(number, revision)));
        ensure!(is_there || !live, "the fixture's medium is not where the store keeps its records");
        let written = revision.saturating_add(1);
        ensure!(
            live || !is_there,
            "after erase was done, revision {written} of a record is on the medium"
        );
    }
    Ok(())
}

pub(super) fn errors_hold_no_record(fixture: &Fixture) -> Result<(), Stop> {
    let store = fixture.open();
    let (there, brought) = (marked(1, 1), marked(2, 2));
    let too_long =
        brought.iter().copied().cycle().take(MAX_RECORD.saturating_add(1)).collect::<Vec<_>>();
    let long_id = vec![b'i'; MAX_ID.saturating_add(1)];
    store.write(RecordKind::Keyset, b"id", 0, &there)?;
    store.write(RecordKind::Keyset, b"id", 1, &there)?;
    let writes: [(&[u8], u64, &[u8]); 6] = [
        (b"id", 0, &brought),
        (b"id", 1, &brought),
        (b"id", 3, &brought),
        (b"id", u64::MAX, &brought),
        (b"id", 2, &too_long),
        (&long_id, 0, &brought),
    ];
    let mut refused = 0;
    for (id, expected, bytes) in writes {
        if let Err(error) =
            finish(store.store.write(RecordKind::Keyset, id, expected, bytes), fixture.patience)?
        {
            refused += 1;
            let text = told(&error);
            for mark in [mark(1, 1), mark(2, 2)] {
                ensure!(!shows(&text, &mark), "an error shows the bytes of a record");
            }
        }
    }
    ensure!(refused > 0, "no write was refused, so no error was looked at");
    ensure!(
        !shows(&format!("{:?}", store.store), &mark(1, 1)),
        "the store's Debug shows the bytes of a record"
    );
    Ok(())
}

/// A record that can be told from every other one by 24 bytes in its middle.
fn marked(number: u32, revision: u64) -> Vec<u8> {
    let padding = usize::try_from(number).unwrap_or(0).saturating_mul(11) % 300;
    [vec![0xa5; padding], mark(number, revision), vec![0x3c; 300_usize.saturating_sub(padding)]]
        .concat()
}

/// Bytes that are found nowhere else.
fn mark(number: u32, revision: u64) -> Vec<u8> {
    let mut state = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ revision.wrapping_mul(0xd1b5_4a32_d192_ed03);
    let words = core::iter::repeat_with(|| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (state ^ state >> 29).to_be_bytes()
    });
    words.skip(2).flatten().take(MARK).collect()
}
