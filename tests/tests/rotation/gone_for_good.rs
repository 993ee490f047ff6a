//! DEST: what is destroyed is gone for good when the custodians say so, on grounds that nothing here speaks against.

use crate::certified::assert_sound;
use crate::ends::{WAIT, end, end_approved, refusal};
use crate::{ROTATE, pace, to_the_end};
use phiseal::audit::note::Note;
use phiseal::backends::memory::MemoryKek;
use phiseal::rotation::certificate::{Certificate, Erasure, Ground, Safeguard, Status};
use phiseal::rotation::custody::{Approved, Custodians, Operation, Refusal, Request};
use phiseal::rotation::run::{Circumstances, Ended, Phase, Rotator, end_version, rewrap, shred};
use phiseal::stores::MemoryStore;
use phiseal::{
    Builder, Error, ErrorKind, KekAdminBackend, KekBackend, KekVersion, KeyState, KeyVersion,
    Phiseal, SubjectRecord, SubjectTag,
};
use phiseal_tests::clinic::{Clinic, DOMAIN, Made, Where, custodians, plaintext};
use phiseal_tests::in_each_place;
use pollster::block_on;
use std::slice;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

const BACKUPS: [Ground; 1] = [Ground::BackupsExpired];
const KEYS: [Ground; 1] = [Ground::WrappingKeysDestroyed];

in_each_place! {
    a_version_is_gone_for_good_when_backups_have_expired_or_what_wrapped_it_is_destroyed
    a_person_s_keys_are_gone_for_good_when_backups_have_expired_or_what_wrapped_them_is_destroyed
}

fn a_version_is_gone_for_good_when_backups_have_expired_or_what_wrapped_it_is_destroyed(
    place: Where,
) {
    let Some(clinic) = Made::new(place, 20) else { return };
    let _ = clinic.approve(ROTATE);
    let _ = to_the_end(&clinic, 50);
    let destroy = Operation::Destroy(1);
    let on = |grounds: &[Ground]| {
        let note = clinic.approve_on(destroy, grounds);
        (end_approved(&clinic, &note, WAIT + 1), note)
    };
    end(&clinic, Operation::Retire(1), WAIT + 1).unwrap();
    for grounds in [BACKUPS, KEYS] {
        assert_eq!(refusal(on(&grounds).0), Refusal::NotDestroyed);
        assert_eq!(clinic.keyset().version(1).unwrap().state(), KeyState::Deactivated);
    }
    let (ended, note) = on(&[]);
    assert_eq!(certificate(&clinic, &ended.unwrap(), &note).status(), Status::ErasurePending);

    let (ended, note) = on(&BACKUPS);
    assert_final_in_files(place, &clinic, ended, &note, &BACKUPS);

    // As long as the KEK has the version that wrapped it, a copy of it opens.
    assert!(is_kek_left(on(&KEYS).0));
    replace_kek_version(&clinic, || assert!(is_kek_left(on(&KEYS).0)));
    let (ended, note) = on(&KEYS);
    assert_final(&certificate(&clinic, &ended.unwrap(), &note), &KEYS);
    let (ended, note) = on(&Ground::ALL);
    assert_final_in_files(place, &clinic, ended, &note, &Ground::ALL);
    assert_eq!(clinic.assert_rotated(plaintext), 20);
}

#[test]
fn nobody_states_alone_or_for_another_request_that_a_version_is_gone_for_good() {
    let clinic = Made::new(Where::Sqlite, 20).unwrap();
    let _ = clinic.approve(ROTATE);
    let _ = to_the_end(&clinic, 50);
    end(&clinic, Operation::Retire(1), WAIT + 1).unwrap();
    let note = clinic.approve(Operation::Destroy(1));
    let destroyed = end_approved(&clinic, &note, WAIT + 1).unwrap();

    let other = clinic.approve_on(Operation::Destroy(1), &BACKUPS);
    let phi = clinic.open_at(clinic.keyset().version(1).unwrap().replaced().unwrap() + WAIT + 1);
    let store = phi.key_store();
    let roster = block_on(Custodians::load(store, None)).unwrap().unwrap();
    let [ada, _] = custodians();
    let circumstances = Circumstances { custodians: Some(&roster), actor: &ada.key, log: None };
    let certify = |note| destroyed.certificate(store, note, None, &circumstances);
    assert_eq!(certify(&other).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(certify(&note).unwrap().status(), Status::ErasurePending, "the control");

    let mut alone = Request::parse(other.text()).unwrap();
    alone.roster = None;
    let (engine, keyset) = (phiseal::default_engine(), clinic.keyset());
    let now = store.clock().wall();
    let approved =
        Approved::dangerous_single_custodian(engine, &alone, Some(&keyset), now).unwrap();
    let domain = block_on(phi.domain(DOMAIN)).unwrap();
    let holdings = clinic.holdings(&domain);
    let refused = block_on(end_version(&domain, &holdings, &approved, &mut |_| {}));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Denied);
}

