use super::{KeyStore, store_key};
use crate::{Drill, Drilled, DrilledVersion, Error, FullKeyId, Kek, KeyUse};
use phiseal_format::{EncryptionContext, WrappedKey};

impl KeyStore {
    /// What `recovered` opens of this store: its own key, and every version of every domain that is not destroyed. Each key
    /// is opened, compared with its id, and dropped. Nothing is changed, and no data is read.
    ///
    /// A recovery key is tried so while the store is well, with as many shares as it takes, and on the day. It need not be
    /// among the KEKs of the store. Persons' keys are wrapped by the domains' keys, so they open where those do.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Tampered`](crate::ErrorKind::Tampered) for a record that this store did not write; and what the store
    /// answers. That a key does not open is no error.
    pub async fn drill(&self, recovered: &Kek) -> Result<Drill, Error> {
        let kek = recovered.info().id.clone();
        let wraps = store_key::wraps(&*self.store, self.environment, self.store_key).await?;
        let context = EncryptionContext::store_key(&self.environment);
        let store_key = drilled(recovered, &wraps, &context, &self.store_key).await;
        let mut versions = Vec::new();
        for name in self.domains().await? {
            let keyset = self.keyset(&name).await?;
            for version in keyset.versions().iter().filter(|it| it.state().allows(KeyUse::Rewrap)) {
                let context = keyset.wrap_context(version.number());
                let key_id = *version.key_id();
                let outcome = drilled(recovered, version.wraps(), &context, &key_id).await;
                let (domain, number, state) = (name.clone(), version.number(), version.state());
                versions.push(DrilledVersion { domain, number, state, key_id, outcome });
            }
        }
        Ok(Drill { environment: self.environment, kek, store_key, versions })
    }
}

async fn drilled(
    recovered: &Kek,
    wraps: &[WrappedKey],
    context: &EncryptionContext,
    id: &FullKeyId,
) -> Drilled {
    match wraps.iter().find(|wrap| *wrap.kek_id() == recovered.info().id) {
        None => Drilled::NoWrap,
        Some(wrap) => match recovered.unwrap_key(wrap, context, id).await {
            Ok(_) => Drilled::Opens,
            Err(error) => Drilled::Fails(error),
        },
    }
}
