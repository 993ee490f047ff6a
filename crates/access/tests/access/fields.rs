//! Opening fields.

use crate::{Clinic, field, reader};
use phiseal_envelope::{Domain, FieldCipher, Mask, Options, Phi, Reveal, RevealPolicy, Sealed};
use phiseal_format::Context;
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::default_engine;
use pollster::block_on;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

fn open(domain: &Domain, sealed: &Sealed, context: &Context) -> Result<Phi<String>, Error> {
    block_on(domain.open(sealed, context))
}

fn kind<T>(result: Result<T, Error>) -> ErrorKind {
    result.map(drop).unwrap_err().kind()
}

#[test]
fn a_reader_sees_what_the_policy_grants_and_nothing_else() {
    let process = Clinic::new().process();
    let (name, ssn) = (field("name"), field("ssn"));
    let seal =
        |text: &str, context: &Context| block_on(process.domain.seal(text, context)).unwrap();
    let sealed = (seal("Jane Doe", &name), seal("123-45-6789", &ssn));
    let nurse = process.as_read_by("nurse/17", "treatment");
    assert_eq!(open(&nurse, &sealed.0, &name).unwrap().expose_secret(), "Jane Doe");
    assert_eq!(block_on(nurse.open_masked(&sealed.0, &name)).unwrap(), "J****");
    assert_eq!(kind(open(&nurse, &sealed.1, &ssn)), ErrorKind::Denied);
    assert_eq!(kind(block_on(nurse.open_masked(&sealed.1, &ssn))), ErrorKind::Denied);
    let clerk = process.as_read_by("clerk/1", "billing");
    assert_eq!(kind(open(&clerk, &sealed.1, &ssn)), ErrorKind::Denied);
    assert_eq!(block_on(clerk.open_masked(&sealed.1, &ssn)).unwrap(), "***-**-6789");
    assert_eq!(kind(open(&clerk, &sealed.0, &name)), ErrorKind::Denied);
    // The same actor for another use, and nobody.
    let marketing = process.as_read_by("nurse/17", "marketing");
    assert_eq!(kind(open(&marketing, &sealed.0, &name)), ErrorKind::Denied);
    assert_eq!(kind(open(&process.domain, &sealed.0, &name)), ErrorKind::Denied);
    // What the policy does not name.
    for context in [field("shoe size"), Context::of_record("mrn-1029"), field("Name"), field("")] {
        let sealed = seal("47", &context);
        assert_eq!(kind(open(&nurse, &sealed, &context)), ErrorKind::Denied);
        assert_eq!(
            open(&process.domain.assume_allowed(), &sealed, &context).unwrap().expose_secret(),
            "47"
        );
    }
    let context = Context::of_record("mrn-1029").field(b"\xffname");
    let sealed = seal("47", &context);
    assert_eq!(kind(open(&nurse, &sealed, &context)), ErrorKind::Denied);
}

#[test]
fn who_holds_the_key_store_reads_where_nobody_else_is_named() {
    let clinic = Clinic::new();
    let process = clinic.process_of(Some(reader("nurse/17", "treatment")));
    let sealed = block_on(process.domain.seal("Jane Doe", &field("name"))).unwrap();
    assert_eq!(open(&process.domain, &sealed, &field("name")).unwrap().expose_secret(), "Jane Doe");
    let clerk = process.as_read_by("clerk/1", "billing");
    assert_eq!(kind(open(&clerk, &sealed, &field("name"))), ErrorKind::Denied);
}

