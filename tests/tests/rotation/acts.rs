//! DUAL: what was agreed to is done to what it was agreed about, by those who are custodians when it is done.

use core::error::Error as _;
use phiseal::rotation::custody::{Approved, Custodians, Operation, Refusal, Request};
use phiseal::rotation::run::{Ended, end_version, rewrap, shred};
use phiseal::{Authority, Domain, Error, ErrorKind, KeyState, Keyset, Phiseal};
use phiseal_tests::clinic::{Clinic, DOMAIN, Made, Where};
use phiseal_tests::in_each_place;
use pollster::block_on;

in_each_place! {
    an_end_of_a_version_is_of_the_domain_that_it_was_agreed_about
    an_act_is_on_the_keyset_as_it_was_when_it_was_agreed_to
    a_person_is_not_shredded_by_one_alone_nor_by_those_who_were_custodians
}

const STAFF: &str = "clinic/staff";

/// What those do who are custodians by the first roster, whatever it is.
const CUSTODIANS: Authority = Authority::Custodians { request: [7; 32] };

fn approved(clinic: &Clinic, phi: &Phiseal, operation: Operation) -> Approved {
    let note = clinic.approve(operation);
    let store = phi.key_store();
    let custodians = block_on(Custodians::load(store, None)).unwrap().unwrap();
    let request = Request::parse(note.text()).unwrap();
    let keyset = clinic.keyset();
    custodians.check(&request, &[note], Some(&keyset), store.clock().wall()).unwrap()
}

/// The same by one custodian alone.
fn alone(clinic: &Clinic, phi: &Phiseal, operation: Operation) -> Approved {
    let mut request = Request::parse(clinic.approve(operation).text()).unwrap();
    request.roster = None;
    let (engine, now) = (phiseal::default_engine(), phi.key_store().clock().wall());
    Approved::dangerous_single_custodian(engine, &request, Some(&clinic.keyset()), now).unwrap()
}

fn rotate(phi: &Phiseal, name: &str) -> Keyset {
    let store = phi.key_store();
    let keyset = block_on(store.keyset(name)).unwrap();
    block_on(store.changes(CUSTODIANS, 1).rotate(&keyset, false)).unwrap()
}

fn end(clinic: &Clinic, domain: &Domain, approved: &Approved) -> Result<Ended, Error> {
    block_on(end_version(domain, &clinic.holdings(domain), approved, &mut |_| {}))
}

fn assert_refused<T>(outcome: Result<T, Error>, expected: &Refusal) {
    let error = outcome.map(drop).unwrap_err();
    let refusal = error.source().and_then(|source| source.downcast_ref::<Refusal>());
    assert_eq!(refusal, Some(expected), "{error:?}");
}

/// A clinic with two domains, each of whose first versions nothing is under, an hour after they were replaced.
fn clinic(place: Where) -> Option<(Made, Phiseal)> {
    let clinic = Made::new(place, 0)?;
    let phi = clinic.open();
    block_on(phi.domain(STAFF)).unwrap();
    rotate(&phi, DOMAIN);
    let staff = rotate(&phi, STAFF);
    let later = staff.version(1).unwrap().replaced().unwrap() + 3_600;
    let phi = clinic.open_at(later);
    Some((clinic, phi))
}

fn an_end_of_a_version_is_of_the_domain_that_it_was_agreed_about(place: Where) {
    let Some((clinic, phi)) = clinic(place) else { return };
    let retire = approved(&clinic, &phi, Operation::Retire(1));
    let staff = block_on(phi.domain(STAFF)).unwrap();
    assert_refused(end(&clinic, &staff, &retire), &Refusal::Keyset);
    let untouched = block_on(phi.key_store().keyset(STAFF)).unwrap();
    assert_eq!(untouched.version(1).unwrap().state(), KeyState::Active);

    let patients = block_on(phi.domain(DOMAIN)).unwrap();
    let ended = end(&clinic, &patients, &retire).expect("the control");
    assert_eq!(ended.after.version(1).unwrap().state(), KeyState::Deactivated);
}

fn an_act_is_on_the_keyset_as_it_was_when_it_was_agreed_to(place: Where) {
    let Some((clinic, phi)) = clinic(place) else { return };
    let domain = block_on(phi.domain(DOMAIN)).unwrap();
    let person = block_on(domain.subject_or_create("mrn-1")).unwrap();
    let tag = phi.key_store().subject_tag(&clinic.keyset(), "mrn-1").unwrap();
    drop(person);
    let operations = [Operation::Retire(1), Operation::Shred(tag), Operation::Rewrap];
    let before = operations.map(|operation| approved(&clinic, &phi, operation));
    // Verified, and not done before somebody else changes the keys.
    let changed = rotate(&phi, DOMAIN);
    assert_refused(end(&clinic, &domain, &before[0]), &Refusal::Keyset);
    assert_refused(block_on(shred(&domain, &[], &before[1])), &Refusal::Keyset);
    assert_refused(block_on(rewrap(&domain, &before[2])), &Refusal::Keyset);
    assert_eq!(clinic.keyset(), changed);
    let record = block_on(domain.subject_record("mrn-1")).unwrap().unwrap();
    assert!(record.current().is_ok());

    let [_, again, rewrapped] = operations.map(|operation| approved(&clinic, &phi, operation));
    block_on(shred(&domain, &[], &again)).expect("the control");
    block_on(rewrap(&domain, &rewrapped)).expect("the control");
    let record = block_on(domain.subject_record("mrn-1")).unwrap().unwrap();
    assert!(record.current().is_err());
}

fn a_person_is_not_shredded_by_one_alone_nor_by_those_who_were_custodians(place: Where) {
    let Some((clinic, phi)) = clinic(place) else { return };
    let domain = block_on(phi.domain(DOMAIN)).unwrap();
    drop(block_on(domain.subject_or_create("mrn-1")).unwrap());
    let tag = phi.key_store().subject_tag(&clinic.keyset(), "mrn-1").unwrap();
    let shredding = Operation::Shred(tag);
    let denied = |approved: &Approved| {
        let error = block_on(shred(&domain, &[], approved)).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{error:?}");
        let record = block_on(domain.subject_record("mrn-1")).unwrap().unwrap();
        assert!(record.current().is_ok());
    };
    denied(&alone(&clinic, &phi, shredding));
    let by_two = approved(&clinic, &phi, shredding);
    let store = phi.key_store();
    let roster = block_on(store.roster()).unwrap().unwrap();
    block_on(store.set_roster(roster.revision, roster.bytes)).unwrap();
    denied(&by_two);
    block_on(shred(&domain, &[], &approved(&clinic, &phi, shredding))).expect("the control");
}
