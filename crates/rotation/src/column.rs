//! What a column is that is gone through.

#[cfg(feature = "tokens")]
use crate::sorter::{Formatted, Index, Tokens};
use crate::{Binding, Holds};
use phiseal_envelope::Domain;
#[cfg(feature = "tokens")]
use phiseal_tokens::Vault;

/// A column that is gone through: which domain's keys it is under, and as what.
#[derive(Clone, Debug)]
pub struct Column(pub(crate) Content);

/// What a column holds.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Sealed values.
    Sealed { domain: Domain, binding: Binding },
    /// Entries of an index of other columns.
    #[cfg(feature = "tokens")]
    Index(Index),
    /// Deterministic tokens.
    #[cfg(feature = "tokens")]
    Tokens(Tokens),
    /// Format-preserving tokens, or the ids of their keys.
    #[cfg(feature = "tokens")]
    Formatted(Formatted),
    /// Sealed values of a vault.
    #[cfg(feature = "tokens")]
    Vaulted(Vault),
    /// Entries by which a vault finds tokens.
    #[cfg(feature = "tokens")]
    VaultEntries(Vault),
}

impl Column {
    /// A column of sealed values: the domain, and how the context of a value is built.
    #[must_use]
    pub fn sealed(domain: &Domain, binding: Binding) -> Self {
        Self(Content::Sealed { domain: domain.clone(), binding })
    }

    pub(crate) const fn holds(&self) -> Holds {
        match &self.0 {
            Content::Sealed { .. } => Holds::Sealed,
            #[cfg(feature = "tokens")]
            Content::Vaulted(_) => Holds::Sealed,
            #[cfg(feature = "tokens")]
            Content::Index(_) | Content::VaultEntries(_) => Holds::Entries,
            #[cfg(feature = "tokens")]
            Content::Tokens(_) | Content::Formatted(_) => Holds::Tokens,
        }
    }

    /// The domain.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        match &self.0 {
            Content::Sealed { domain, .. } => domain,
            #[cfg(feature = "tokens")]
            Content::Index(index) => index.domain(),
            #[cfg(feature = "tokens")]
            Content::Tokens(tokens) => tokens.domain(),
            #[cfg(feature = "tokens")]
            Content::Formatted(formatted) => formatted.domain(),
            #[cfg(feature = "tokens")]
            Content::Vaulted(vault) | Content::VaultEntries(vault) => vault.domain(),
        }
    }
}
