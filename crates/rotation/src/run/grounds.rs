//! On what grounds something is called gone for good. Whether they hold is for the custodians to know, who state them; what can be
//! seen from the key store not to hold is refused.

use crate::certificate::Ground;
use crate::custody::{Refusal, Request, SKEW};
use phiseal_format::SubjectTag;
use phiseal_keys::{
    Erasure, Error, ErrorKind, KeyState, KeyStore, KeyVersion, Keyset, SubjectState,
};

/// For a version, which is destroyed or is not.
pub(super) async fn check_version(
    request: &Request,
    store: &KeyStore,
    is_destroyed: bool,
) -> Result<(), Error> {
    if request.grounds.is_empty() {
        return Ok(());
    }
    if !is_destroyed {
        return Err(Refusal::NotDestroyed.into());
    }
    check_keks(request, store).await
}

/// For the keys of a person, which any version of the domain's key may have wrapped that there was.
pub(super) async fn check_person(
    request: &Request,
    store: &KeyStore,
    keyset: &Keyset,
    tag: SubjectTag,
) -> Result<(), Error> {
    if request.grounds.is_empty() {
        return Ok(());
    }
    let record = store.find_subject(keyset, tag).await?.ok_or_else(nobody)?;
    let SubjectState::Shredded { since, .. } = *record.state() else {
        return Err(Refusal::NotDestroyed.into());
    };
    // What was stated before it was done was not so.
    if request.requested.as_millis() / 1_000 < since {
        return Err(Refusal::NotDestroyed.into());
    }
    // Of two machines, whose clocks may differ, one shredded the person and another one made the version.
    let is_left = |version: &&KeyVersion| {
        version.created() <= since.saturating_add(SKEW) && version.state() != KeyState::Destroyed
    };
    if request.grounds.contains(&Ground::WrappingKeysDestroyed)
        && let Some(version) = keyset.versions().iter().find(is_left)
    {
        return Err(Refusal::VersionLeft(version.number()).into());
    }
    // A copy of the version itself must not open either.
    check_keks(request, store).await
}

async fn check_keks(request: &Request, store: &KeyStore) -> Result<(), Error> {
    if request.grounds.contains(&Ground::WrappingKeysDestroyed)
        && let Some(kek) = store.kek_that_may_open().await?
    {
        return Err(Refusal::KekLeft(kek).into());
    }
    Ok(())
}

/// That backups have expired is not enough where the store itself may keep what it deletes.
pub(super) fn check_erased(request: &Request, erasure: Option<Erasure>) -> Result<(), Error> {
    let is_kept = erasure.is_some_and(|erasure| erasure != Erasure::Done);
    if is_kept && request.grounds.contains(&Ground::BackupsExpired) {
        return Err(Refusal::NotErased.into());
    }
    Ok(())
}

fn nobody() -> Error {
    Error::new(ErrorKind::NotFound, "there is no such person")
}
