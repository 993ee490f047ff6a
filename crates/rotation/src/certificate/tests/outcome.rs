//! Whether an act is finished, and what it is evidence for, follows from the facts.

use super::super::*;
use super::facts::*;
use crate::Class;
use phiseal_keys::KeyState;

const ENCRYPTION: &str = "45 CFR 164.312(a)(2)(iv)";
const AUDIT: &str = "45 CFR 164.312(b)";
const INTEGRITY: &str = "45 CFR 164.312(c)(1)";
const TRANSMISSION: &str = "45 CFR 164.312(e)(2)(ii)";
const DOCUMENTATION: &str = "45 CFR 164.316(b)(1)-(2)";
const OPERATIONAL: &str = "NIST SP 800-57 part 1, 8.2";
const POST_OPERATIONAL: &str = "NIST SP 800-57 part 1, 8.3";
const ERASE: &str = "NIST SP 800-88";

fn cited(certificate: &Certificate) -> Vec<String> {
    certificate.evidence().into_iter().map(|evidence| evidence.citation).collect()
}

#[test]
fn a_rotation_is_finished_when_nothing_is_left() {
    let rotation = rotation();
    assert_eq!((rotation.status(), rotation.remains()), (Status::Finished, vec![]));
    assert_eq!(
        cited(&rotation),
        [ENCRYPTION, AUDIT, INTEGRITY, TRANSMISSION, DOCUMENTATION, OPERATIONAL]
    );
    for class in [
        Class::PersonOlder,
        Class::PersonDropped,
        Class::Older(2),
        Class::Newer(9),
        Class::Closed(1),
        Class::Foreign,
        Class::Plaintext,
        Class::Damaged,
    ] {
        let mut left = rotation.clone();
        let counts: [(&str, &[(Class, u64)]); 1] = [("ssn", &[(Class::Current, 5), (class, 1)])];
        left.counts.after = vec![counted(BEGAN, 3, &counts)];
        let expected = Remains::Values {
            table: "patients".to_owned(),
            column: "ssn".to_owned(),
            values: (class, 1),
        };
        assert_eq!((left.status(), left.remains()), (Status::NotFinished, vec![expected]));
        assert_eq!(cited(&left), [AUDIT, DOCUMENTATION], "{class}");
    }
    // What belongs to another domain is not this act's.
    let mut other = rotation.clone();
    let counts: [(&str, &[(Class, u64)]); 1] = [("ssn", &[(Class::Older(1), 5)])];
    other.counts.after = vec![counted(BEGAN, 3, &counts)];
    other.domain_id = DomainId::from_bytes([0xd2; 16]);
    assert_eq!(other.remains(), [Remains::NoCount {}]);
    assert_eq!(cited(&other), [AUDIT, DOCUMENTATION], "nothing of the domain was counted");
}

#[test]
fn a_rotation_needs_a_new_primary_and_a_count_of_every_table() {
    type Change = fn(&mut Certificate);
    let changes: [(&str, Change, Remains); 7] = [
        ("no count", |it| it.counts.after.clear(), Remains::NoCount {}),
        ("the same primary", |it| it.keys.primary_before = 3, Remains::SamePrimary { version: 3 }),
        (
            "a primary that is not active",
            |it| it.keys.versions[1].state_after = KeyState::Suspended,
            Remains::State { version: 3, state: Some(KeyState::Suspended) },
        ),
        (
            "a compromised version that is not marked",
            |it| it.operation = Operation::Rotate { compromised: true },
            Remains::State { version: 2, state: Some(KeyState::Deactivated) },
        ),
        (
            "the count of before once more",
            |it| it.counts.after = it.counts.before.clone(),
            Remains::CountIsOld { table: "patients".to_owned() },
        ),
        (
            "a count from before the act",
            |it| it.times.began += 501,
            Remains::CountIsOld { table: "patients".to_owned() },
        ),
        (
            "a table that was not counted again",
            |it| {
                let mut census = it.counts.before[0].census().clone();
                census.table = "visits".to_owned();
                it.counts.before.push(Counted::new(census, engine()));
            },
            Remains::TableNotCounted { table: "visits".to_owned() },
        ),
    ];
    for (what, change, expected) in changes {
        let mut changed = rotation();
        change(&mut changed);
        assert!(changed.remains().contains(&expected), "{what}: {:?}", changed.remains());
        assert_eq!(changed.status(), Status::NotFinished, "{what}");
    }
    let mut compromised = rotation();
    compromised.operation = Operation::Rotate { compromised: true };
    compromised.keys.versions[0].state_after = KeyState::Compromised;
    assert_eq!(compromised.status(), Status::Finished, "the control");
}

