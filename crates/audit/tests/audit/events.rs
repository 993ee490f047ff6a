//! Calls of a KEK, told by its audit layer.

use crate::support::{Place, builder};
use phiseal_audit::{Class, Entry, Outcome};
use phiseal_format::EncryptionContext;
use phiseal_keys::{ErrorKind, KekEvent, KekEvents, KekOperation};
use std::time::Duration;

#[test]
fn every_call_is_a_record() {
    let place = Place::new();
    let log = builder().open(place.log()).unwrap();
    let context = EncryptionContext::data_key(&[7; 16].into(), &[3; 16].into(), 9);
    for operation in KekOperation::ALL {
        for outcome in [Ok(()), Err(ErrorKind::Denied)] {
            let event = KekEvent::new(operation, outcome, Duration::from_micros(42));
            log.record(&event.of(Some(&context), None));
        }
    }
    log.close().unwrap();
    let lines = place.lines();
    assert_eq!(lines.len(), 12);
    for line in &lines[1..11] {
        let record = Entry::parse(line.as_bytes()).unwrap().record;
        assert_eq!(record.class, Class::Key);
        assert_eq!((record.domain, record.key_version), (Some([3; 16].into()), Some(9)));
        assert_eq!(record.took, Some(Duration::from_micros(42)));
    }
    let outcomes: Vec<_> =
        lines.iter().map(|line| Entry::parse(line.as_bytes()).unwrap().record.outcome).collect();
    let denied = outcomes.iter().filter(|one| **one == Outcome::Failure(ErrorKind::Denied)).count();
    assert_eq!(denied, 5);
}
