//! Keys that nothing is under any more.

use crate::{LEASE, domain, kind, open, record};
use phiseal::backends::local::LocalKek;
use phiseal::blocking::Phiseal;
use phiseal::stores::SqliteStore;
use phiseal::{Builder, Erasure, ErrorKind, FullKeyId, ManualClock, Renewal, SubjectRecord};
use phiseal_tests::world::{DOMAIN, World, what};
use std::fs;
use std::time::Duration;

#[test]
fn what_is_current_unknown_or_may_still_be_sealed_under_is_not_dropped() {
    let world = World::of_default_engine();
    let here = domain(&world);
    let ada = here.subject_or_create("ada").unwrap();
    let old = ada.seal("old", &what()).unwrap();
    let cipher = ada.ready().unwrap();
    ada.renew(Renewal::Routine).unwrap();
    let before = record(&world, "ada");
    let ids: Vec<FullKeyId> = before.keys().iter().map(|key| *key.key_id()).collect();
    let drop_them = |ids: &[FullKeyId]| kind(here.drop_subject_keys("ada", ids));
    assert_eq!(drop_them(&ids[..1]), Some(ErrorKind::State), "at once");
    world.clock.advance(LEASE - Duration::from_secs(1));
    assert_eq!(drop_them(&ids[..1]), Some(ErrorKind::State), "a lease may last for a second more");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(drop_them(&ids[1..]), Some(ErrorKind::State), "the current one");
    assert_eq!(drop_them(&ids), Some(ErrorKind::State), "with the current one");
    let unknown = FullKeyId::from_bytes([7; 32]);
    assert_eq!(drop_them(&[ids[0], unknown]), Some(ErrorKind::NotFound));
    assert_eq!(kind(here.drop_subject_keys("nobody", &ids[..1])), Some(ErrorKind::NotFound));
    assert_eq!(record(&world, "ada").keys(), before.keys(), "nothing was dropped");
    assert_eq!(open(&ada, &old).unwrap(), "old", "the control");

    assert_eq!(here.drop_subject_keys("ada", &ids[..1]).unwrap(), Erasure::Done);
    assert_eq!(kind(cipher.open::<String>(&old, &what())), Some(ErrorKind::Stale), "warm");
    assert_eq!(kind(open(&ada, &old)), Some(ErrorKind::State));
    assert_eq!(kind(open(&domain(&world).subject("ada").unwrap(), &old)), Some(ErrorKind::State));
    assert_eq!(kind(ada.seal("x", &what())), None);
    let after = record(&world, "ada");
    assert_eq!((after.keys().len(), after.gone()), (1, &ids[..1]));
    assert_eq!(drop_them(&ids[..1]), None, "again");
    assert_eq!(record(&world, "ada").revision(), after.revision(), "nothing was written");
    here.shred_subject("ada").unwrap();
    assert_eq!(drop_them(&ids[..1]), Some(ErrorKind::State), "shredded");
}

/// Eight keys at one time, any number one after the other; the ids of the last 64 are known.
#[test]
fn a_person_has_at_most_eight_keys_and_any_number_in_time() {
    let world = World::of_default_engine();
    let here = domain(&world);
    let ada = here.subject_or_create("ada").unwrap();
    let mut values = Vec::new();
    for number in 1..=SubjectRecord::MAX_KEYS {
        values.push(ada.seal(format!("value {number}"), &what()).unwrap());
        let renewed = kind(ada.renew(Renewal::Routine));
        let full = (number == SubjectRecord::MAX_KEYS).then_some(ErrorKind::Exhausted);
        assert_eq!(renewed, full, "{number}");
    }
    for (value, number) in values.iter().zip(1..) {
        assert_eq!(open(&ada, value).unwrap(), format!("value {number}"));
    }
    assert_eq!(record(&world, "ada").keys().len(), SubjectRecord::MAX_KEYS);
    for round in 0..100 {
        world.clock.advance(LEASE);
        let oldest = *record(&world, "ada").keys()[0].key_id();
        here.drop_subject_keys("ada", &[oldest]).unwrap();
        here.renew_subject("ada", Renewal::Routine).unwrap();
        let record = record(&world, "ada");
        assert_eq!(record.keys().len(), SubjectRecord::MAX_KEYS);
        assert_eq!(record.current().unwrap().number(), 9 + round, "never used again");
        assert_eq!(record.gone().last(), Some(&oldest));
    }
    let record = record(&world, "ada");
    assert_eq!(record.gone().len(), SubjectRecord::MAX_IDS - SubjectRecord::MAX_KEYS);
    let (_, row) = world.store.only(phiseal_keys::RecordKind::Subject);
    assert!(row.bytes.len() < 4_096, "{} bytes", row.bytes.len());
    assert_eq!(kind(here.shred_subject("ada")), None);
    assert_eq!(crate::record(&world, "ada").gone().len(), SubjectRecord::MAX_IDS);
}

#[test]
fn the_wraps_of_dropped_and_shredded_keys_are_nowhere_in_the_files_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, kek) = (folder.path().join("keys.db"), folder.path().join("kek.json"));
    let clock = ManualClock::at(1_800_000_000);
    let kek = LocalKek::open_or_create(kek, phiseal::default_engine()).unwrap();
    let builder = Builder::new().clock(clock.clone());
    let phi = Phiseal::open_with(builder, SqliteStore::open(&keys).unwrap(), kek).unwrap();
    let domain = phi.domain(DOMAIN).unwrap();
    // How often a wrap, or either half of it, is in the files.
    let on_disk = |wrap: &[u8; 72]| {
        let (one, other) = wrap.split_at(36);
        let files = ["keys.db", "keys.db-wal", "keys.db-shm"].map(|name| folder.path().join(name));
        let bytes: Vec<u8> =
            files.iter().filter_map(|file| fs::read(file).ok()).flatten().collect();
        [&wrap[..], one, other]
            .iter()
            .map(|part| bytes.windows(part.len()).filter(|window| window == part).count())
            .sum::<usize>()
    };
    for number in 0..50 {
        domain.subject_or_create(&format!("person {number}")).unwrap();
    }
    for _ in 0..2 {
        domain.renew_subject("person 7", Renewal::Compromised).unwrap();
        domain.renew_subject("person 8", Renewal::Compromised).unwrap();
    }
    clock.advance(LEASE);
    let wraps = |name: &str| -> Vec<([u8; 72], FullKeyId)> {
        let record = domain.subject_record(name).unwrap().unwrap();
        record.keys().iter().map(|key| (*key.wrap(), *key.key_id())).collect()
    };
    let (seven, eight) = (wraps("person 7"), wraps("person 8"));
    assert!(seven.iter().chain(&eight).all(|(wrap, _)| on_disk(wrap) >= 3), "the control");
    assert_eq!((seven.len(), eight.len()), (3, 3));

    let dropped = domain.drop_subject_keys("person 7", &[seven[0].1, seven[1].1]).unwrap();
    assert_eq!(dropped, Erasure::Done);
    let left: Vec<_> = seven.iter().map(|(wrap, _)| on_disk(wrap) > 0).collect();
    assert_eq!(left, [false, false, true]);
    assert_eq!(domain.shred_subject("person 8").unwrap(), Erasure::Done);
    assert!(eight.iter().all(|(wrap, _)| on_disk(wrap) == 0));
}
