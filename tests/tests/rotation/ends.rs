//! STALE, DEST: a version ends when nothing is under it, and nobody can put anything there.

use crate::{ROTATE, to_the_end};
use core::error::Error as _;
use core::time::Duration;
use phiseal::audit::note::Note;
use phiseal::rotation::custody::{Approved, Custodians, Operation, Refusal, Request};
use phiseal::rotation::run::{Ended, end_version, may_end_from};
use phiseal::{Erasure, Error, ErrorKind, KeyState, Keyset, ManualClock, WrappedKey};
use phiseal_tests::clinic::{Clinic, DOMAIN, Made, Where, context_of, plaintext};
use phiseal_tests::in_each_place;
use pollster::block_on;
use std::slice;

/// Ends a version at this time after the switch of the primary.
pub(crate) fn end(clinic: &Clinic, operation: Operation, after: u64) -> Result<Ended, Error> {
    end_approved(clinic, &clinic.approve(operation), after)
}

/// As [`end`], when it was approved before.
pub(crate) fn end_approved(clinic: &Clinic, note: &Note, after: u64) -> Result<Ended, Error> {
    let phi = clinic.open_at(clinic.keyset().version(1).unwrap().replaced().unwrap() + after);
    let store = phi.key_store();
    let domain = block_on(phi.domain(DOMAIN))?;
    let custodians = block_on(Custodians::load(store, None))?.unwrap();
    let request = Request::parse(note.text())?;
    let now = store.clock().wall();
    let approved: Approved =
        custodians.check(&request, slice::from_ref(note), Some(&clinic.keyset()), now)?;
    block_on(end_version(&domain, &clinic.holdings(&domain), &approved, &mut |_| {}))
}

pub(crate) fn refusal(outcome: Result<Ended, Error>) -> Refusal {
    let error = outcome.map(drop).unwrap_err();
    error
        .source()
        .and_then(|source| source.downcast_ref::<Refusal>())
        .unwrap_or_else(|| unreachable!("{error:?}"))
        .clone()
}

/// How long a process seals without a look at the store.
const LEASE: Duration = Duration::from_secs(600);

/// The longest lease, and five minutes by which the clock of who switched may have been behind.
pub(crate) const WAIT: u64 = Keyset::LONGEST_LEASE.as_secs() + 300;
in_each_place! {
    who_sleeps_through_a_rotation_seals_nothing_under_the_retired_key
    a_version_ends_when_a_count_that_began_late_enough_finds_nothing_under_it
    one_row_is_enough_to_keep_a_version
    neither_the_primary_nor_an_active_version_is_destroyed
}

fn who_sleeps_through_a_rotation_seals_nothing_under_the_retired_key(place: Where) {
    let Some(clinic) = Made::new(place, 20) else { return };
    let clock = ManualClock::at(clinic.open().key_store().clock().wall());
    let sleeper = clinic.open_by(&clock);
    let domain = block_on(sleeper.domain(DOMAIN)).unwrap();
    let warm = block_on(domain.ready()).unwrap();
    let _ = clinic.approve(ROTATE);
    let _ = to_the_end(&clinic, 50);
    let key = |number| clinic.keyset().version(number).unwrap().key_id().short();
    let sealed = warm.seal("in its lease", &context_of(1, 0)).unwrap();
    assert_eq!(sealed.key_id(), key(1), "the control");
    clock.advance(LEASE);
    for what in ["before any look", "after the look"] {
        let refused = warm.seal(what, &context_of(1, 0)).map(drop).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Stale, "{what}");
        let sealed = block_on(domain.seal(what, &context_of(1, 0))).unwrap();
        assert_eq!(sealed.key_id(), key(2), "{what}");
    }
}

