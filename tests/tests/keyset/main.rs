//! Keysets: their invariants under any sequence of operations, and what a domain does in each state of its keys.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's own functions fail by panicking"
)]

mod operations;
mod sequences;
mod states;

use phiseal::{
    DomainId, EnvironmentId, FullKeyId, KekId, KekVersion, KeyState, Keyset, WrappedKey,
};
use phiseal_format::WrapAlgorithm;

/// A wrap of no key; keysets do not look into wraps.
fn wrap(mark: u8, length: usize) -> WrappedKey {
    let kek = KekId::try_from("test:kek").unwrap();
    WrappedKey::new(WrapAlgorithm::Service, kek, KekVersion(1), vec![mark; length]).unwrap()
}

fn key_id(mark: u32) -> FullKeyId {
    let mut id = [0x1d; 32];
    id[..4].copy_from_slice(&mark.to_be_bytes());
    FullKeyId::from_bytes(id)
}

fn first() -> Keyset {
    let (environment, domain) = (EnvironmentId::from_bytes([1; 16]), DomainId::from_bytes([2; 16]));
    Keyset::first(environment, domain, "clinic/patients", key_id(1), vec![wrap(1, 72)], 7).unwrap()
}

/// The steps of SP 800-57 that lead a version that was just made to `state`.
const fn path_to(state: KeyState) -> &'static [KeyState] {
    match state {
        KeyState::PreActive => &[],
        KeyState::Active => &[KeyState::Active],
        KeyState::Suspended => &[KeyState::Active, KeyState::Suspended],
        KeyState::Deactivated => &[KeyState::Active, KeyState::Deactivated],
        KeyState::Compromised => &[KeyState::Active, KeyState::Compromised],
        KeyState::Destroyed => &[KeyState::Active, KeyState::Deactivated, KeyState::Destroyed],
    }
}
