//! The whole library over a KEK on a PKCS#11 token: SoftHSM and kryoptic, each a copy that this process has for itself.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's own functions fail by panicking")]
#![expect(clippy::print_stdout, reason = "what is left out or left behind is said")]

mod addresses;
mod crowds;
mod forks;
mod handles;
mod logs;
mod memory;
mod outages;
mod public_kek;
mod replicated;
mod rotation;
#[allow(dead_code, reason = "it is shared with the tests of the backend, and each uses a part")]
#[path = "../../../crates/backends/tests/pkcs11/support.rs"]
mod support;
mod watched;
mod withdrawn;
mod wrong_keys;

use cryptoki::context::Pkcs11;
use cryptoki::session::Session;
use phiseal::backends::pkcs11::{Pkcs11Kek, Pkcs11Token, WrapMechanism};
use phiseal::blocking::{Domain, Phiseal};
use phiseal::{Builder, Error, ErrorKind, ManualClock, Sealed};
use phiseal_tests::editable::EditableStore;
use phiseal_tests::world::what;
use std::any::Any;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;
use support::{Soft, engine, new_label};
use watched::Watched;

/// The default lease and the default time of a key.
const LEASE: Duration = Duration::from_secs(600);
const KEY_TIME: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

const CHILD: &str = env!("CARGO_BIN_EXE_phiseal-tests-child");

const BOTH: [Soft; 2] = [Soft::Hsm, Soft::Kryoptic];

/// Held alone by tests that take the token away, log everybody out or change the PIN, where tests share a process.
static TOKENS: RwLock<()> = RwLock::new(());

/// A KEK of its own on a token, one store and one clock.
struct Setting {
    soft: Soft,
    token: Pkcs11Token,
    label: String,
    kek: Watched,
    store: EditableStore,
    clock: ManualClock,
    /// Let go last.
    turn: Box<dyn Any>,
}

impl Setting {
    /// None under `PHISEAL_LOCAL=1`, where the token is not there.
    fn new(soft: Soft) -> Option<Self> {
        let turn = TOKENS.read().unwrap_or_else(PoisonError::into_inner);
        Self::with(soft, WrapMechanism::AesGcm, Box::new(turn))
    }

    /// As [`Setting::new`], while no other test of this process has a token.
    fn alone(soft: Soft) -> Option<Self> {
        let turn = TOKENS.write().unwrap_or_else(PoisonError::into_inner);
        Self::with(soft, WrapMechanism::AesGcm, Box::new(turn))
    }

    fn with(soft: Soft, mechanism: WrapMechanism, turn: Box<dyn Any>) -> Option<Self> {
        let token = match soft.builder() {
            Ok(builder) => builder.workers(2).allow(&[mechanism]).open(engine()).unwrap(),
            Err(absent) => {
                println!("left out under PHISEAL_LOCAL=1: {absent}");
                return None;
            }
        };
        let label = new_label();
        let kek = Watched::new(token.create_kek(&label).unwrap());
        let (store, clock) = (EditableStore::default(), ManualClock::at(1_800_000_000));
        Some(Self { soft, token, label, kek, store, clock, turn })
    }

    fn builder(&self) -> Builder {
        Builder::new().clock(self.clock.clone())
    }

    /// What another process would open.
    fn process(&self) -> Phiseal {
        self.open(self.builder()).unwrap()
    }

    fn open(&self, builder: Builder) -> Result<Phiseal, Error> {
        Phiseal::open_with(builder, self.store.clone(), self.kek.clone())
    }

    /// The KEK as its custodian has it, on a token handle of his own.
    fn custodian(&self) -> Pkcs11Kek {
        self.soft.open().unwrap().kek(&self.label).unwrap()
    }
}

/// What a child is told that does `act` with the setting's KEK, on the same copy of the token.
fn arguments(setting: &Setting, act: &[&str]) -> Vec<String> {
    let module = setting.soft.module().unwrap().to_str().unwrap().to_owned();
    let label = setting.soft.label();
    let pin = setting.soft.pin_variable().to_owned();
    let own = act.iter().map(|word| (*word).to_owned());
    ["pkcs11".to_owned(), module, label, setting.label.clone(), pin]
        .into_iter()
        .chain(own)
        .collect()
}

/// The same module once more, as another part of the program would use it.
fn elsewhere(soft: Soft) -> Pkcs11 {
    Pkcs11::new(soft.module().unwrap()).unwrap()
}

/// A session past the library, of whoever is logged in to the token in this process.
fn session(soft: Soft) -> Session {
    let module = elsewhere(soft);
    let slot = module.get_slots_with_initialized_token().unwrap()[0];
    module.open_rw_session(slot).unwrap()
}

fn kind<T>(outcome: Result<T, Error>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}

fn open(domain: &Domain, sealed: &Sealed) -> Option<ErrorKind> {
    kind(domain.open::<String>(sealed, &what()))
}

fn seal(domain: &Domain) -> Option<ErrorKind> {
    kind(domain.seal("plain", &what()))
}