fn a_version_ends_when_a_count_that_began_late_enough_finds_nothing_under_it(place: Where) {
    let Some(clinic) = Made::new(place, 200) else { return };
    // A process whose sealing key is warm, and that sleeps through all that follows.
    let sleeper = clinic.open();
    let warm = block_on(block_on(sleeper.domain(DOMAIN)).unwrap().ready()).unwrap();
    let _ = clinic.approve(ROTATE);
    let _ = to_the_end(&clinic, 50);

    for after in [0, 1, Keyset::LONGEST_LEASE.as_secs() + 1, WAIT] {
        let refused = refusal(end(&clinic, Operation::Retire(1), after));
        let Refusal::TooEarly(told) = refused else { unreachable!("{after} s: {refused}") };
        assert_eq!(may_end_from(&clinic.keyset(), 1), Some(told.as_millis() / 1_000));
    }
    let late = warm.seal("late", &context_of(1, 0)).unwrap();
    clinic.set_ssn(1, late.as_bytes());
    let refused = refusal(end(&clinic, Operation::Retire(1), WAIT + 1));
    assert_eq!(refused, Refusal::InUse { values: 1 }, "what it sealed is counted");

    let _ = clinic.approve(ROTATE);
    let _ = to_the_end(&clinic, 50);
    let switched = clinic.keyset();
    let ended = end(&clinic, Operation::Retire(1), 2 * WAIT).unwrap();
    assert_eq!(ended.after.version(1).unwrap().state(), KeyState::Deactivated);
    assert_eq!((ended.before, ended.erasure), (switched, None));
    let wraps = clinic.keyset();
    let wraps = wraps.version(1).unwrap().wraps();
    let in_files = |wrap: &WrappedKey| clinic.count_in_key_files(wrap.wrapped());
    let is_file = place == Where::Sqlite;
    assert!(!wraps.is_empty() && wraps.iter().all(|wrap| (in_files(wrap) > 0) == is_file));
    let ended = end(&clinic, Operation::Destroy(1), 2 * WAIT).unwrap();
    assert_eq!(ended.after.version(1).unwrap().state(), KeyState::Destroyed);
    assert!(wraps.iter().all(|wrap| in_files(wrap) == 0), "nothing is left on the disk");
    let kept = clinic.keyset();
    let kept = kept.version(2).unwrap().wraps();
    assert!(kept.iter().all(|wrap| (in_files(wrap) > 0) == is_file), "the control");
    // A server keeps deleted bytes in its log.
    let expected = if is_file { Erasure::Done } else { Erasure::Pending };
    assert_eq!(ended.erasure, Some(expected));

    // Whoever was killed before it could say so asks for it once more: that is counted again, and changes nothing.
    let again = end(&clinic, Operation::Destroy(1), 2 * WAIT).unwrap();
    assert_eq!((&again.before, &again.after), (&ended.after, &ended.after));
    assert_eq!((again.erasure, again.counted[0].census().rows), (Some(expected), 200));
    assert_eq!(
        end(&clinic, Operation::Retire(1), 2 * WAIT).unwrap_err().kind(),
        ErrorKind::State,
        "destroyed is destroyed"
    );
    let text =
        |id, column| if (id, column) == (1, 0) { "late".to_owned() } else { plaintext(id, column) };
    assert_eq!(clinic.assert_rotated(text), 200);
}

fn one_row_is_enough_to_keep_a_version(place: Where) {
    let Some(clinic) = Made::new(place, 300) else { return };
    let kept = clinic.ssn(7);
    let _ = clinic.approve(ROTATE);
    let _ = to_the_end(&clinic, 50);
    let write = |bytes: &[u8]| clinic.set_ssn(7, bytes);
    let now = clinic.ssn(7);
    let retire = || end(&clinic, Operation::Retire(1), WAIT + 1);
    write(&kept);
    assert_eq!(refusal(retire()), Refusal::InUse { values: 1 });
    // Damaged, it may be under that version.
    let mut damaged = now.clone();
    damaged[40] ^= 1;
    write(&damaged);
    assert_eq!(refusal(retire()), Refusal::InUse { values: 1 });
    write(&now);
    retire().unwrap();
    write(&kept);
    assert_eq!(
        refusal(end(&clinic, Operation::Destroy(1), WAIT + 1)),
        Refusal::InUse { values: 1 }
    );
    write(&now);
    let destroyed = end(&clinic, Operation::Destroy(1), WAIT + 1).unwrap();
    assert_eq!(destroyed.counted[0].census().rows, 300);
    write(&kept);
    let lost = block_on(
        block_on(clinic.open().domain(DOMAIN))
            .unwrap()
            .open::<String>(&phiseal::Sealed::try_from(&kept[..]).unwrap(), &context_of(7, 0)),
    );
    assert!(lost.is_err(), "nothing opens under it any more");
}

fn neither_the_primary_nor_an_active_version_is_destroyed(place: Where) {
    let Some(clinic) = Made::new(place, 10) else { return };
    let _ = clinic.approve(ROTATE);
    let _ = to_the_end(&clinic, 50);
    for operation in
        [Operation::Retire(2), Operation::Destroy(2), Operation::Destroy(1), Operation::Retire(9)]
    {
        let error = end(&clinic, operation, 2 * WAIT).map(drop).unwrap_err();
        let expected = [ErrorKind::State, ErrorKind::NotFound];
        assert!(expected.contains(&error.kind()), "{operation}: {error:?}");
    }
}
