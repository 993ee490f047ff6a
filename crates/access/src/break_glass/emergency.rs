use super::Finding;
use phiseal_audit::{RequestId, Time};
use phiseal_envelope::{Phi, Sealed};
use phiseal_keys::{Error, ErrorKind, Reader};
use serde::{Deserialize, Serialize};

/// An emergency, as it is kept. Its `Debug` shows no reason.
#[derive(Debug)]
#[non_exhaustive]
pub struct Emergency {
    /// The id that all its records on the audit log have, under `request`.
    pub id: RequestId,
    /// Who broke the glass, and for which use.
    pub reader: Reader,
    /// Why; `None` when the key that sealed it is gone, or another domain's.
    pub reason: Option<Phi<String>>,
    /// When it began.
    pub began: Time,
    /// When it ended, or will at the latest.
    pub ends: Time,
    /// What another person found.
    pub review: Option<Review>,
    pub(super) number: u32,
}

/// What a reviewer found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Review {
    /// Who reviewed it.
    pub reviewer: Reader,
    /// When.
    pub at: Time,
    /// What it came to.
    pub finding: Finding,
    /// What the reviewer noted; `None` when the key that sealed it is gone.
    pub note: Option<Phi<String>>,
}

/// An emergency as it stands in the key store.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) reader: Reader,
    /// Which one of the actor's it is, from 0.
    pub(super) number: u32,
    /// The revision of its record; 0: it is not written yet.
    pub(super) revision: u64,
    pub(super) id: RequestId,
    /// Milliseconds since 1970, as all times here.
    pub(super) began: u64,
    pub(super) ends: u64,
    /// When it was last known to be in force: a clock before this is wrong.
    pub(super) seen: u64,
    /// When it ended, if that was written down.
    pub(super) ended: Option<u64>,
    pub(super) reason: Sealed,
    pub(super) review: Option<KeptReview>,
}

#[derive(Clone, Debug)]
pub(super) struct KeptReview {
    pub(super) reviewer: Reader,
    pub(super) at: u64,
    pub(super) finding: Finding,
    pub(super) note: Sealed,
}

/// Whether an emergency lets its reader see more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    InForce,
    Over,
}

impl Kept {
    pub(super) const fn state(&self, now: u64) -> State {
        if self.ended.is_some() || self.review.is_some() || self.ends <= now {
            State::Over
        } else {
            State::InForce
        }
    }

    /// The same, as it is shown: with the reason and the reviewer's note, where those can be had.
    pub(super) fn with_texts(
        &self,
        reason: Option<Phi<String>>,
        note: Option<Phi<String>>,
    ) -> Emergency {
        Emergency {
            id: self.id,
            reader: self.reader.clone(),
            reason,
            began: Time::from_millis(self.began),
            ends: Time::from_millis(self.ended.unwrap_or(self.ends)),
            review: self.review.as_ref().map(|review| Review {
                reviewer: review.reviewer.clone(),
                at: Time::from_millis(review.at),
                finding: review.finding,
                note,
            }),
            number: self.number,
        }
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let review = self.review.as_ref().map(|review| WireReview {
            actor: review.reviewer.actor().to_owned(),
            usage: review.reviewer.usage().to_owned(),
            at: review.at,
            finding: review.finding,
            note: review.note.to_string(),
        });
        let wire = Wire {
            v: VERSION,
            id: self.id.to_string(),
            actor: self.reader.actor().to_owned(),
            usage: self.reader.usage().to_owned(),
            began: self.began,
            ends: self.ends,
            seen: self.seen,
            ended: self.ended,
            reason: self.reason.to_string(),
            review,
        };
        serde_json::to_vec(&wire).map_err(|_| malformed())
    }

    /// `bytes` were authenticated by the key store.
    pub(super) fn parse(number: u32, revision: u64, bytes: &[u8]) -> Result<Self, Error> {
        let wire: Wire = serde_json::from_slice(bytes).map_err(|_| malformed())?;
        if wire.v != VERSION {
            return Err(malformed());
        }
        let review = wire.review.map(|review| {
            Ok::<_, Error>(KeptReview {
                reviewer: Reader::new(&review.actor, &review.usage)?,
                at: review.at,
                finding: review.finding,
                note: review.note.parse()?,
            })
        });
        Ok(Self {
            reader: Reader::new(&wire.actor, &wire.usage)?,
            number,
            revision,
            id: wire.id.parse()?,
            began: wire.began,
            ends: wire.ends,
            seen: wire.seen,
            ended: wire.ended,
            reason: wire.reason.parse()?,
            review: review.transpose()?,
        })
    }
}

const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: u8,
    id: String,
    actor: String,
    #[serde(rename = "use")]
    usage: String,
    began: u64,
    ends: u64,
    seen: u64,
    ended: Option<u64>,
    reason: String,
    review: Option<WireReview>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireReview {
    actor: String,
    #[serde(rename = "use")]
    usage: String,
    at: u64,
    finding: Finding,
    note: String,
}

fn malformed() -> Error {
    Error::new(ErrorKind::Malformed, "the record of an emergency is of another release")
}
