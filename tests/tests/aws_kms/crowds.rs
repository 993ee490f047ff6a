//! HERD and FOREIGN: many callers, few calls, counted where they arrive.

use crate::fake::Reply;
use crate::{Account, kind, open};
use phiseal::backends::aws_kms::AwsKmsKek;
use phiseal::blocking::Phiseal;
use phiseal::{Builder, ErrorKind};
use phiseal_tests::crowd::{THREADS, crowd, insistently};
use phiseal_tests::world::{DOMAIN, what};
use pollster::block_on;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A process whose clock is the machine's, as threads wait in real time here.
fn cold(account: &Account, kek: AwsKmsKek) -> Phiseal {
    Phiseal::open_with(Builder::new(), account.store.clone(), kek).unwrap()
}

/// From now on an answer takes 50 ms, and every fifth, the next one first, is an error.
fn trouble(account: &Account) {
    account.fake.latency(Duration::from_millis(50));
    let answers = AtomicUsize::new(0);
    account.fake.lie(move |_| {
        let fails = answers.fetch_add(1, Ordering::SeqCst).is_multiple_of(5);
        fails.then(|| Reply { status: 500, ..Reply::error("KMSInternalException") })
    });
}

#[test]
fn a_thousand_cold_threads_ask_for_a_key_ten_times_at_most() {
    for retries in [true, false] {
        let account = Account::new();
        let sealed = account.process().domain(DOMAIN).unwrap().seal("plain", &what()).unwrap();
        let builder = account.builder(0);
        let builder = if retries { builder } else { builder.without_retries() };
        let process = cold(&account, block_on(builder.connect()).unwrap());
        let before = account.fake.count();
        trouble(&account);
        let opened = crowd(|_| {
            insistently(|| {
                let opened: phiseal::Phi<String> =
                    process.domain(DOMAIN)?.open(&sealed, &what())?;
                Ok(opened.expose_secret().len())
            })
        });
        assert_eq!(opened, vec![5; THREADS]);
        let asked = account.fake.count() - before;
        assert!((2..=10).contains(&asked), "{asked} calls for one key, one of which failed");
        assert_eq!(account.asked(before, ["Decrypt"]), [asked]);
    }
}

#[test]
fn a_thousand_cold_threads_make_a_domain_once() {
    let account = Account::new();
    let process = cold(&account, account.kek(0));
    let before = account.fake.count();
    trouble(&account);
    let ids =
        crowd(|_| insistently(|| Ok(process.domain(DOMAIN)?.seal("plain", &what())?.key_id())));
    assert!(ids.iter().all(|id| *id == ids[0]), "one key");
    let asked = account.fake.count() - before;
    assert!((3..=10).contains(&asked), "{asked} calls for one key, one of which failed");
}

#[test]
fn a_thousand_envelopes_of_foreign_keys_cause_no_call() {
    let (account, elsewhere) = (Account::new(), Account::new());
    let domain = account.process().domain(DOMAIN).unwrap();
    let own = domain.seal("plain", &what()).unwrap();
    let foreign = elsewhere.process().domain(DOMAIN).unwrap().seal("plain", &what()).unwrap();
    let before = (account.fake.count(), elsewhere.fake.count());
    for number in 0..1_000_u32 {
        let mut bytes = foreign.as_bytes().to_vec();
        bytes[1..5].copy_from_slice(&number.to_be_bytes());
        let sealed = phiseal::Sealed::try_from(bytes).unwrap();
        assert_eq!(open(&domain, &sealed), Some(ErrorKind::Foreign));
    }
    assert_eq!(open(&domain, &foreign), Some(ErrorKind::Foreign));
    assert_eq!((account.fake.count(), elsewhere.fake.count()), before);
    assert_eq!(open(&domain, &own), None, "the control");

    // A store whose KEK is another one is refused before it is asked for a key.
    let before = account.fake.count();
    let other = Phiseal::open(account.store.clone(), account.kek(1));
    assert_eq!(kind(other), Some(ErrorKind::Foreign));
    assert_eq!(account.asked(before, ["DescribeKey", "Decrypt"]), [1, 0]);
}
