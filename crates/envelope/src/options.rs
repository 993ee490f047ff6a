use crate::reveal::RevealPolicy;
use crate::sealing::NoncePolicy;
use core::time::Duration;
use phiseal_format::Suite;
use phiseal_keys::Keyset;
use phiseal_primitives::random::{HealthChecked, ModuleRandom};
use phiseal_primitives::{Engine, OsRandom, Random, Validation};
use std::sync::Arc;

/// How a domain's keys are used and for how long they are kept. The defaults are the right ones for nearly everybody.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// What new fields are sealed with: XAES-256-GCM, or AES-256-GCM when the engine is a FIPS module.
    pub suite: Suite,
    /// Where nonces come from: per block of 256 messages, or the module when the engine is a FIPS module.
    pub nonces: NoncePolicy,
    /// How long sealing goes on without a look at the key store: ten minutes. A process that slept through a rotation
    /// seals nothing under the retired key after this. At most [`Keyset::LONGEST_LEASE`], so that it is known
    /// when everybody has noticed.
    pub lease: Duration,
    /// How long an unwrapped key is used before the KEK is asked again: one hour. A KEK that was disabled is noticed
    /// after this at the latest.
    pub key_time: Duration,
    /// How much longer fields can be opened when the KEK cannot be reached at the end of that hour: not at all.
    pub outage_window: Duration,
    /// How many messages one version of a data key may seal: 2^48.
    pub max_uses: u64,
    /// Whether the handle only opens. It then never writes to the key store.
    pub read_only: bool,
    /// Whether a domain that does not exist is made when it is first asked for.
    pub create: bool,
    /// How many persons' keys are kept: 1,024.
    pub subjects: usize,
    /// What judges who may see what, and writes it down: nothing. With one, a handle opens nothing unless a reader was named
    /// for it ([`Domain::read_by`](crate::Domain::read_by), or the key store's).
    pub reveals: Option<Arc<dyn RevealPolicy>>,
    /// Where nonces and epochs are drawn from: the operating system, or the module when it is a FIPS module.
    pub random: Arc<dyn Random>,
}

impl Options {
    /// The defaults for this engine.
    #[must_use]
    pub fn new(engine: &'static dyn Engine) -> Self {
        let fips = engine.module().validation != Validation::None;
        Self {
            suite: if fips { Suite::Aes256GcmHkdf } else { Suite::Xaes256Gcm },
            nonces: if fips { NoncePolicy::Module } else { NoncePolicy::PerBlock },
            lease: Keyset::LONGEST_LEASE,
            key_time: Duration::from_secs(3600),
            outage_window: Duration::ZERO,
            max_uses: 1 << 48,
            read_only: false,
            create: true,
            subjects: 1024,
            reveals: None,
            random: if fips {
                Arc::new(HealthChecked::new(ModuleRandom(engine)))
            } else {
                Arc::new(HealthChecked::new(OsRandom))
            },
        }
    }
}
