//! Records of persons and of usage, changed.

use crate::{MAC, assert_kind};
use phiseal::ErrorKind;
use phiseal::blocking::{Domain, Phiseal};
use phiseal_format::SubjectTag;
use phiseal_keys::{FullKeyId, Record, RecordKind, SubjectState};
use phiseal_tests::editable::Listing;
use phiseal_tests::world::{DOMAIN, World, what};
use pollster::block_on;

const SUBJECT: RecordKind = RecordKind::Subject;
const USAGE: RecordKind = RecordKind::Usage;

/// Of the record of a person with one key: where that begins, and how long all of it is but the MAC.
const KEY: usize = 3;
const BODY: usize = KEY + 4 + 1 + 32 + 4 + 8 + (1 + 8) + 1 + 72 + 1;

struct People {
    world: World,
    process: Phiseal,
    domain: Domain,
    ada: SubjectTag,
    bob: SubjectTag,
}

impl People {
    fn new() -> Self {
        let world = World::of_default_engine();
        let process = world.process();
        let domain = process.domain(DOMAIN).unwrap();
        for person in ["ada", "bob"] {
            let subject = domain.subject_or_create(person).unwrap();
            subject.seal(person, &what()).unwrap();
        }
        let keyset = domain.keyset().unwrap();
        let tag = |person| process.key_store().subject_tag(&keyset, person).unwrap();
        let (ada, bob) = (tag("ada"), tag("bob"));
        Self { world, process, domain, ada, bob }
    }

    fn id(&self, tag: SubjectTag) -> Vec<u8> {
        let domain = self.domain.keyset().unwrap().domain();
        [&domain.as_bytes()[..], tag.as_bytes()].concat()
    }

    fn find(&self, tag: SubjectTag) -> Result<Option<SubjectState>, phiseal::Error> {
        let keyset = self.domain.keyset()?;
        let found = block_on(self.process.key_store().find_subject(&keyset, tag))?;
        Ok(found.map(|record| record.state().clone()))
    }
}

#[test]
fn every_byte_of_a_person_s_record_is_authenticated() {
    let people = People::new();
    let id = people.id(people.ada);
    let honest = people.world.store.row(SUBJECT, &id);
    let mut refused = 0;
    for at in 0..honest.bytes.len() {
        for bit in [0x01, 0x80, 0xff] {
            let mut bytes = honest.bytes.clone();
            bytes[at] ^= bit;
            people.world.store.put_bytes(SUBJECT, &id, bytes);
            assert_kind(people.find(people.ada), ErrorKind::Tampered, "a flipped byte");
            let fresh = people.world.process().domain(DOMAIN).unwrap();
            if at % 16 == 0 {
                assert_kind(fresh.subject("ada"), ErrorKind::Tampered, "in a new process");
                assert_kind(
                    fresh.subject_or_create("ada"),
                    ErrorKind::Tampered,
                    "in a new process",
                );
                assert_kind(fresh.shred_subject("ada"), ErrorKind::Tampered, "in a new process");
            }
            refused += 1;
        }
    }
    assert_eq!(refused, 3 * (BODY + MAC));
    people.world.store.put(SUBJECT, &id, honest);
    assert!(people.find(people.ada).unwrap().is_some(), "the control");
}

#[test]
fn persons_records_swapped_rolled_back_or_gone_are_refused() {
    let people = People::new();
    let store = &people.world.store;
    let (ada, bob) = (people.id(people.ada), people.id(people.bob));
    let (row_of_ada, row_of_bob) = (store.row(SUBJECT, &ada), store.row(SUBJECT, &bob));
    store.put(SUBJECT, &ada, row_of_bob.clone());
    assert_kind(people.find(people.ada), ErrorKind::Tampered, "another person's row");
    store.put(SUBJECT, &ada, row_of_ada.clone());

    people.domain.shred_subject("ada").unwrap();
    let shredded = store.row(SUBJECT, &ada);
    store.put(SUBJECT, &ada, row_of_ada.clone());
    assert_kind(people.find(people.ada), ErrorKind::Tampered, "a shredded person is back");
    assert_kind(people.domain.subject("ada"), ErrorKind::Tampered, "a shredded person is back");
    let renumbered = Record { revision: shredded.revision, bytes: row_of_ada.bytes };
    store.put(SUBJECT, &ada, renumbered);
    assert_kind(people.find(people.ada), ErrorKind::Tampered, "a shredded person is back");
    store.remove(SUBJECT, &ada);
    assert_kind(people.find(people.ada), ErrorKind::Tampered, "the row is gone");
    assert_kind(people.domain.subject_or_create("ada"), ErrorKind::Tampered, "the row is gone");
    store.put(SUBJECT, &ada, shredded);
    assert_kind(people.domain.subject("ada"), ErrorKind::State, "the control: shredded");
    assert!(people.domain.subject("bob").is_ok(), "the control: another person");
}