#[test]
fn a_version_is_destroyed_when_nothing_needs_it_and_final_when_no_copy_is_left() {
    let pending = destruction();
    assert_eq!((pending.status(), pending.remains()), (Status::ErasurePending, vec![]));
    assert_eq!(
        cited(&pending),
        [ENCRYPTION, AUDIT, INTEGRITY, DOCUMENTATION],
        "no finished erasure"
    );
    let mut done = pending.clone();
    done.erasure = Erasure::Final { grounds: vec![Ground::WrappingKeysDestroyed] };
    assert_eq!(done.status(), Status::Finished);
    assert_eq!(
        cited(&done),
        [ENCRYPTION, AUDIT, INTEGRITY, DOCUMENTATION, POST_OPERATIONAL, ERASE]
    );

    let mut wrapped = done.clone();
    wrapped.keys.versions[0].wraps_after = wrapped.keys.versions[0].wraps_before.clone();
    assert_eq!(wrapped.remains(), [Remains::Wraps { version: 2 }]);
    assert_eq!(cited(&wrapped), [AUDIT, DOCUMENTATION]);
    let mut there = done.clone();
    there.keys.versions[0].state_after = KeyState::Deactivated;
    assert_eq!(
        there.remains(),
        [Remains::State { version: 2, state: Some(KeyState::Deactivated) }]
    );
    for (class, is_in_the_way) in [
        (Class::Older(2), true),
        (Class::Closed(2), true),
        (Class::Damaged, true),
        (Class::Older(1), false),
        (Class::Plaintext, false),
    ] {
        let mut needed = done.clone();
        let counts: [(&str, &[(Class, u64)]); 1] = [("ssn", &[(Class::Current, 5), (class, 1)])];
        needed.counts.before = vec![counted(BEGAN, 3, &counts)];
        assert_eq!(needed.status() == Status::NotFinished, is_in_the_way, "{class}");
    }
    let mut uncounted = done;
    uncounted.counts = Counts::default();
    assert_eq!(uncounted.remains(), [Remains::NoCount {}]);
}

#[test]
fn a_version_is_retired_when_it_is_out_of_use_and_nothing_needs_it() {
    let mut retired = rotation();
    retired.operation = Operation::Retire { version: 2 };
    assert_eq!(retired.status(), Status::Finished);
    assert!(cited(&retired).contains(&POST_OPERATIONAL.to_owned()));
    assert!(!cited(&retired).contains(&OPERATIONAL.to_owned()));
    let mut active = retired.clone();
    active.keys.versions[0].state_after = KeyState::Active;
    assert_eq!(active.status(), Status::NotFinished);
    retired.counts.after.clear();
    assert_eq!(
        retired.remains(),
        [Remains::NoCount {}, Remains::TableNotCounted { table: "patients".to_owned() }]
    );
}

#[test]
fn a_person_is_shredded_when_the_store_says_so() {
    let mut shredding = shredding();
    assert_eq!(shredding.status(), Status::Finished);
    assert_eq!(cited(&shredding), [AUDIT, DOCUMENTATION, POST_OPERATIONAL, ERASE]);
    shredding.erasure = Erasure::Pending { reasons: vec![Reason::WriteAheadLog] };
    assert_eq!(shredding.status(), Status::ErasurePending);
    assert_eq!(cited(&shredding), [AUDIT, DOCUMENTATION]);
    let Operation::Shred { shredded, .. } = &mut shredding.operation else { unreachable!() };
    *shredded = false;
    assert_eq!(shredding.remains(), [Remains::Person {}]);
    shredding.log = None;
    assert_eq!(cited(&shredding), [DOCUMENTATION]);
}
