use super::{KeyStore, store_key};
use crate::{
    Authority, DataKey, Error, ErrorKind, FullKeyId, KeyUse, KeyVersion, Keyset, RecordKind,
};
use phiseal_format::{EncryptionContext, WrappedKey};

impl KeyStore {
    /// The domain's keyset, verified.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Tampered`] when it is not what this store wrote last; and what the store
    /// answers.
    pub async fn keyset(&self, name: &str) -> Result<Keyset, Error> {
        self.find_keyset(name)
            .await?
            .ok_or(Error::new(ErrorKind::NotFound, "there is no such domain"))
    }

    /// As [`KeyStore::keyset`], `None` when there is none.
    ///
    /// # Errors
    ///
    /// As [`KeyStore::keyset`], but for [`ErrorKind::NotFound`].
    pub async fn find_keyset(&self, name: &str) -> Result<Option<Keyset>, Error> {
        Keyset::check_name(name)?;
        let Some((revision, body)) = self.read_sealed(RecordKind::Keyset, name.as_bytes()).await?
        else {
            return Ok(None);
        };
        let keyset = Keyset::parse(&body)?;
        self.check_keyset(&keyset, name, revision)?;
        Ok(Some(keyset))
    }

    /// Whether version `number` is the primary of the domain as the store holds it now.
    ///
    /// # Errors
    ///
    /// As [`KeyStore::keyset`].
    pub async fn is_primary(&self, keyset: &Keyset, number: u32) -> Result<bool, Error> {
        Ok(self.keyset(keyset.name()).await?.primary() == number)
    }

    /// A new domain with a first, active key: two backend calls, as the new wrap is opened before it is stored.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when there is one of this name; [`ErrorKind::Invalid`] for a name that
    /// [`Keyset::check_name`] refuses; [`ErrorKind::Faulty`] when the backend makes a key that is in this store already;
    /// and what store and backend answer.
    pub async fn create_keyset(&self, name: &str) -> Result<(Keyset, DataKey), Error> {
        Keyset::check_name(name)?;
        if self.find_keyset(name).await?.is_some() {
            return Err(Error::new(ErrorKind::Conflict, "there is a domain of this name already"));
        }
        let domain = self.new_domain_id()?;
        let context = EncryptionContext::data_key(&self.environment, &domain, 1);
        let (key, key_id, wraps) = self.new_data_key(&context).await?;
        let created = self.clock.wall();
        let keyset = Keyset::first(self.environment, domain, name, key_id, wraps, created)?;
        self.write_sealed(RecordKind::Keyset, name.as_bytes(), 0, keyset.to_bytes()?).await?;
        self.note_keyset(&keyset)?;
        Ok((keyset, key))
    }

    /// The names of all domains, in ascending order.
    ///
    /// # Errors
    ///
    /// What the store answers; [`ErrorKind::Tampered`] for a record that this store did not write, or when a domain is
    /// left out that this process has seen.
    pub async fn domains(&self) -> Result<Vec<String>, Error> {
        const PAGE: usize = 256;
        let mut expected = self.seen(RecordKind::Keyset, &[]);
        let mut names: Vec<String> = Vec::new();
        loop {
            let after = names.last().map(|name| name.as_bytes().to_vec());
            let page = self.store.scan(RecordKind::Keyset, after.as_deref(), PAGE).await?;
            let full = page.len() == PAGE;
            for (id, record) in page {
                if names.last().is_some_and(|last| last.as_bytes() >= id.as_slice()) {
                    return Err(Error::new(
                        ErrorKind::Tampered,
                        "the key store lists records out of order",
                    ));
                }
                let body = self.macs.open(
                    self.engine,
                    RecordKind::Keyset,
                    &id,
                    record.revision,
                    record.bytes,
                )?;
                expected.remove(&id);
                names.push(Keyset::parse(&body)?.name().to_owned());
            }
            if !full {
                break;
            }
        }
        if !expected.is_empty() {
            return Err(Error::new(
                ErrorKind::Tampered,
                "the key store leaves out a domain that is there",
            ));
        }
        Ok(names)
    }

    /// The data key of one version: one backend call, or one for each KEK that does not answer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::State`] when the version's state allows neither opening nor rewrapping;
    /// [`ErrorKind::Foreign`] when no KEK of this store wrapped it; and what the backend answers.
    pub async fn unwrap(&self, keyset: &Keyset, version: &KeyVersion) -> Result<DataKey, Error> {
        version.state().require(KeyUse::Rewrap)?;
        let context = keyset.wrap_context(version.number());
        self.keks.unwrap(version.wraps(), &context, version.key_id()).await
    }

    /// Wraps the store's own key under the current version of every KEK that wraps; `false` when it was already, and each of
    /// its wraps opens. With an escrow key it is always `true`: no MAC protects these wraps, and whether an escrow key's opens
    /// cannot be told here, so a new one is put in its place.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Denied`] when there are custodians: whoever has a KEK that wraps it can write records of this store, their
    /// roster among them; as [`KeyStore::rewrap`]; [`ErrorKind::Unauthenticated`] for a wrap that does not open. To replace that
    /// one, rewrap without its KEK and then with it again.
    pub async fn rewrap_store_key(&self) -> Result<bool, Error> {
        self.changes(Authority::Handle, 0).rewrap_store_key().await
    }

    /// [`KeyStore::rewrap_store_key`], whoever agreed to it.
    pub(super) async fn rewrap_own_key(&self) -> Result<bool, Error> {
        store_key::rewrap(&*self.store, &self.keks, self.store_key).await
    }

    /// A new data key of the first KEK's, whose short id no other of this store has.
    ///
    /// An envelope names its key by the short id. It is taken in a record of its own, which one writer alone can create,
    /// before the key is used: a backend that repeats itself, or looks for two keys of one short id, is found out however
    /// many domains and processes ask it at once. A key that is then not used leaves its id taken, of 2^128.
    pub(super) async fn new_data_key(
        &self,
        context: &EncryptionContext,
    ) -> Result<(DataKey, FullKeyId, Vec<WrappedKey>), Error> {
        let (key, id, wraps) = self.keks.generate(context).await?;
        let body = [&[TAKEN][..], id.as_bytes()].concat();
        match self.write_sealed(RecordKind::KeyId, id.short().as_bytes(), 0, body).await {
            Ok(()) => Ok((key, id, wraps)),
            Err(error) if error.kind() == ErrorKind::Conflict => {
                Err(Error::new(ErrorKind::Faulty, "the backend made a key that was there already"))
            }
            Err(error) => Err(error),
        }
    }
}

/// The first byte of a record that says that a short id is taken; the 32 bytes of the whole id follow.
const TAKEN: u8 = 1;