#[test]
fn persons_who_are_listed_out_of_order_or_twice_are_refused() {
    let people = People::new();
    let keyset = people.domain.keyset().unwrap();
    let under = || block_on(people.process.key_store().subjects_under(&keyset, 1));
    for listing in [Listing::Backwards, Listing::Twice] {
        people.world.store.list(listing);
        assert_kind(under(), ErrorKind::Tampered, &format!("{listing:?}"));
        let rewrapped = people.domain.rewrap_subjects();
        assert_kind(rewrapped, ErrorKind::Tampered, &format!("{listing:?}"));
    }
    people.world.store.list(Listing::Right);
    assert_eq!(under().unwrap(), 2, "the control");
    assert_eq!(people.domain.rewrap_subjects().unwrap().current, 2, "the control");
}

/// With the key that the KEK guards, the parser and the wrap are reached.
#[test]
fn a_person_s_record_control() {
    let people = People::new();
    let row = people.id(people.ada);
    let honest = people.world.store.row(SUBJECT, &row);
    let body = &honest.bytes[..honest.bytes.len() - MAC];
    let as_edited = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut body = body.to_vec();
        edit(&mut body);
        let bytes = people.world.authenticated(SUBJECT, &row, honest.revision, &body);
        people.world.store.put_bytes(SUBJECT, &row, bytes);
        people.world.process().domain(DOMAIN).unwrap().subject("ada").map(drop)
    };
    assert!(as_edited(&|_| ()).is_ok());
    let (id, version, made, wrapped_by) = (KEY + 5, KEY + 37, KEY + 41, KEY + 49);
    let (suite, wrap) = (KEY + 58, KEY + 59);
    assert_eq!((body.len(), body[version + 3], body[suite]), (BODY, 1, 2), "the control");
    assert!(as_edited(&|body| body[made] ^= 1).is_ok(), "when it was made");
    assert!(as_edited(&|body| body[KEY + 3] = 2).is_ok(), "the second key");
    for (at, byte, what) in [
        (0, 2, "format version"),
        (1, 9, "state"),
        (2, 0, "no key"),
        (2, 2, "two keys"),
        (KEY + 3, 0, "number"),
        (KEY + 4, 2, "retired, though it is the last"),
        (version + 3, 7, "a version that never wrapped it"),
        (wrapped_by, 2, "two ranges"),
        (wrapped_by + 4, 0, "a version 0"),
        (suite, 9, "suite of the wrap"),
        (BODY - 1, 1, "a dropped key"),
    ] {
        assert_kind(as_edited(&|body| body[at] = byte), ErrorKind::Malformed, what);
    }
    let absent = |body: &mut Vec<u8>| {
        body[version + 3] = 7;
        body[wrapped_by + 8] = 7;
    };
    assert_kind(as_edited(&absent), ErrorKind::State, "a version that is not there");
    for at in [id, id + 31, wrap, wrap + 24, wrap + 71] {
        assert_kind(as_edited(&|body| body[at] ^= 1), ErrorKind::Unauthenticated, "key id or wrap");
    }
    assert_kind(as_edited(&|body| body.push(0)), ErrorKind::Malformed, "trailing");
}

