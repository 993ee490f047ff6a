//! Stored keysets, changed.

use crate::fields::{field, fields};
use crate::{MAC, OTHER, Rotated, assert_kind, open_in};
use phiseal::{Error, ErrorKind, KeyState, Phi};
use phiseal_keys::{Record, RecordKind};
use phiseal_tests::editable::Listing;
use phiseal_tests::world::{DOMAIN, World, what};
use pollster::block_on;
use std::time::Duration;

const KEYSET: RecordKind = RecordKind::Keyset;

/// An edit that somebody might like, and what a reader would say of it if it had a valid MAC.
struct Edit {
    what: &'static str,
    body: Vec<u8>,
    with_mac: Result<(), ErrorKind>,
}

/// Edits with a purpose, as an attacker would make them.
fn edits(rotated: &Rotated, body: &[u8]) -> Vec<Edit> {
    let world = &rotated.world;
    let at = |name: &str, version: u32| field(body, name, version);
    let with = |range: core::ops::Range<usize>, bytes: &[u8]| {
        let mut edited = body.to_vec();
        edited.splice(range, bytes.iter().copied());
        edited
    };
    let other = world.store.row(KEYSET, OTHER.as_bytes()).bytes;
    let other = &other[..other.len() - MAC];
    let mut edits = Vec::new();
    let mut edit = |what, body, with_mac| edits.push(Edit { what, body, with_mac });

    let revived = with(at("state", 1), &[KeyState::Active.to_byte()]);
    edit("a deactivated version is active again", revived.clone(), Ok(()));
    let mut back = revived;
    back.splice(at("primary", 0), 1_u32.to_be_bytes());
    back.splice(at("replaced", 1), [0; 8]);
    back.splice(at("replaced", 2), [1; 8]);
    edit("the primary is the revived version", back, Ok(()));
    edit(
        "the primary is one that cannot be one",
        with(at("primary", 0), &1_u32.to_be_bytes()),
        Err(ErrorKind::Malformed),
    );
    edit(
        "the primary is a version that is not in use yet",
        with(at("primary", 0), &3_u32.to_be_bytes()),
        Err(ErrorKind::Malformed),
    );
    edit(
        "the primary is a version that does not exist",
        with(at("primary", 0), &9_u32.to_be_bytes()),
        Err(ErrorKind::Malformed),
    );
    edit(
        "the primary is said to be replaced",
        with(at("replaced", 2), &[1; 8]),
        Err(ErrorKind::Malformed),
    );
    edit(
        "a version was replaced long ago",
        with(at("replaced", 1), &[0, 0, 0, 0, 0, 0, 0, 1]),
        Ok(()),
    );
    edit("custodians agreed", with(at("authority", 0), &[&[2][..], &[7; 32]].concat()), Ok(()));
    edit(
        "one custodian did it, unmarked",
        with(at("authority", 0), &[1]),
        Err(ErrorKind::Malformed),
    );
    edit("a version was made at another time", with(at("created", 1), &[0; 8]), Ok(()));
    edit(
        "the domain is another one",
        with(at("domain", 0), &other[field(other, "domain", 0)]),
        Err(ErrorKind::Unauthenticated),
    );
    edit(
        "the environment is another one",
        with(at("environment", 0), &[7; 16]),
        Err(ErrorKind::Tampered),
    );
    edit(
        "the name is another one",
        with(at("name", 0), b"clinic/patientz"),
        Err(ErrorKind::Tampered),
    );
    let revision = u64::from_be_bytes(body[at("revision", 0)].try_into().unwrap());
    edit(
        "the revision is a later one",
        with(at("revision", 0), &(revision + 1).to_be_bytes()),
        Err(ErrorKind::Tampered),
    );
    let ids = [body[at("key id", 1)].to_vec(), body[at("key id", 2)].to_vec()];
    let mut swapped = with(at("key id", 1), &ids[1]);
    swapped.splice(at("key id", 2), ids[0].iter().copied());
    edit("two versions have each other's key ids", swapped, Err(ErrorKind::Unauthenticated));
    edit("two versions have one key id", with(at("key id", 1), &ids[1]), Err(ErrorKind::Malformed));
    let of_other = other[field(other, "wrapped key", 1)].to_vec();
    edit(
        "a wrapped key is another domain's",
        with(at("wrapped key", 2), &of_other),
        Err(ErrorKind::Unauthenticated),
    );
    let of_first = body[at("wrapped key", 1)].to_vec();
    edit(
        "a wrapped key is an earlier version's",
        with(at("wrapped key", 2), &of_first),
        Err(ErrorKind::Unauthenticated),
    );
    edit("a version has number zero", with(at("number", 1), &[0; 4]), Err(ErrorKind::Malformed));
    edit(
        "versions are not in order",
        with(at("number", 1), &[0, 0, 0, 8]),
        Err(ErrorKind::Malformed),
    );
    edit("a state is none", with(at("state", 1), &[0]), Err(ErrorKind::Malformed));
    edit(
        "a destroyed version still has a wrap",
        with(at("state", 1), &[KeyState::Destroyed.to_byte()]),
        Err(ErrorKind::Malformed),
    );
    edits
}

