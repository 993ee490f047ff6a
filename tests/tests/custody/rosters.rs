//! Who the custodians are, and that only they change it.

use crate::{Custodian, HOLDS, Office};
use phiseal::ErrorKind;
use phiseal::rotation::Digest;
use phiseal::rotation::custody::{Custodians, Operation, Request, Roster};
use phiseal_audit::note::{KeyName, VerifierKey};
use phiseal_format::EnvironmentId;
use pollster::block_on;

fn keys(people: &[Custodian]) -> Vec<VerifierKey> {
    people.iter().map(|person| person.key.clone()).collect()
}

#[test]
fn what_is_no_roster_is_refused() {
    let engine = phiseal::default_engine();
    let environment = EnvironmentId::from_bytes([1; 16]);
    let people: Vec<_> = (0..33).map(|number| Custodian::new(&format!("c{number}"))).collect();
    let of = |threshold, people: &[Custodian]| Roster::first(environment, threshold, keys(people));
    for (threshold, custodians) in
        [(0, 2), (1, 0), (1, 1), (2, 2), (3, 3), (4, 3), (0, 32), (1, 33)]
    {
        let error = of(threshold, &people[..custodians]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{threshold} of {custodians}");
    }
    let same_name = vec![people[0].key.clone(), Custodian::new("c0").key];
    assert!(Roster::first(environment, 1, same_name).is_err());
    let second =
        VerifierKey::of(KeyName::new("other").unwrap(), &people[0].signer, engine).unwrap();
    assert!(Roster::first(environment, 1, vec![people[0].key.clone(), second]).is_err());

    // With a Cyrillic letter, with one that has no width, and with one that turns what follows round.
    for name in ["\u{430}da", "ada\u{200b}", "\u{202e}ada"] {
        let two = [Custodian::new("ada"), Custodian::new(name)];
        assert_eq!(of(1, &two).unwrap_err().kind(), ErrorKind::Invalid, "{name:?}");
    }
    of(1, &[Custodian::new("ada"), Custodian::new("clinic.example/Ada")]).expect("the control");

    let text = of(1, &people[..2]).unwrap().to_string();
    let parse = |text: &str| Roster::parse(text, engine);
    assert_eq!(parse(&text).unwrap().to_string(), text, "the control");
    for (from, to) in [
        ("threshold 1", "threshold 0"),
        ("threshold 1", "threshold 2"),
        ("threshold 1", "threshold +1"),
        ("threshold 1", "threshold 01"),
        ("number 1", "number 2"),
        ("number 1", "number 0"),
        ("previous -", &format!("previous {}", "0".repeat(64))),
        ("roster v1", "roster v2"),
        ("environment ", "environment  "),
        ("custodian c1", "custodian c2"),
    ] {
        assert!(parse(&text.replace(from, to)).is_err(), "{to}");
    }
    for text in [text.trim_end(), &format!("{text}\n"), &format!("{text}custodian x\n"), ""] {
        assert!(parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn custodians_are_replaced_by_those_before_them() {
    let office = Office::new();
    let store = office.process.key_store();
    let (next, first) = (office.next_roster(), office.custodians.first());
    let request = office.request(Operation::Roster(next.digest(phiseal::default_engine())));
    let approved = office.check(&request, &office.signed(&request, &[0, 1, 3])).unwrap();
    let other =
        office.custodians.in_force().next(phiseal::default_engine(), 2, keys(&office.people[1..]));
    let refused =
        block_on(office.custodians.replace(store, other.unwrap(), &approved)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied, "another one than was agreed to");

    let replaced = block_on(office.custodians.replace(store, next, &approved)).unwrap();
    assert_eq!(replaced.in_force().number(), 2);
    let loaded = block_on(Custodians::load(store, Some(first))).unwrap().unwrap();
    assert_eq!((loaded.digest(), loaded.first()), (replaced.digest(), first));
    // What was requested before is not what these agree to, and the one who went counts no more.
    let mut rewrap = office.request(Operation::Rewrap);
    let check = |request: &Request, by: &[usize]| {
        let keyset = office.keyset();
        loaded.check(request, &office.signed(request, by), Some(&keyset), office.now())
    };
    assert!(check(&rewrap, &[0, 1, 2]).is_err());
    rewrap.roster = Some(loaded.digest());
    assert!(check(&rewrap, &[0, 3]).is_err());
    assert!(check(&rewrap, &[0, 1]).is_ok(), "the control: one of two others is enough now");
}

/// Whoever can write the store, even with its own keys, and puts his own people on the roster.
#[test]
fn a_roster_that_nobody_agreed_to_is_noticed() {
    let office = Office::new();
    let store = office.process.key_store();
    let first = office.custodians.first();
    let record = || block_on(store.roster()).unwrap().unwrap();
    let load = |first| block_on(Custodians::load(store, first));
    let honest = record();

    let thieves: Vec<_> = ["eve", "mallory"].map(Custodian::new).into();
    let theirs = Roster::first(store.environment(), 1, keys(&thieves)).unwrap();
    let bytes = |texts: &[&str]| {
        let mut out = vec![1];
        out.extend(u16::try_from(texts.len() / 2).unwrap().to_be_bytes());
        for text in texts {
            out.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
            out.extend(text.as_bytes());
        }
        out
    };
    let put = |body| block_on(store.set_roster(record().revision, body)).unwrap();
    put(bytes(&[&theirs.to_string(), ""]));
    assert_eq!(
        load(Some(first)).unwrap_err().kind(),
        ErrorKind::Tampered,
        "a first roster of their own"
    );
    assert!(load(None).is_ok(), "the control: without the first one's SHA-256 it is one");

    let office_roster = office.custodians.in_force();
    let next = office_roster.next(phiseal::default_engine(), 1, keys(&thieves)).unwrap();
    let request = office
        .custodians
        .request_roster(&next, KeyName::new("ada").unwrap(), office.now(), HOLDS)
        .unwrap();
    let sign = |by: &[&Custodian]| {
        let notes = by.iter().map(|person| person.sign(&request));
        notes.reduce(|one, next| one.merged(&next).unwrap()).unwrap().to_string()
    };
    let people: Vec<&Custodian> = office.people.iter().collect();
    for by in [&thieves.iter().collect::<Vec<_>>()[..], &people[..1], &people[..2], &people[1..3]] {
        put(bytes(&[&office_roster.to_string(), "", &next.to_string(), &sign(by)]));
        assert_eq!(load(Some(first)).unwrap_err().kind(), ErrorKind::Tampered);
    }
    put(bytes(&[&office_roster.to_string(), "", &next.to_string(), &sign(&people[..3])]));
    assert!(load(Some(first)).is_ok(), "the control: enough of them have signed");
    put(honest.bytes);
    assert!(load(Some(first)).is_ok());
    assert_eq!(load(Some(Digest::from_bytes([3; 32]))).unwrap_err().kind(), ErrorKind::Tampered);
}

#[test]
fn a_roster_that_is_gone_is_noticed_by_whoever_knows_of_it() {
    let office = Office::new();
    let first = office.custodians.first();
    let (_, _) = office.world.store.only(phiseal_keys::RecordKind::Roster);
    office.world.store.remove(phiseal_keys::RecordKind::Roster, b"roster");
    let fresh = office.world.process();
    assert!(block_on(Custodians::load(fresh.key_store(), None)).unwrap().is_none());
    let error = block_on(Custodians::load(fresh.key_store(), Some(first))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tampered);
    let error = block_on(Custodians::load(office.process.key_store(), None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tampered, "this process has seen it");
}