#[test]
fn counts_of_usage_changed_rolled_back_or_gone_are_refused() {
    let world = World::of_default_engine();
    let process = world.process_with(|options| options.max_uses = 1 << 26);
    let domain = process.domain(DOMAIN).unwrap();
    domain.seal("one", &what()).unwrap();
    let (id, first) = world.store.only(USAGE);
    let key_id = FullKeyId::from_bytes(id.clone().try_into().unwrap());
    let uses = || block_on(process.key_store().uses(&key_id));
    let reserve = || block_on(process.key_store().reserve_uses(&key_id, 1, 1 << 26));
    let at_first = uses().unwrap();
    assert_eq!(reserve().unwrap(), 1);
    assert_eq!(uses().unwrap(), at_first + 1);
    let honest = world.store.row(USAGE, &id);

    for at in 0..honest.bytes.len() {
        for bit in [0x01, 0x80, 0xff] {
            let mut bytes = honest.bytes.clone();
            bytes[at] ^= bit;
            world.store.put_bytes(USAGE, &id, bytes);
            assert_kind(uses(), ErrorKind::Tampered, "a flipped byte");
            assert_kind(reserve(), ErrorKind::Tampered, "a flipped byte");
        }
    }
    assert_eq!(honest.bytes.len(), 8 + MAC);
    world.store.put(USAGE, &id, first);
    assert_kind(uses(), ErrorKind::Tampered, "an older count");
    assert_kind(reserve(), ErrorKind::Tampered, "an older count");
    world.store.remove(USAGE, &id);
    assert_kind(uses(), ErrorKind::Tampered, "no count");
    assert_kind(reserve(), ErrorKind::Tampered, "no count");

    // The control: the honest row, and one that whoever has the store's key makes.
    world.store.put(USAGE, &id, honest.clone());
    assert_eq!(uses().unwrap(), at_first + 1);
    let forged = world.authenticated(USAGE, &id, honest.revision, &7_u64.to_be_bytes());
    world.store.put_bytes(USAGE, &id, forged);
    let uses = || block_on(world.process().key_store().uses(&key_id));
    assert_eq!(uses().unwrap(), 7);
    for body in [&[0; 7][..], &[0; 9], &[]] {
        let bytes = world.authenticated(USAGE, &id, honest.revision, body);
        world.store.put_bytes(USAGE, &id, bytes);
        assert_kind(uses(), ErrorKind::Malformed, "a count of another length");
    }
}

/// A row of one kind is no row of another, whatever its id.
#[test]
fn a_row_of_another_kind_is_refused() {
    let people = People::new();
    let store = &people.world.store;
    let rows = store.rows();
    let mut tried = 0;
    for ((from, id), record) in rows.iter().filter(|((kind, _), _)| *kind != RecordKind::StoreKey) {
        for kind in [RecordKind::Keyset, SUBJECT, USAGE].into_iter().filter(|kind| kind != from) {
            let target = rows.keys().find(|(of, _)| *of == kind).unwrap().1.clone();
            for id in [id.clone(), target] {
                store.put(kind, &id, record.clone());
                let fresh = people.world.process();
                let keyset = people.domain.keyset().unwrap();
                let outcome = match kind {
                    RecordKind::Keyset => fresh.domains().map(drop),
                    RecordKind::Subject => {
                        let tag = SubjectTag::try_from(id.get(16..32).unwrap_or(&[0; 16])).unwrap();
                        store.put(kind, &people.id(tag), record.clone());
                        block_on(fresh.key_store().find_subject(&keyset, tag)).map(drop)
                    }
                    _ => {
                        let key = FullKeyId::from_bytes(id.clone().try_into().unwrap_or([0; 32]));
                        store.put(kind, key.as_bytes(), record.clone());
                        block_on(fresh.key_store().uses(&key)).map(drop)
                    }
                };
                assert_kind(outcome, ErrorKind::Tampered, "a row of another kind");
                tried += 1;
                for row in store.rows().into_keys() {
                    store.remove(row.0, &row.1);
                }
                rows.iter().for_each(|((kind, id), record)| store.put(*kind, id, record.clone()));
            }
        }
    }
    // Four rows of those kinds, each as the two others; the one of the taken id as all three.
    assert_eq!(tried, 4 * 2 * 2 + 3 * 2);
    assert!(people.world.process().domains().is_ok(), "the control");
}
