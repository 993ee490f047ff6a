//! A restored key store, and values of persons who have been renewed.

use crate::{LEASE, domain};
use phiseal::{ErrorKind, Record, Renewal, Sealed};
use phiseal_tests::editable::{EditableStore, Row};
use phiseal_tests::world::{World, what};
use pollster::block_on;
use std::collections::BTreeMap;

/// A backup of the key store from before a person was renewed, and one from after an older key was dropped.
#[test]
fn of_a_renewed_person_the_keys_that_a_backup_lacks_are_named() {
    let world = World::of_default_engine();
    let domain = domain(&world);
    let ada = domain.subject_or_create("ada").unwrap();
    let mut values: Vec<Sealed> = vec![ada.seal("1", &what()).unwrap()];
    let mut backups = vec![world.store.rows()];
    for key in 2..=4 {
        domain.renew_subject("ada", Renewal::Routine).unwrap();
        (0..key).for_each(|_| values.push(ada.seal("x", &what()).unwrap()));
        backups.push(world.store.rows());
    }
    let check = |values: &[Sealed], rows: &BTreeMap<Row, Record>| {
        let store = EditableStore::default();
        rows.iter().for_each(|((kind, id), record)| store.put(*kind, id, record.clone()));
        let (engine, clock) = (world.engine, world.clock.clone());
        let restored = World { engine, clock, store, kek: world.kek.clone() };
        let values: Vec<_> = values.iter().map(|value| value.as_bytes().to_vec()).collect();
        block_on(restored.process().key_store().check_restored(&values)).unwrap()
    };
    // One value under the first key, and as many under each later one as its number is.
    let of_key = |key: usize| values[[0, 1, 3, 6][key - 1]].key_id();
    for (keys, rows) in (1..=4).zip(&backups) {
        let report = check(&values, rows);
        let mut missing: Vec<_> = report.missing.iter().map(|it| (it.key_id, it.values)).collect();
        let mut expected: Vec<_> =
            (keys + 1..=4).map(|key| (of_key(key), u64::try_from(key).unwrap())).collect();
        missing.sort();
        expected.sort();
        assert_eq!(missing, expected, "the backup with {keys} keys");
        assert_eq!(report.is_complete(), keys == 4, "the control: the newest backup");
        let values = (1..=keys).sum::<usize>();
        assert_eq!(report.values(), u64::try_from(values).unwrap());
        assert_eq!(report.open.iter().map(|it| it.of_persons).sum::<u64>(), report.values());
    }
    let record = domain.subject_record("ada").unwrap().unwrap();
    let ids: Vec<_> = record.keys()[..2].iter().map(|key| *key.key_id()).collect();
    world.clock.advance(LEASE);
    domain.drop_subject_keys("ada", &ids).unwrap();
    let report = check(&values, &world.store.rows());
    let closed: Vec<_> =
        report.closed.iter().map(|it| (it.version, it.values, it.why.kind())).collect();
    assert_eq!(closed, [(None, 1 + 2, ErrorKind::State)]);
    assert!(report.missing.is_empty() && report.values() == 3 + 4);
    assert!(report.to_string().contains("these were dropped"), "{report}");
}