/// What a process that has just started meets.
fn as_a_new_process(rotated: &Rotated) -> Result<(), Error> {
    let process = rotated.world.process();
    let domain = process.domain(DOMAIN)?;
    let sealed = domain.seal("third", &what())?;
    let _: Phi<String> = domain.open(&sealed, &what())?;
    let _: Phi<String> = domain.open(&rotated.new, &what())?;
    Ok(())
}

fn with_another_domain() -> Rotated {
    let rotated = Rotated::new();
    rotated.world.process().domain(OTHER).unwrap();
    as_a_new_process(&rotated).unwrap();
    assert_eq!(open_in(&rotated.world.process(), &rotated.old).unwrap(), "first");
    rotated
}

#[test]
fn edits_of_a_keyset_are_refused_and_nothing_opens_or_seals_under_them() {
    let rotated = with_another_domain();
    let honest = rotated.world.store.row(KEYSET, DOMAIN.as_bytes());
    let (body, mac) = honest.bytes.split_at(honest.bytes.len() - MAC);
    let edits = edits(&rotated, body);
    for edit in &edits {
        assert_ne!(edit.body, body, "{}", edit.what);
        rotated.world.store.put(KEYSET, DOMAIN.as_bytes(), honest.clone());
        let warm = rotated.world.process();
        let domain = warm.domain(DOMAIN).unwrap();
        let cipher = domain.ready().unwrap();

        let bytes = [&edit.body, mac].concat();
        rotated.world.store.put_bytes(KEYSET, DOMAIN.as_bytes(), bytes);
        assert_kind(as_a_new_process(&rotated), ErrorKind::Tampered, edit.what);
        assert_kind(
            open_in(&rotated.world.process(), &rotated.old),
            ErrorKind::Tampered,
            edit.what,
        );

        // A process whose keys are warm notices at its next look, and then nothing of what it holds works.
        rotated.world.clock.advance(Duration::from_secs(599));
        assert_kind(domain.seal("third", &what()), ErrorKind::Tampered, edit.what);
        assert_kind(cipher.seal("third", &what()), ErrorKind::Stale, edit.what);
        assert_kind(cipher.open::<String>(&rotated.new, &what()), ErrorKind::Stale, edit.what);
        rotated.world.clock.advance(Duration::from_secs(1));
        assert_kind(domain.open::<String>(&rotated.new, &what()), ErrorKind::Tampered, edit.what);
    }
    assert_eq!(edits.len(), 22);
}

