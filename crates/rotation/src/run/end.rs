//! The end of a version, of a person's keys, and of wraps by other KEKs: what is done in one step.

use super::holding::check_domain;
use super::{Event, Holding, Step, grounds};
use crate::Digest;
use crate::certificate::Counted;
use crate::custody::{Approved, Operation, Refusal, SKEW};
use phiseal_audit::Time;
use phiseal_envelope::Domain;
use phiseal_keys::{Erasure, Error, ErrorKind, KeyState, Keyset, Rewrapped};

/// What was done to a version, or to a person's keys.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ended {
    /// The SHA-256 of the request because of which it was done.
    pub request: Digest,
    /// The keyset before.
    pub before: Keyset,
    /// The keyset after.
    pub after: Keyset,
    /// What was counted; nothing for a person.
    pub counted: Vec<Counted>,
    /// How many tokens of a person who was shredded, and entries of indexes of nothing, were erased.
    pub forgotten: u64,
    /// Why not all of them were. What was destroyed is destroyed: it is asked for once more.
    pub not_forgotten: Option<Error>,
    /// How far the bytes of what was destroyed are gone from the key store's medium; nothing was destroyed: `None`.
    pub erasure: Option<Erasure>,
    /// When it began, in seconds since 1970.
    pub began: u64,
    /// When it ended.
    pub ended: u64,
}

/// Retires or destroys a version, as was approved, when a count over `holdings`, which are all where values of the domain are,
/// has found nothing under it.
///
/// The count begins now, and now has to be later than the time when another version became the primary and the longest lease
/// after it ([`Keyset::LONGEST_LEASE`]), and by five minutes, as clocks of two machines may differ by them: until then a process
/// that knows nothing of it may seal.
///
/// A version that has ended so before is counted again, and what was destroyed is erased again: whoever was killed before its
/// certificate was written asks for it once more, and so does whoever can say on what [grounds](crate::custody::Request::grounds) it is
/// gone for good. Whether these hold is for the custodians to know. Refused is what can be seen not to hold: that backups have
/// expired, where the store itself may [hold](Erasure) what it deleted; and that wrapping keys are destroyed, where
/// [a KEK of the store may open what they wrapped](phiseal_keys::KeyStore::kek_that_may_open).
///
/// # Errors
///
/// [`ErrorKind::Denied`] with [`Refusal::Keyset`], [`Refusal::TooEarly`], [`Refusal::InUse`], [`Refusal::Persons`],
/// [`Refusal::NotDestroyed`], [`Refusal::NotErased`] or [`Refusal::KekLeft`], and when the custodians are others by now;
/// [`ErrorKind::Invalid`] for a request of something else, and for holdings without a column of the domain; [`ErrorKind::State`] for
/// a version that cannot go there; [`ErrorKind::Conflict`] when the keys changed meanwhile; and what sources, key store and backends
/// answer.
pub async fn end_version(
    domain: &Domain,
    holdings: &[Holding],
    approved: &Approved,
    hear: &mut dyn FnMut(Event<'_>),
) -> Result<Ended, Error> {
    let (number, state) = match approved.request().operation {
        Operation::Retire(number) => (number, KeyState::Deactivated),
        Operation::Destroy(number) => (number, KeyState::Destroyed),
        _ => return Err(another()),
    };
    check_domain(holdings, domain)?;
    let store = domain.key_store();
    let began = store.clock().wall();
    let before = store.keyset(domain.name()).await?;
    approved.check_keyset(store.engine(), &before)?;
    let is_done = before.version(number).is_some_and(|version| version.state() == state);
    if !is_done {
        // Said before everything is counted; the keyset says it again.
        before.with_state(number, state)?;
    }
    if let Some(free) = may_end_from(&before, number).filter(|free| began < *free) {
        return Err(Refusal::TooEarly(Time::from_millis(free.saturating_mul(1_000))).into());
    }
    grounds::check_version(approved.request(), store, is_done).await?;
    hear(Event::Step(Step::Count));
    let (mut counted, mut values) = (Vec::new(), 0_u64);
    for holding in holdings {
        let (census, _) = holding.count(0, hear, || Ok(()))?;
        values = values.saturating_add(census.under(&before.domain(), number));
        let is_later = |column: &crate::ColumnCensus| {
            column.domain_id == before.domain() && column.revision != before.revision()
        };
        if census.columns.iter().any(is_later) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the keys changed while values were counted",
            ));
        }
        counted.push(Counted::new(census, store.engine()));
    }
    if values > 0 {
        return Err(Refusal::InUse { values }.into());
    }
    let persons = store.subjects_under(&before, number).await?;
    if persons > 0 {
        return Err(Refusal::Persons { persons }.into());
    }
    let after = if is_done {
        approved.changes(store).check(&before).await?;
        before.clone()
    } else {
        approved.changes(store).set_state(&before, number, state).await?
    };
    let erasure = if state == KeyState::Destroyed { Some(store.erase().await?) } else { None };
    grounds::check_erased(approved.request(), erasure)?;
    let (request, ended) = (approved.digest(), store.clock().wall());
    let (forgotten, not_forgotten) = (0, None);
    Ok(Ended { request, before, after, counted, forgotten, not_forgotten, erasure, began, ended })
}

