//! Who may change keys: whoever holds a handle, until the key store has custodians.

use crate::assert_kind;
use phiseal::{Authority, ErrorKind, KeyState};
use phiseal_tests::world::{DOMAIN, World};
use pollster::block_on;

const CUSTODIANS: Authority = Authority::Custodians { request: [7; 32] };
const ALONE: Authority = Authority::SingleCustodian { request: [7; 32] };

#[test]
fn a_roster_ends_what_a_handle_alone_may_do() {
    let world = World::of_default_engine();
    let process = world.process();
    let domain = process.domain(DOMAIN).unwrap();
    let store = process.key_store();
    let keyset = || block_on(store.keyset(DOMAIN)).unwrap();

    domain.rotate().expect("the control");
    let by_custodians = block_on(store.changes(CUSTODIANS, 1).rotate(&keyset(), false));
    assert_kind(by_custodians, ErrorKind::Denied, "there are no custodians");
    assert_eq!(keyset().authority(), Authority::Handle);

    block_on(store.set_roster(0, b"ada and ben".to_vec())).unwrap();
    let before = keyset();
    assert_kind(domain.rotate(), ErrorKind::Denied, "rotate");
    assert_kind(domain.rewrap(), ErrorKind::Denied, "rewrap");
    assert_kind(block_on(store.add_version(&before)), ErrorKind::Denied, "add a version");
    assert_kind(block_on(store.set_primary(&before, 2)), ErrorKind::Denied, "the primary");
    let state = block_on(store.set_state(&before, 1, KeyState::Destroyed));
    assert_kind(state, ErrorKind::Denied, "destroy");
    let alone = block_on(store.changes(ALONE, 0).rotate(&before, false));
    assert_kind(alone, ErrorKind::Denied, "one custodian alone");
    assert_eq!(keyset(), before);
    domain.seal("as before", &phiseal_tests::world::what()).unwrap();

    let rotated = block_on(store.changes(CUSTODIANS, 1).rotate(&before, false)).unwrap();
    assert_eq!(rotated.authority(), CUSTODIANS);
    assert_eq!(rotated.revision(), before.revision() + 1);
    let again = block_on(store.changes(CUSTODIANS, 1).rotate(&before, false));
    assert_kind(again, ErrorKind::Conflict, "what was agreed to is done once");

    block_on(store.set_roster(1, b"ada and cleo".to_vec())).unwrap();
    let by_the_old = block_on(store.changes(CUSTODIANS, 1).rotate(&rotated, false));
    assert_kind(by_the_old, ErrorKind::Denied, "verified by another roster");
    assert_eq!(block_on(world.process().key_store().keyset(DOMAIN)).unwrap(), rotated);
}

#[test]
fn a_handle_alone_neither_shreds_a_person_nor_gives_the_store_s_key_to_other_keks() {
    let world = World::of_default_engine();
    let process = world.process();
    let domain = process.domain(DOMAIN).unwrap();
    let store = process.key_store();
    for person in ["ada", "ben", "cleo"] {
        domain.subject_or_create(person).unwrap();
    }
    let shreds = |person| domain.shred_subject(person).map(drop);
    let is_there = |person| {
        let tag = store.subject_tag(&block_on(store.keyset(DOMAIN)).unwrap(), person).unwrap();
        let keyset = block_on(store.keyset(DOMAIN)).unwrap();
        let record = block_on(store.find_subject(&keyset, tag)).unwrap().unwrap();
        (record.current().is_ok(), tag)
    };
    shreds("ada").expect("the control: there is no roster");
    block_on(store.rewrap_store_key()).expect("the control");
    block_on(store.set_roster(0, b"ada and ben".to_vec())).unwrap();
    assert_kind(shreds("ben"), ErrorKind::Denied, "shred");
    assert_kind(block_on(store.rewrap_store_key()), ErrorKind::Denied, "the store's key");
    let alone = store.changes(ALONE, 0);
    let (_, tag) = is_there("ben");
    let keyset = block_on(store.keyset(DOMAIN)).unwrap();
    assert_kind(block_on(alone.shred_subject(&keyset, tag)), ErrorKind::Denied, "one alone");
    assert_kind(block_on(alone.rewrap_store_key()), ErrorKind::Denied, "one alone");
    assert!(is_there("ben").0);
    // What applications do every day.
    domain.subject_or_create("dan").unwrap();
    domain.renew_subject("cleo", phiseal::Renewal::Routine).unwrap();

    let by_custodians = store.changes(CUSTODIANS, 1);
    block_on(by_custodians.shred_subject(&keyset, tag)).expect("the control");
    block_on(by_custodians.rewrap_store_key()).expect("the control");
    assert!(!is_there("ben").0);
}

