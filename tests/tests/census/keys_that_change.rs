//! A census and the keys of its domain.

use crate::clinic::{Clinic, DOMAIN, context_of, counts};
use phiseal::rotation::{self, Binding, Class};
use phiseal::{ErrorKind, KeyState};
use phiseal_tests::eventful::{Asked, Eventful};
use pollster::block_on;
use std::sync::Mutex;

#[test]
fn a_census_during_which_the_keys_changed_counts_for_nothing() {
    let clinic = Clinic::new();
    let phi = clinic.phi();
    (1..=3).for_each(|id| clinic.put(&phi, id));
    let counted = |event: Box<dyn FnOnce() + Send>| {
        // While the first page is read.
        let event = Mutex::new(Some(event));
        let source = Eventful::new(Box::new(clinic.source()), move |asked| {
            if asked == Asked::Scan
                && let Some(event) = event.lock().unwrap().take()
            {
                event();
            }
        });
        clinic.count(&source).map(|(census, _)| counts(&census, 0)).map_err(|error| error.kind())
    };
    let domain = || phi.domain(DOMAIN).unwrap();
    let rewrapping = domain();
    let rewrap = move || assert_eq!(rewrapping.rewrap().unwrap().current, 1);
    assert_eq!(
        counted(Box::new(rewrap)),
        Ok(vec![(Class::Current, 3)]),
        "the control: no other key"
    );
    let rotating = domain();
    let rotate = move || drop(rotating.rotate().unwrap());
    assert_eq!(counted(Box::new(rotate)), Err(ErrorKind::Conflict));
    assert_eq!(counted(Box::new(|| ())), Ok(vec![(Class::Older(1), 3)]));
}

#[test]
fn versions_that_open_nothing_are_told_apart() {
    let clinic = Clinic::new();
    let phi = clinic.phi();
    (1..=3).for_each(|id| clinic.put(&phi, id));
    clinic.add_primary();
    clinic.write(3, 0, &clinic.phi().domain(DOMAIN).unwrap().seal("x", &context_of(3, 0)).unwrap());
    for (state, class) in [
        (KeyState::Suspended, Class::Closed(1)),
        (KeyState::Active, Class::Older(1)),
        (KeyState::Deactivated, Class::Older(1)),
        (KeyState::Compromised, Class::Older(1)),
    ] {
        let keyset = block_on(phi.key_store().keyset(DOMAIN)).unwrap();
        block_on(phi.key_store().set_state(&keyset, 1, state)).unwrap();
        let (census, _) = clinic.count(&clinic.source()).unwrap();
        let mut expected = vec![(Class::Current, 1), (class, 2)];
        expected.sort();
        assert_eq!(counts(&census, 0), expected, "{state:?}");
        let of_persons = if state == KeyState::Suspended { class } else { Class::Person };
        assert_eq!(counts(&census, 2), [(of_persons, 3)], "{state:?}");
        let persons = if state == KeyState::Suspended { 3 } else { 0 };
        assert_eq!(census.under(&census.columns[0].domain_id, 1), 2 + 3 + persons, "{state:?}");
    }
}

#[test]
fn columns_that_do_not_go_with_the_table_are_refused() {
    let clinic = Clinic::new();
    clinic.put(&clinic.phi(), 1);
    let source = clinic.source();
    let count = |columns: &[rotation::Column]| {
        block_on(rotation::census(&source, columns, |_| ())).map(drop).map_err(|error| error.kind())
    };
    let mut columns = clinic.columns();
    assert_eq!(count(&columns), Ok(()), "the control");
    assert_eq!(count(&columns[..2]), Err(ErrorKind::Invalid));
    let absent = Binding::new().record("{absent}").unwrap();
    columns[1] = rotation::Column::sealed(&columns[1].domain().clone(), absent);
    assert_eq!(count(&columns), Err(ErrorKind::Invalid));
}
