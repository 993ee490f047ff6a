//! ALLOC and FOREIGN: a warm key allocates nothing, hostile input costs no more memory than itself, and what names
//! somebody else's key calls nobody.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

mod counting;
mod foreign;
mod hostile;
mod warm_keys;

use phiseal::{Context, DomainId, FullKeyId, Keyset};
use phiseal_format::{EnvironmentId, KekId, KekVersion, WrapAlgorithm, WrappedKey};
use phiseal_tests::numbers::Dice;

/// What the fields here are sealed as.
fn place() -> Context {
    Context::of_record("patient 17").field("notes").tenant("clinic")
}

/// A wrap that names this KEK, which never made it.
fn wrapped(dice: &mut Dice, kek: &str) -> WrappedKey {
    let length = 1 + dice.below(200);
    let id = KekId::try_from(kek).unwrap();
    WrappedKey::new(WrapAlgorithm::Service, id, KekVersion(3), dice.bytes(length)).unwrap()
}

/// A keyset of so many versions, each with such a wrap.
fn keyset(dice: &mut Dice, versions: usize, kek: &str) -> Keyset {
    let (environment, domain) =
        (EnvironmentId::from_bytes(dice.array()), DomainId::from_bytes(dice.array()));
    let first = wrapped(dice, kek);
    let id = FullKeyId::from_bytes(dice.array());
    let mut keyset =
        Keyset::first(environment, domain, "clinic/patients", id, vec![first], 1_800_000_000)
            .unwrap();
    for _ in 1..versions {
        let next = wrapped(dice, kek);
        keyset = keyset
            .with_version(FullKeyId::from_bytes(dice.array()), vec![next], 1_800_000_000)
            .unwrap();
    }
    keyset
}
