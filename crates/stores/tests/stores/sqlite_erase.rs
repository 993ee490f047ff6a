//! What is left on the disk of records that were replaced.

use crate::support::{medium, now};
use phiseal_keys::{Erasure, RecordKind, Store};
use phiseal_stores::SqliteStore;
use rusqlite::Connection;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

const RECORDS: u64 = 300;
const MARK: usize = 24;

/// Records of growing and shrinking lengths, replaced in no order, so that pages are split, joined and moved.
fn churn(store: &SqliteStore) -> HashMap<u64, u64> {
    let mut state = 1_u64;
    let mut next = |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut revisions = HashMap::new();
    for _ in 0..1200 {
        let id = next(RECORDS);
        let revision = revisions.entry(id).or_insert(0);
        let length = if next(20) == 0 { next(9000) } else { next(500) };
        now(store.write(
            RecordKind::Subject,
            &spread(id),
            *revision,
            &record(id, *revision + 1, length),
        ))
        .unwrap();
        *revision += 1;
    }
    revisions
}

/// How many replaced revisions, and how many that are there, still show on the medium.
fn seen(path: &Path, revisions: &HashMap<u64, u64>) -> (usize, usize) {
    let all =
        revisions.iter().flat_map(|(id, last)| (1..=*last).map(move |revision| (*id, revision)));
    let marks: HashMap<_, _> =
        all.map(|(id, revision)| (mark(id, revision), (id, revision))).collect();
    let bytes = medium(path);
    let found: HashSet<_> = bytes.windows(MARK).filter_map(|window| marks.get(window)).collect();
    let live = found.iter().filter(|(id, revision)| revisions[id] == *revision).count();
    (found.len() - live, live)
}

#[test]
fn replaced_records_are_gone_after_erase() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.db");
    let store = SqliteStore::open(&path).unwrap();
    let revisions = churn(&store);
    let (replaced, live) = seen(&path, &revisions);
    assert!(replaced > 500, "the test looks at the wrong place: {replaced}");
    assert_eq!(live, revisions.len());

    assert_eq!(now(store.erase()).unwrap(), Erasure::Done);
    assert_eq!(seen(&path, &revisions), (0, revisions.len()));
    assert_eq!(
        now(store.scan(RecordKind::Subject, None, usize::MAX)).unwrap().len(),
        revisions.len()
    );
}

/// That the log is copied and truncated is not enough, and neither is it together with zeroing what is deleted: SQLite
/// leaves copies of rows in the unused part of pages that it split.
#[test]
fn erase_finds_what_a_checkpoint_leaves() {
    for secure_delete in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.db");
        let store = SqliteStore::open(&path).unwrap();
        let mut connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "secure_delete", secure_delete).unwrap();
        let deleted = |round: u64| (0..RECORDS).filter(move |number| number % 3 != round % 3);
        for round in 0..20_u64 {
            let transaction = connection.transaction().unwrap();
            for number in 0..RECORDS {
                let (id, bytes) =
                    (spread(number + round * RECORDS), record(number, round, 120 + number % 400));
                transaction
                    .execute("INSERT INTO records VALUES (3, ?1, 1, ?2)", (id, bytes))
                    .unwrap();
            }
            for number in deleted(round) {
                transaction
                    .execute(
                        "DELETE FROM records WHERE id = ?1",
                        [spread(number + round * RECORDS)],
                    )
                    .unwrap();
            }
            transaction.commit().unwrap();
        }
        let left = || {
            let bytes = medium(&path);
            let windows: HashSet<_> = bytes.windows(MARK).collect();
            let marks =
                (0..20).flat_map(|round| deleted(round).map(move |number| mark(number, round)));
            marks.filter(|mark| windows.contains(mark.as_slice())).count()
        };
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        assert!(left() > 0, "secure_delete {secure_delete}: the checkpoint left no deleted record");
        assert_eq!(now(store.erase()).unwrap(), Erasure::Done);
        assert_eq!(left(), 0, "secure_delete {secure_delete}");
    }
}

/// Most of what is replaced goes with the next checkpoint, whether somebody asks for erasure or not.
#[test]
fn what_is_replaced_is_zeroed_in_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.db");
    let store = SqliteStore::open(&path).unwrap();
    now(store.write(RecordKind::Subject, b"id", 0, &record(1, 1, 300))).unwrap();
    now(store.write(RecordKind::Subject, b"id", 1, b"short")).unwrap();
    assert_eq!(seen(&path, &HashMap::from([(1, 2)])), (1, 0));
    let connection = Connection::open(&path).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    assert_eq!(seen(&path, &HashMap::from([(1, 2)])), (0, 0));
}

/// The erasure is pending for as long as another process reads, and done when it has finished.
#[test]
fn a_reader_that_stays_delays_erasure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.db");
    let store =
        SqliteStore::open(&path).unwrap().with_busy_timeout(Duration::from_millis(50)).unwrap();
    now(store.write(RecordKind::Subject, b"id", 0, &record(1, 1, 100))).unwrap();
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM records").unwrap();
    now(store.write(RecordKind::Subject, b"id", 1, &record(1, 2, 100))).unwrap();
    assert_eq!(now(store.erase()).unwrap(), Erasure::Pending);
    assert_eq!(seen(&path, &HashMap::from([(1, 2)])), (1, 1));

    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(now(store.erase()).unwrap(), Erasure::Done);
    assert_eq!(seen(&path, &HashMap::from([(1, 2)])), (0, 1));
}

fn record(id: u64, revision: u64, padding: u64) -> Vec<u8> {
    [mark(id, revision), vec![0x11; usize::try_from(padding).unwrap()]].concat()
}

fn mark(id: u64, revision: u64) -> Vec<u8> {
    [
        id.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        revision.wrapping_mul(0xd1b5_4a32_d192_ed03),
        !id ^ revision << 32,
    ]
    .map(u64::to_be_bytes)
    .concat()
}

/// Ids in another order than their numbers.
fn spread(id: u64) -> [u8; 8] {
    id.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()
}