/// Whoever can write the store, and has no key of it, takes the record of the roster away.
#[test]
fn a_roster_that_is_gone_does_not_give_the_keys_back_to_whoever_holds_a_handle() {
    let world = World::of_default_engine();
    let process = world.process();
    let store = process.key_store();
    process.domain(DOMAIN).unwrap().ready().unwrap();
    process.domain("clinic/staff").unwrap().ready().unwrap();
    block_on(store.set_roster(0, b"ada and ben".to_vec())).unwrap();
    let keyset = block_on(store.keyset(DOMAIN)).unwrap();
    let rotated = block_on(store.changes(CUSTODIANS, 1).rotate(&keyset, false)).unwrap();

    world.store.remove(phiseal_keys::RecordKind::Roster, b"roster");
    let fresh = world.process();
    let domain = fresh.domain(DOMAIN).unwrap();
    let store = fresh.key_store();
    assert_kind(domain.rotate(), ErrorKind::Tampered, "rotate");
    assert_kind(domain.rewrap(), ErrorKind::Tampered, "rewrap");
    let state = block_on(store.set_state(&rotated, 1, KeyState::Deactivated));
    assert_kind(state, ErrorKind::Tampered, "retire");
    let alone = block_on(store.changes(ALONE, 0).rotate(&rotated, false));
    assert_kind(alone, ErrorKind::Tampered, "one custodian alone");
    assert_eq!(block_on(store.keyset(DOMAIN)).unwrap(), rotated);
    domain.seal("as before", &phiseal_tests::world::what()).unwrap();
    // The control, and the limit: keys that custodians never changed do not say that there were any.
    fresh.domain("clinic/staff").unwrap().rotate().unwrap();
}

#[test]
fn what_one_custodian_did_alone_stays_marked() {
    let world = World::of_default_engine();
    let process = world.process();
    let domain = process.domain(DOMAIN).unwrap();
    let store = process.key_store();
    let keyset = || block_on(store.keyset(DOMAIN)).unwrap();
    assert!(!keyset().was_single());
    block_on(store.changes(ALONE, 0).rotate(&keyset(), true)).unwrap();
    assert_eq!((keyset().authority(), keyset().was_single()), (ALONE, true));
    assert_eq!(keyset().version(1).unwrap().state(), KeyState::Compromised);
    domain.rotate().unwrap();
    assert_eq!((keyset().authority(), keyset().was_single()), (Authority::Handle, true));
}

#[test]
fn how_far_an_act_has_come_is_written_by_one_at_a_time() {
    let world = World::of_default_engine();
    let process = world.process();
    let store = process.key_store();
    assert!(block_on(store.run(b"act")).unwrap().is_none());
    block_on(store.set_run(b"act", 0, b"begun".to_vec())).unwrap();
    let other = world.process();
    block_on(other.key_store().set_run(b"act", 1, b"half".to_vec())).unwrap();
    let late = block_on(store.set_run(b"act", 1, b"done".to_vec()));
    assert_kind(late, ErrorKind::Conflict, "somebody else was quicker");
    let record = block_on(store.run(b"act")).unwrap().unwrap();
    assert_eq!((record.revision, &record.bytes[..]), (2, &b"half"[..]));
    assert_eq!(block_on(store.runs(None, 10)).unwrap(), [b"act".to_vec()]);
}
