//! Tokens and indexes with the keys of a domain, in memory.
#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

mod date_shift;
mod deterministic;
mod format_preserving;
mod index;
mod keys;
#[cfg(feature = "tracing")]
mod logs;
mod vault;

use phiseal_backends::memory::MemoryKek;
use phiseal_envelope::{Domain, Options};
use phiseal_keys::{Keks, KeyStore, KeyStoreConfig, ManualClock};
use phiseal_primitives::default_engine;
use phiseal_stores::MemoryStore;
use pollster::block_on;
use std::sync::Arc;

/// A key store in memory.
struct World {
    store: Arc<KeyStore>,
    clock: ManualClock,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::at(0);
        let mut config = KeyStoreConfig::new(default_engine());
        config.clock = Arc::new(clock.clone());
        let kek = MemoryKek::new(default_engine()).unwrap();
        let keks = Keks::later(Arc::new(kek), default_engine());
        let store = block_on(KeyStore::open(Arc::new(MemoryStore::new()), keks, config)).unwrap();
        Self { store: Arc::new(store), clock }
    }

    fn domain(&self, name: &str) -> Domain {
        self.domain_with(name, |_| ())
    }

    fn domain_with(&self, name: &str, set: impl Fn(&mut Options)) -> Domain {
        let mut options = Options::new(default_engine());
        set(&mut options);
        block_on(Domain::connect(self.store.clone(), name, options.into())).unwrap()
    }
}