/// The positive control: with the key that the KEK guards, the same edits get as far as they can.
#[test]
fn edits_of_a_keyset_control() {
    let rotated = with_another_domain();
    let honest = rotated.world.store.row(KEYSET, DOMAIN.as_bytes());
    let body = &honest.bytes[..honest.bytes.len() - MAC];
    let mut accepted = 0;
    for edit in edits(&rotated, body) {
        let bytes =
            rotated.world.authenticated(KEYSET, DOMAIN.as_bytes(), honest.revision, &edit.body);
        rotated.world.store.put_bytes(KEYSET, DOMAIN.as_bytes(), bytes);
        match edit.with_mac {
            Ok(()) => {
                as_a_new_process(&rotated).unwrap_or_else(|error| panic!("{}: {error}", edit.what));
                accepted += 1;
            }
            Err(kind) => assert_kind(as_a_new_process(&rotated), kind, edit.what),
        }
        if edit.what == "the primary is the revived version" {
            let domain = rotated.world.process().domain(DOMAIN).unwrap();
            let sealed = domain.seal("third", &what()).unwrap();
            assert_eq!(sealed.key_id(), rotated.old.key_id(), "sealed under the revived key");
        }
    }
    assert_eq!(accepted, 5);
    let bytes = rotated.world.authenticated(KEYSET, DOMAIN.as_bytes(), honest.revision, body);
    assert_eq!(bytes, honest.bytes, "the control knows how a row is authenticated");
}

#[test]
fn every_field_changed_alone_is_refused() {
    let rotated = Rotated::new();
    let honest = rotated.world.store.row(KEYSET, DOMAIN.as_bytes());
    let body = &honest.bytes[..honest.bytes.len() - MAC];
    let process = rotated.world.process();
    let mut changed = 0;
    for field in fields(body) {
        for change in
            [|byte: u8| byte.wrapping_add(1), |byte: u8| byte.wrapping_sub(1), |_| 0, |_| 255]
        {
            let mut bytes = honest.bytes.clone();
            let last = field.range.end - 1;
            bytes[last] = change(bytes[last]);
            if bytes == honest.bytes {
                continue;
            }
            rotated.world.store.put_bytes(KEYSET, DOMAIN.as_bytes(), bytes);
            let outcome = block_on(process.key_store().keyset(DOMAIN));
            assert_kind(outcome, ErrorKind::Tampered, &format!("{field:?}"));
            changed += 1;
        }
    }
    assert!(changed >= 3 * fields(body).len(), "{changed}");
    assert_eq!(fields(body).len(), 10 + 3 * 15);
    rotated.world.store.put(KEYSET, DOMAIN.as_bytes(), honest);
    assert!(block_on(process.key_store().keyset(DOMAIN)).is_ok(), "the control");
}

#[test]
fn every_byte_flipped_cut_and_appended_is_refused() {
    let rotated = Rotated::new();
    let store = &rotated.world.store;
    let honest = store.row(KEYSET, DOMAIN.as_bytes());
    let process = rotated.world.process();
    let load = || block_on(process.key_store().keyset(DOMAIN));
    let mut refused = 0;
    let mut refuse = |bytes: Vec<u8>| {
        store.put_bytes(KEYSET, DOMAIN.as_bytes(), bytes);
        assert_kind(load(), ErrorKind::Tampered, "changed bytes");
        refused += 1;
    };
    for at in 0..honest.bytes.len() {
        for bit in [0x01, 0x80, 0xff, 1 << (at % 8)] {
            let mut bytes = honest.bytes.clone();
            bytes[at] ^= bit;
            refuse(bytes);
        }
        refuse(honest.bytes[..at].to_vec());
    }
    for more in 1..=64 {
        refuse([&honest.bytes[..], &vec![0; more]].concat());
    }
    assert_eq!(refused, honest.bytes.len() * 5 + 64);
    store.put(KEYSET, DOMAIN.as_bytes(), honest.clone());
    assert!(load().is_ok(), "the control");
    for revision in [0, 1, honest.revision - 1, honest.revision + 1, u64::MAX] {
        store.put(KEYSET, DOMAIN.as_bytes(), Record { revision, bytes: honest.bytes.clone() });
        assert_kind(load(), ErrorKind::Tampered, "another revision on the same bytes");
    }
}

#[test]
fn rows_of_two_domains_swapped_are_refused() {
    let rotated = with_another_domain();
    let store = &rotated.world.store;
    let rows = [DOMAIN, OTHER].map(|name| store.row(KEYSET, name.as_bytes()));
    store.put(KEYSET, DOMAIN.as_bytes(), rows[1].clone());
    store.put(KEYSET, OTHER.as_bytes(), rows[0].clone());
    let process = rotated.world.process();
    assert_kind(process.domain(DOMAIN), ErrorKind::Tampered, "swapped");
    assert_kind(process.domain(OTHER), ErrorKind::Tampered, "swapped");
    assert_kind(process.domains(), ErrorKind::Tampered, "swapped");
    for (name, row) in [DOMAIN, OTHER].iter().zip(rows) {
        store.put(KEYSET, name.as_bytes(), row);
    }
    assert_eq!(rotated.world.process().domains().unwrap(), [DOMAIN, OTHER], "the control");
}

