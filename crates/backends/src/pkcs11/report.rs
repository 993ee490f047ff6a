//! What a token can do, for whoever wires it up.

use super::mechanism::WrapMechanism;
use super::trial::{Quirk, Works};
use core::fmt;

/// What a token is and can do: see [`Pkcs11Token::report`](super::Pkcs11Token::report). Its `Display` is made to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenReport {
    /// The token's label.
    pub label: String,
    /// Its serial number.
    pub serial: String,
    /// Who made it.
    pub maker: String,
    /// Its model.
    pub model: String,
    /// Every mechanism that wraps keys, best first.
    pub mechanisms: Vec<MechanismReport>,
}

/// What became of the trial of one mechanism.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MechanismReport {
    /// Which one.
    pub mechanism: WrapMechanism,
    /// The quirks that were met, when it works; why it does not, otherwise.
    pub works: Result<Vec<Quirk>, String>,
}

impl MechanismReport {
    pub(super) fn new(mechanism: WrapMechanism, works: Result<Works, String>) -> Self {
        Self { mechanism, works: works.map(|works| works.quirks) }
    }
}

impl TokenReport {
    /// What a KEK that is made on this token uses.
    #[must_use]
    pub fn chosen(&self) -> Option<WrapMechanism> {
        self.mechanisms.iter().find(|tried| tried.works.is_ok()).map(|tried| tried.mechanism)
    }
}

impl fmt::Display for TokenReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { label, serial, maker, model, .. } = self;
        writeln!(f, "token {label:?}, serial {serial}, {model} by {maker}")?;
        for tried in &self.mechanisms {
            let name = tried.mechanism.name();
            let chosen = if self.chosen() == Some(tried.mechanism) { "  <- chosen" } else { "" };
            match &tried.works {
                Ok(quirks) => {
                    writeln!(f, "  {name:<28} works{chosen}")?;
                    for quirk in quirks {
                        writeln!(f, "  {:<28}   {}", "", quirk.meaning())?;
                    }
                }
                Err(reason) => writeln!(f, "  {name:<28} no: {reason}")?,
            }
        }
        Ok(())
    }
}
