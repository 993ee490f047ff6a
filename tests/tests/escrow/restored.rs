//! The check of a restored key store: each reason for which a value does not open is told apart.

use crate::{DOMAIN, OTHER, World, what};
use phiseal::{Builder, ErrorKind, KeyState, Sealed};
use pollster::block_on;

#[test]
fn what_is_open_closed_missing_or_none_is_counted() {
    let world = World::new();
    let phi = world.process();
    let (domain, other) = (phi.domain(DOMAIN).unwrap(), phi.domain(OTHER).unwrap());
    let seal = |domain: &phiseal::blocking::Domain| domain.seal("x", &what()).unwrap();
    let mut values: Vec<Sealed> = vec![seal(&domain), seal(&domain)];
    let kept = domain.subject_or_create("kept").unwrap();
    let shredded = domain.subject_or_create("shredded").unwrap();
    values.extend([1, 2, 3].map(|_| kept.seal("x", &what()).unwrap()));
    values.push(shredded.seal("x", &what()).unwrap());
    let keyset = domain.rotate().unwrap();
    values.push(seal(&domain));
    values.push(seal(&other));
    domain.shred_subject("shredded").unwrap();
    block_on(phi.key_store().set_state(&keyset, 2, KeyState::Suspended)).unwrap();
    let stranger = World::new().process().domain(DOMAIN).unwrap();
    let (foreign, twice) = (seal(&stranger), seal(&stranger));
    let foreign_id = foreign.key_id();
    values.extend([foreign, twice]);

    let mut bytes: Vec<Vec<u8>> = values.iter().map(|value| value.as_bytes().to_vec()).collect();
    bytes.extend([Vec::new(), b"plain text".to_vec(), vec![1; 56]]);
    let process = world.process();
    let before = world.store.rows();
    let report = block_on(process.key_store().check_restored(&bytes)).unwrap();
    assert!(world.store.rows() == before && !report.is_complete());
    let open: Vec<_> = report
        .open
        .iter()
        .map(|it| (it.domain.as_str(), it.version, it.values, it.of_persons))
        .collect();
    // The first version wraps the persons' keys.
    assert_eq!(open, [(DOMAIN, 1, 2, 3), (OTHER, 1, 1, 0)]);
    let closed: Vec<_> = report
        .closed
        .iter()
        .map(|it| (it.domain.as_str(), it.version, it.values, it.why.kind()))
        .collect();
    assert_eq!(
        closed,
        [(DOMAIN, None, 1, ErrorKind::State), (DOMAIN, Some(2), 1, ErrorKind::State)]
    );
    let missing: Vec<_> = report.missing.iter().map(|it| (it.key_id, it.values)).collect();
    assert_eq!(missing, [(foreign_id, 2)]);
    assert_eq!((report.not_envelopes, report.values()), (3, 6));
    let text = report.to_string();
    for line in [
        "6 values have a key that opens",
        "clinic/patients, version 1: 2 values, 3 under persons' keys",
        "clinic/patients, destroyed keys of persons: 1 values do not open",
        "clinic/patients, version 2: 1 values do not open",
        &format!("key {foreign_id} is not in this key store: 2 values do not open"),
        "3 values are no envelopes",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert_eq!(bytes.len(), 6 + 2 + 2 + 3);

    let complete = block_on(process.key_store().check_restored(&bytes[..2])).unwrap();
    assert!(complete.is_complete(), "the control");
}

/// A key store that was restored without the KEK that its keys are under: nothing opens, and it is said which.
#[test]
fn versions_that_no_kek_here_wrapped_are_closed() {
    let world = World::new();
    let value = world.process().domain(DOMAIN).unwrap().seal("x", &what()).unwrap();
    // The store's own key was moved to another KEK, the domain's was not.
    let other = crate::memory_kek();
    let open = |builder: Builder| {
        phiseal::blocking::Phiseal::open_with(builder, world.store.clone(), other.clone()).unwrap()
    };
    let both = open(Builder::new().also_unwrap_with(world.kek.clone()));
    assert!(block_on(both.key_store().rewrap_store_key()).unwrap());
    let check = |phi: &phiseal::blocking::Phiseal| {
        block_on(phi.key_store().check_restored([value.as_bytes()]))
    };
    assert!(check(&both).unwrap().is_complete(), "the control");
    let report = check(&open(Builder::new())).unwrap();
    let [closed] = &report.closed[..] else { panic!("one version") };
    assert_eq!((closed.version, closed.why.kind()), (Some(1), ErrorKind::Foreign));

    // A KEK that is out of reach is another matter: nothing is known.
    let both = open(Builder::new().also_unwrap_with(world.kek.clone()));
    world.kek.set_unavailable(true);
    assert_eq!(check(&both).unwrap_err().kind(), ErrorKind::Unavailable);
}