/// Two stores under one KEK: the MAC keys differ, so a row of one is nothing in the other.
#[test]
fn a_row_of_another_store_is_refused() {
    let rotated = Rotated::new();
    let elsewhere = World {
        store: phiseal_tests::editable::EditableStore::default(),
        clock: rotated.world.clock.clone(),
        kek: rotated.world.kek.clone(),
        engine: rotated.world.engine,
    };
    elsewhere.process().domain(DOMAIN).unwrap();
    let row = elsewhere.store.row(KEYSET, DOMAIN.as_bytes());
    rotated.world.store.put(KEYSET, DOMAIN.as_bytes(), row);
    assert_kind(as_a_new_process(&rotated), ErrorKind::Tampered, "another store's row");
}

#[test]
fn an_older_row_and_a_missing_row_are_refused_by_whoever_saw_the_newer() {
    let world = World::of_default_engine();
    let process = world.process();
    let domain = process.domain(DOMAIN).unwrap();
    let older = world.store.row(KEYSET, DOMAIN.as_bytes());
    domain.rotate().unwrap();
    let newer = world.store.row(KEYSET, DOMAIN.as_bytes());
    assert!(older.revision < newer.revision);

    world.store.put(KEYSET, DOMAIN.as_bytes(), older.clone());
    let load = || block_on(process.key_store().keyset(DOMAIN));
    assert_kind(load(), ErrorKind::Tampered, "rolled back");
    assert_kind(domain.rewrap(), ErrorKind::Tampered, "rolled back");
    let renumbered = Record { revision: newer.revision, bytes: older.bytes.clone() };
    world.store.put(KEYSET, DOMAIN.as_bytes(), renumbered);
    assert_kind(load(), ErrorKind::Tampered, "rolled back under the newer number");
    world.store.remove(KEYSET, DOMAIN.as_bytes());
    assert_kind(load(), ErrorKind::Tampered, "deleted");
    assert_kind(
        block_on(process.key_store().create_keyset(DOMAIN)),
        ErrorKind::Tampered,
        "deleted",
    );
    world.store.put(KEYSET, DOMAIN.as_bytes(), newer);
    assert!(load().is_ok(), "the control");

    // What was never seen cannot be missed, but a process that makes nothing says so.
    world.store.remove(KEYSET, DOMAIN.as_bytes());
    let existing = world.open(world.builder().existing()).unwrap();
    assert_kind(existing.domain(DOMAIN), ErrorKind::NotFound, "deleted before the start");
}

/// The limit of the promise, and where it is written.
#[test]
fn a_new_process_cannot_tell_an_older_row_and_the_documentation_says_so() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let older = world.store.row(KEYSET, DOMAIN.as_bytes());
    domain.rotate().unwrap();
    world.store.put(KEYSET, DOMAIN.as_bytes(), older);
    assert!(world.process().domain(DOMAIN).is_ok());
    let text = include_str!("../../../crates/keys/src/key_store/mod.rs");
    let sentence = text.lines().filter_map(|line| line.trim().strip_prefix("///"));
    let words: Vec<_> = sentence.flat_map(str::split_whitespace).collect();
    assert!(
        words.join(" ").contains("Not noticed without a checkpoint kept elsewhere"),
        "the documentation of the key store no longer names this limit"
    );
}

#[test]
fn domains_that_are_listed_out_of_order_or_twice_are_refused() {
    let rotated = with_another_domain();
    let process = rotated.world.process();
    for listing in [Listing::Backwards, Listing::Twice] {
        rotated.world.store.list(listing);
        assert_kind(process.domains(), ErrorKind::Tampered, &format!("{listing:?}"));
    }
    rotated.world.store.list(Listing::Right);
    assert_eq!(process.domains().unwrap(), [DOMAIN, OTHER], "the control");
}
