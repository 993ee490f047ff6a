//! Lists of persons: who has which keys.

use crate::{domain, kind, set_state};
use phiseal::blocking::Phiseal;
use phiseal::{ErrorKind, KeyState, Renewal, SubjectKeyState, SubjectsWith};
use phiseal_format::SubjectTag;
use phiseal_keys::RecordKind;
use phiseal_tests::world::{DOMAIN, World};
use pollster::block_on;
use std::collections::BTreeSet;

/// All pages, each of at most `limit`.
fn listed(process: &Phiseal, with: SubjectsWith, limit: usize) -> Vec<SubjectTag> {
    let keyset = block_on(process.key_store().keyset(DOMAIN)).unwrap();
    let (mut tags, mut after) = (Vec::new(), None);
    loop {
        let listed = process.key_store().list_subjects(&keyset, with, after, limit);
        let page = block_on(listed).unwrap();
        assert!(page.tags.len() <= limit);
        assert_eq!(page.after.is_some(), page.tags.len() == limit);
        tags.extend(page.tags);
        match page.after {
            Some(last) => after = Some(last),
            None => return tags,
        }
    }
}

#[test]
fn persons_are_listed_by_their_keys_in_pages_of_any_length() {
    const PERSONS: usize = 300;
    let world = World::of_default_engine();
    let custodian = world.process();
    let here = custodian.domain(DOMAIN).unwrap();
    let name = |number: usize| format!("person {number}");
    // A domain before and one after it in the store, which have persons too.
    for other in ["a", "z"] {
        let other = custodian.domain(other).unwrap();
        (0..20).for_each(|number| drop(other.subject_or_create(&name(number)).unwrap()));
    }
    (0..100).for_each(|number| drop(here.subject_or_create(&name(number)).unwrap()));
    here.rotate().unwrap();
    (100..PERSONS).for_each(|number| drop(here.subject_or_create(&name(number)).unwrap()));
    // Those before 50 are under the second version by now, the others of the first hundred are not.
    let keyset = here.keyset().unwrap();
    let tag = |number: usize| custodian.key_store().subject_tag(&keyset, &name(number)).unwrap();
    here.rewrap_subjects().unwrap();
    here.rotate().unwrap();
    (0..30).for_each(|number| here.renew_subject(&name(number), Renewal::Routine).unwrap());
    (30..40).for_each(|number| here.renew_subject(&name(number), Renewal::Compromised).unwrap());
    for number in 95..105 {
        here.shred_subject(&name(number)).unwrap();
    }
    let tags = |numbers: &mut dyn Iterator<Item = usize>| -> Vec<SubjectTag> {
        numbers.map(tag).collect::<BTreeSet<_>>().into_iter().collect()
    };
    for (with, expected) in [
        (SubjectsWith::KeyUnder(1), tags(&mut (0..0))),
        (SubjectsWith::KeyUnder(2), tags(&mut (0..95).chain(105..PERSONS))),
        (SubjectsWith::KeyUnder(3), tags(&mut (0..40))),
        (SubjectsWith::KeyEverUnder(1), tags(&mut (0..95))),
        (SubjectsWith::CurrentKeyEverUnder(1), tags(&mut (40..95))),
        (SubjectsWith::CurrentKeyEverUnder(3), tags(&mut (0..40))),
        (SubjectsWith::KeyEverUnder(4), tags(&mut (0..0))),
        (SubjectsWith::KeyIn(SubjectKeyState::Active), tags(&mut (0..95).chain(105..PERSONS))),
        (SubjectsWith::KeyIn(SubjectKeyState::Retired), tags(&mut (0..30))),
        (SubjectsWith::KeyIn(SubjectKeyState::Compromised), tags(&mut (30..40))),
    ] {
        for limit in [1, 7, 95, 256, 1_000] {
            assert_eq!(listed(&custodian, with, limit), expected, "{with:?} by {limit}");
            assert_eq!(listed(&world.process(), with, limit), expected, "in a new process");
        }
    }
    let none = custodian.key_store().list_subjects(&keyset, SubjectsWith::KeyUnder(1), None, 0);
    assert_eq!(kind(block_on(none)), Some(ErrorKind::Invalid));
}

/// A list that goes on in the middle does not pass over somebody who is known to be there.
#[test]
fn a_person_who_was_seen_cannot_be_left_out_of_any_page() {
    let world = World::of_default_engine();
    let custodian = world.process();
    let here = custodian.domain(DOMAIN).unwrap();
    (0..10).for_each(|number| drop(here.subject_or_create(&number.to_string()).unwrap()));
    let (keyset, with) = (here.keyset().unwrap(), SubjectsWith::KeyUnder(1));
    let tags = listed(&custodian, with, 3);
    assert_eq!(tags.len(), 10);
    let page = |after: usize, limit: usize| {
        let store = custodian.key_store();
        let listed = store.list_subjects(&keyset, with, Some(tags[after]), limit);
        block_on(listed).map(|page| page.tags.len()).map_err(|error| error.kind())
    };
    for (missing, tag) in tags.iter().enumerate() {
        let id = [&keyset.domain().as_bytes()[..], tag.as_bytes()].concat();
        let row = world.store.row(RecordKind::Subject, &id);
        world.store.remove(RecordKind::Subject, &id);
        for after in 0..8 {
            // Only what is to come is looked at.
            let expected = if missing > after { Err(ErrorKind::Tampered) } else { Ok(9 - after) };
            assert_eq!(page(after, 100), expected, "{missing} is gone, after {after}");
            // A page that ends before the list does: all was read that comes before the last one.
            let expected = if missing == 9 { Ok(1) } else { expected.map(|_| 1) };
            assert_eq!(page(after, 1), expected, "{missing} is gone, one after {after}");
        }
        world.store.put(RecordKind::Subject, &id, row);
    }
    assert_eq!((page(0, 100), page(0, 1)), (Ok(9), Ok(1)), "the control");
}

/// Once a compromised version is destroyed, what it wrapped is still known by its number.
#[test]
fn who_was_exposed_by_a_version_that_is_gone_is_still_listed() {
    let world = World::of_default_engine();
    let here = domain(&world);
    here.subject_or_create("ada").unwrap();
    here.rotate().unwrap();
    here.subject_or_create("bob").unwrap();
    set_state(&world, 1, KeyState::Compromised).unwrap();
    let custodian = world.process();
    let here = custodian.domain(DOMAIN).unwrap();
    assert_eq!(here.renew_subjects(&[1], Renewal::Compromised).unwrap().renewed, 1);
    here.rewrap_subjects().unwrap();
    set_state(&world, 1, KeyState::Destroyed).unwrap();
    assert_eq!(listed(&custodian, SubjectsWith::KeyEverUnder(1), 10).len(), 1);
    assert_eq!(listed(&custodian, SubjectsWith::CurrentKeyEverUnder(1), 10).len(), 0);
}
