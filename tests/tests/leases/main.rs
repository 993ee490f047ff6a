//! What ends, and when: leases, the time of keys, outages, withdrawn keys, jumping clocks; and who asks for keys.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

mod clocks;
mod crowds;
mod outages;
mod sleepers;
mod withdrawn;

use phiseal::blocking::Domain;
use phiseal::{Error, ErrorKind, Sealed};
use phiseal_tests::world::what;
use std::time::Duration;

/// The default lease and the default time of a key.
const LEASE: Duration = Duration::from_secs(600);
const KEY_TIME: Duration = Duration::from_secs(3600);
const NANO: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);

fn kind<T>(outcome: Result<T, Error>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}

fn open(domain: &Domain, sealed: &Sealed) -> Option<ErrorKind> {
    kind(domain.open::<String>(sealed, &what()))
}

fn seal(domain: &Domain) -> Option<ErrorKind> {
    kind(domain.seal("plain", &what()))
}
