//! BAK: data and key store restored from backups of different ages. Each value opens, or its key is named before the
//! application starts.

use crate::PERSON;
use phiseal::rotation::source::Stored;
use phiseal::{Authority, Phi, Phiseal, Sealed};
use phiseal_tests::clinic::{Clinic, DOMAIN, Made, Part, Where, context_of, plaintext};
use phiseal_tests::in_each_place;
use pollster::block_on;
use std::collections::BTreeSet;

/// How many versions of the domain's key there are in the end.
const VERSIONS: usize = 12;
const RESTORES: usize = 50;
const SKEW: usize = 5;

/// One row for each version, and as many that a person's key comes to be in.
const ROWS: i64 = 24;

/// What those do who are custodians by the first roster, whatever it is.
const CUSTODIANS: Authority = Authority::Custodians { request: [7; 32] };

in_each_place!(of_fifty_skewed_restores_each_value_opens_or_its_key_is_named);

fn of_fifty_skewed_restores_each_value_opens_or_its_key_is_named(place: Where) {
    let Some(clinic) = Made::new(place, ROWS) else { return };
    live(&clinic);
    let (mut open_values, mut missing_values, mut skews) = (0, 0, BTreeSet::new());
    for (data, keys) in pairs() {
        skews.insert(keys.cast_signed() - data.cast_signed());
        clinic.restore(Part::Data, data);
        clinic.restore(Part::Keys, keys);
        let (open, missing) = restored(&clinic, keys);
        open_values += open;
        missing_values += missing;
    }
    assert_eq!(skews.len(), 2 * SKEW + 1, "every skew occurs");
    assert_eq!((open_values, missing_values), (1_117, 83));
}

/// Version by version: a rotation, a row that is sealed anew, one of a person, and a backup of all. The version 1 seals the rest.
fn live(clinic: &Clinic) {
    for version in 1..=VERSIONS {
        {
            let phi = clinic.open();
            let domain = block_on(phi.domain(DOMAIN)).unwrap();
            if version > 1 {
                let changes = phi.key_store().changes(CUSTODIANS, 1);
                let keyset = block_on(changes.rotate(&clinic.keyset(), false)).unwrap();
                assert_eq!(keyset.versions().len(), version);
                block_on(domain.refresh()).unwrap();
            }
            let id = i64::try_from(version).unwrap();
            let plain = block_on(domain.seal(plaintext(id, 0), &context_of(id, 0))).unwrap();
            clinic.set_ssn(id, plain.as_bytes());
            // The person is made half way: a key store from before does not know them at all.
            if version >= VERSIONS / 2 {
                let id = id + ROWS / 2;
                let person = block_on(domain.subject_or_create(PERSON)).unwrap();
                let value = block_on(person.seal(plaintext(id, 0), &context_of(id, 0))).unwrap();
                clinic.set_ssn(id, value.as_bytes());
            }
        }
        clinic.back_up(Part::Data, version);
        clinic.back_up(Part::Keys, version);
    }
}

/// Fifty of the pairs of a data backup and a key store backup that are at most five versions apart.
fn pairs() -> Vec<(usize, usize)> {
    let all: Vec<_> = (1..=VERSIONS)
        .flat_map(|data| (1..=VERSIONS).map(move |keys| (data, keys)))
        .filter(|(data, keys)| data.abs_diff(*keys) <= SKEW)
        .collect();
    (0..RESTORES).map(|at| all[at * all.len() / RESTORES]).collect()
}

/// Asks what opens, then starts the application and looks: how many values open, and of how many the key is named.
fn restored(clinic: &Clinic, keys: usize) -> (u64, u64) {
    let phi = clinic.open();
    assert_eq!(clinic.keyset().versions().len(), keys, "the keys are of that age");
    let domain = block_on(phi.domain(DOMAIN)).unwrap();
    let table = clinic.holdings(&domain).remove(0).source;
    let rows = block_on(table.scan(None, None, 1_000)).unwrap();
    let stored: Vec<Sealed> = rows.into_iter().map(|row| sealed(&row.sealed[0])).collect();

    let envelopes = stored.iter().map(|value| value.as_bytes());
    let report = block_on(phi.key_store().check_restored(envelopes)).unwrap();
    assert!(report.closed.is_empty() && report.not_envelopes == 0, "{report}");
    let named: BTreeSet<_> = report.missing.iter().map(|it| it.key_id.to_string()).collect();
    let mut open = 0;
    for (id, value) in (1..).zip(&stored) {
        let outcome = opened(&phi, id, value);
        // Each opens, or was named.
        assert_ne!(outcome.is_some(), named.contains(&value.key_id().to_string()), "row {id}");
        if let Some(text) = outcome {
            assert_eq!(text, plaintext(id, 0));
            open += 1;
        }
    }
    let missing = report.missing.iter().map(|it| it.values).sum();
    assert_eq!((report.values(), open + missing), (open, u64::try_from(stored.len()).unwrap()));
    (open, missing)
}

fn sealed(value: &Stored) -> Sealed {
    let Stored::Bytes(bytes) = value else { unreachable!("it was sealed") };
    Sealed::try_from(&bytes[..]).unwrap()
}

/// What a cell says, by the key of nobody or of the person.
fn opened(phi: &Phiseal, id: i64, value: &Sealed) -> Option<String> {
    let domain = block_on(phi.domain(DOMAIN)).unwrap();
    let what = context_of(id, 0);
    let plain: Result<Phi<String>, _> = block_on(domain.open(value, &what));
    let plain = plain.or_else(|_| {
        let person = block_on(domain.subject(PERSON))?;
        block_on(person.open(value, &what))
    });
    plain.ok().map(|plain| plain.expose_secret().clone())
}
