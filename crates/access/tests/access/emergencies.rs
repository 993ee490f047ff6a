//! Breaking the glass.

use crate::{Clinic, POLICY, Process, field, reader};
use core::time::Duration;
use phiseal_access::{Alert, Finding};
use phiseal_audit::{Class, Time};
use phiseal_envelope::Domain;
use phiseal_keys::{ErrorKind, KeyState, Reader, RecordKind, Store};
use pollster::block_on;

const WHY: &str = "unconscious in the emergency room";
const HALF_AN_HOUR: Duration = Duration::from_secs(1800);

/// Whether an SSN, which no nurse is granted, opens.
fn sees_ssn(process: &Process, domain: &Domain) -> bool {
    let ssn = field("ssn");
    let sealed = block_on(process.domain.seal("123-45-6789", &ssn)).unwrap();
    block_on(domain.open::<String>(&sealed, &ssn)).is_ok()
}

#[test]
fn an_emergency_lets_one_reader_see_more_for_a_time() {
    let clinic = Clinic::new();
    let process = clinic.process();
    let who = reader("nurse/17", "treatment");
    let nurse = process.domain.read_by(who.clone());
    assert!(!sees_ssn(&process, &nurse));
    let emergency = block_on(process.glass.begin(&who, WHY, HALF_AN_HOUR)).unwrap();
    assert_eq!(emergency.reason.as_ref().unwrap().expose_secret(), WHY);
    assert_eq!(emergency.began, Time::from_millis(1_800_000_000_000));
    assert_eq!(emergency.ends, Time::from_millis(1_800_001_800_000));
    assert!(emergency.review.is_none());

    assert!(sees_ssn(&process, &nurse));
    // What the policy leaves out of emergencies, another use, another actor, and nobody: not.
    let note = field("note");
    let sealed = block_on(process.domain.seal("a note", &note)).unwrap();
    assert_eq!(
        block_on(nurse.open::<String>(&sealed, &note)).unwrap_err().kind(),
        ErrorKind::Denied
    );
    assert!(!sees_ssn(&process, &process.as_read_by("nurse/17", "research")));
    assert!(!sees_ssn(&process, &process.as_read_by("nurse/18", "treatment")));
    assert!(!sees_ssn(&process, &process.domain));

    clinic.clock.advance(HALF_AN_HOUR - Duration::from_millis(1));
    assert!(sees_ssn(&process, &nurse));
    clinic.clock.advance(Duration::from_millis(1));
    assert!(!sees_ssn(&process, &nurse), "its time is over");
    // Whatever the wall clock says.
    clinic.clock.set_wall(1_800_000_000);
    assert!(!sees_ssn(&process, &nurse));
}

#[test]
fn everything_about_it_is_on_the_log_in_a_class_of_its_own() {
    let clinic = Clinic::new();
    let process = clinic.process();
    let who = reader("nurse/17", "treatment");
    let nurse = process.domain.read_by(who.clone());
    let emergency = block_on(process.glass.begin(&who, WHY, HALF_AN_HOUR)).unwrap();
    assert!(sees_ssn(&process, &nurse));
    // What is granted anyway is no matter of the emergency.
    let sealed = block_on(process.domain.seal("Jane Doe", &field("name"))).unwrap();
    block_on(nurse.open::<String>(&sealed, &field("name"))).unwrap();
    block_on(process.glass.end(&who)).unwrap();
    assert!(!sees_ssn(&process, &nurse), "ended before its time");
    let officer = reader("privacy-officer", "review");
    block_on(process.glass.review(&officer, &emergency, Finding::Justified, "right")).unwrap();
    assert_eq!(
        process.told(),
        [
            "break-glass break-glass success",
            "break-glass reveal success",
            "reveal reveal success",
            "break-glass break-glass-end success",
            "reveal reveal denied",
            "break-glass review-justified success",
        ]
    );
    let records = process.records();
    let of_emergency = records.iter().filter(|entry| entry.record.class == Class::BreakGlass);
    for entry in of_emergency {
        assert_eq!(entry.record.request, Some(emergency.id));
    }
    assert_eq!(records.iter().filter(|entry| entry.record.request.is_some()).count(), 4);
    assert_eq!(records.last().unwrap().record.reader, Some(officer));
    let alerts = process.alerts.lock().unwrap();
    let Alert::BreakGlass { reader: told, emergency: id, lasts, .. } = &alerts[0] else {
        panic!("another alert")
    };
    assert_eq!((told, *id, *lasts), (&who, emergency.id, HALF_AN_HOUR));
}

