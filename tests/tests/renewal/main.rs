//! A person gets a new key: what seals, what opens, who notices when, and what is left of the old one.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

mod dropped;
mod everybody;
mod handles;
mod kills;
mod listed;
mod one_wins;
mod restored;

use phiseal::blocking::{Domain, Subject};
use phiseal::{Error, ErrorKind, KeyState, Phi, Sealed, SubjectKeyState, SubjectRecord};
use phiseal_tests::world::{DOMAIN, World, what};
use pollster::block_on;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(600);

fn kind<T>(outcome: Result<T, Error>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}

fn open(person: &Subject, sealed: &Sealed) -> Result<String, Error> {
    let opened: Phi<String> = person.open(sealed, &what())?;
    Ok(opened.expose_secret().clone())
}

/// What the key store holds of a person, as a process finds it that has looked at nothing yet.
fn record(world: &World, person: &str) -> SubjectRecord {
    domain(world).subject_record(person).unwrap().unwrap()
}

/// The domain in a process that starts.
fn domain(world: &World) -> Domain {
    world.process().domain(DOMAIN).unwrap()
}

/// The states of a person's keys, oldest first.
fn states(record: &SubjectRecord) -> Vec<SubjectKeyState> {
    record.keys().iter().map(|key| key.state()).collect()
}

/// A new version as the primary; the one before stays active.
fn add_primary(world: &World) {
    let process = world.process();
    let keyset = block_on(process.key_store().keyset(DOMAIN)).unwrap();
    let keyset = block_on(process.key_store().add_version(&keyset)).unwrap();
    block_on(process.key_store().set_primary(&keyset, keyset.versions().last().unwrap().number()))
        .unwrap();
}

fn set_state(world: &World, number: u32, state: KeyState) -> Result<(), Error> {
    let process = world.process();
    let keyset = block_on(process.key_store().keyset(DOMAIN))?;
    block_on(process.key_store().set_state(&keyset, number, state)).map(drop)
}
