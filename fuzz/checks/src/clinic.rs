//! One key store and the handles on it: two engines and two suites over the same keys, all warm.

use std::sync::{Arc, LazyLock};

use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::{Domain, Phiseal};
use phiseal::stores::MemoryStore;
use phiseal::{Context, Engine, ManualClock, Suite, context, engine};

/// The handles, made once. Their clock stands still, so no key's time is ever over.
pub(crate) static CLINIC: LazyLock<Clinic> = LazyLock::new(Clinic::new);

/// The names of the engines that a bit of an input picks from.
pub(crate) const ENGINES: [&str; 2] = ["kernel", "ring"];

/// Handles on the keys of patients, and of staff.
pub(crate) struct Clinic {
    /// By engine, then by suite.
    patients: [[Domain; 2]; 2],
    /// Another domain, whose key is foreign to the first.
    pub(crate) staff: Domain,
    /// What was sealed before the key of patients was rotated.
    pub(crate) older: Older,
}

/// An envelope under a key that still opens and no longer seals.
pub(crate) struct Older {
    /// What it was sealed as.
    pub(crate) context: Context,
    /// What was sealed.
    pub(crate) plaintext: Vec<u8>,
    /// The envelope.
    pub(crate) envelope: Vec<u8>,
}

impl Clinic {
    fn new() -> Self {
        let kek = Arc::new(MemoryKek::new(named(ENGINES[0])).unwrap());
        let store = Arc::new(MemoryStore::new());
        let clock = ManualClock::at(1_700_000_000);
        let open = |engine: &str, suite: Suite| {
            let builder = phiseal::Phiseal::builder()
                .engine(named(engine))
                .clock(clock.clone())
                .options(move |options| options.suite = suite);
            Phiseal::open_with(builder, store.clone(), kek.clone()).unwrap()
        };
        let patients = |engine: &str, suite| open(engine, suite).domain("patients").unwrap();

        let first = patients(ENGINES[0], Suite::Xaes256Gcm);
        let older = Older::new(&first);
        first.rotate().unwrap();
        Self {
            patients: ENGINES.map(|engine| Suite::ALL.map(|suite| patients(engine, suite))),
            staff: open(ENGINES[0], Suite::Xaes256Gcm).domain("staff").unwrap(),
            older,
        }
    }

    /// The domain of patients under an engine, sealing with a suite; of each number the lowest bit counts.
    pub(crate) fn patients(&self, engine: u8, suite: u8) -> &Domain {
        &self.patients[usize::from(engine & 1)][usize::from(suite & 1)]
    }
}

impl Older {
    fn new(domain: &Domain) -> Self {
        let context = context!(record = "mrn-1029", field = "note", row_version = 7);
        let plaintext = b"sealed before the rotation".to_vec();
        let envelope = domain.seal(&plaintext, &context).unwrap().into_bytes();
        Self { context, plaintext, envelope }
    }
}

/// The engine of this name.
pub(crate) fn named(name: &str) -> &'static dyn Engine {
    engine(name).unwrap()
}
