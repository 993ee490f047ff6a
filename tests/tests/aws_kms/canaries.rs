//! What is sent holds nothing that a person wrote.

use crate::Account;
use phiseal::blocking::Phiseal;
use phiseal::{Builder, Context};
use phiseal_tests::canaries::forms;
use std::collections::BTreeSet;

/// A domain, a tenant, a record, a field, a row's plaintext, a person.
const CANARIES: [&str; 6] = [
    "oak-street-oncology",
    "northern-trust-canary",
    "mrn-7714-canary",
    "hiv-status-canary",
    "positive-since-1994",
    "ada-lovelace-1815",
];

#[test]
fn no_request_holds_what_a_person_wrote() {
    let [domain, tenant, record, field, plaintext, person] = CANARIES;
    let account = Account::new();
    let what = Context::of_tenant(tenant).record(record).field(field);
    let process = account.process();
    let handle = process.domain(domain).unwrap();
    let sealed = handle.seal(plaintext, &what).unwrap();
    let ada = handle.subject_or_create(person).unwrap();
    let of_ada = ada.seal(plaintext, &what).unwrap();
    handle.rotate().unwrap();
    assert_eq!(handle.rewrap().unwrap().rewrapped, 2, "no wrap is known to be current");
    handle.rewrap_subjects().unwrap();

    // Another process, and a move to another KEK, which needs `Encrypt`.
    let builder = Builder::new().clock(account.clock.clone()).also_unwrap_with(account.kek(0));
    let moved = Phiseal::open_with(builder, account.store.clone(), account.kek(1)).unwrap();
    let moved = moved.domain(domain).unwrap();
    assert_eq!(moved.rewrap().unwrap().rewrapped, 2);
    for opened in [
        moved.open::<String>(&sealed, &what).unwrap(),
        moved.subject(person).unwrap().open::<String>(&of_ada, &what).unwrap(),
    ] {
        assert_eq!(opened.expose_secret(), plaintext);
    }
    moved.shred_subject(person).unwrap();

    let calls = account.fake.calls();
    let operations: BTreeSet<_> = calls.iter().map(|call| &*call.operation).collect();
    let all = ["Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "ReEncrypt"];
    assert_eq!(operations, BTreeSet::from(all));
    let sent: Vec<_> = calls.iter().map(|call| format!("{}{}", call.head, call.body)).collect();
    let holds =
        |part: &[u8]| sent.iter().any(|it| it.as_bytes().windows(part.len()).any(|w| w == part));
    assert!(holds(b"v1 data key") && holds(b"\"environment\""), "the control");
    let mut looked_for = 0;
    for form in CANARIES.iter().flat_map(|canary| forms(canary.as_bytes())) {
        assert!(!holds(&form), "{}", String::from_utf8_lossy(&form));
        looked_for += 1;
    }
    assert!(looked_for > 5 * CANARIES.len(), "{looked_for} forms");
}