#[test]
fn a_kek_that_may_open_what_a_backup_holds_is_named() {
    let new = || MemoryKek::new(phiseal::default_engine()).unwrap();
    let (first, second) = (Arc::new(new()), Arc::new(new()));
    let id = |kek: &Arc<MemoryKek>| block_on(kek.describe()).unwrap().id;
    let named = |builder: Builder, kek: &Arc<MemoryKek>| {
        let phi = block_on(builder.open(MemoryStore::new(), Arc::clone(kek))).unwrap();
        block_on(phi.key_store().kek_that_may_open()).unwrap()
    };
    let alone = Phiseal::builder;
    assert_eq!(named(alone(), &first), Some(id(&first)), "it never had another version");
    for of in [&first, &second] {
        block_on(of.create_version()).unwrap();
        assert_eq!(named(alone(), of), Some(id(of)), "the one before is there");
        block_on(of.set_state(KekVersion(1), KeyState::Deactivated)).unwrap();
        block_on(of.destroy(KekVersion(1))).unwrap();
        assert_eq!(named(alone(), of), None);
    }
    let second = || Arc::clone(&second);
    assert_eq!(named(alone().also_wrap_with(second()), &first), None);
    assert_eq!(named(alone().also_unwrap_with(second()), &first), Some(id(&second())));
    assert_eq!(named(alone().also_escrow_to(second()), &first), Some(id(&second())));
}

fn a_person_s_keys_are_gone_for_good_when_backups_have_expired_or_what_wrapped_them_is_destroyed(
    place: Where,
) {
    let Some(clinic) = Made::new(place, 20) else { return };
    let tag = {
        let phi = clinic.open();
        let domain = block_on(phi.domain(DOMAIN)).unwrap();
        block_on(domain.subject_or_create("mrn-1")).unwrap();
        phi.key_store().subject_tag(&clinic.keyset(), "mrn-1").unwrap()
    };
    let on = |grounds: &[Ground], later| {
        let note = clinic.approve_on(Operation::Shred(tag), grounds);
        (shred_approved(&clinic, &note, later), note)
    };
    let said_before = clinic.approve_on(Operation::Shred(tag), &BACKUPS);
    assert_eq!(refusal(shred_approved(&clinic, &said_before, 0)), Refusal::NotDestroyed);
    assert!(person(&clinic, tag).current().is_ok());
    sleep(Duration::from_millis(1_100));

    let (ended, note) = on(&[], 0);
    assert_eq!(certificate(&clinic, &ended.unwrap(), &note).status(), Status::ErasurePending);
    let refused = refusal(shred_approved(&clinic, &said_before, 0));
    assert_eq!(refused, Refusal::NotDestroyed, "it was not so when it was said");
    let (ended, note) = on(&BACKUPS, 0);
    assert_final_in_files(place, &clinic, ended, &note, &BACKUPS);

    // The first version may have wrapped them, and one that was made when clocks may not have agreed. Another one may not.
    assert_eq!(refusal(on(&KEYS, 0).0), Refusal::VersionLeft(1));
    let end_of = |version, later| {
        rotate(&clinic, later);
        end(&clinic, Operation::Retire(version), later + WAIT + 1).unwrap();
        let refused = refusal(on(&KEYS, later).0);
        assert_eq!(refused, Refusal::VersionLeft(version), "a retired version opens");
        end(&clinic, Operation::Destroy(version), later + WAIT + 1).unwrap();
    };
    end_of(1, SKEW - 100);
    assert_eq!(refusal(on(&KEYS, SKEW).0), Refusal::VersionLeft(2));
    end_of(2, SKEW + 100);
    // And what wrapped those versions may not open them.
    let refused = || on(&KEYS, SKEW + 100).0;
    assert!(is_kek_left(refused()));
    replace_kek_version(&clinic, || assert!(is_kek_left(refused())));
    let (ended, note) = on(&KEYS, SKEW + 100);
    assert_final(&certificate(&clinic, &ended.unwrap(), &note), &KEYS);
}

