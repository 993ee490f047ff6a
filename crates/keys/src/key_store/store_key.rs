use super::KeyStoreConfig;
use crate::keks::Role;
use crate::{DataKey, Error, ErrorKind, FullKeyId, Keks, Keyset, RecordKind, Store};
use phiseal_format::{
    Cursor, EncryptionContext, EnvironmentId, MAX_WRAPPED_KEY, WrappedKey, write,
};

/// The one record that no MAC protects, since its content is the key of all MACs: the wrap does, or the pinned id.
const ID: &[u8] = b"store key";
const VERSION: u8 = 1;

pub(super) struct StoreKey {
    pub(super) environment: EnvironmentId,
    pub(super) id: FullKeyId,
    pub(super) key: DataKey,
}

/// Reads the store key, or makes it when the store is empty; of two processes that do so at once, one wins for both.
pub(super) async fn open_or_create(
    store: &dyn Store,
    keks: &Keks,
    config: &KeyStoreConfig,
) -> Result<StoreKey, Error> {
    if let Some(record) = store.read(RecordKind::StoreKey, ID).await? {
        return open(&record.bytes, keks, config.store_key).await;
    }
    if !config.create {
        return Err(Error::new(ErrorKind::NotFound, "the key store is empty"));
    }
    if config.store_key.is_some() {
        return Err(Error::new(
            ErrorKind::Tampered,
            "a store key is pinned, but the key store is empty",
        ));
    }
    for kind in RecordKind::ALL {
        if !store.scan(kind, None, 1).await?.is_empty() {
            // Another process may have set it up meanwhile.
            return match store.read(RecordKind::StoreKey, ID).await? {
                Some(record) => open(&record.bytes, keks, None).await,
                None => Err(Error::new(
                    ErrorKind::Tampered,
                    "the key store has records, but not the key that authenticates them",
                )),
            };
        }
    }
    let mut environment = [0; 16];
    config.engine.fill_random(&mut environment)?;
    let environment = EnvironmentId::from_bytes(environment);
    let (key, id, wraps) = keks.generate(&EncryptionContext::store_key(&environment)).await?;
    let bytes = to_bytes(environment, &id, &wraps)?;
    match store.write(RecordKind::StoreKey, ID, 0, &bytes).await {
        Ok(()) => Ok(StoreKey { environment, id, key }),
        Err(error) if error.kind() == ErrorKind::Conflict => {
            let record = store.read(RecordKind::StoreKey, ID).await?.ok_or(error)?;
            open(&record.bytes, keks, None).await
        }
        Err(error) => Err(error),
    }
}

async fn open(bytes: &[u8], keks: &Keks, pinned: Option<FullKeyId>) -> Result<StoreKey, Error> {
    let (environment, id, wraps) = parse(bytes)?;
    if pinned.is_some_and(|pinned| pinned != id) {
        return Err(Error::new(
            ErrorKind::Tampered,
            "the key store is under another key than the pinned one",
        ));
    }
    let check = || {
        if pinned.is_none() && keks.unwrapping().any(|kek| kek.info().public_wraps) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "with a public-key KEK the store key's id must be pinned in the configuration",
            ));
        }
        Ok(())
    };
    check()?;
    let context = EncryptionContext::store_key(&environment);
    let key = keks.unwrap(&wraps, &context, &id).await?;
    // It may have taken a KEK that was not connected before.
    check()?;
    Ok(StoreKey { environment, id, key })
}

/// The wraps of the store key, as the store has them now.
pub(super) async fn wraps(
    store: &dyn Store,
    environment: EnvironmentId,
    expected: FullKeyId,
) -> Result<Vec<WrappedKey>, Error> {
    let record = store
        .read(RecordKind::StoreKey, ID)
        .await?
        .ok_or(Error::new(ErrorKind::NotFound, "the key store is empty"))?;
    let (said, id, wraps) = parse(&record.bytes)?;
    if said == environment && id == expected {
        Ok(wraps)
    } else {
        Err(Error::new(
            ErrorKind::Tampered,
            "the key store is under another key than when it was opened",
        ))
    }
}

/// Rewraps the store key under the current version of every KEK that wraps.
pub(super) async fn rewrap(
    store: &dyn Store,
    keks: &Keks,
    expected: FullKeyId,
) -> Result<bool, Error> {
    let record = store
        .read(RecordKind::StoreKey, ID)
        .await?
        .ok_or(Error::new(ErrorKind::NotFound, "the key store is empty"))?;
    let StoreKey { environment, id, .. } = open(&record.bytes, keks, Some(expected)).await?;
    let (_, _, mut old) = parse(&record.bytes)?;
    let context = EncryptionContext::store_key(&environment);
    let described = keks.describe().await?;
    // A wrap that says that it is of the current version stays. These are under no MAC, so whoever can write the store could
    // say so of one that opens under an older version only, or not at all, and wait until the others are retired.
    for of in &described {
        let place = old.iter().position(|wrap| *wrap.kek_id() == of.info.id);
        match (of.role, place) {
            (_, None) => {}
            // An escrow key's cannot be told from what somebody put there, so it is made again each time.
            (Role::Escrow, Some(place)) => drop(old.remove(place)),
            (_, Some(place)) if of.info.is_current(&old[place]) => {
                of.kek.unwrap_key(&old[place], &context, &id).await?;
            }
            (_, Some(_)) => {}
        }
    }
    let Some(wraps) = keks.rewrap(&described, &old, &context, &id).await? else {
        return Ok(false);
    };
    store
        .write(RecordKind::StoreKey, ID, record.revision, &to_bytes(environment, &id, &wraps)?)
        .await?;
    Ok(true)
}

/// `0x01 | environment 16 | key id 32 | { wrapped key u16 + bytes } x 1..8`.
fn to_bytes(
    environment: EnvironmentId,
    id: &FullKeyId,
    wraps: &[WrappedKey],
) -> Result<Vec<u8>, Error> {
    if !(1..=Keyset::MAX_WRAPS).contains(&wraps.len()) {
        return Err(Error::new(ErrorKind::Invalid, "a store key has one to eight wraps"));
    }
    let mut out = vec![VERSION];
    out.extend_from_slice(environment.as_bytes());
    out.extend_from_slice(id.as_bytes());
    for wrapped in wraps {
        write::push_prefixed_u16(&mut out, &wrapped.to_bytes())?;
    }
    Ok(out)
}

fn parse(bytes: &[u8]) -> Result<(EnvironmentId, FullKeyId, Vec<WrappedKey>), Error> {
    let mut cursor = Cursor::new(bytes);
    if cursor.u8()? != VERSION {
        return Err(Error::new(ErrorKind::Malformed, "a store key of an unknown format version"));
    }
    let environment = EnvironmentId::from_bytes(*cursor.array()?);
    let id = FullKeyId::from_bytes(*cursor.array()?);
    let mut wraps = Vec::new();
    loop {
        wraps.push(WrappedKey::parse(cursor.prefixed_u16(MAX_WRAPPED_KEY)?)?);
        if cursor.is_empty() {
            return Ok((environment, id, wraps));
        }
        if wraps.len() >= Keyset::MAX_WRAPS {
            return Err(Error::new(ErrorKind::Malformed, "a store key has one to eight wraps"));
        }
    }
}
