//! What a policy says.

mod actors;
mod read;

use actors::Actors;
use core::time::Duration;
use phiseal_audit::DataKind;
use phiseal_envelope::{Mask, RevealForm};
use phiseal_keys::{PolicyError, Reader};
use std::collections::HashMap;

/// Who may see which kinds of data, for which use, in which form. What it does not grant is denied.
///
/// ```
/// use phiseal_access::Policy;
/// use phiseal_envelope::RevealForm;
/// use phiseal_keys::Reader;
///
/// let policy = Policy::parse(r#"
/// version = 1
///
/// [kinds.ssn]
/// fields = ["ssn"]       # fields, columns of tokens, indexes: by the names that contexts and columns have
/// mask = "ssn"           # what the masked form leaves: all, name, email, phone, ssn, first-N, last-N
///
/// [roles.billing]
/// actors = ["svc-billing", "billing/*"]
///
/// [[grants]]
/// role = "billing"
/// uses = ["payment"]
/// kinds = ["ssn"]
/// form = "masked"        # index, masked or full; each includes those before it. Where none is said, index
///
/// [alert]                # optional: one alert for each actor who asks for more
/// more-than = 500
/// within = "10m"
///
/// [break-glass]          # optional: without it, nobody may
/// roles = ["billing"]
/// longest = "1h"
/// reviewers = ["privacy"]
/// # kinds = ["ssn"]      # where none are said, all
///
/// [roles.privacy]
/// actors = ["privacy-officer"]
/// "#)?;
/// let payment = Reader::new("billing/7", "payment").unwrap();
/// assert_eq!(policy.most(&payment, "ssn"), Some(RevealForm::Masked));
/// let curiosity = Reader::new("billing/7", "curiosity").unwrap();
/// assert_eq!(policy.most(&curiosity, "ssn"), None);
/// # Ok::<(), phiseal_access::PolicyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Policy {
    kinds: Vec<Kind>,
    /// Of which kind a field is.
    fields: HashMap<String, usize>,
    roles: Vec<Role>,
    alert: Option<RateLimit>,
    break_glass: Option<InEmergency>,
}

#[derive(Clone, Debug)]
struct Kind {
    name: DataKind,
    mask: Mask,
}

#[derive(Clone, Debug)]
struct Role {
    actors: Actors,
    grants: Vec<Grant>,
}

#[derive(Clone, Debug)]
struct Grant {
    uses: Vec<String>,
    kinds: Vec<usize>,
    form: RevealForm,
}

/// More than one actor usually asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateLimit {
    pub(crate) most: u64,
    pub(crate) within: Duration,
}

/// What may be done in an emergency.
#[derive(Clone, Debug)]
struct InEmergency {
    roles: Vec<usize>,
    /// All of them, where none are named.
    kinds: Option<Vec<usize>>,
    longest: Duration,
    reviewers: Vec<usize>,
}

impl Policy {
    /// Reads a policy: a TOML file.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        read::read(text)
    }

    /// The most that a reader may see of a field; `None` when nothing, not even by searching.
    #[must_use]
    pub fn most(&self, reader: &Reader, field: &str) -> Option<RevealForm> {
        let kind = self.fields.get(field)?;
        let roles = self.roles.iter().filter(|role| role.actors.include(reader.actor()));
        let grants = roles.flat_map(|role| &role.grants);
        let fitting = grants.filter(|grant| grant.is_for(reader.usage(), *kind));
        fitting.map(|grant| grant.form).max()
    }

    /// Of which kind a field is.
    #[must_use]
    pub fn kind(&self, field: &str) -> Option<&DataKind> {
        self.kind_of(field).map(|kind| &kind.name)
    }

    /// What the masked form of a field leaves: nothing, of one that the policy does not name.
    #[must_use]
    pub fn mask(&self, field: &str) -> Mask {
        self.kind_of(field).map_or(Mask::all(), |kind| kind.mask)
    }

    pub(crate) const fn alert(&self) -> Option<RateLimit> {
        self.alert
    }

    /// For how long an actor may break the glass at most; `None` for one who may not.
    pub(crate) fn longest_emergency(&self, actor: &str) -> Option<Duration> {
        let emergency = self.break_glass.as_ref()?;
        self.has_one_of(actor, &emergency.roles).then_some(emergency.longest)
    }

    /// Whether a field may be seen in an emergency.
    pub(crate) fn is_seen_in_emergency(&self, field: &str) -> bool {
        let (Some(kind), Some(emergency)) = (self.fields.get(field), &self.break_glass) else {
            return false;
        };
        emergency.kinds.as_ref().is_none_or(|kinds| kinds.contains(kind))
    }

    /// Whether an actor reviews emergencies.
    pub(crate) fn is_reviewer(&self, actor: &str) -> bool {
        let emergency = self.break_glass.as_ref();
        emergency.is_some_and(|emergency| self.has_one_of(actor, &emergency.reviewers))
    }

    fn has_one_of(&self, actor: &str, roles: &[usize]) -> bool {
        let mut roles = roles.iter().filter_map(|role| self.roles.get(*role));
        roles.any(|role| role.actors.include(actor))
    }

    fn kind_of(&self, field: &str) -> Option<&Kind> {
        self.kinds.get(*self.fields.get(field)?)
    }
}

impl Grant {
    fn is_for(&self, usage: &str, kind: usize) -> bool {
        self.kinds.contains(&kind) && self.uses.iter().any(|named| named == usage)
    }
}

#[cfg(test)]
mod tests;
