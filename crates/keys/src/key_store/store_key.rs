use super::{KeyStoreConfig, new_key, new_wrap};
use crate::{DataKey, Error, ErrorKind, FullKeyId, Kek, RecordKind, Store};
use phiseal_format::{Cursor, EncryptionContext, EnvironmentId, MAX_WRAPPED, WrappedKey, write};

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
    first: &Kek,
    keks: &[Kek],
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
    let (generated, id) = new_key(first, &EncryptionContext::store_key(&environment)).await?;
    let bytes = to_bytes(environment, &id, &generated.wrapped)?;
    match store.write(RecordKind::StoreKey, ID, 0, &bytes).await {
        Ok(()) => Ok(StoreKey { environment, id, key: generated.key }),
        Err(error) if error.kind() == ErrorKind::Conflict => {
            let record = store.read(RecordKind::StoreKey, ID).await?.ok_or(error)?;
            open(&record.bytes, keks, None).await
        }
        Err(error) => Err(error),
    }
}

async fn open(bytes: &[u8], keks: &[Kek], pinned: Option<FullKeyId>) -> Result<StoreKey, Error> {
    let (environment, id, wrapped) = parse(bytes)?;
    if pinned.is_some_and(|pinned| pinned != id) {
        return Err(Error::new(
            ErrorKind::Tampered,
            "the key store is under another key than the pinned one",
        ));
    }
    let kek = keks
        .iter()
        .find(|kek| kek.info().id == *wrapped.kek_id())
        .ok_or(Error::new(ErrorKind::Foreign, "the key store was set up under another KEK"))?;
    if pinned.is_none() && kek.info().public_wraps {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "with a public-key KEK the store key's id must be pinned in the configuration",
        ));
    }
    let key = kek.unwrap_key(&wrapped, &EncryptionContext::store_key(&environment), &id).await?;
    Ok(StoreKey { environment, id, key })
}

/// Rewraps the store key under the first KEK's current version.
pub(super) async fn rewrap(
    store: &dyn Store,
    keks: &[Kek],
    expected: FullKeyId,
) -> Result<bool, Error> {
    let record = store
        .read(RecordKind::StoreKey, ID)
        .await?
        .ok_or(Error::new(ErrorKind::NotFound, "the key store is empty"))?;
    let StoreKey { environment, id, key } = open(&record.bytes, keks, Some(expected)).await?;
    let kek = keks.first().ok_or(Error::new(ErrorKind::Invalid, "a key store needs a KEK"))?;
    let (_, _, old) = parse(&record.bytes)?;
    let info = kek.describe().await?;
    if info.is_current(&old) {
        return Ok(false);
    }
    let context = EncryptionContext::store_key(&environment);
    let wrapped = new_wrap(kek, &key, &context, &id).await?;
    store
        .write(RecordKind::StoreKey, ID, record.revision, &to_bytes(environment, &id, &wrapped)?)
        .await?;
    Ok(true)
}

/// `0x01 | environment 16 | key id 32 | wrapped key u16 + bytes`.
fn to_bytes(
    environment: EnvironmentId,
    id: &FullKeyId,
    wrapped: &WrappedKey,
) -> Result<Vec<u8>, Error> {
    let mut out = vec![VERSION];
    out.extend_from_slice(environment.as_bytes());
    out.extend_from_slice(id.as_bytes());
    write::push_prefixed_u16(&mut out, &wrapped.to_bytes())?;
    Ok(out)
}

fn parse(bytes: &[u8]) -> Result<(EnvironmentId, FullKeyId, WrappedKey), Error> {
    let mut cursor = Cursor::new(bytes);
    if cursor.u8()? != VERSION {
        return Err(Error::new(ErrorKind::Malformed, "a store key of an unknown format version"));
    }
    let environment = EnvironmentId::from_bytes(*cursor.array()?);
    let id = FullKeyId::from_bytes(*cursor.array()?);
    let wrapped = WrappedKey::parse(cursor.prefixed_u16(MAX_WRAPPED + 264)?)?;
    cursor.finish()?;
    Ok((environment, id, wrapped))
}
