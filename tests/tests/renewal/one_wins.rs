//! Two who renew a person at once, and what else happens in between.

use crate::{domain, kind, open, record};
use phiseal::{ErrorKind, KeyState, Renewal};
use phiseal_keys::RecordKind;
use phiseal_tests::world::{DOMAIN, World, what};
use pollster::block_on;
use std::sync::Barrier;
use std::thread;

#[test]
fn of_two_renewals_at_once_one_wins() {
    let world = World::of_default_engine();
    let (here, there) = (domain(&world), domain(&world));
    let ada = here.subject_or_create("ada").unwrap();
    let old = ada.seal("old", &what()).unwrap();
    world.store.before_next_write(RecordKind::Subject, move || {
        there.renew_subject("ada", Renewal::Compromised).unwrap();
    });
    let refused = kind(here.renew_subject("ada", Renewal::Routine));
    assert_eq!(refused, Some(ErrorKind::Conflict));
    let after = record(&world, "ada");
    assert_eq!(after.keys().len(), 2, "one new key");
    let new = ada.seal("new", &what()).unwrap();
    assert_eq!(new.key_id(), after.current().unwrap().key_id().short(), "the winner's");
    assert_eq!(open(&ada, &old).unwrap(), "old");
    assert_eq!(kind(here.renew_subject("ada", Renewal::Routine)), None, "the control: alone");
}

#[test]
fn of_any_number_of_threads_each_that_succeeds_made_one_key() {
    let (mut lost, mut won) = (0, 0);
    for _ in 0..100 {
        let world = World::of_default_engine();
        let domains: Vec<_> = (0..4).map(|_| domain(&world)).collect();
        domains[0].subject_or_create("ada").unwrap();
        let barrier = Barrier::new(domains.len());
        let outcomes: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = domains
                .iter()
                .map(|domain| {
                    let barrier = &barrier;
                    scope.spawn(move || {
                        barrier.wait();
                        kind(domain.renew_subject("ada", Renewal::Routine))
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let succeeded = outcomes.iter().filter(|outcome| outcome.is_none()).count();
        assert!(outcomes.iter().all(|it| matches!(it, None | Some(ErrorKind::Conflict))));
        assert_eq!(record(&world, "ada").keys().len(), 1 + succeeded);
        won += succeeded;
        lost += outcomes.len() - succeeded;
    }
    assert!(won >= 100 && lost > 0, "the control: they met: {won} won, {lost} lost");
}

/// Somebody who looked before a shredding does not bring the person back.
#[test]
fn a_renewal_does_not_revive_a_shredded_person() {
    let world = World::of_default_engine();
    let (here, there) = (domain(&world), domain(&world));
    here.subject_or_create("ada").unwrap();
    world.store.before_next_write(RecordKind::Subject, move || {
        there.shred_subject("ada").unwrap();
    });
    assert_eq!(kind(here.renew_subject("ada", Renewal::Routine)), Some(ErrorKind::Conflict));
    assert_eq!(kind(here.subject("ada")), Some(ErrorKind::State));
    assert_eq!(kind(here.renew_subject("ada", Renewal::Routine)), Some(ErrorKind::State));
}

/// The version that wraps the new key is destroyed between the look at the domain's keys and the write: the key follows.
#[test]
fn a_new_key_that_is_written_too_late_is_moved_to_the_version_that_is_the_primary() {
    let world = World::of_default_engine();
    let (custodian, slow) = (world.process(), domain(&world));
    let old = slow.subject_or_create("ada").unwrap().seal("old", &what()).unwrap();
    slow.rotate().unwrap();
    world.store.after_next_read(move || {
        let domain = custodian.domain(DOMAIN).unwrap();
        let keyset = domain.rotate().unwrap();
        assert_eq!((keyset.primary(), domain.rewrap_subjects().unwrap().rewrapped), (3, 1));
        let destroyed = custodian.key_store().set_state(&keyset, 2, KeyState::Destroyed);
        block_on(destroyed).unwrap();
    });
    slow.renew_subject("ada", Renewal::Routine).unwrap();
    let after = record(&world, "ada");
    let under: Vec<_> = after.keys().iter().map(|key| key.domain_version()).collect();
    assert_eq!(under, [3, 3]);
    let ranges = after.current().unwrap().wrapped_by().ranges();
    assert_eq!(ranges, [(2, 3)], "the control: it was under what is destroyed");
    let ada = domain(&world).subject("ada").unwrap();
    let new = ada.seal("new", &what()).unwrap();
    let ada = domain(&world).subject("ada").unwrap();
    assert_eq!(
        (open(&ada, &old).unwrap(), open(&ada, &new).unwrap()),
        ("old".into(), "new".into())
    );
}