#[test]
fn an_unreviewed_one_blocks_the_next_until_another_person_has_reviewed_it() {
    let clinic = Clinic::new();
    let process = clinic.process();
    // This nurse reviews, too.
    let who = reader("nurse/1", "treatment");
    let begin = || block_on(process.glass.begin(&who, WHY, HALF_AN_HOUR));
    let officer = reader("privacy-officer", "review");
    let first = begin().unwrap();
    let review = |by: &str, emergency, note: &str| {
        let by = reader(by, "review");
        block_on(process.glass.review(&by, emergency, Finding::Unjustified, note))
    };
    let kind = |result: Result<(), phiseal_keys::Error>| result.unwrap_err().kind();
    assert_eq!(begin().unwrap_err().kind(), ErrorKind::State, "it is in force");
    assert_eq!(kind(review("privacy-officer", &first, "too early")), ErrorKind::State);
    clinic.clock.advance(HALF_AN_HOUR);
    assert_eq!(begin().unwrap_err().kind(), ErrorKind::State, "it is over and not reviewed");
    // Another one who broke the glass is not held up.
    block_on(process.glass.begin(&reader("nurse/2", "treatment"), WHY, HALF_AN_HOUR)).unwrap();

    assert_eq!(kind(review("nurse/1", &first, "by myself")), ErrorKind::Denied);
    assert_eq!(kind(review("nurse/3", &first, "by no reviewer")), ErrorKind::Denied);
    assert_eq!(kind(review("privacy-officer", &first, " \n")), ErrorKind::Invalid);
    assert_eq!(kind(review("privacy-officer", &first, &"x".repeat(4097))), ErrorKind::Invalid);
    assert_eq!(begin().unwrap_err().kind(), ErrorKind::State);

    let unreviewed = block_on(process.glass.unreviewed(&officer)).unwrap().emergencies;
    let whose: Vec<_> = unreviewed.iter().map(|it| it.reader.actor()).collect();
    assert_eq!(whose, ["nurse/1", "nurse/2"]);
    assert_eq!(unreviewed[0].reason.as_ref().unwrap().expose_secret(), WHY);
    let nosy = block_on(process.glass.unreviewed(&reader("nurse/2", "treatment")));
    assert_eq!(nosy.unwrap_err().kind(), ErrorKind::Denied);
    review("privacy-officer", &unreviewed[0], "no patient was there").unwrap();
    assert_eq!(kind(review("privacy-officer", &first, "again")), ErrorKind::State);

    let second = begin().expect("reviewed");
    assert_ne!(second.id, first.id);
    assert_eq!(begin().unwrap_err().kind(), ErrorKind::State, "and so on");
    let refused = process.told().into_iter().filter(|told| told.ends_with("break-glass state"));
    assert_eq!(refused.count(), 4);
}