fn assert_final(certificate: &Certificate, grounds: &[Ground]) {
    assert_eq!(certificate.status(), Status::Finished);
    assert_eq!(certificate.erasure, Erasure::Final { grounds: grounds.to_vec() });
    let page = assert_sound(certificate);
    let named: Vec<_> = grounds.iter().map(Ground::to_string).collect();
    assert!(page.contains(&format!("final: {}", named.join("; "))), "{page}");
    assert!(
        page.contains("By ") && page.contains("was destroyed") | page.contains("were destroyed")
    );
    assert!(certificate.safeguards().contains(&Safeguard::CryptographicErase));
}

/// A database in a file can be erased; the log of a server keeps what was in it.
fn assert_final_in_files(
    place: Where,
    clinic: &Clinic,
    ended: Result<Ended, Error>,
    note: &Note,
    grounds: &[Ground],
) {
    match place {
        Where::Sqlite => assert_final(&certificate(clinic, &ended.unwrap(), note), grounds),
        Where::Postgres => assert_eq!(refusal(ended), Refusal::NotErased),
    }
}

fn is_kek_left(ended: Result<Ended, Error>) -> bool {
    matches!(refusal(ended), Refusal::KekLeft(_))
}

/// Has the KEK's second version wrap what its first one does, and the first destroyed.
fn replace_kek_version(clinic: &Clinic, before_it_is_destroyed: impl Fn()) {
    let kek = clinic.kek();
    block_on(kek.create_version()).unwrap();
    // Some versions were made later than now.
    let ahead = clinic.keyset().versions().iter().map(KeyVersion::created).max().unwrap();
    let phi = clinic.open_at(ahead.max(clinic.open().key_store().clock().wall()));
    let domain = block_on(phi.domain(DOMAIN)).unwrap();
    let (_, approved) = checked(clinic, &phi, &clinic.approve(Operation::Rewrap)).unwrap();
    block_on(rewrap(&domain, &approved)).unwrap();
    before_it_is_destroyed();
    block_on(kek.set_state(KekVersion(1), KeyState::Deactivated)).unwrap();
    before_it_is_destroyed();
    block_on(kek.destroy(KekVersion(1))).unwrap();
}

fn person(clinic: &Clinic, tag: SubjectTag) -> SubjectRecord {
    block_on(clinic.open().key_store().find_subject(&clinic.keyset(), tag)).unwrap().unwrap()
}

/// By how much clocks may differ, in seconds.
const SKEW: u64 = 300;

/// Rotates, so many seconds later than now.
fn rotate(clinic: &Clinic, later: u64) {
    let phi = clinic.open_at(clinic.open().key_store().clock().wall() + later);
    let domain = block_on(phi.domain(DOMAIN)).unwrap();
    let (roster, approved) = checked(clinic, &phi, &clinic.approve(ROTATE)).unwrap();
    let holdings = clinic.holdings(&domain);
    let mut rotator = Rotator::new(domain, &holdings, pace(50));
    let journal = rotator.run(&approved, Some(&roster), &mut |_| {}).unwrap();
    assert_eq!(journal.phase, Phase::Done);
}

/// Shreds somebody, as was approved.
pub(crate) fn shredded(clinic: &Clinic, note: &Note) -> Result<Ended, Error> {
    shred_approved(clinic, note, 0)
}

fn shred_approved(clinic: &Clinic, note: &Note, later: u64) -> Result<Ended, Error> {
    let phi = clinic.open_at(clinic.open().key_store().clock().wall() + later);
    let domain = block_on(phi.domain(DOMAIN))?;
    let (_, approved) = checked(clinic, &phi, note)?;
    block_on(shred(&domain, &clinic.holdings(&domain), &approved))
}

/// What the custodians of `phi` make of a signed request, by its clock.
fn checked(clinic: &Clinic, phi: &Phiseal, note: &Note) -> Result<(Custodians, Approved), Error> {
    let roster = block_on(Custodians::load(phi.key_store(), None))?.unwrap();
    let (request, now) = (Request::parse(note.text())?, phi.key_store().clock().wall());
    let notes = slice::from_ref(note);
    let approved = roster.check(&request, notes, Some(&clinic.keyset()), now)?;
    Ok((roster, approved))
}

fn certificate(clinic: &Clinic, ended: &Ended, note: &Note) -> Certificate {
    let phi = clinic.open();
    let roster = block_on(Custodians::load(phi.key_store(), None)).unwrap().unwrap();
    let [ada, _] = custodians();
    let circumstances = Circumstances { custodians: Some(&roster), actor: &ada.key, log: None };
    let person = match Request::parse(note.text()).unwrap().operation {
        Operation::Shred(tag) => Some(person(clinic, tag)),
        _ => None,
    };
    ended.certificate(phi.key_store(), note, person.as_ref(), &circumstances).unwrap()
}
