//! Every operation on a version in every state.

use crate::{first, key_id, path_to, wrap};
use phiseal::{ErrorKind, KeyState, Keyset};
use phiseal_keys::KeyUse;

/// A keyset whose version 2 is in `state` and whose version 1 is the active primary.
fn with_second(state: KeyState) -> Keyset {
    let keyset = first().with_version(key_id(2), vec![wrap(2, 72)], 8).unwrap();
    path_to(state).iter().fold(keyset, |keyset, step| keyset.with_state(2, *step).unwrap())
}

fn kind<T>(outcome: Result<T, phiseal::Error>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}

#[test]
fn the_primary_can_become_what_was_made_or_is_active() {
    for (state, allowed) in KeyState::ALL.into_iter().zip([true, true, false, false, false, false])
    {
        let keyset = with_second(state);
        let outcome = keyset.with_primary(2, 9);
        assert_eq!(kind(outcome.clone()), (!allowed).then_some(ErrorKind::State), "{state}");
        if let Ok(next) = outcome {
            assert_eq!((next.primary(), next.revision()), (2, keyset.revision() + 1));
            assert_eq!(next.version(2).unwrap().state(), KeyState::Active);
            assert_eq!(next.version(1).unwrap().state(), KeyState::Active);
        }
    }
    assert_eq!(kind(first().with_primary(2, 9)), Some(ErrorKind::NotFound));
}

#[test]
fn all_36_changes_of_state_beside_the_primary_and_all_18_of_it() {
    let mut checked = 0;
    for from in KeyState::ALL {
        for to in KeyState::ALL {
            let keyset = with_second(from);
            let outcome = keyset.with_state(2, to);
            let expected = (!from.can_become(to)).then_some(ErrorKind::State);
            assert_eq!(kind(outcome.clone()), expected, "{from} to {to}");
            if let Ok(next) = outcome {
                assert_eq!(next.version(2).unwrap().state(), to);
                assert_eq!(next.version(2).unwrap().wraps().is_empty(), to == KeyState::Destroyed);
                assert_eq!(Keyset::parse(&next.to_bytes().unwrap()).unwrap(), next);
            }
            checked += 1;
        }
    }
    for from in [KeyState::Active, KeyState::Suspended, KeyState::Compromised] {
        for to in KeyState::ALL {
            let steps = path_to(from).iter().filter(|step| **step != KeyState::Active);
            let keyset = steps.fold(first(), |keyset, step| keyset.with_state(1, *step).unwrap());
            let retired = matches!(to, KeyState::Deactivated | KeyState::Destroyed);
            let allowed = from.can_become(to) && !retired;
            let outcome = keyset.with_state(1, to);
            assert_eq!(
                kind(outcome),
                (!allowed).then_some(ErrorKind::State),
                "primary: {from} to {to}"
            );
            checked += 1;
        }
    }
    assert_eq!(checked, 54);
    assert_eq!(kind(first().with_state(2, KeyState::Active)), Some(ErrorKind::NotFound));
}

#[test]
fn wraps_are_one_to_eight_and_never_those_of_a_destroyed_version() {
    for state in KeyState::ALL {
        let keyset = with_second(state);
        for count in 0..=9_usize {
            let wraps: Vec<_> = (0..count).map(|n| wrap(u8::try_from(n).unwrap(), 72)).collect();
            let expected = match (count, state) {
                (0 | 9, _) => Some(ErrorKind::Invalid),
                (_, KeyState::Destroyed) => Some(ErrorKind::State),
                _ => None,
            };
            assert_eq!(kind(keyset.with_wraps(vec![(2, wraps)])), expected, "{count} when {state}");
        }
    }
    let nobody = first().with_wraps(vec![(2, vec![wrap(0, 72)])]);
    assert_eq!(kind(nobody), Some(ErrorKind::NotFound));
}

#[test]
fn a_version_seals_only_as_the_active_primary() {
    for state in KeyState::ALL {
        let keyset = with_second(state);
        assert_eq!(keyset.sealing_version().unwrap().number(), 1);
        let opening: Vec<_> = keyset.opening_versions().map(|version| version.number()).collect();
        let expected = if state.allows(KeyUse::Open) { vec![1, 2] } else { vec![1] };
        assert_eq!(opening, expected, "{state}");
    }
    for state in [KeyState::Suspended, KeyState::Compromised] {
        let keyset = first().with_state(1, state).unwrap();
        assert_eq!(kind(keyset.sealing_version().cloned()), Some(ErrorKind::State), "{state}");
    }
}

