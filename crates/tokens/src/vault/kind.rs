use super::VaultedForm;
use super::entry::EntryKey;
use crate::column::sealed::Sealed;
use crate::{Cardinality, Kind};
use core::time::Duration;
use phiseal_envelope::ColumnSecrets;
use phiseal_keys::Error;

/// How the tokens of a vaulted column are made.
///
/// # Security
///
/// A token is drawn at random: without the vault *and* the keys nothing leads from it to its value. That makes it the one kind
/// whose tokens may stay in data that is de-identified, as long as the vault does not go along (45 CFR 164.514(c)). Where
/// equal values have one token ([`Vaulted::new`]), whoever sees a column of them sees which values are equal and how often each
/// occurs; where each has a token of its own ([`Vaulted::fresh`]), not even that. Whoever has the vault's storage, without the
/// keys, sees how many tokens there are, when each was made and ends, how long each value is, and, where persons have keys of
/// their own, which tokens are of one person. The keys are in another store than the vault.
#[derive(Clone, Debug)]
pub struct Vaulted {
    pub(super) form: VaultedForm,
    pub(super) lifetime: Option<Duration>,
    /// Whether equal values have one token.
    pub(super) repeats: bool,
}

impl Vaulted {
    /// Equal values have one token, in a column of so many values.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](phiseal_keys::ErrorKind::Unsupported) for a column of few values ([`Cardinality::check`]).
    pub fn new(form: VaultedForm, cardinality: &Cardinality) -> Result<Self, Error> {
        cardinality.check()?;
        Ok(Self { form, lifetime: None, repeats: true })
    }

    /// Every value has a new token each time.
    #[must_use]
    pub const fn fresh(form: VaultedForm) -> Self {
        Self { form, lifetime: None, repeats: false }
    }

    /// Tokens end after so long, in whole seconds: one at least.
    #[must_use]
    pub const fn ending_after(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }
}

impl Sealed for Vaulted {}

impl Kind for Vaulted {
    type Key = EntryKey;

    fn key(&self, secrets: &ColumnSecrets<'_>) -> Result<EntryKey, Error> {
        EntryKey::new(secrets)
    }
}
