use super::{KeyStore, store_key};
use crate::{
    DataKey, Error, ErrorKind, FullKeyId, KeyState, KeyUse, KeyVersion, Keyset, RecordKind,
};
use phiseal_format::{EncryptionContext, WrappedKey};

/// What [`KeyStore::rewrap`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rewrapped {
    /// Key versions that now have a wrap of the current KEK version.
    pub rewrapped: usize,
    /// Key versions that had one already.
    pub current: usize,
    /// The keyset's revision afterwards.
    pub revision: u64,
}

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

    /// Makes a new version, pre-active: two backend calls, as the new wrap is opened before it is stored.
    ///
    /// # Errors
    ///
    /// As [`Keyset::with_version`]; [`ErrorKind::Conflict`] when the keyset changed meanwhile; [`ErrorKind::Faulty`] when
    /// the backend makes a key that is in this store already; and what store and backend answer.
    pub async fn add_version(&self, keyset: &Keyset) -> Result<Keyset, Error> {
        let context = keyset.wrap_context(keyset.next_number());
        let (_, key_id, wraps) = self.new_data_key(&context).await?;
        let next = keyset.with_version(key_id, wraps, self.clock.wall())?;
        self.replace(keyset, next).await
    }

    /// Makes version `number` the primary, active if it was pre-active.
    ///
    /// # Errors
    ///
    /// As [`Keyset::with_primary`]; [`ErrorKind::Conflict`] when the keyset changed meanwhile; and what the store
    /// answers.
    pub async fn set_primary(&self, keyset: &Keyset, number: u32) -> Result<Keyset, Error> {
        self.replace(keyset, keyset.with_primary(number)?).await
    }

    /// Moves version `number` to `state`. Destroying one drops its wraps, whose bytes are gone from the medium after
    /// [`KeyStore::erase`].
    ///
    /// # Errors
    ///
    /// As [`Keyset::with_state`]; [`ErrorKind::State`] for destroying a version while any but the primary wraps persons'
    /// keys, which [`KeyStore::rewrap_subjects`] moves to it; [`ErrorKind::Conflict`] when the keyset changed meanwhile; and
    /// what the store answers.
    pub async fn set_state(
        &self,
        keyset: &Keyset,
        number: u32,
        state: KeyState,
    ) -> Result<Keyset, Error> {
        let next = keyset.with_state(number, state)?;
        // Also under others than this one: who took it for the primary may be about to move such a person to it, and be
        // killed before a look says that this came too late. One who is under the primary is read again before that.
        if state == KeyState::Destroyed && self.subjects_behind(keyset).await? > 0 {
            return Err(Error::new(
                ErrorKind::State,
                "other versions than the primary still wrap persons' keys: rewrap them first",
            ));
        }
        self.replace(keyset, next).await
    }

    /// Wraps every version's data key under the current version of every KEK that wraps, and under nothing else, where that
    /// is not so already. Data is not touched.
    ///
    /// Afterwards no other KEK opens this keyset: one that was given to unwrap only can be retired, and one that was added
    /// opens all of it. Each new wrap is opened before an old one is given up, but for those of escrow keys, which nobody here
    /// can open: a wrap by one that the keyset has stays as it is. All KEKs that wrap are needed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when the keyset changed meanwhile: nothing is lost, do it again; and what store and
    /// backend answer.
    pub async fn rewrap(&self, name: &str) -> Result<Rewrapped, Error> {
        let keyset = self.keyset(name).await?;
        let described = self.keks.describe().await?;
        let mut changed = Vec::new();
        let mut current = 0;
        for version in
            keyset.versions().iter().filter(|version| version.state().allows(KeyUse::Rewrap))
        {
            let context = keyset.wrap_context(version.number());
            let (wraps, id) = (version.wraps(), version.key_id());
            match self.keks.rewrap(&described, wraps, &context, id).await? {
                Some(wraps) => changed.push((version.number(), wraps)),
                None => current += 1,
            }
        }
        let rewrapped = changed.len();
        let mut revision = keyset.revision();
        if rewrapped > 0 {
            revision = self.replace(&keyset, keyset.with_wraps(changed)?).await?.revision();
        }
        Ok(Rewrapped { rewrapped, current, revision })
    }

    /// Wraps the store's own key under the current version of every KEK that wraps; `false` when it was already, and each of
    /// its wraps opens. With an escrow key it is always `true`: no MAC protects these wraps, and whether an escrow key's opens
    /// cannot be told here, so a new one is put in its place.
    ///
    /// # Errors
    ///
    /// As [`KeyStore::rewrap`]; [`ErrorKind::Unauthenticated`] for a wrap that does not open. To replace that one, rewrap
    /// without its KEK and then with it again.
    pub async fn rewrap_store_key(&self) -> Result<bool, Error> {
        store_key::rewrap(&*self.store, &self.keks, self.store_key).await
    }

    /// A new data key of the first KEK's, whose short id no other of this store has.
    ///
    /// An envelope names its key by the short id. It is taken in a record of its own, which one writer alone can create,
    /// before the key is used: a backend that repeats itself, or looks for two keys of one short id, is found out however
    /// many domains and processes ask it at once. A key that is then not used leaves its id taken, of 2^128.
    async fn new_data_key(
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

    async fn replace(&self, old: &Keyset, next: Keyset) -> Result<Keyset, Error> {
        self.write_sealed(
            RecordKind::Keyset,
            old.name().as_bytes(),
            old.revision(),
            next.to_bytes()?,
        )
        .await?;
        self.note_keyset(&next)?;
        Ok(next)
    }
}

/// The first byte of a record that says that a short id is taken; the 32 bytes of the whole id follow.
const TAKEN: u8 = 1;
