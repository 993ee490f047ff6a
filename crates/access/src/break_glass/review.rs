use super::emergency::{Emergency, KeptReview, State};
use super::{BreakGlass, NOTE, text};
use phiseal_audit::Outcome;
use phiseal_keys::{Error, ErrorKind, Reader};
use serde::{Deserialize, Serialize};

/// What a review of an emergency came to. Either lets the actor break the glass again: who is not to, has the role no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "a review says one or the other")]
pub enum Finding {
    /// There was an emergency, and what was seen was needed.
    Justified,
    /// There was none, or more was seen than was needed.
    Unjustified,
}

/// What waits for a review.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unreviewed {
    /// In order of actors.
    pub emergencies: Vec<Emergency>,
    /// Why records cannot be read: somebody has written the key store. Their actors cannot break the glass until it is put right.
    pub faults: Vec<Error>,
}

const QUEUE: &str = "review-queue";

impl BreakGlass {
    /// The emergencies that nobody has reviewed, also those that are in force. The reasons may name patients: that they were read
    /// is recorded.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Denied`] for who is no reviewer by the policy; what the key store answers; and why it could not be written to the
    /// audit log.
    pub async fn unreviewed(&self, reviewer: &Reader) -> Result<Unreviewed, Error> {
        if let Err(denied) = self.check_reviewer(reviewer) {
            self.append(QUEUE, reviewer, None, Outcome::Failure(denied.kind()))?;
            return Err(denied);
        }
        let (all, faults) = self.all().await?;
        let mut emergencies = Vec::new();
        for kept in all.iter().filter(|kept| kept.review.is_none()) {
            emergencies.push(self.opened(kept).await?);
        }
        self.append(QUEUE, reviewer, None, Outcome::Success)?;
        Ok(Unreviewed { emergencies, faults })
    }

    /// Writes down what `reviewer`, who is another actor, found. From then on the actor may break the glass again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Denied`] for who is no reviewer by the policy, and for the one who broke the glass; [`ErrorKind::State`] while
    /// the emergency is in force, and when it was reviewed; [`ErrorKind::Invalid`] without a note, or one of more than 4 KiB; what
    /// the key store answers; and why it could not be written to the audit log. It is not reviewed then.
    pub async fn review(
        &self,
        reviewer: &Reader,
        emergency: &Emergency,
        finding: Finding,
        note: &str,
    ) -> Result<(), Error> {
        let reviewed = self.reviewed(reviewer, emergency, finding, note).await;
        if let Err(error) = &reviewed {
            let outcome = Outcome::Failure(error.kind());
            self.append(finding.action(), reviewer, Some(emergency.id), outcome)?;
        }
        reviewed
    }

    async fn reviewed(
        &self,
        reviewer: &Reader,
        emergency: &Emergency,
        finding: Finding,
        note: &str,
    ) -> Result<(), Error> {
        self.check_reviewer(reviewer)?;
        let state = |message| Err(Error::new(ErrorKind::State, message));
        let actor = emergency.reader.actor();
        if reviewer.actor() == actor {
            return Err(Error::new(
                ErrorKind::Denied,
                "an emergency is reviewed by another person than the one who broke the glass",
            ));
        }
        let note = text(note)?;
        let kept = self.kept(actor, Some(emergency.number)).await?;
        let Some(kept) = kept.filter(|kept| kept.id == emergency.id) else {
            return Err(Error::new(ErrorKind::NotFound, "there is no such emergency"));
        };
        let kept = self.settled(kept).await?;
        if kept.review.is_some() {
            return state("the emergency was reviewed");
        }
        let at = self.wall();
        if kept.state(at) == State::InForce {
            return state("the emergency is in force: it is reviewed when it is over");
        }
        let note = self.sealed(kept.id, NOTE, note).await?;
        self.append(finding.action(), reviewer, Some(kept.id), Outcome::Success)?;
        self.access.log().commit().await?;
        let review = KeptReview { reviewer: reviewer.clone(), at, finding, note };
        self.written(kept, |kept| kept.review = Some(review)).await?;
        // A clock that was set on must not have it reviewed while it is in force here.
        self.access.dismiss(actor);
        Ok(())
    }

    fn check_reviewer(&self, reviewer: &Reader) -> Result<(), Error> {
        if self.access.policy().is_reviewer(reviewer.actor()) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Denied, "the policy does not make this actor a reviewer"))
    }
}

impl Finding {
    /// What a record of it says.
    const fn action(self) -> &'static str {
        match self {
            Self::Justified => "review-justified",
            Self::Unjustified => "review-unjustified",
        }
    }
}
