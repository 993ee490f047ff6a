//! The store in memory.

use phiseal_conformance::store::Fixture;
use phiseal_stores::MemoryStore;
use std::sync::Arc;

fn fixture() -> Fixture {
    let store = Arc::new(MemoryStore::new());
    Fixture::new(move || store.clone())
}

phiseal_conformance::store_tests!("memory", fixture);

#[test]
fn debug_counts_and_shows_nothing_else() {
    assert_eq!(format!("{:?}", MemoryStore::new()), "MemoryStore { records: 0 }");
}
