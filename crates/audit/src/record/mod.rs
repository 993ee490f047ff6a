//! What a log holds: one record a line, without anything that could name a patient.

mod action;
mod class;
mod entry;
mod kek_event;
mod kind;
mod outcome;
mod request;
mod time;

pub use self::action::Action;
pub use self::class::Class;
pub use self::entry::{Entry, MAX_LINE};
pub use self::kind::DataKind;
pub use self::outcome::Outcome;
pub use self::request::RequestId;
pub use self::time::Time;

use core::time::Duration;
use phiseal_format::{DomainId, KekId, KekVersion, KeyId, SubjectTag};
use phiseal_keys::Reader;

/// One event, as whoever saw it tells it; the log adds when and as which one.
///
/// # Security
///
/// There is no field for free text. Ids of domains, keys, persons and requests are 16 opaque bytes each; an action is a
/// word of the program, a kind of data one of a policy; actor and use are the opaque ids of a [`Reader`]; the name of a KEK is what its custodian gave it.
/// All of it is visible ASCII without spaces, of bounded length.
///
/// ```
/// use phiseal_audit::{Action, Class, Outcome, Record};
/// use phiseal_format::DomainId;
/// use phiseal_keys::Reader;
///
/// let mut record = Record::new(Class::Reveal, Action::new("open")?, Outcome::Success);
/// record.reader = Some(Reader::new("svc-billing", "treatment")?);
/// record.domain = Some(DomainId::from_bytes([1; 16]));
/// assert!(Action::new("open Jane Doe").is_err());
/// # Ok::<(), phiseal_keys::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// What kind of event it is.
    pub class: Class,
    /// What was done, or tried.
    pub action: Action,
    /// Whether it succeeded.
    pub outcome: Outcome,
    /// Who did it, and for which use.
    pub reader: Option<Reader>,
    /// In which domain.
    pub domain: Option<DomainId>,
    /// With which data key.
    pub key: Option<KeyId>,
    /// Which version of the domain's keyset that is, or is to be.
    pub key_version: Option<u32>,
    /// Under which key-encryption key.
    pub kek: Option<KekId>,
    /// Which version of it.
    pub kek_version: Option<KekVersion>,
    /// In the course of which request.
    pub request: Option<RequestId>,
    /// About whom, by pseudonym.
    pub subject: Option<SubjectTag>,
    /// What kind of data.
    pub kind: Option<DataKind>,
    /// How many.
    pub count: Option<u64>,
    /// How long it took; a log keeps whole microseconds.
    pub took: Option<Duration>,
}

impl Record {
    /// An event of which nothing else is known.
    #[must_use]
    pub fn new(class: Class, action: Action, outcome: Outcome) -> Self {
        Self {
            class,
            action,
            outcome,
            reader: None,
            domain: None,
            key: None,
            key_version: None,
            kek: None,
            kek_version: None,
            request: None,
            subject: None,
            kind: None,
            count: None,
            took: None,
        }
    }
}

#[cfg(test)]
mod tests;
