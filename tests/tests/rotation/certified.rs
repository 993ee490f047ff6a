//! Certificates of what was approved and done: of a run, as far as it came, and of the end of a person's keys.

use crate::{ROTATE, pace};
use phiseal::rotation::certificate::{Certificate, Erasure, Operation, Status, sign, verify};
use phiseal::rotation::custody::{Custodians, Operation as Asked, Request};
use phiseal::rotation::run::{Circumstances, Phase, shred};
use phiseal_tests::clinic::{DOMAIN, Made, Where, custodians};
use phiseal_tests::in_each_place;
use pollster::block_on;

/// What is signed by both custodians is read again by whoever has their public keys.
pub(crate) fn assert_sound(certificate: &Certificate) -> String {
    let engine = phiseal::default_engine();
    let json = certificate.to_json(engine).unwrap();
    let [ada, ben] = custodians();
    let signed = block_on(sign(&json, None, &ada.key, &ada.signer, engine)).unwrap();
    let signed = block_on(sign(&json, Some(&signed), &ben.key, &ben.signer, engine)).unwrap();
    let keys = [ada.key, ben.key];
    let verified = verify(&json, signed.to_string().as_bytes(), &keys, engine).unwrap();
    assert_eq!((verified.signers.len(), &verified.certificate), (2, certificate));
    certificate.to_html(engine).unwrap()
}
in_each_place! {
    a_run_is_certified_as_far_as_it_came
    the_end_of_a_person_s_keys_is_certified_by_their_ids
}

fn a_run_is_certified_as_far_as_it_came(place: Where) {
    let Some(clinic) = Made::new(place, 300) else { return };
    let _ = clinic.approve(ROTATE);
    let journal = clinic.rotate(pace(100), &mut |_| {}).unwrap();
    assert_eq!(journal.phase, Phase::Done);
    let (phi, after) = (clinic.open(), clinic.keyset());
    let roster = block_on(Custodians::load(phi.key_store(), None)).unwrap().unwrap();
    let [ada, _] = custodians();
    let with = |custodians| Circumstances { custodians, actor: &ada.key, log: None };
    let certify =
        |circumstances| journal.certificate(phi.key_store(), &after, &circumstances).unwrap();

    let certificate = certify(with(Some(&roster)));
    assert_eq!((certificate.status(), certificate.remains()), (Status::Finished, vec![]));
    let old = &certificate.keys.versions[0];
    assert!(old.replaced.is_some() && old.activated.is_some());
    let page = assert_sound(&certificate);
    for part in ["Of 2 custodians, 1 beside the one who asked had to approve; 1 did.", "900 values"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("by nobody else"), "{page}");
    // Without the last count the same run is not finished, and the page says so first.
    let mut cut = certificate;
    cut.counts.after.clear();
    assert_eq!(cut.status(), Status::NotFinished);
    assert!(assert_sound(&cut).contains("NOT FINISHED</h1>"));

    let alone = certify(with(None));
    assert!(alone.approval.single_custodian && alone.approval.roster.is_none());
    let page = assert_sound(&alone);
    assert!(page.contains("DANGER: ONE PERSON ACTED ALONE") && page.contains("by nobody else"));
}

fn the_end_of_a_person_s_keys_is_certified_by_their_ids(place: Where) {
    let Some(clinic) = Made::new(place, 1) else { return };
    let phi = clinic.open();
    let (store, domain) = (phi.key_store(), block_on(phi.domain(DOMAIN)).unwrap());
    block_on(domain.subject_or_create("mrn-1")).unwrap();
    let keyset = clinic.keyset();
    let tag = store.subject_tag(&keyset, "mrn-1").unwrap();
    let person = || block_on(store.find_subject(&keyset, tag)).unwrap().unwrap();
    let ids: Vec<_> = person().keys().iter().map(|key| *key.key_id().as_bytes()).collect();
    let note = clinic.approve(Asked::Shred(tag));
    let roster = block_on(Custodians::load(store, None)).unwrap().unwrap();
    let request = Request::parse(note.text()).unwrap();
    let (now, notes) = (store.clock().wall(), [note.clone()]);
    let approved = roster.check(&request, &notes, Some(&keyset), now).unwrap();
    let before = person();
    let ended = block_on(shred(&domain, &[], &approved)).unwrap();

    let [ada, _] = custodians();
    let circumstances = Circumstances { custodians: Some(&roster), actor: &ada.key, log: None };
    let certify = |person| ended.certificate(store, &note, Some(person), &circumstances).unwrap();
    let gone = person();
    let certificate = certify(&gone);
    let Operation::Shred { keys, shredded: true, .. } = &certificate.operation else {
        unreachable!("{certificate:?}")
    };
    assert_eq!(keys.iter().map(|id| *id.as_bytes()).collect::<Vec<_>>(), ids);
    assert_eq!(certificate.status(), Status::ErasurePending);
    assert!(matches!(certificate.erasure, Erasure::Pending { .. }));
    let page = assert_sound(&certificate);
    assert!(page.contains(&tag.to_string()) && !page.contains("mrn-1"));
    // The record of before says that the keys are there.
    assert_eq!(certify(&before).status(), Status::NotFinished);
}
