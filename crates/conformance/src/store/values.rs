//! Clauses 1, 6 and 8: ids and bytes as they were written, and nothing else.

use super::Fixture;
use crate::report::{Stop, ensure};
use phiseal_keys::{MAX_ID, MAX_RECORD, RecordKind};
use std::collections::BTreeSet;

pub(super) fn what_was_never_written_is_none(fixture: &Fixture) -> Result<(), Stop> {
    let store = fixture.open();
    for kind in RecordKind::ALL {
        ensure!(store.read(kind, b"id")?.is_none(), "an empty store has a record");
        ensure!(store.scan(kind, None, 10)?.is_empty(), "a scan of an empty store finds a record");
    }
    store.write(RecordKind::Keyset, b"id", 0, b"bytes")?;
    for id in [&b"other"[..], b"ie", b"hd"] {
        ensure!(
            store.read(RecordKind::Keyset, id)?.is_none(),
            "a record that was never written is there"
        );
    }
    Ok(())
}

pub(super) fn ids_are_bytes_and_kinds_do_not_mix(fixture: &Fixture) -> Result<(), Stop> {
    let store = fixture.open();
    let ids = ids();
    for (number, (kind, id)) in pairs(&ids).enumerate() {
        ensure!(store.read(kind, id)?.is_none(), "{kind:?} {id:02x?} is taken for another record");
        store.write(kind, id, 0, &number.to_be_bytes())?;
    }
    for (number, (kind, id)) in pairs(&ids).enumerate() {
        store.holds(kind, id, 1, &number.to_be_bytes())?;
    }
    let last = pairs(&ids).count();
    store.write(RecordKind::Keyset, b"a", 1, &last.to_be_bytes())?;
    for (number, (kind, id)) in pairs(&ids).enumerate() {
        let replaced = kind == RecordKind::Keyset && id == b"a";
        let (revision, bytes) = if replaced { (2, last) } else { (1, number) };
        store.holds(kind, id, revision, &bytes.to_be_bytes())?;
    }
    Ok(())
}

pub(super) fn every_length_comes_back(fixture: &Fixture) -> Result<(), Stop> {
    let store = fixture.open();
    let all_bytes: Vec<u8> = (0..=255).collect();
    let longest_id = vec![0xff; MAX_ID];
    let ids = [&[0][..], b"i", &all_bytes, longest_id.get(1..).unwrap_or_default(), &longest_id];
    for id in ids {
        let mut revision = 0;
        for length in [0, 1, 15, 16, 255, 256, 4095, 4096, 4097, 65_535, 65_536] {
            store.write(RecordKind::Subject, id, revision, &pattern(length))?;
            revision += 1;
            store.holds(RecordKind::Subject, id, revision, &pattern(length))?;
        }
    }
    for length in [MAX_RECORD - 1, MAX_RECORD] {
        let id = length.to_be_bytes();
        store.write(RecordKind::Keyset, &id, 0, &pattern(length))?;
        store.holds(RecordKind::Keyset, &id, 1, &pattern(length))?;
        store.write(RecordKind::Keyset, &id, 1, b"")?;
        store.holds(RecordKind::Keyset, &id, 2, b"")?;
    }
    let found = store.scan(RecordKind::Subject, None, ids.len())?;
    let written: BTreeSet<_> = ids.iter().map(|id| id.to_vec()).collect();
    ensure!(
        found.iter().map(|(id, _)| id).eq(&written),
        "a scan shows other ids than were written"
    );
    ensure!(
        found.iter().all(|(_, record)| record.bytes == pattern(65_536)),
        "a scan shows other bytes than were written"
    );
    Ok(())
}

/// Ids that a store might take for each other: by case, by length, by their end, as text, as numbers, bit by bit.
fn ids() -> BTreeSet<Vec<u8>> {
    let near = [0x5a_u8; 16];
    let flipped = (0..128_usize).map(|bit| {
        let mut id = near.to_vec();
        if let Some(byte) = id.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        id
    });
    let texts: [&[u8]; 22] = [
        b"a",
        b"A",
        b"a ",
        b" a",
        b"a\0",
        b"\0a",
        b"a\0\0",
        b"\0",
        b"\0\0",
        b"%",
        b"_",
        b"*",
        b"'",
        b"\\",
        b"0",
        b"00",
        b"\xff",
        b"\xff\xff",
        b"\xc3\xa9",
        b"e\xcc\x81",
        b"1",
        b"1.0",
    ];
    texts
        .into_iter()
        .map(<[u8]>::to_vec)
        .chain(flipped)
        .chain([near.to_vec(), vec![0x5a; 15], vec![0x5a; 17]])
        .collect()
}

fn pairs(ids: &BTreeSet<Vec<u8>>) -> impl Iterator<Item = (RecordKind, &[u8])> {
    RecordKind::ALL
        .into_iter()
        .flat_map(move |kind| ids.iter().map(move |id| (kind, id.as_slice())))
}

/// Bytes of every value, beginning elsewhere for each length.
fn pattern(length: usize) -> Vec<u8> {
    let every_value: Vec<u8> = (0..=u8::MAX).cycle().skip(length % 251).take(256).collect();
    let mut bytes = every_value.repeat(length.div_ceil(every_value.len()));
    bytes.truncate(length);
    bytes
}