/// Every way of opening there is, by the domain's key and by a person's.
#[test]
fn every_way_of_opening_is_judged() {
    let process = Clinic::new().process();
    let name = field("name");
    let person = block_on(process.domain.subject_or_create("mrn-1029")).unwrap();
    let of_domain = block_on(process.domain.seal("Jane Doe", &name)).unwrap();
    let of_person = block_on(person.seal("Jane Doe", &name)).unwrap();
    let ways = |cipher: &FieldCipher, sealed: &Sealed| -> Vec<Result<(), Error>> {
        let bound = cipher.bind(&name).unwrap();
        let mut out = [7; 64];
        let into = cipher.open_into(sealed.as_bytes(), &bound, &mut out).map(drop);
        assert_eq!(&out[..8], if into.is_ok() { b"Jane Doe" } else { &[0; 8] });
        let mut buffer = sealed.as_bytes().to_vec();
        let in_place = cipher.open_in_place(&bound, &mut buffer).map(drop);
        assert!(in_place.is_ok() || buffer == sealed.as_bytes(), "changed by what was refused");
        vec![
            cipher.open::<String>(sealed, &name).map(drop),
            cipher.open_bound::<Vec<u8>>(sealed.as_bytes(), &bound).map(drop),
            into,
            in_place,
            cipher.open_all::<String>([(sealed, &name)]).remove(0).map(drop),
            cipher.open_masked(sealed, &name).map(drop),
        ]
    };
    for (actor, allowed) in [("nurse/17", true), ("clerk/1", false)] {
        let domain = process.as_read_by(actor, "treatment");
        let person = block_on(domain.subject("mrn-1029")).unwrap();
        let tag = block_on(domain.subject_of_tag(person.tag())).unwrap();
        let id = of_domain.key_id();
        for cipher in [
            block_on(domain.ready()),
            block_on(domain.ready_for(id)),
            block_on(domain.ready_within(core::time::Duration::ZERO)),
            Ok(domain.at_hand().unwrap()),
        ] {
            for opened in ways(&cipher.unwrap(), &of_domain) {
                assert_eq!(
                    opened.map_err(|error| error.kind()),
                    if allowed { Ok(()) } else { Err(ErrorKind::Denied) }
                );
            }
        }
        for cipher in [block_on(person.ready()), block_on(tag.ready())] {
            for opened in ways(&cipher.unwrap(), &of_person) {
                assert_eq!(
                    opened.map_err(|error| error.kind()),
                    if allowed { Ok(()) } else { Err(ErrorKind::Denied) }
                );
            }
        }
        let opened = block_on(person.open::<String>(&of_person, &name));
        assert_eq!(opened.is_ok(), allowed);
        assert_eq!(block_on(person.open_masked(&of_person, &name)).is_ok(), allowed);
    }
}

#[test]
fn what_cannot_be_written_down_is_not_shown() {
    let process = Clinic::new().process();
    let name = field("name");
    let sealed = block_on(process.domain.seal("Jane Doe", &name)).unwrap();
    let nurse = process.as_read_by("nurse/17", "treatment");
    let cipher = block_on(nurse.ready()).unwrap();
    let bound = cipher.bind(&name).unwrap();
    open(&nurse, &sealed, &name).expect("the control");
    process.log.close().unwrap();
    assert_eq!(kind(open(&nurse, &sealed, &name)), ErrorKind::Faulty);
    assert_eq!(kind(cipher.open_masked(&sealed, &name)), ErrorKind::Faulty);
    let mut out = [7; 8];
    assert_eq!(kind(cipher.open_into(sealed.as_bytes(), &bound, &mut out)), ErrorKind::Faulty);
    assert_eq!(out, [0; 8]);
    let mut buffer = sealed.as_bytes().to_vec();
    assert_eq!(kind(cipher.open_in_place(&bound, &mut buffer)), ErrorKind::Faulty);
    assert!(buffer.windows(8).all(|window| window != b"Jane Doe"));
    assert_eq!(&buffer[41..49], &[0; 8]);
    // Nor does what is denied turn into something else.
    let clerk = process.as_read_by("clerk/1", "billing");
    open(&clerk, &sealed, &name).expect_err("denied, and not written down");
}

/// One cache, two readers of whom one may.
#[test]
fn what_one_reader_has_opened_another_does_not_see() {
    let process = Clinic::new().process();
    let name = field("name");
    let sealed = block_on(process.domain.seal("Jane Doe", &name)).unwrap();
    let nurse = process.as_read_by("nurse/17", "treatment");
    let clerk = process.as_read_by("clerk/1", "billing");
    std::thread::scope(|scope| {
        let opens = |domain: &Domain, allowed: bool| {
            for _ in 0..5_000 {
                assert_eq!(open(domain, &sealed, &name).is_ok(), allowed);
            }
        };
        let (nurse, clerk) = (&nurse, &clerk);
        for _ in 0..2 {
            scope.spawn(move || opens(nurse, true));
            scope.spawn(move || opens(clerk, false));
        }
    });
    let alerts = process.alerts.lock().unwrap().len();
    assert_eq!((process.records().len(), alerts), (20_002, 2));
}

