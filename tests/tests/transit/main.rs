//! The whole library over a transit key of a real OpenBao server.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's own functions fail by panicking")]
#![expect(clippy::print_stdout, reason = "what is left out is said")]

mod addresses;
#[path = "../../../crates/backends/tests/transit/certificates.rs"]
mod certificates;
mod crowds;
mod forks;
mod outages;
#[allow(dead_code, reason = "it is shared with the tests of the backend, and each uses a part")]
#[path = "../../../crates/backends/tests/transit/own.rs"]
mod own;
#[allow(dead_code, reason = "it is shared with the tests of the backend, and each uses a part")]
#[path = "../../../crates/backends/tests/transit/support.rs"]
mod support;
mod wraps;
mod wrong_answers;

use phiseal::blocking::{Domain, Phiseal};
use phiseal::{Builder, Error, ErrorKind, ManualClock, Sealed};
use phiseal_tests::editable::EditableStore;
use phiseal_tests::transit::{Proxy, Server};
use phiseal_tests::world::what;
use std::time::Duration;

/// The default lease and the default time of a key.
const LEASE: Duration = Duration::from_secs(600);
const KEY_TIME: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

/// One store, one clock, and a KEK of its own behind a proxy.
struct Setting {
    server: Server,
    name: String,
    token: String,
    proxy: Proxy,
    store: EditableStore,
    clock: ManualClock,
}

impl Setting {
    /// None under `PHISEAL_LOCAL=1`.
    fn new() -> Option<Self> {
        let server = Server::given()?;
        let (name, proxy) = (server.new_key(), Proxy::before(&server));
        let token = server.new_token(&name);
        let (store, clock) = (EditableStore::default(), ManualClock::at(1_800_000_000));
        Some(Self { server, name, token, proxy, store, clock })
    }

    /// What another process would open.
    fn process(&self) -> Phiseal {
        self.open(Builder::new().clock(self.clock.clone())).unwrap()
    }

    fn open(&self, builder: Builder) -> Result<Phiseal, Error> {
        let kek = Server::builder_at(self.proxy.address(), &self.name, &self.token).build()?;
        Phiseal::open_with(builder, self.store.clone(), kek)
    }
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
