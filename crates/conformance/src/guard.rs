//! What a fixture needs and does not find: never a pass where somebody counts on it.

use crate::report::Outcome;
use core::fmt;

/// A fixture that cannot be made here, because the service, token or server that it needs is not there.
///
/// Its clauses are then skipped, which is said and reported; where the environment variable `PHISEAL_REQUIRE` names the
/// backend, in a list with commas, they fail.
///
/// ```
/// use phiseal_conformance::{Absent, kek::Fixture};
///
/// fn fixture() -> Result<Fixture, Absent> {
///     let module = std::env::var("MY_HSM_MODULE").map_err(|_| Absent::new("my-hsm", "MY_HSM_MODULE is not set"))?;
///     # let _ = module;
///     # Err(Absent::new("my-hsm", "an example"))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    backend: &'static str,
    why: String,
}

impl Absent {
    /// What `backend` needs is not there, for this reason.
    #[must_use]
    pub fn new(backend: &'static str, why: impl Into<String>) -> Self {
        Self { backend, why: why.into() }
    }

    /// A skip, or a failure where the list of what is required names the backend.
    pub(crate) fn outcome(self, required: &str) -> Outcome {
        if names(required, self.backend) {
            Outcome::Failed(format!("{self}, and PHISEAL_REQUIRE names it"))
        } else {
            Outcome::Skipped(self.to_string())
        }
    }
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not here: {}", self.backend, self.why)
    }
}

/// The list of what is required.
pub(crate) fn required() -> String {
    std::env::var("PHISEAL_REQUIRE").unwrap_or_default()
}

fn names(list: &str, backend: &str) -> bool {
    list.split(',').any(|name| name.trim() == backend)
}

/// What a function that makes a fixture returns: the fixture, or why there is none.
pub trait Made<F> {
    /// The fixture.
    ///
    /// # Errors
    ///
    /// When what it needs is not there.
    fn made(self) -> Result<F, Absent>;
}

impl<F> Made<F> for F {
    fn made(self) -> Result<F, Absent> {
        Ok(self)
    }
}

impl<F> Made<F> for Result<F, Absent> {
    fn made(self) -> Result<F, Absent> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_required_fails_and_the_rest_is_skipped() {
        let absent = || Absent::new("pkcs11", "no module");
        for list in ["pkcs11", "aws-kms,pkcs11", " pkcs11 , transit"] {
            assert!(
                matches!(absent().outcome(list), Outcome::Failed(why) if why.contains("no module")),
                "{list}"
            );
        }
        for list in ["", "pkcs", "pkcs11x", "aws-kms"] {
            assert!(
                matches!(absent().outcome(list), Outcome::Skipped(why) if why.contains("no module")),
                "{list}"
            );
        }
    }
}
