//! The suite for KEK backends against a correct one and against ones that each break the contract on purpose.
#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

mod faults;
mod toy;

use phiseal_conformance::Outcome;
use phiseal_conformance::kek::{Fixture, suite};
use phiseal_primitives::default_engine;
use std::time::Duration;
use toy::{Fault, Toy};

/// Each fault and the clauses that it breaks.
const FAULTS: [(Fault, &[u8]); 44] = [
    (Fault::SaysNextVersion, &[1]),
    (Fault::SaysNoLength, &[1]),
    (Fault::ChangesItsIdWhenRotated, &[1]),
    (Fault::LeavesOutTheCurrentVersion, &[1]),
    (Fault::ListsVersionsNewestFirst, &[1]),
    (Fault::GeneratesAnotherKey, &[2]),
    (Fault::WrapsAnotherKey, &[3]),
    (Fault::GeneratesOneKeyForEver, &[4]),
    (Fault::UsesOneNonceForEver, &[4]),
    (Fault::IgnoresTheContext, &[5]),
    (Fault::AcceptsAFlippedBit, &[6]),
    (Fault::AcceptsLongerWraps, &[6]),
    (Fault::IgnoresTheAlgorithm, &[6]),
    (Fault::RefusesAsFaulty, &[6]),
    (Fault::PanicsOnShortWraps, &[6, 10]),
    (Fault::SharesItsKeyWithAll, &[7]),
    (Fault::RefusesForeignWrapsAsUnavailable, &[7]),
    (Fault::RepeatsTheLabelOfAWrap, &[8]),
    (Fault::AnswersAnotherId, &[8]),
    (Fault::AnswersAnotherVersion, &[8]),
    (Fault::ForgetsOlderVersions, &[9]),
    (Fault::ReusesAVersionNumber, &[9, 13, 14, 15, 16]),
    (Fault::ShowsTheKeyInErrors, &[10]),
    (Fault::ShowsTheKeyInDebug, &[10]),
    (Fault::RewrapsAnotherKey, &[3]),
    (Fault::RewrapsUnderAnyContext, &[5]),
    (Fault::RewrapsForeignWraps, &[7]),
    (Fault::LeavesWrapsAsTheyAre, &[13]),
    (Fault::IsPoisonedByADroppedCall, &[11]),
    (Fault::IsBoundToItsThread, &[11, 12]),
    (Fault::HoldsALockAcrossCalls, &[12]),
    (Fault::MixesUpConcurrentCalls, &[12]),
    (Fault::AnswersAVersionThatItDidNotMake, &[13]),
    (Fault::GeneratesUnderDeactivatedVersions, &[14]),
    (Fault::WrapsUnderDeactivatedVersions, &[14]),
    (Fault::RefusesDeactivatedVersions, &[14]),
    (Fault::StopsWhenAnyVersionIsDeactivated, &[14]),
    (Fault::KeepsDestroyedVersions, &[15]),
    (Fault::RefusesDestroyedVersionsAsUnavailable, &[15]),
    (Fault::DestroysEveryVersion, &[15]),
    (Fault::DestroysActiveVersions, &[16]),
    (Fault::RefusesActiveVersionsButDestroysThem, &[16]),
    (Fault::AcceptsVersionsThatAreNotThere, &[17]),
    (Fault::RefusesUnknownVersionsAsInvalid, &[17]),
];

#[test]
fn a_correct_backend_passes_every_clause() {
    let report = suite(|| fixture(Fault::None));
    report.assert_passed();
    assert_eq!(report.cases().len(), 17);
    assert!(report.cases().iter().all(|case| case.outcome == Outcome::Passed), "{report}");
}

#[test]
fn each_fault_breaks_its_own_clauses_and_no_other() {
    let found: Vec<_> =
        FAULTS.iter().map(|(fault, _)| (*fault, suite(|| fixture(*fault)).failed())).collect();
    let expected: Vec<_> =
        FAULTS.iter().map(|(fault, clauses)| (*fault, clauses.to_vec())).collect();
    assert_eq!(found, expected);
    // Every clause has a backend that breaks it.
    for clause in 1..=17 {
        assert!(
            FAULTS.iter().any(|(_, clauses)| *clauses == [clause]),
            "no fault breaks clause {clause} alone"
        );
    }
}

#[test]
fn a_fixture_that_says_nothing_about_administration_fails() {
    let without =
        || Fixture::new(default_engine(), Toy::new(1, Fault::None), Toy::new(2, Fault::None));
    let need_administration = [9, 13, 14, 15, 16, 17];
    assert_eq!(suite(without).failed(), need_administration);
    let report = suite(|| without().without_admin("it has one version"));
    report.assert_passed();
    let reason = Outcome::NotApplicable("it has one version".to_owned());
    let not_applicable = report.cases().iter().filter(|case| case.outcome == reason);
    assert!(not_applicable.map(|case| case.clause).eq(need_administration));
}

#[test]
fn two_keks_of_one_id_are_no_fixture() {
    let twins = || {
        Fixture::new(default_engine(), Toy::new(1, Fault::None), Toy::new(1, Fault::None))
            .without_admin("twins")
    };
    assert_eq!(suite(twins).failed(), [7]);
}

#[test]
#[should_panic = "clause_04_keys_and_wraps_differ: FAILED: generate_key returned the same key twice"]
fn a_broken_contract_ends_the_test() {
    suite(|| fixture(Fault::GeneratesOneKeyForEver)).assert_passed();
}

#[test]
fn a_case_that_does_not_exist_fails() {
    assert!(phiseal_conformance::kek::check("clause_18", || fixture(Fault::None)).has_failed());
}

fn correct() -> Fixture {
    fixture(Fault::None)
}

phiseal_conformance::kek_backend_tests!(correct);

fn fixture(fault: Fault) -> Fixture {
    let backend = Toy::new(1, fault);
    // Only one of the faults is noticed by waiting.
    let patience = Duration::from_secs(if fault == Fault::HoldsALockAcrossCalls { 2 } else { 30 });
    Fixture::new(default_engine(), backend.clone(), Toy::new(2, fault))
        .with_admin(backend)
        .with_patience(patience)
}
