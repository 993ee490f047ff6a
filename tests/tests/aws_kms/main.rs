//! The whole library over AWS KMS: a service on a loopback port, which counts what it is asked and keeps what it is sent.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

mod addresses;
mod canaries;
mod crowds;
#[allow(dead_code, reason = "it is shared with the tests of the backend, and each uses a part")]
#[path = "../../../crates/backends/tests/aws_kms/fake.rs"]
mod fake;
mod numbers;
mod outages;
mod wrong_keys;

use fake::{Fake, arn};
use phiseal::backends::aws_kms::{AwsKmsBuilder, AwsKmsKek, sdk::config::Credentials};
use phiseal::blocking::{Domain, Phiseal};
use phiseal::{Builder, Error, ErrorKind, ManualClock, Options, Sealed};
use phiseal_tests::editable::EditableStore;
use phiseal_tests::world::what;
use pollster::block_on;
use std::time::Duration;

/// The default time of a key.
const KEY_TIME: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

/// One service, one store and one clock, and any number of handles on them, as processes would have.
struct Account {
    fake: Fake,
    store: EditableStore,
    clock: ManualClock,
}

impl Account {
    fn new() -> Self {
        let (store, clock) = (EditableStore::default(), ManualClock::at(1_800_000_000));
        Self { fake: Fake::start(), store, clock }
    }

    fn builder(&self, key: u8) -> AwsKmsBuilder {
        let credentials = Credentials::new("test", "test", None, None, "test");
        AwsKmsKek::builder(&arn(key)).endpoint(self.fake.url()).credentials(credentials)
    }

    /// A handle on one of the service's keys, as a new process would have, each call of which is made once.
    fn kek(&self, key: u8) -> AwsKmsKek {
        block_on(self.builder(key).without_retries().connect()).unwrap()
    }

    /// What another process would open.
    fn open(&self, change: impl FnOnce(&mut Options) + Send + 'static) -> Result<Phiseal, Error> {
        let builder = Builder::new().clock(self.clock.clone()).options(change);
        Phiseal::open_with(builder, self.store.clone(), self.kek(0))
    }

    fn process(&self) -> Phiseal {
        self.open(|_| ()).unwrap()
    }

    /// How often each of these was asked for since the first `from` calls.
    fn asked<const N: usize>(&self, from: usize, operations: [&str; N]) -> [usize; N] {
        let calls = self.fake.calls();
        operations.map(|operation| {
            calls[from..].iter().filter(|call| call.operation == operation).count()
        })
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
