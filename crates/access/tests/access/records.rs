//! What stands on the audit log.

use crate::{Clinic, Process, field};
use phiseal_audit::{Class, Record};
use phiseal_envelope::{Phi, Sealed};
use phiseal_format::Context;
use pollster::block_on;

fn last(process: &Process) -> Record {
    process.records().pop().unwrap().record
}

#[test]
fn a_record_says_who_saw_what_of_whom_and_what_for() {
    let process = Clinic::new().process();
    let name = field("name");
    let sealed = block_on(process.domain.seal("Jane Doe", &name)).unwrap();
    let nurse = process.as_read_by("nurse/17", "treatment");
    let _: Phi<String> = block_on(nurse.open(&sealed, &name)).unwrap();
    let record = last(&process);
    assert_eq!((record.class, record.action.as_str()), (Class::Reveal, "reveal"));
    assert_eq!(record.reader.as_ref().unwrap().actor(), "nurse/17");
    assert_eq!(record.reader.as_ref().unwrap().usage(), "treatment");
    assert_eq!(record.domain, Some(block_on(process.domain.id()).unwrap()));
    assert_eq!(record.kind.as_ref().unwrap().as_str(), "name");
    assert_eq!((record.count, record.request), (Some(1), None));
    // The pseudonym is the tag of the person who is called so.
    let keyset = block_on(process.domain.keyset()).unwrap();
    let keys = process.domain.key_store();
    assert_eq!(record.subject, Some(keys.subject_tag(&keyset, "mrn-1029").unwrap()));
    block_on(nurse.open_masked(&sealed, &name)).unwrap();
    assert_eq!(last(&process).action.as_str(), "reveal-masked");

    // Of a person's own key, whatever the record is called.
    let person = block_on(nurse.subject_or_create("Jane")).unwrap();
    let sealed = block_on(person.seal("penicillin", &field("allergies"))).unwrap();
    let _: Phi<String> = block_on(person.open(&sealed, &field("allergies"))).unwrap();
    assert_eq!(last(&process).subject, Some(person.tag()));

    // Tenants have pseudonyms of their own; without a record nobody is named.
    for (context, subject) in [
        (name.clone().tenant("a"), Some(keys.record_tag(keyset.domain(), Some(b"a"), b"mrn-1029"))),
        (Context::of_field("name"), None),
    ] {
        let sealed = block_on(process.domain.seal("Jane Doe", &context)).unwrap();
        let _: Phi<String> = block_on(nurse.open(&sealed, &context)).unwrap();
        assert_eq!(last(&process).subject, subject);
    }
}

#[test]
fn what_was_denied_and_what_failed_is_recorded_as_that() {
    let process = Clinic::new().process();
    let name = field("name");
    let sealed = block_on(process.domain.seal("Jane Doe", &name)).unwrap();
    let mut bytes = sealed.as_bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let changed = Sealed::try_from(bytes).unwrap();
    let nurse = process.as_read_by("nurse/17", "treatment");
    let clerk = process.as_read_by("clerk/1", "billing");
    block_on(clerk.open::<String>(&sealed, &name)).unwrap_err();
    block_on(nurse.open::<String>(&changed, &name)).unwrap_err();
    block_on(nurse.open::<Vec<u8>>(&sealed, &name)).unwrap();
    block_on(process.domain.open::<String>(&sealed, &name)).unwrap_err();
    assert_eq!(
        process.told(),
        [
            "reveal reveal denied",
            "reveal reveal unauthenticated",
            "reveal reveal success",
            "reveal reveal denied"
        ]
    );
    assert!(last(&process).reader.is_none(), "nobody was named");
}

/// What is only a matter of keys is told of by the keys' own records.
#[test]
fn a_foreign_key_is_no_reveal() {
    let process = Clinic::new().process();
    let other = Clinic::new().process();
    let name = field("name");
    let foreign = block_on(other.domain.seal("Jane Doe", &name)).unwrap();
    let nurse = process.as_read_by("nurse/17", "treatment");
    block_on(nurse.open::<String>(&foreign, &name)).unwrap_err();
    assert!(process.records().is_empty());
}

/// Names, numbers and reasons by which a log could give somebody away.
#[test]
fn no_value_and_no_reason_is_on_the_log() {
    let process = Clinic::new().process();
    let canary = |number: u32| format!("canary-{number}-Jane-Doe");
    let nurse = process.as_read_by("nurse/17", "treatment");
    for number in 0..20 {
        let what = Context::of_record(canary(number)).tenant(canary(number + 100)).field("name");
        let sealed = block_on(process.domain.seal(canary(number + 200), &what)).unwrap();
        block_on(nurse.open::<String>(&sealed, &what)).unwrap();
        block_on(nurse.open_masked(&sealed, &what)).unwrap();
        let what = Context::of_record(canary(number)).field(canary(number + 300));
        let sealed = block_on(process.domain.seal("x", &what)).unwrap();
        block_on(nurse.open::<String>(&sealed, &what)).unwrap_err();
    }
    let who = crate::reader("nurse/17", "treatment");
    let hour = core::time::Duration::from_secs(3600);
    block_on(process.glass.begin(&who, &canary(400), hour)).unwrap();
    let alerts = format!("{:?}", process.alerts.lock().unwrap());
    let debug = format!("{nurse:?} {:?} {:?}", process.access, process.glass);
    process.log.commit_blocking().unwrap();
    let log = std::fs::read_to_string(&process.path).unwrap();
    assert!(log.lines().count() > 60, "{}", log.lines().count());
    for text in [log, alerts, debug] {
        assert!(!text.contains("canary") && !text.contains("Jane"), "{text}");
    }
}

#[test]
fn every_tenant_and_record_has_a_pseudonym_of_its_own() {
    let process = Clinic::new().process();
    let (keys, id) = (process.domain.key_store(), block_on(process.domain.id()).unwrap());
    let parts = ["", "a", "b", "/", "a/b", "b/c", "a/b/c", "Patient/7", "phiseal/v1 tenant"];
    let tenants = parts.iter().map(|part| Some(part.as_bytes())).chain([None]);
    let mut tags = std::collections::HashSet::new();
    for tenant in tenants {
        for record in parts {
            assert!(
                tags.insert(keys.record_tag(id, tenant, record.as_bytes())),
                "{tenant:?} {record}"
            );
        }
    }
    assert_eq!(tags.len(), 10 * 9);
}
