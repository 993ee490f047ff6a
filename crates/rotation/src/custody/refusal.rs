use phiseal_audit::Time;
use phiseal_format::KekId;
use phiseal_keys::{Error, ErrorKind};

/// Why an act is not done, although nothing is broken: the custodians have not agreed to it, or not to this, or
/// something would be lost.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Its environment is another one.
    #[error("the request is for another key store")]
    Environment,
    /// It is one that no program of ours makes.
    #[error("the request contradicts itself")]
    Unsound,
    /// Its roster is not the one in force, or there is one and it names none.
    #[error("the request was made under another roster of custodians than the one in force")]
    Roster,
    /// Its keyset has changed since, possibly by this very request.
    #[error(
        "the keyset has changed since the request was made: what was agreed to is done, or out of date"
    )]
    Keyset,
    /// Its time is over.
    #[error("the request expired at {0}")]
    Expired(Time),
    /// It was made in the future.
    #[error("the request was made at {0}, which is in the future: one of two clocks is wrong")]
    NotYet(Time),
    /// The clock is behind what the key store has seen.
    #[error("this machine's clock is behind the times that the key store holds")]
    Clock,
    /// Somebody signed another text.
    #[error("a signed file is not of this request")]
    OtherText,
    /// Nobody who may has signed, or not so.
    #[error("a signature is not the one of the custodian whom it names")]
    Forged,
    /// The requester is no custodian.
    #[error("the requester is not on the roster of custodians")]
    Requester,
    /// The requester's own signature is missing.
    #[error("the requester has not signed the request")]
    Unsigned,
    /// Too few have agreed.
    #[error("{there} of {needed} approvals are there; the requester's own signature is none")]
    Approvals {
        /// How many are there.
        there: usize,
        /// How many the roster asks for.
        needed: usize,
    },
    /// The KEKs are not those that are configured.
    #[error("the request names other key-encryption keys than those that are configured")]
    Keks,
    /// The manifest is another one.
    #[error("the request was made for another manifest")]
    Manifest,
    /// A process that knows nothing of the new primary may still seal.
    #[error("a process may still seal under this version: not before {0}")]
    TooEarly(Time),
    /// Values are left under the version, or may be.
    #[error("{values} values are under this version, or may be")]
    InUse {
        /// How many.
        values: u64,
    },
    /// The version wraps persons' keys.
    #[error("this version wraps the keys of {persons} persons: rotate or rewrap them first")]
    Persons {
        /// How many.
        persons: u64,
    },
    /// What is said to be gone for good is there, or was when that was said.
    #[error(
        "only what is destroyed already can be gone for good: destroy it first, and ask for this later"
    )]
    NotDestroyed,
    /// The key store has not erased what was in it.
    #[error(
        "the key store may itself hold what was destroyed, whatever became of backups: PostgreSQL in its log, for good, and SQLite \
         as long as others read in it"
    )]
    NotErased,
    /// A version of the domain's key that may have wrapped a person's keys is there.
    #[error(
        "version {0} of the domain's key may have wrapped the person's keys, and is not destroyed"
    )]
    VersionLeft(u32),
    /// A KEK of the key store may open a wrap that a backup holds.
    #[error("{0} may have wrapped it, and does not show that it is destroyed")]
    KekLeft(KekId),
    /// A single custodian works alone in a key store that has a roster.
    #[error("the key store has custodians: nobody acts alone")]
    Alone,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::new(ErrorKind::Denied, "this is refused").with_source(refusal)
    }
}
