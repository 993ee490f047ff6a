//! Domains whose keys are at hand.

use crate::spy::{SpyKek, SpyStore};
use phiseal::blocking::{Domain, Phiseal};
use phiseal::{Engine, FieldCipher, ManualClock, Suite};
use std::sync::Arc;

/// Every engine that is compiled in, with every suite.
pub fn matrix() -> impl Iterator<Item = (&'static dyn Engine, Suite)> {
    phiseal::engines().iter().flat_map(|engine| Suite::ALL.map(|suite| (*engine, suite)))
}

/// A key store in memory with one domain, and what a test may want to ask or change of it.
#[derive(Debug)]
pub struct Warm {
    /// The handle.
    pub phiseal: Phiseal,
    /// A domain.
    pub domain: Domain,
    /// The KEK.
    pub kek: SpyKek,
    /// The store under the handle.
    pub store: SpyStore,
    /// The clock.
    pub clock: ManualClock,
}

impl Warm {
    /// A domain that seals with `suite` by `engine`.
    #[must_use]
    pub fn new(engine: &'static dyn Engine, suite: Suite) -> Self {
        Self::under(SpyKek::new(engine, [0x4b; 32]), engine, suite)
    }

    /// As [`Warm::new`], with a KEK that was told what to hand out: the first key is the store's own.
    #[must_use]
    pub fn under(kek: SpyKek, engine: &'static dyn Engine, suite: Suite) -> Self {
        let (store, clock) = (SpyStore::default(), ManualClock::at(1_800_000_000));
        let builder = phiseal::Phiseal::builder()
            .engine(engine)
            .options(move |options| options.suite = suite)
            .clock(clock.clone());
        let phiseal = Phiseal::open_with(builder, store.clone(), kek.clone()).unwrap();
        let domain = phiseal.domain("clinic/patients").unwrap();
        Self { phiseal, domain, kek, store, clock }
    }

    /// The domain's cipher.
    #[must_use]
    pub fn cipher(&self) -> Arc<FieldCipher> {
        self.domain.ready().unwrap()
    }
}
