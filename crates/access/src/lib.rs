//! phiseal's reveal policy: who may see what, for which use, in which form; and what happens in an emergency.
//!
//! | piece | what it is |
//! |---|---|
//! | [`Policy`] | what a file says: kinds of data, roles, grants. What it does not grant is denied |
//! | [`Access`] | judges by it every field that is opened, token that is revealed and index that is searched through a handle of [`Domain::read_by`](phiseal_envelope::Domain::read_by), and writes each on an audit log; raises an [`Alert`] when one actor asks for more than is usual |
//! | [`BreakGlass`] | lets somebody see what the policy denies: for a short time, for a reason, on the audit log under a class of its own, and not again before another person has reviewed it |
//!
//! The policy guards an application against itself: a handle that was given out for a reader opens what that reader may see, and
//! nothing else. It does not guard against the process: whoever runs code in it has the keys.
//!
//! Who the reader is, the application says, when it has authenticated them.

#![forbid(unsafe_code)]

mod access;
mod alert;
mod break_glass;
mod policy;
mod rate;

pub use access::Access;
pub use alert::Alert;
pub use break_glass::{BreakGlass, Emergency, Finding, Review, Unreviewed};
pub use phiseal_keys::PolicyError;
pub use policy::Policy;
