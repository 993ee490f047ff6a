//! Nobody acts alone: what custodians agree to, and how that is verified.
//!
//! A [`Roster`] says who the custodians are. One of them makes a [`Request`], a text that names one operation on one state of one
//! keyset, and signs it; others read it where they are, offline, and sign it too; [`Custodians::check`] takes the files and
//! answers with [`Approved`], or with the [`Refusal`]. The key store refuses every change of a keyset that was not so approved,
//! and writes which request it was in the same compare-and-swap as the change. It refuses to shred a person and to wrap its own
//! key anew without them, too. What applications do every day needs nobody's agreement: a new domain, a new person, another key
//! for a person ([`Renewal`](phiseal_keys::Renewal)), and the end of a person's older keys, under which nothing is any more.
//!
//! | somebody | and is stopped by |
//! |---|---|
//! | signs twice, or has one key under two names | people and keys are distinct in a roster, and count once |
//! | approves his own request | the requester does not count |
//! | uses an approval again, for another operation, keyset, or key store | the request names one state of one keyset, which the operation changes |
//! | waits for months | a request ends after at most 31 days; a clock that is put back too far is behind the keyset's times, or those of the request |
//! | adds a KEK of his own before keys are wrapped | the request names the KEKs |
//! | puts himself on the roster | as many of the old roster agree as to anything else; the first one's SHA-256 is kept elsewhere |
//! | deletes the roster | whoever has that SHA-256 in his configuration notices; keysets that custodians changed last stay as they are |
//!
//! What runs in one process with the key store's keys can do without any of this: then the keysets and the log do not say that
//! custodians agreed.

mod approved;
mod custodians;
mod lines;
mod operation;
mod refusal;
mod request;
mod roster;

pub use approved::Approved;
pub(crate) use approved::SKEW;
pub use custodians::Custodians;
pub use operation::Operation;
pub use refusal::Refusal;
pub use request::{KeysetState, Request};
pub use roster::Roster;