/// From when on version `number` may be retired or destroyed, in seconds since 1970: when it was replaced, the longest lease and
/// five minutes are over. `None` for one that nobody ever sealed under, or that is the primary.
#[must_use]
pub fn may_end_from(keyset: &Keyset, number: u32) -> Option<u64> {
    let wait = Keyset::LONGEST_LEASE.as_secs().saturating_add(SKEW).saturating_add(1);
    Some(keyset.version(number)?.replaced()?.saturating_add(wait))
}

/// Destroys a person's keys, as was approved, and erases what those of `holdings` that are of the domain have of the person in vaults
/// and indexes: if this is killed in between, or fails ([`Ended::not_forgotten`]), it is asked for once more. Of somebody who was shredded before, what is left is erased again, and the certificate
/// says on what [grounds](crate::custody::Request::grounds) it is gone for good, if the request does. That wrapping keys are destroyed
/// is refused while there is a version of the domain's key that was made before the person was shredded, or up to five minutes
/// later, as clocks differ; and where a KEK may open a copy of such a version, as [`end_version`] says.
///
/// # Errors
///
/// [`ErrorKind::NotFound`] when there is no such person; [`ErrorKind::Denied`] with [`Refusal::Keyset`],
/// [`Refusal::NotDestroyed`], [`Refusal::NotErased`],
/// [`Refusal::VersionLeft`] or [`Refusal::KekLeft`], and when the custodians are others by now;
/// [`ErrorKind::Invalid`] for a request of something else; and what sources, key store and backends answer.
pub async fn shred(
    domain: &Domain,
    holdings: &[Holding],
    approved: &Approved,
) -> Result<Ended, Error> {
    let Operation::Shred(tag) = approved.request().operation else { return Err(another()) };
    let store = domain.key_store();
    let began = store.clock().wall();
    let before = store.keyset(domain.name()).await?;
    approved.check_keyset(store.engine(), &before)?;
    grounds::check_person(approved.request(), store, &before, tag).await?;
    approved.changes(store).shred_subject(&before, tag).await?;
    let erasure = Some(store.erase().await?);
    let (mut forgotten, mut not_forgotten) = (0_u64, None);
    for holding in holdings.iter().filter(|holding| holding.holds(domain)) {
        match holding.forget(tag) {
            Ok(more) => forgotten = forgotten.saturating_add(more),
            Err(error) => not_forgotten = Some(error),
        }
    }
    grounds::check_erased(approved.request(), erasure)?;
    let (after, counted) = (before.clone(), Vec::new());
    let (request, ended) = (approved.digest(), store.clock().wall());
    Ok(Ended { request, before, after, counted, forgotten, not_forgotten, erasure, began, ended })
}

/// Wraps the domain's data keys, and the key store's own, under the KEKs of the request, as was approved. No value is touched.
///
/// # Errors
///
/// [`ErrorKind::Denied`] with [`Refusal::Keks`] or [`Refusal::Keyset`]; [`ErrorKind::Invalid`] for a request of something else;
/// [`ErrorKind::Conflict`] when the keys changed meanwhile; and what the key store and its backends answer.
pub async fn rewrap(domain: &Domain, approved: &Approved) -> Result<(Ended, Rewrapped), Error> {
    if approved.request().operation != Operation::Rewrap {
        return Err(another());
    }
    let store = domain.key_store();
    let began = store.clock().wall();
    let before = store.keyset(domain.name()).await?;
    approved.check_keyset(store.engine(), &before)?;
    approved.check_keks(store).await?;
    // First, as it changes nothing that the request is about: if this is killed in between, it is done again.
    approved.changes(store).rewrap_store_key().await?;
    let rewrapped = approved.changes(store).rewrap(&before).await?;
    let after = store.keyset(domain.name()).await?;
    let (request, ended) = (approved.digest(), store.clock().wall());
    let counted = Vec::new();
    let ended = Ended {
        request,
        before,
        after,
        counted,
        forgotten: 0,
        not_forgotten: None,
        erasure: None,
        began,
        ended,
    };
    Ok((ended, rewrapped))
}

fn another() -> Error {
    Error::new(ErrorKind::Invalid, "the request is for something else")
}
