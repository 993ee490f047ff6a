//! Random sequences of operations.

use crate::{first, key_id, wrap};
use phiseal::{ErrorKind, KeyState, Keyset};
use phiseal_tests::numbers::figure;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
enum Operation {
    Version(u32),
    Primary(u32),
    State(u32, KeyState),
    Wraps(u32, usize, usize),
}

fn operation() -> impl Strategy<Value = Operation> {
    let number = || 0..9_u32;
    prop_oneof![
        3 => (1..200_u32).prop_map(Operation::Version),
        2 => number().prop_map(Operation::Primary),
        6 => (number(), 0..6_usize).prop_map(|(n, state)| Operation::State(n, KeyState::ALL[state])),
        2 => (number(), 0..10_usize, 1..200_usize).prop_map(|(n, count, length)| Operation::Wraps(n, count, length)),
    ]
}

fn apply(keyset: &Keyset, operation: &Operation) -> Result<Keyset, phiseal::Error> {
    match operation {
        Operation::Version(mark) => keyset.with_version(key_id(*mark), vec![wrap(3, 72)], 9),
        Operation::Primary(number) => keyset.with_primary(*number, 9),
        Operation::State(number, state) => keyset.with_state(*number, *state),
        Operation::Wraps(number, count, length) => {
            keyset.with_wraps(vec![(*number, vec![wrap(5, *length); *count])])
        }
    }
}

/// What holds of every keyset.
fn check_one(keyset: &Keyset) {
    assert_eq!(Keyset::parse(&keyset.to_bytes().unwrap()).unwrap(), *keyset, "parse after print");
    let numbers: BTreeSet<_> = keyset.versions().iter().map(|version| version.number()).collect();
    assert_eq!(numbers.len(), keyset.versions().len(), "a number used twice");
    assert!(!numbers.contains(&0));
    let ids: BTreeSet<_> =
        keyset.versions().iter().map(|version| version.key_id().short()).collect();
    assert_eq!(ids.len(), keyset.versions().len(), "a key id used twice");
    let primary = keyset.version(keyset.primary()).expect("exactly one primary");
    assert!(
        matches!(primary.state(), KeyState::Active | KeyState::Suspended | KeyState::Compromised),
        "a primary that is {}",
        primary.state()
    );
    assert_eq!(keyset.sealing_version().is_ok(), primary.state() == KeyState::Active);
    for version in keyset.versions() {
        assert_eq!(version.wraps().is_empty(), version.state() == KeyState::Destroyed);
        assert!(version.wraps().len() <= Keyset::MAX_WRAPS);
    }
}

/// What holds between a keyset and the next.
fn check_step(before: &Keyset, after: &Keyset) {
    assert_eq!(after.revision(), before.revision() + 1);
    assert_eq!(
        (after.environment(), after.domain(), after.name()),
        (before.environment(), before.domain(), before.name())
    );
    assert!(after.next_number() >= before.next_number(), "a number could be used again");
    assert!(after.versions().len() >= before.versions().len(), "a version is gone");
    for (old, new) in before.versions().iter().zip(after.versions()) {
        assert_eq!(
            (old.number(), old.key_id(), old.created()),
            (new.number(), new.key_id(), new.created())
        );
        assert!(old.state() == new.state() || old.state().can_become(new.state()));
    }
}

#[test]
fn any_sequence_of_operations_keeps_the_invariants() {
    let cases = figure(2_000, 50_000);
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let counts = std::cell::Cell::new((0_u64, 0_u64));
    runner
        .run(&prop::collection::vec(operation(), 1..40), |operations| {
            let mut keyset = first();
            for operation in &operations {
                let (done, refused) = counts.get();
                match apply(&keyset, operation) {
                    Ok(next) => {
                        check_one(&next);
                        check_step(&keyset, &next);
                        keyset = next;
                        counts.set((done + 1, refused));
                    }
                    Err(error) => {
                        let kinds = [
                            ErrorKind::State,
                            ErrorKind::NotFound,
                            ErrorKind::Invalid,
                            ErrorKind::Conflict,
                        ];
                        assert!(kinds.contains(&error.kind()), "{operation:?}: {error:?}");
                        counts.set((done, refused + 1));
                    }
                }
            }
            Ok(())
        })
        .unwrap();
    let (done, refused) = counts.get();
    assert!(done > u64::from(cases) * 4, "{done} operations were done");
    assert!(refused > u64::from(cases) * 2, "{refused} operations were refused");
}

/// The checks themselves notice what they are there for.
#[test]
fn any_sequence_of_operations_control() {
    let first = first();
    let second = first.with_version(key_id(2), vec![wrap(2, 72)], 8).unwrap();
    let skipped = second.with_state(2, KeyState::Active).unwrap();
    let noticed =
        |check: &dyn Fn()| std::panic::catch_unwind(core::panic::AssertUnwindSafe(check)).is_err();
    assert!(noticed(&|| check_step(&first, &skipped)), "a revision was left out");
    assert!(noticed(&|| check_step(&skipped, &first)), "a version is gone");
    assert!(!noticed(&|| check_step(&first, &second)));
    assert!(!noticed(&|| check_one(&skipped)));
}
