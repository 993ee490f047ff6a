//! Where emergencies are kept, and how they are sealed.

use super::emergency::{Emergency, Kept};
use super::{BreakGlass, NOTE, REASON};
use phiseal_audit::RequestId;
use phiseal_envelope::{Phi, Sealed};
use phiseal_format::Context;
use phiseal_keys::{Error, ErrorKind};

/// How many ids are listed at once.
const PAGE: usize = 100;

impl BreakGlass {
    /// The last emergency of an actor.
    pub(super) async fn latest(&self, actor: &str) -> Result<Option<Kept>, Error> {
        let (mut after, mut last) = ([actor.as_bytes(), &[0]].concat(), None);
        loop {
            let ids = self.store().emergencies(Some(&after), PAGE).await?;
            for id in &ids {
                match place(id) {
                    Some((of, number)) if of == actor => last = Some(number),
                    _ => return self.kept(actor, last).await,
                }
            }
            match ids.into_iter().next_back() {
                Some(id) => after = id,
                None => return self.kept(actor, last).await,
            }
        }
    }

    /// All emergencies, in order of actors, each actor's in the order in which they were; and why some cannot be read.
    pub(super) async fn all(&self) -> Result<(Vec<Kept>, Vec<Error>), Error> {
        let (mut after, mut all, mut faults) = (None::<Vec<u8>>, Vec::new(), Vec::new());
        loop {
            let ids = self.store().emergencies(after.as_deref(), PAGE).await?;
            for id in &ids {
                let Some((actor, number)) = place(id) else { continue };
                match self.kept(actor, Some(number)).await {
                    Ok(kept) => all.extend(kept),
                    // One that was tampered with is no reason to leave the others alone.
                    Err(error) if !error.is_retryable() => faults.push(error),
                    Err(error) => return Err(error),
                }
            }
            match ids.into_iter().next_back() {
                Some(id) => after = Some(id),
                None => return Ok((all, faults)),
            }
        }
    }

    /// What is kept of an actor's emergency of this number.
    pub(super) async fn kept(
        &self,
        actor: &str,
        number: Option<u32>,
    ) -> Result<Option<Kept>, Error> {
        let Some(number) = number else { return Ok(None) };
        let Some(record) = self.store().emergency(&id(actor, number)).await? else {
            return Ok(None);
        };
        let kept = Kept::parse(number, record.revision, &record.bytes)?;
        if kept.reader.actor() != actor {
            return Err(Error::new(
                ErrorKind::Malformed,
                "the record of an emergency is another's",
            ));
        }
        Ok(Some(kept))
    }

    /// Writes what is kept, changed, in the place of what was read.
    pub(super) async fn written(
        &self,
        mut kept: Kept,
        change: impl FnOnce(&mut Kept) + Send,
    ) -> Result<Kept, Error> {
        change(&mut kept);
        let id = id(kept.reader.actor(), kept.number);
        self.store().set_emergency(&id, kept.revision, kept.to_bytes()?).await?;
        kept.revision = kept.revision.saturating_add(1);
        Ok(kept)
    }

    /// A text of an emergency, sealed.
    pub(super) async fn sealed(
        &self,
        id: RequestId,
        what: &str,
        text: &str,
    ) -> Result<Sealed, Error> {
        self.domain.seal(text, &context(id, what)).await
    }

    /// What is kept, with its texts opened.
    pub(super) async fn opened(&self, kept: &Kept) -> Result<Emergency, Error> {
        let reason = self.text_of(kept.id, REASON, &kept.reason).await?;
        let note = match &kept.review {
            Some(review) => self.text_of(kept.id, NOTE, &review.note).await?,
            None => None,
        };
        Ok(kept.with_texts(reason, note))
    }

    /// `None` when the key is gone: what happened is known all the same.
    async fn text_of(
        &self,
        id: RequestId,
        what: &str,
        sealed: &Sealed,
    ) -> Result<Option<Phi<String>>, Error> {
        match self.domain.open(sealed, &context(id, what)).await {
            Ok(text) => Ok(Some(text)),
            Err(error) if matches!(error.kind(), ErrorKind::State | ErrorKind::Foreign) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Seals reasons and notes again that are under an older key than the domain's newest, and says how many those were: to be
    /// done after a rotation, before the old version is destroyed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when one is changed meanwhile; [`ErrorKind::Tampered`] or [`ErrorKind::Malformed`] for a record that
    /// cannot be read, once all others are renewed; and what key store and domain answer.
    pub async fn renew(&self) -> Result<u64, Error> {
        self.domain.refresh().await?;
        let (newest, mut renewed) = (self.domain.ready().await?.sealing_key_id(), 0);
        let (all, faults) = self.all().await?;
        for mut kept in all {
            let (id, before) = (kept.id, renewed);
            let note = kept.review.as_mut().map(|review| (NOTE, &mut review.note));
            for (what, sealed) in core::iter::once((REASON, &mut kept.reason)).chain(note) {
                if Some(sealed.key_id()) == newest {
                    continue;
                }
                if let Some(text) = self.text_of(id, what, sealed).await? {
                    *sealed = self.sealed(id, what, text.expose_secret()).await?;
                    renewed += 1;
                }
            }
            if renewed > before {
                self.written(kept, |_| ()).await?;
            }
        }
        // Only now: what can be read is renewed.
        faults.into_iter().next().map_or(Ok(renewed), Err)
    }
}

/// Where an actor's emergency of this number is: `actor || 0x00 || number[4]`.
fn id(actor: &str, number: u32) -> Vec<u8> {
    [actor.as_bytes(), &[0], &number.to_be_bytes()].concat()
}

fn place(id: &[u8]) -> Option<(&str, u32)> {
    let (rest, number) = id.split_last_chunk()?;
    let (zero, actor) = rest.split_last()?;
    (*zero == 0).then_some(())?;
    Some((core::str::from_utf8(actor).ok()?, u32::from_be_bytes(*number)))
}

fn context(id: RequestId, what: &str) -> Context {
    Context::of_usage("phiseal/v1 emergency").record(id.as_bytes()).field(what)
}