#[test]
fn keys_that_are_taken_away_are_taken_from_readers_too() {
    let process = Clinic::new().process();
    let (name, nurse) = (field("name"), process.as_read_by("nurse/17", "treatment"));
    let person = block_on(nurse.subject_or_create("mrn-1029")).unwrap();
    let sealed = block_on(person.seal("Jane Doe", &name)).unwrap();
    let handed_out = block_on(person.ready()).unwrap();
    handed_out.open::<String>(&sealed, &name).expect("the control");
    // Many others are looked at, so that nothing but the cipher itself keeps the person's key.
    for number in 0..1_100 {
        block_on(nurse.subject_or_create(&format!("other {number}"))).unwrap();
    }
    handed_out.open::<String>(&sealed, &name).expect("it goes on until its lease is over");
    block_on(process.domain.shred_subject("mrn-1029")).unwrap();
    handed_out.open::<String>(&sealed, &name).expect_err("shredded");
}

#[test]
fn a_handle_that_shows_nobody_is_judged_again_once_a_reader_is_named() {
    let process = Clinic::new().process();
    let name = field("name");
    let sealed = block_on(process.domain.seal("Jane Doe", &name)).unwrap();
    let unjudged = process.domain.assume_allowed();
    assert_eq!(open(&unjudged, &sealed, &name).unwrap().expose_secret(), "Jane Doe");
    assert_eq!(kind(block_on(unjudged.open_masked(&sealed, &name))), ErrorKind::Invalid);
    assert!(process.records().is_empty());
    let clerk = unjudged.read_by(reader("clerk/1", "billing"));
    assert_eq!(kind(open(&clerk, &sealed, &name)), ErrorKind::Denied);
}

#[test]
fn without_a_policy_nothing_is_judged_and_nothing_masked() {
    let process = Clinic::new().process();
    let options = Options::new(default_engine());
    let keys = process.domain.key_store().clone();
    let domain = block_on(Domain::connect(keys, "clinic/patients", options.into())).unwrap();
    let clerk = domain.read_by(reader("clerk/1", "billing"));
    let sealed = block_on(clerk.seal("Jane Doe", &field("name"))).unwrap();
    assert_eq!(open(&clerk, &sealed, &field("name")).unwrap().expose_secret(), "Jane Doe");
    assert_eq!(kind(block_on(clerk.open_masked(&sealed, &field("name")))), ErrorKind::Invalid);
    assert!(process.records().is_empty());
}

/// A policy that fails in a way in which keys do, too: nobody looks for other keys because of it.
#[test]
fn what_a_policy_fails_with_is_not_taken_for_a_failure_of_keys() {
    #[derive(Debug)]
    struct Failing(AtomicU32, ErrorKind);
    impl RevealPolicy for Failing {
        fn reveal(
            &self,
            _: &Reveal<'_>,
            open: &mut dyn FnMut() -> Result<(), Error>,
        ) -> Result<(), Error> {
            self.0.fetch_add(1, Ordering::Relaxed);
            open()?;
            Err(Error::new(self.1, "the log is full"))
        }

        fn mask(&self, _: &str) -> Mask {
            Mask::all()
        }
    }
    let process = Clinic::new().process();
    let sealed = block_on(process.domain.seal("Jane Doe", &field("name"))).unwrap();
    for of in [ErrorKind::State, ErrorKind::Stale, ErrorKind::Foreign, ErrorKind::Unavailable] {
        let failing = Arc::new(Failing(AtomicU32::new(0), of));
        let mut options = Options::new(default_engine());
        options.reveals = Some(failing.clone());
        let keys = process.domain.key_store().clone();
        let domain = block_on(Domain::connect(keys, "clinic/patients", options.into())).unwrap();
        let error = open(&domain, &sealed, &field("name")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Faulty);
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("the log is full"));
        assert_eq!(failing.0.load(Ordering::Relaxed), 1);
    }
}
