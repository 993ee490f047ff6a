//! STORE: whoever can write the key store can make it unavailable, but cannot make it lie.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's own functions fail by panicking")]

mod alarms;
mod custodians;
mod fields;
mod keysets;
mod persons_and_counts;
mod seen;
mod store_key;

use phiseal::blocking::Phiseal;
use phiseal::{Error, ErrorKind, Phi, Sealed};
use phiseal_tests::world::{DOMAIN, World, what};

/// The bytes that authenticate a row, at its end.
const MAC: usize = 32;

/// A second domain in the same store.
const OTHER: &str = "clinic/staff";

/// A store in which one domain was rotated once and has a third version that is not in use yet.
struct Rotated {
    world: World,
    /// Sealed under the first version.
    old: Sealed,
    /// Sealed under the second.
    new: Sealed,
}

impl Rotated {
    fn new() -> Self {
        let world = World::of_default_engine();
        let process = world.process();
        let domain = process.domain(DOMAIN).unwrap();
        let old = domain.seal("first", &what()).unwrap();
        domain.rotate().unwrap();
        let new = domain.seal("second", &what()).unwrap();
        let keyset = pollster::block_on(process.key_store().keyset(DOMAIN)).unwrap();
        pollster::block_on(process.key_store().add_version(&keyset)).unwrap();
        Self { world, old, new }
    }
}

/// What a new process meets that opens the domain and what is sealed in it.
fn open_in(process: &Phiseal, sealed: &Sealed) -> Result<String, Error> {
    let opened: Phi<String> = process.domain(DOMAIN)?.open(sealed, &what())?;
    Ok(opened.expose_secret().clone())
}

#[track_caller]
fn assert_kind<T>(outcome: Result<T, Error>, kind: ErrorKind, what: &str) {
    match outcome {
        Ok(_) => panic!("{what}: accepted"),
        Err(error) => assert_eq!(error.kind(), kind, "{what}: {error}"),
    }
}