#[test]
fn who_may_not_or_says_no_reason_breaks_nothing() {
    let process = Clinic::new().process();
    let nurse = reader("nurse/17", "treatment");
    let begin = |who: &Reader, why: &str, lasts| {
        block_on(process.glass.begin(who, why, lasts)).map(drop).unwrap_err().kind()
    };
    assert_eq!(begin(&reader("clerk/1", "billing"), WHY, HALF_AN_HOUR), ErrorKind::Denied);
    assert_eq!(begin(&nurse, "", HALF_AN_HOUR), ErrorKind::Invalid);
    assert_eq!(begin(&nurse, " \t\n", HALF_AN_HOUR), ErrorKind::Invalid);
    assert_eq!(begin(&nurse, &"x".repeat(4097), HALF_AN_HOUR), ErrorKind::Invalid);
    assert_eq!(begin(&nurse, WHY, Duration::ZERO), ErrorKind::Invalid);
    assert_eq!(begin(&nurse, WHY, Duration::from_secs(3601)), ErrorKind::Invalid);
    assert!(!sees_ssn(&process, &process.domain.read_by(nurse.clone())));
    assert_eq!(block_on(process.glass.end(&nurse)).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(process.told().iter().filter(|told| told.starts_with("break-glass")).count(), 6);
    assert!(process.alerts.lock().unwrap().is_empty());
}

#[test]
fn what_cannot_be_written_down_breaks_nothing() {
    let clinic = Clinic::new();
    let process = clinic.process();
    process.log.close().unwrap();
    let nurse = reader("nurse/17", "treatment");
    let refused = block_on(process.glass.begin(&nurse, WHY, HALF_AN_HOUR)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::State);
    assert!(process.alerts.lock().unwrap().is_empty());
    assert!(!sees_ssn(&process, &process.domain.read_by(nurse.clone())));
    // Nor in another process, and nobody has to review what never was.
    let other = clinic.process();
    assert!(block_on(other.glass.resume(&nurse)).unwrap().is_none());
    block_on(other.glass.begin(&nurse, WHY, HALF_AN_HOUR)).unwrap();
}

/// Whoever goes away in the middle of it has seen nothing that nobody knows of.
#[test]
fn what_is_left_half_way_is_on_the_log_before_it_is_in_force() {
    let clinic = Clinic::new();
    let who = reader("nurse/17", "treatment");
    let (mut polls, mut was_in_force) = (0, false);
    while !was_in_force {
        polls += 1;
        let process = clinic.process();
        let mut begin = Box::pin(process.glass.begin(&who, WHY, HALF_AN_HOUR));
        let waker = std::task::Waker::noop();
        let mut context = std::task::Context::from_waker(waker);
        for _ in 0..polls {
            if begin.as_mut().poll(&mut context).is_ready() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(begin);
        was_in_force = block_on(clinic.process().glass.resume(&who)).unwrap().is_some();
        let told = process.told();
        assert!(!was_in_force || told == ["break-glass break-glass success"], "{told:?}");
        assert!(!was_in_force || process.alerts.lock().unwrap().len() == 1);
    }
    assert!(polls > 1, "the control: it was left half way");
}

#[test]
fn one_that_is_ended_while_it_begins_is_not_in_force() {
    let clinic = Clinic::new();
    let process = clinic.process();
    let who = reader("nurse/17", "treatment");
    let nurse = process.domain.read_by(who.clone());
    for round in 0..50 {
        std::thread::scope(|scope| {
            let begin = scope.spawn(|| block_on(process.glass.begin(&who, WHY, HALF_AN_HOUR)));
            let mut ended = block_on(process.glass.end(&who));
            while ended.is_err() {
                std::thread::yield_now();
                ended = block_on(process.glass.end(&who));
            }
            let _ = begin.join().unwrap();
        });
        assert!(!sees_ssn(&process, &nurse), "round {round}");
        let officer = reader("privacy-officer", "review");
        let waiting = block_on(process.glass.unreviewed(&officer)).unwrap();
        assert_eq!((waiting.emergencies.len(), waiting.faults.len()), (1, 0));
        let review =
            process.glass.review(&officer, &waiting.emergencies[0], Finding::Justified, "ok");
        block_on(review).unwrap();
    }
}

#[test]
fn one_is_resumed_only_as_the_policy_is_now() {
    let clinic = Clinic::new();
    let who = reader("nurse/17", "treatment");
    block_on(clinic.process().glass.begin(&who, WHY, HALF_AN_HOUR)).unwrap();
    let shorter = clinic.process_by(&POLICY.replace("longest = \"1h\"", "longest = \"10m\""), None);
    clinic.clock.advance(Duration::from_secs(599));
    block_on(shorter.glass.resume(&who)).unwrap().unwrap();
    let nurse = shorter.domain.read_by(who.clone());
    assert!(sees_ssn(&shorter, &nurse));
    clinic.clock.advance(Duration::from_secs(1));
    assert!(!sees_ssn(&shorter, &nurse));
    let stricter = POLICY.replace("roles = [\"nurse\"]", "roles = [\"clerk\"]");
    let stricter = clinic.process_by(&stricter, None);
    let refused = block_on(stricter.glass.resume(&who)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
    assert_eq!(stricter.told(), ["break-glass break-glass-resume denied"]);
}

/// Somebody has written one record in the key store.
#[test]
fn one_bad_record_holds_up_nobody_else() {
    let clinic = Clinic::new();
    let process = clinic.process();
    for actor in ["nurse/1", "nurse/2"] {
        let who = reader(actor, "treatment");
        block_on(process.glass.begin(&who, WHY, HALF_AN_HOUR)).unwrap();
        block_on(process.glass.end(&who)).unwrap();
    }
    let (id, record) =
        block_on(clinic.store.scan(RecordKind::Emergency, None, 1)).unwrap().remove(0);
    let write = clinic.store.write(RecordKind::Emergency, &id, record.revision, b"changed");
    block_on(write).unwrap();
    let process = clinic.process();
    let officer = reader("privacy-officer", "review");
    let waiting = block_on(process.glass.unreviewed(&officer)).unwrap();
    assert_eq!(
        waiting.faults.iter().map(|it| it.kind()).collect::<Vec<_>>(),
        [ErrorKind::Tampered]
    );
    assert_eq!(waiting.emergencies.len(), 1);
    let review = process.glass.review(&officer, &waiting.emergencies[0], Finding::Justified, "ok");
    block_on(review).unwrap();
    let begin =
        |actor| block_on(process.glass.begin(&reader(actor, "treatment"), WHY, HALF_AN_HOUR));
    assert!(begin("nurse/2").is_ok());
    assert_eq!(begin("nurse/1").unwrap_err().kind(), ErrorKind::Tampered);
    assert_eq!(block_on(process.glass.renew()).unwrap_err().kind(), ErrorKind::Tampered);
}

#[test]
fn of_sixteen_attempts_at_once_one_succeeds() {
    let clinic = Clinic::new();
    let processes: Vec<_> = (0..4).map(|_| clinic.process()).collect();
    let who = reader("nurse/17", "treatment");
    let begun = std::thread::scope(|scope| {
        let attempts: Vec<_> = (0..16)
            .map(|number| {
                let (glass, who) = (&processes[number % 4].glass, &who);
                scope.spawn(move || block_on(glass.begin(who, WHY, HALF_AN_HOUR)))
            })
            .collect();
        attempts.into_iter().map(|attempt| attempt.join().unwrap()).collect::<Vec<_>>()
    });
    let kinds: Vec<_> = begun.into_iter().filter_map(|it| it.err().map(|it| it.kind())).collect();
    assert_eq!(kinds, [ErrorKind::State; 15]);
}

#[test]
fn it_goes_on_in_another_process_and_no_longer_than_it_may() {
    let clinic = Clinic::new();
    let first = clinic.process();
    let who = reader("nurse/17", "treatment");
    let begun = block_on(first.glass.begin(&who, WHY, HALF_AN_HOUR)).unwrap();
    let second = clinic.process();
    let nurse = second.domain.read_by(who.clone());
    assert!(!sees_ssn(&second, &nurse));
    assert!(block_on(second.glass.resume(&reader("nurse/17", "research"))).unwrap().is_none());
    assert!(block_on(second.glass.resume(&reader("nurse/18", "treatment"))).unwrap().is_none());
    clinic.clock.advance(Duration::from_secs(1000));
    let resumed = block_on(second.glass.resume(&who)).unwrap().unwrap();
    assert_eq!((resumed.id, resumed.ends), (begun.id, begun.ends));
    assert!(sees_ssn(&second, &nurse));
    assert_eq!(second.told()[1], "break-glass break-glass-resume success");
    clinic.clock.advance(Duration::from_secs(799));
    assert!(sees_ssn(&second, &nurse));
    clinic.clock.advance(Duration::from_secs(1));
    assert!(!sees_ssn(&second, &nurse));
    // A clock that is set back behind where it was resumed resumes nothing.
    clinic.clock.set_wall(1_800_000_999);
    let behind = block_on(clinic.process().glass.resume(&who)).unwrap_err();
    assert_eq!(behind.kind(), ErrorKind::State);
    clinic.clock.set_wall(1_800_001_800);
    // Nor does it revive what was seen to be over.
    let third = clinic.process();
    assert!(block_on(third.glass.resume(&who)).unwrap().is_none());
    clinic.clock.set_wall(1_800_000_100);
    assert!(block_on(third.glass.resume(&who)).unwrap().is_none());
    assert!(!sees_ssn(&third, &third.domain.read_by(who)));
}

#[test]
fn a_clock_before_its_beginning_resumes_nothing() {
    let clinic = Clinic::new();
    let who = reader("nurse/17", "treatment");
    block_on(clinic.process().glass.begin(&who, WHY, HALF_AN_HOUR)).unwrap();
    for wall in [0, 1_799_999_999] {
        clinic.clock.set_wall(wall);
        let refused = block_on(clinic.process().glass.resume(&who)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::State);
    }
    clinic.clock.set_wall(2_147_483_648);
    assert!(block_on(clinic.process().glass.resume(&who)).unwrap().is_none());
}

#[test]
fn the_key_store_cannot_make_a_review_up() {
    let clinic = Clinic::new();
    let process = clinic.process();
    let who = reader("nurse/17", "treatment");
    let first = block_on(process.glass.begin(&who, WHY, HALF_AN_HOUR)).unwrap();
    block_on(process.glass.end(&who)).unwrap();
    let officer = reader("privacy-officer", "review");
    block_on(process.glass.review(&officer, &first, Finding::Justified, "right")).unwrap();
    block_on(process.glass.begin(&who, WHY, HALF_AN_HOUR)).unwrap();
    block_on(process.glass.end(&who)).unwrap();
    let records = block_on(clinic.store.scan(RecordKind::Emergency, None, 9)).unwrap();
    let [reviewed, unreviewed] = &records[..] else { panic!("{}", records.len()) };
    let write = |bytes: &[u8]| {
        let revision = block_on(clinic.store.read(RecordKind::Emergency, &unreviewed.0));
        let revision = revision.unwrap().unwrap().revision;
        block_on(clinic.store.write(RecordKind::Emergency, &unreviewed.0, revision, bytes))
            .unwrap();
    };
    let begin = || {
        let another = clinic.process();
        block_on(another.glass.begin(&who, WHY, HALF_AN_HOUR)).unwrap_err().kind()
    };
    assert_eq!(begin(), ErrorKind::State, "the control: not reviewed");
    write(&reviewed.1.bytes);
    assert_eq!(begin(), ErrorKind::Tampered);
    let mut changed = unreviewed.1.bytes.clone();
    for at in 0..changed.len() {
        changed[at] ^= 1;
        write(&changed);
        assert_eq!(begin(), ErrorKind::Tampered, "byte {at}");
        changed[at] ^= 1;
    }
    // The same bytes at another revision are an older state put back.
    write(&unreviewed.1.bytes);
    assert_eq!(begin(), ErrorKind::Tampered);
}

#[test]
fn reasons_outlive_a_rotation_when_they_are_renewed() {
    let clinic = Clinic::new();
    let process = clinic.process();
    let officer = reader("privacy-officer", "review");
    for number in 0..3 {
        let who = reader(&format!("nurse/{number}"), "treatment");
        let emergency = block_on(process.glass.begin(&who, WHY, HALF_AN_HOUR)).unwrap();
        block_on(process.glass.end(&who)).unwrap();
        if number == 2 {
            let review = process.glass.review(&officer, &emergency, Finding::Justified, "right");
            block_on(review).unwrap();
        }
    }
    let destroy = |version| {
        let keys = process.domain.key_store();
        let keyset = block_on(process.domain.keyset()).unwrap();
        block_on(keys.set_state(&keyset, version, KeyState::Destroyed)).unwrap();
        block_on(process.domain.refresh()).unwrap();
    };
    let reasons = || -> Vec<_> {
        let unreviewed = block_on(process.glass.unreviewed(&officer)).unwrap().emergencies;
        unreviewed.into_iter().map(|it| it.reason.map(|it| it.expose_secret().clone())).collect()
    };
    block_on(process.domain.rotate()).unwrap();
    assert_eq!(block_on(process.glass.renew()).unwrap(), 4, "three reasons and a note");
    assert_eq!(block_on(process.glass.renew()).unwrap(), 0);
    destroy(1);
    assert_eq!(reasons(), [Some(WHY.to_owned()), Some(WHY.to_owned())]);
    // Of one that is gone it is known all the same that there was an emergency, and it can be reviewed.
    block_on(process.domain.rotate()).unwrap();
    destroy(2);
    assert_eq!(reasons(), [None, None]);
    let unreviewed = block_on(process.glass.unreviewed(&officer)).unwrap().emergencies;
    let review = process.glass.review(&officer, &unreviewed[0], Finding::Unjustified, "unknown");
    block_on(review).unwrap();
    block_on(process.glass.begin(&reader("nurse/0", "treatment"), WHY, HALF_AN_HOUR)).unwrap();
}
