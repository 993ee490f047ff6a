//! phiseal's rotation: where sealed values are stored, what is done to all of them, and who has to agree to it.
//!
//! | to | use |
//! |---|---|
//! | say where sealed values are | a [`source`], or a `manifest` that names several |
//! | say what they are sealed as | [`Binding`], [`Column`] |
//! | count them by what they are | [`census()`] |
//! | seal them anew under the primary version, and fill indexes beside them | [`reseal`] |
//! | have several people agree to a change of keys | [`custody`] |
//! | do all of it, through crashes and beside others | [`run`] |
//! | know when it is time | [`Policy`] |
//! | hand over evidence | [`certificate`] |
//!
//! A rotation from its request to its certificate:
//!
//! 1. one custodian makes a [`Request`](custody::Request) of the keyset as it is, others sign it;
//! 2. [`Custodians::check`](custody::Custodians::check) makes of it something [`Approved`](custody::Approved);
//! 3. [`Rotator::run`](run::Rotator::run) counts what there is, makes a new version the primary, reseals every value under it, and counts
//!    again: done is zero left;
//! 4. when nobody can seal under the old version any more, [`end_version`](run::end_version) retires it, and later destroys it, each after
//!    a count that found nothing under it;
//! 5. [`Journal::certificate`](run::Journal::certificate) and [`Ended::certificate`](run::Ended::certificate) say what was done.

#![forbid(unsafe_code)]

mod binding;
pub mod census;
mod census_hash;
pub mod certificate;
mod class;
mod column;
pub mod custody;
mod digest;
#[cfg(feature = "manifest")]
pub mod manifest;
mod opened;
mod persons;
mod policy;
mod reseal;
pub mod run;
mod sorter;
pub mod source;
mod spare;
mod turns;

pub use binding::Binding;
pub use census::{Census, ColumnCensus, Finding, Holds, census};
pub use class::Class;
pub use column::Column;
pub use digest::Digest;
pub use policy::{Due, Policy};
pub use reseal::{Pace, Resealed, reseal};
