//! More than is usual.

use crate::{Clinic, field, reader};
use core::time::Duration;
use phiseal_access::Alert;
use phiseal_tokens::{Cardinality, Column, Deterministic};
use pollster::block_on;

#[test]
fn an_actor_who_asks_for_too_much_raises_one_alert_in_each_window() {
    let clinic = Clinic::new();
    let process = clinic.process();
    let name = field("name");
    let sealed = block_on(process.domain.seal("Jane Doe", &name)).unwrap();
    let nurse = process.as_read_by("nurse/17", "treatment");
    let other = process.as_read_by("nurse/18", "treatment");
    let alerts = || process.alerts.lock().unwrap().len();
    for window in 1..=2 {
        for _ in 0..50 {
            block_on(nurse.open::<String>(&sealed, &name)).unwrap();
            block_on(nurse.open_masked(&sealed, &name)).unwrap();
            block_on(other.open::<String>(&sealed, &name)).unwrap();
        }
        assert_eq!(alerts(), window - 1, "as many as are usual");
        for _ in 0..50 {
            block_on(nurse.open::<String>(&sealed, &name)).unwrap();
        }
        assert_eq!(alerts(), window);
        clinic.clock.advance(Duration::from_secs(600));
    }
    let first = process.alerts.lock().unwrap()[0].clone();
    let Alert::Rate { reader: who, asked, within, .. } = first else { panic!("another alert") };
    assert_eq!(who, reader("nurse/17", "treatment"));
    assert_eq!((asked, within), (101, Duration::from_secs(600)));
    let told = process.told();
    assert_eq!(told.iter().filter(|line| *line == "reveal rate-alert success").count(), 2);
    let records = process.records();
    let alert = records.iter().find(|entry| entry.record.action.as_str() == "rate-alert").unwrap();
    assert_eq!(alert.record.count, Some(101));
}

#[test]
fn what_is_denied_and_what_is_searched_counts_too() {
    let process = Clinic::new().process();
    let name = field("name");
    let sealed = block_on(process.domain.seal("Jane Doe", &name)).unwrap();
    let clerk = process.as_read_by("clerk/1", "billing");
    for _ in 0..101 {
        block_on(clerk.open::<String>(&sealed, &name)).unwrap_err();
    }
    assert_eq!(process.alerts.lock().unwrap().len(), 1);
    let kind = Deterministic::new(Cardinality::of(1_000_000)).unwrap();
    let column = Column::new(&process.domain, "name", kind);
    let scheduler = column.read_by(reader("clerk/2", "scheduling"));
    for number in 0..101 {
        block_on(scheduler.tokens(format!("guess {number}"))).unwrap();
    }
    assert_eq!(process.alerts.lock().unwrap().len(), 2);
    // Who is nobody has no rate.
    for _ in 0..101 {
        block_on(process.domain.open::<String>(&sealed, &name)).unwrap_err();
    }
    assert_eq!(process.alerts.lock().unwrap().len(), 2);
}
