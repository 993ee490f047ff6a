//! Clause 7: scans.

use super::{Fixture, Handle};
use crate::report::{Stop, ensure};
use phiseal_keys::RecordKind;
use std::collections::BTreeMap;

const KIND: RecordKind = RecordKind::Subject;

pub(super) fn scan_is_in_order_and_complete(fixture: &Fixture) -> Result<(), Stop> {
    let store = fixture.open();
    let expected = fill(&store)?;
    let all: Vec<_> = expected.iter().map(|(id, bytes)| (id.clone(), bytes.clone())).collect();
    for limit in [1, 2, 3, 7, all.len() - 1, all.len(), all.len() + 1, usize::MAX] {
        let mut found = Vec::new();
        loop {
            let after = found.last().map(|(id, _): &(Vec<u8>, Vec<u8>)| id.clone());
            let page = store.scan(KIND, after.as_deref(), limit)?;
            ensure!(
                page.len() <= limit,
                "a scan that is limited to {limit} records returns {}",
                page.len()
            );
            let last = page.len() < limit;
            ensure!(
                page.iter().all(|(_, record)| record.revision == 2),
                "a scan shows another revision than there is"
            );
            found.extend(page.into_iter().map(|(id, record)| (id, record.bytes)));
            ensure!(
                found.len() <= all.len(),
                "scans of {limit} records at a time repeat themselves"
            );
            if last {
                break;
            }
        }
        ensure!(
            found == all,
            "scans of {limit} records at a time miss records, or bring them out of order"
        );
    }
    ensure!(
        store.scan(KIND, None, 0)?.is_empty(),
        "a scan that is limited to no record returns some"
    );
    // After ids that are there, and after others that are not.
    let probes = all
        .iter()
        .map(|(id, _)| id.clone())
        .chain((0..=255).flat_map(|byte| [vec![byte], vec![byte, 0, 1]]));
    for after in probes {
        let found = store.scan(KIND, Some(&after), usize::MAX)?;
        let ids = found.iter().map(|(id, _)| id);
        ensure!(
            ids.eq(expected.keys().filter(|id| **id > after)),
            "a scan after {after:02x?} begins elsewhere"
        );
    }
    Ok(())
}

/// Writes records in no order, each twice, and records of other kinds with the same and with other ids.
fn fill(store: &Handle<'_>) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Stop> {
    let ids = [
        &b"m"[..],
        b"\xff\xff",
        b"a",
        b"\0",
        b"b",
        b"ab",
        b"\x7f",
        b"a\0",
        b"\x80",
        b"aa",
        b"B",
        b"\xff",
        b"\0\0",
        b"10",
        b"9",
        b"z",
        b"\x01",
    ];
    let mut expected = BTreeMap::new();
    for (id, number) in ids.into_iter().zip(0_u8..) {
        for kind in RecordKind::ALL.into_iter().filter(|kind| *kind != KIND) {
            store.write(kind, id, 0, b"of another kind")?;
            store.write(kind, &[id, &[kind.to_byte()]].concat(), 0, b"of another kind")?;
        }
        store.write(KIND, id, 0, b"replaced")?;
        store.write(KIND, id, 1, &[number])?;
        expected.insert(id.to_vec(), vec![number]);
    }
    Ok(expected)
}
