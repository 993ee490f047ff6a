//! What a sealed column is.

use crate::Binding;
use phiseal_envelope::Domain;

/// A sealed column: which domain it is sealed in, and as what.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "what callers build")]
pub struct Column {
    /// The domain.
    pub domain: Domain,
    /// How the context of a value is built.
    pub binding: Binding,
}