#[test]
fn a_keyset_has_1024_versions_at_most() {
    let mut keyset = first();
    for number in 2..=1024 {
        keyset = keyset.with_version(key_id(number), vec![wrap(1, 72)], 0).unwrap();
    }
    let one_more = keyset.with_version(key_id(5000), vec![wrap(1, 72)], 0);
    assert_eq!(kind(one_more), Some(ErrorKind::Exhausted));
    let bytes = keyset.to_bytes().unwrap();
    assert!(bytes.len() < phiseal_keys::MAX_RECORD);
    assert_eq!(Keyset::parse(&bytes).unwrap(), keyset);
}

/// Numbers are never used again, not even when there are no more.
#[test]
fn the_last_number_is_not_given_twice() {
    let keyset = first().with_version(key_id(2), vec![wrap(2, 72)], 8).unwrap();
    let mut bytes = keyset.to_bytes().unwrap();
    let number = bytes.windows(5).rposition(|window| window == [0, 0, 0, 2, 1]).unwrap();
    bytes[number..number + 4].copy_from_slice(&u32::MAX.to_be_bytes());
    let last = Keyset::parse(&bytes).unwrap();
    assert_eq!(last.versions().last().unwrap().number(), u32::MAX, "the control");
    assert_eq!(
        kind(last.with_version(key_id(3), vec![wrap(3, 72)], 9)),
        Some(ErrorKind::Exhausted)
    );
}

#[test]
fn a_key_is_in_a_keyset_once() {
    let keyset = first().with_version(key_id(2), vec![wrap(2, 72)], 8).unwrap();
    for (mark, expected) in
        [(1, Some(ErrorKind::Conflict)), (2, Some(ErrorKind::Conflict)), (3, None)]
    {
        assert_eq!(kind(keyset.with_version(key_id(mark), vec![wrap(3, 72)], 9)), expected);
    }
    // Half of the id is what envelopes carry, so half of it must not be there twice.
    let mut twin = *key_id(2).as_bytes();
    twin[31] ^= 1;
    let twin = phiseal::FullKeyId::from_bytes(twin);
    assert_eq!(kind(keyset.with_version(twin, vec![wrap(3, 72)], 9)), Some(ErrorKind::Conflict));
}

#[test]
fn the_times_of_a_version_say_when_it_was_the_primary() {
    let times = |keyset: &Keyset, number| {
        let version = keyset.version(number).unwrap();
        (version.activated(), version.replaced())
    };
    let one = first();
    let created = one.version(1).unwrap().created();
    assert_eq!(times(&one, 1), (Some(created), None));
    let two = one.with_version(key_id(2), vec![wrap(2, 72)], 20).unwrap();
    assert_eq!(times(&two, 2), (None, None));
    let switched = two.with_primary(2, 30).unwrap();
    assert_eq!(
        (times(&switched, 1), times(&switched, 2)),
        ((Some(created), Some(30)), (Some(30), None))
    );
    let back = switched.with_primary(1, 40).unwrap();
    assert_eq!((times(&back, 1), times(&back, 2)), ((Some(40), None), (Some(30), Some(40))));
    let again = back.with_primary(1, 50).unwrap();
    assert_eq!(times(&again, 1), (Some(40), None), "it was the primary already");
    for keyset in [one, two, switched, back, again] {
        assert_eq!(Keyset::parse(&keyset.to_bytes().unwrap()).unwrap(), keyset);
    }
}

#[test]
fn a_rotation_is_one_revision_and_compromises_what_was_exposed() {
    let keyset = with_second(KeyState::Deactivated);
    let keyset = keyset.with_version(key_id(3), vec![wrap(3, 72)], 9).unwrap();
    for exposed in [false, true] {
        let next = keyset.rotated(key_id(4), vec![wrap(4, 72)], 60, exposed).unwrap();
        assert_eq!((next.revision(), next.primary()), (keyset.revision() + 1, 4));
        assert_eq!(next.version(1).unwrap().replaced(), Some(60));
        assert_eq!(next.version(4).unwrap().activated(), Some(60));
        let states = next.versions().iter().map(|version| version.state());
        let expected = if exposed {
            [KeyState::Compromised, KeyState::Compromised, KeyState::Compromised, KeyState::Active]
        } else {
            [KeyState::Active, KeyState::Deactivated, KeyState::PreActive, KeyState::Active]
        };
        assert!(states.eq(expected));
        assert_eq!(Keyset::parse(&next.to_bytes().unwrap()).unwrap(), next);
    }
}
