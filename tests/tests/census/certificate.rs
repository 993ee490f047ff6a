//! A real rotation, certified by two custodians whose keys lie in files, read by somebody who has the public keys alone.

use crate::clinic::{Clinic, DOMAIN};
use phiseal::audit::note::{KeyName, VerifierKey};
use phiseal::backends::custodian::{Cost, CustodianKey, Passphrase};
use phiseal::rotation::certificate::{
    Approval, Certificate, Counted, Counts, Digest, Erasure, Keys, Operation, Remains, RosterHead,
    Signatory, Status, TableResealed, Times, Tool, Version, sign, verify,
};
use phiseal::rotation::{Census, Class, Pace, Resealed, reseal};
use phiseal::{KeyState, Keyset, default_engine};
use pollster::block_on;
use std::path::Path;

const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

struct Custodian {
    key: CustodianKey,
    public: VerifierKey,
}

fn custodian(folder: &Path, name: &str) -> Custodian {
    let engine = default_engine();
    let passphrase = Passphrase::from_bytes(b"correct horse battery staple".to_vec()).unwrap();
    let path = folder.join(format!("{name}.json"));
    let name = format!("clinic.example/{name}");
    CustodianKey::generate(&path, &name, &passphrase, CHEAP, engine).unwrap();
    let key = CustodianKey::open(&path, &passphrase, engine).unwrap();
    // What a custodian's file takes as a name is one of a signed note's key.
    let public = VerifierKey::of(KeyName::new(key.name()).unwrap(), &key, engine).unwrap();
    Custodian { key, public }
}

fn keyset(clinic: &Clinic) -> Keyset {
    block_on(clinic.phi().key_store().keyset(DOMAIN)).unwrap()
}

fn certified(
    [before, after]: [&Keyset; 2],
    [counted, left]: [Census; 2],
    done: Resealed,
    [alice, bob]: [&Custodian; 2],
) -> Certificate {
    let engine = default_engine();
    let versions = after.versions().iter().map(|version| {
        let earlier = before.versions().iter().find(|it| it.number() == version.number());
        Version::new(earlier, version)
    });
    let (began, ended) = (counted.began, left.ended);
    Certificate {
        operation: Operation::Rotate { compromised: false },
        environment: after.environment(),
        domain: after.name().to_owned(),
        domain_id: after.domain(),
        times: Times { requested: began, approved: Some(began), began, ended },
        keys: Keys {
            primary_before: before.primary(),
            primary_after: after.primary(),
            versions: versions.collect(),
        },
        approval: Approval {
            requester: Signatory::new("Alice", &alice.public),
            approvers: vec![Signatory::new("Bob", &bob.public)],
            request: Digest::from_bytes([2; 32]),
            roster: Some(RosterHead {
                number: 1,
                sha256: Digest::from_bytes([1; 32]),
                threshold: 1,
                custodians: 2,
            }),
            single_custodian: false,
        },
        counts: Counts {
            before: vec![Counted::new(counted, engine)],
            resealed: vec![TableResealed::new("patients", done)],
            after: vec![Counted::new(left, engine)],
        },
        erasure: Erasure::None {},
        tool: Tool::new(engine),
        log: None,
    }
}

#[test]
fn a_rotation_is_certified_as_what_it_was() {
    let (clinic, engine) = (Clinic::new(), default_engine());
    let phi = clinic.phi();
    (1..=100).for_each(|id| clinic.put(&phi, id));
    let first = keyset(&clinic);
    let (counted, _) = clinic.count(&clinic.source()).unwrap();
    phi.domain(DOMAIN).unwrap().rotate().unwrap();
    // Half-way: nothing was sealed anew.
    let (early, _) = clinic.count(&clinic.source()).unwrap();
    let done = reseal(&clinic.source(), &clinic.columns(), Pace::default(), |_| ()).unwrap();
    let (left, _) = clinic.count(&clinic.source()).unwrap();
    let second = keyset(&clinic);
    assert_eq!(second.versions()[0].state(), KeyState::Deactivated);

    let folder = tempfile::tempdir().unwrap();
    let people = ["alice", "bob"].map(|name| custodian(folder.path(), name));
    let [alice, bob] = &people;
    let certify =
        |left: Census| certified([&first, &second], [counted.clone(), left], done, [alice, bob]);
    let certificate = certify(left);
    assert_eq!((certificate.status(), certificate.remains()), (Status::Finished, vec![]));
    let json = certificate.to_json(engine).unwrap();
    let mut note = None;
    for Custodian { key, public } in &people {
        note = Some(block_on(sign(&json, note.as_ref(), public, key, engine)).unwrap());
    }
    let keys = people.each_ref().map(|person| person.public.clone());
    let note = note.unwrap().to_string();
    let verified = verify(&json, note.as_bytes(), &keys, engine).unwrap();
    assert_eq!((verified.signers.len(), &verified.certificate), (2, &certificate));
    let page = certificate.to_html(engine).unwrap();
    assert!(page.contains("200 values were encrypted anew"), "{page}");
    // Row keys, and what is in the rows, are in neither.
    let both = [page, String::from_utf8(json).unwrap()].concat();
    assert!((1..=100).all(|id| !both.contains(&crate::clinic::mrn(id))));

    let unfinished = certify(early);
    assert_eq!(unfinished.status(), Status::NotFinished);
    let expected = Remains::Values {
        table: "patients".to_owned(),
        column: "ssn".to_owned(),
        values: (Class::Older(1), 100),
    };
    assert!(unfinished.remains().contains(&expected), "{:?}", unfinished.remains());
}

/// Two crates that must not know each other have one rule.
#[test]
fn a_custodian_s_file_takes_the_names_that_notes_take() {
    let folder = tempfile::tempdir().unwrap();
    let passphrase = Passphrase::from_bytes(b"correct horse battery staple".to_vec()).unwrap();
    let (long, too_long) = ("x".repeat(255), "x".repeat(256));
    let specials = "\u{0}\t\n +\u{7f}\u{85}\u{a0}\u{ad}\u{2003}\u{200b}\u{2028}\u{3000}\u{feff}<>\"'\\\u{1f511}";
    let mut names: Vec<_> = specials.chars().map(|special| format!("a{special}b")).collect();
    names.extend(["".to_owned(), "a".to_owned(), long, too_long]);
    let mut taken = 0;
    for (number, name) in names.iter().enumerate() {
        let path = folder.path().join(number.to_string());
        let made = CustodianKey::generate(path, name, &passphrase, CHEAP, default_engine());
        assert_eq!(made.is_ok(), KeyName::new(name).is_ok(), "{name:?}");
        taken += usize::from(made.is_ok());
    }
    assert!(taken > 5 && taken < names.len() - 5, "{taken} of {}", names.len());
}
