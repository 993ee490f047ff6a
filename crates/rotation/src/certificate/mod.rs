//! The certificate of one finished act: what was done to which key, when, by whom, and what was counted before and after.
//!
//! A [`Certificate`] is built by whoever did the act, from facts; nothing in it is made up here. Whether the act is finished
//! ([`Certificate::status`]), what keeps it from being so ([`Certificate::remains`]) and which safeguards it is evidence for
//! ([`Certificate::evidence`]) follow from the facts alone. It holds no row keys, no values and no person's name but those of
//! the custodians who acted.
//!
//! # Three files
//!
//! | file | what it is |
//! |---|---|
//! | `certificate.json` | the facts ([`Certificate::to_json`]). One text per certificate: [`Certificate::from_json`] refuses any other |
//! | `certificate.json.sig` | a signed note (c2sp.org/signed-note) that names the former's hash; any number of custodians sign it ([`sign`], [`verify`]) |
//! | `certificate.html` | the same for people, on one page, without scripts and without anything from elsewhere ([`Certificate::to_html`]) |
//!
//! The text that is signed:
//!
//! ```text
//! phiseal certificate v1
//! sha256 <SHA-256 of certificate.json, in 64 lower-case hexadecimal digits>
//! ```
//!
//! # What it proves
//!
//! That those who signed it say so. The counts are those of the tables that are named, as of the times that are named; what is
//! in other tables, in backups and in exports is not counted. A certificate supports the safeguards that it lists. Whether an
//! organisation complies with them is not for a program to say.

mod approval;
mod check;
mod counts;
mod erasure;
mod evidence;
mod html;
mod json;
mod keys;
mod operation;
mod remains;
mod signature;
#[cfg(test)]
mod tests;
mod text;
mod tool;

pub use crate::Digest;
pub use approval::{Approval, RosterHead, Signatory};
pub use counts::{Counted, Counts, TableResealed};
pub use erasure::{Erasure, Ground, Reason};
pub use evidence::{Evidence, Safeguard};
pub use json::MAX_JSON;
pub use keys::{Keys, Version, Wrap};
pub use operation::{Operation, Times};
pub use remains::{Remains, Status};
pub use signature::{Verified, sign, statement, verify};
pub use tool::{Fips, LogHead, Tool};

use core::fmt;
use phiseal_format::{DomainId, EnvironmentId};
use serde::{Deserialize, Serialize};

/// What was done, and what was found: see the [module](self).
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what callers build; a release with more writes another version"
)]
pub struct Certificate {
    /// What was done.
    pub operation: Operation,
    /// The environment, which is one key store.
    #[serde(with = "text::parsed")]
    pub environment: EnvironmentId,
    /// The domain's name.
    pub domain: String,
    /// The domain's id.
    #[serde(with = "text::parsed")]
    pub domain_id: DomainId,
    /// When.
    pub times: Times,
    /// The domain's keys, as far as the act was about them.
    pub keys: Keys,
    /// Who asked for it and who approved.
    pub approval: Approval,
    /// What was counted.
    pub counts: Counts,
    /// Whether what was destroyed is gone for good.
    pub erasure: Erasure,
    /// What the act was done with.
    pub tool: Tool,
    /// Up to where the audit log went; none where none is kept.
    pub log: Option<LogHead>,
}

/// Without the facts, among which are people's names.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("operation", &self.operation).finish_non_exhaustive()
    }
}
