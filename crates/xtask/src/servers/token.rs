//! What the tokens of all software HSMs have in common.

use crate::prepare::Environment;

/// The label of the token.
pub(super) const LABEL: &str = "phiseal-test";
/// The PIN of its security officer.
pub(super) const SO_PIN: &str = "12345678";

/// Tells tests, under names that begin with `PHISEAL_{name}`, how to log in.
pub(super) fn tell(environment: &mut Environment, name: &str, pin: &str) {
    for (what, value) in [("LABEL", LABEL), ("PIN", pin), ("SO_PIN", SO_PIN)] {
        environment.set(&format!("PHISEAL_{name}_{what}"), value);
    }
}
