//! A KEK in memory that can break each clause on purpose.

use phiseal_format::{EncryptionContext, KekId, KekVersion, WrapAlgorithm, WrappedKey};
use phiseal_keys::{
    BoxFuture, DataKey, Error, ErrorKind, GeneratedKey, KekAdminBackend, KekBackend, KekInfo,
    KeyState, KeyUse, UnwrappedKey, rewrap_in_process,
};
use phiseal_primitives::{Engine, Xaes256Gcm, default_engine};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

/// What a backend does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    SaysNextVersion,
    SaysNoLength,
    ChangesItsIdWhenRotated,
    LeavesOutTheCurrentVersion,
    ListsVersionsNewestFirst,
    GeneratesAnotherKey,
    WrapsAnotherKey,
    GeneratesOneKeyForEver,
    UsesOneNonceForEver,
    IgnoresTheContext,
    AcceptsAFlippedBit,
    AcceptsLongerWraps,
    IgnoresTheAlgorithm,
    RefusesAsFaulty,
    PanicsOnShortWraps,
    SharesItsKeyWithAll,
    RefusesForeignWrapsAsUnavailable,
    RepeatsTheLabelOfAWrap,
    AnswersAnotherId,
    AnswersAnotherVersion,
    ForgetsOlderVersions,
    ReusesAVersionNumber,
    ShowsTheKeyInErrors,
    ShowsTheKeyInDebug,
    RewrapsAnotherKey,
    RewrapsUnderAnyContext,
    RewrapsForeignWraps,
    LeavesWrapsAsTheyAre,
    IsPoisonedByADroppedCall,
    IsBoundToItsThread,
    HoldsALockAcrossCalls,
    MixesUpConcurrentCalls,
    AnswersAVersionThatItDidNotMake,
    GeneratesUnderDeactivatedVersions,
    WrapsUnderDeactivatedVersions,
    RefusesDeactivatedVersions,
    StopsWhenAnyVersionIsDeactivated,
    KeepsDestroyedVersions,
    RefusesDestroyedVersionsAsUnavailable,
    DestroysEveryVersion,
    DestroysActiveVersions,
    RefusesActiveVersionsButDestroysThem,
    AcceptsVersionsThatAreNotThere,
    RefusesUnknownVersionsAsInvalid,
}

pub(crate) struct Toy {
    engine: &'static dyn Engine,
    id: KekId,
    fault: Fault,
    keys: Mutex<Vec<[u8; 32]>>,
    states: Mutex<Vec<KeyState>>,
    last_key: Mutex<String>,
    context: Mutex<Vec<u8>>,
    /// Every wrap and its context.
    made: Mutex<Vec<(Vec<u8>, Vec<u8>)>>,
    home: ThreadId,
    busy: AtomicBool,
    poisoned: AtomicBool,
}

impl Toy {
    pub(crate) fn new(number: u8, fault: Fault) -> Arc<Self> {
        let key = if fault == Fault::SharesItsKeyWithAll { 9 } else { number };
        Arc::new(Self {
            engine: default_engine(),
            id: KekId::try_from(format!("toy:{number}")).unwrap(),
            fault,
            keys: Mutex::new(vec![[key; 32]]),
            states: Mutex::new(vec![KeyState::Active]),
            last_key: Mutex::default(),
            context: Mutex::default(),
            made: Mutex::default(),
            home: std::thread::current().id(),
            busy: AtomicBool::new(false),
            poisoned: AtomicBool::new(false),
        })
    }

    fn current(&self) -> KekVersion {
        let versions = u32::try_from(self.keys.lock().unwrap().len()).unwrap();
        KekVersion(if self.fault == Fault::ReusesAVersionNumber { 1 } else { versions })
    }

    /// What every call begins with: it gives way once, so that calls can meet.
    async fn enter(&self, context: &[u8]) -> Result<Inside<'_>, Error> {
        if self.fault == Fault::IsBoundToItsThread && std::thread::current().id() != self.home {
            return Err(Error::new(ErrorKind::Faulty, "there is no reactor on this thread"));
        }
        if self.poisoned.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Faulty, "a call was dropped"));
        }
        while self.fault == Fault::HoldsALockAcrossCalls && self.busy.swap(true, Ordering::SeqCst) {
            give_way().await;
        }
        let inside = Inside { toy: self, finished: false };
        *self.context.lock().unwrap() = context.to_vec();
        give_way().await;
        Ok(inside)
    }

    fn aad(&self, context: &[u8]) -> Vec<u8> {
        match self.fault {
            Fault::IgnoresTheContext => Vec::new(),
            Fault::MixesUpConcurrentCalls => self.context.lock().unwrap().clone(),
            _ => context.to_vec(),
        }
    }

    /// Whether a new wrap may be made; with the fault `careless` any may.
    fn may_wrap(&self, careless: Fault) -> Result<(), Error> {
        let states = self.states.lock().unwrap();
        let stops = self.fault == Fault::StopsWhenAnyVersionIsDeactivated;
        if stops && states.contains(&KeyState::Deactivated) {
            return Err(Error::new(ErrorKind::State, "a version is deactivated"));
        }
        if self.fault == careless { Ok(()) } else { states.last().unwrap().require(KeyUse::Seal) }
    }

    fn may_open(&self, state: KeyState) -> Result<(), Error> {
        match (self.fault, state) {
            (Fault::KeepsDestroyedVersions, KeyState::Destroyed) => Ok(()),
            (Fault::RefusesDestroyedVersionsAsUnavailable, KeyState::Destroyed) => {
                Err(Error::new(ErrorKind::Unavailable, "not now"))
            }
            (Fault::RefusesDeactivatedVersions, KeyState::Deactivated) => {
                Err(Error::new(ErrorKind::State, "the version is deactivated"))
            }
            _ => state.require(KeyUse::Open),
        }
    }

    /// Changes the state of a version, whose place among the states `change` is given.
    fn administer(
        &self,
        version: KekVersion,
        change: impl FnOnce(&mut [KeyState], usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut states = self.states.lock().unwrap();
        let index = usize::try_from(version.0).unwrap().checked_sub(1);
        match (index.filter(|index| *index < states.len()), self.fault) {
            (Some(index), _) => change(&mut states, index),
            (None, Fault::AcceptsVersionsThatAreNotThere) => Ok(()),
            (None, Fault::RefusesUnknownVersionsAsInvalid) => {
                Err(Error::new(ErrorKind::Invalid, "no such version"))
            }
            (None, _) => Err(Error::new(ErrorKind::NotFound, "no such version")),
        }
    }

    fn seal(&self, key: &[u8; 32], context: &[u8]) -> Result<WrappedKey, Error> {
        *self.last_key.lock().unwrap() = format!("{key:02x?}").replace(", ", "");
        let kek = *self.keys.lock().unwrap().last().unwrap();
        let mut nonce = [7; 24];
        if self.fault != Fault::UsesOneNonceForEver {
            self.engine.fill_random(&mut nonce)?;
        }
        let mut sealed = *key;
        let tag =
            Xaes256Gcm::new(self.engine, &kek).seal(&nonce, &self.aad(context), &mut sealed)?;
        let bytes = [&nonce[..], &sealed, &tag].concat();
        self.made.lock().unwrap().push((bytes.clone(), context.to_vec()));
        Ok(WrappedKey::new(WrapAlgorithm::Xaes256Gcm, self.id.clone(), self.current(), bytes)?)
    }

    fn open(&self, wrapped: &WrappedKey, context: &[u8]) -> Result<[u8; 32], Error> {
        if *wrapped.kek_id() != self.id {
            match self.fault {
                Fault::RefusesForeignWrapsAsUnavailable => {
                    return Err(Error::new(ErrorKind::Unavailable, "not now"));
                }
                Fault::SharesItsKeyWithAll | Fault::RepeatsTheLabelOfAWrap => {}
                _ => return Err(Error::new(ErrorKind::Foreign, "another KEK")),
            }
        }
        if wrapped.algorithm() != WrapAlgorithm::Xaes256Gcm
            && self.fault != Fault::IgnoresTheAlgorithm
        {
            return Err(Error::new(ErrorKind::Malformed, "another algorithm"));
        }
        let mut bytes = wrapped.wrapped().to_vec();
        if self.fault == Fault::AcceptsLongerWraps {
            bytes.truncate(72);
        }
        if bytes.len() != 72 && self.fault != Fault::PanicsOnShortWraps {
            return Err(Error::new(ErrorKind::Malformed, "another length"));
        }
        let keys = self.keys.lock().unwrap().clone();
        let mut version = usize::try_from(wrapped.kek_version().0).unwrap();
        if self.fault == Fault::ReusesAVersionNumber {
            version = if version == 1 { keys.len() } else { 0 };
        }
        if version == 0
            || version > keys.len()
            || (self.fault == Fault::ForgetsOlderVersions && version + 1 < keys.len())
        {
            return Err(Error::new(ErrorKind::NotFound, "no such version"));
        }
        self.may_open(self.states.lock().unwrap()[version - 1])?;
        let attempt = |bytes: &[u8]| {
            let mut key: [u8; 32] = bytes[24..56].try_into().unwrap();
            let (nonce, tag) = (bytes[..24].try_into().unwrap(), bytes[56..72].try_into().unwrap());
            let kek = Xaes256Gcm::new(self.engine, &keys[version - 1]);
            kek.open(nonce, &self.aad(context), &mut key, tag).map(|()| key)
        };
        let mut opened = attempt(&bytes);
        if opened.is_err() && self.fault == Fault::AcceptsAFlippedBit {
            *bytes.last_mut().unwrap() ^= 1;
            opened = attempt(&bytes);
        }
        opened.map_err(|error| match self.fault {
            Fault::RefusesAsFaulty => Error::new(ErrorKind::Faulty, "it did not work"),
            Fault::ShowsTheKeyInErrors => {
                Error::from(error).with_source(self.last_key.lock().unwrap().clone())
            }
            _ => error.into(),
        })
    }
}

/// A call between its beginning and its end.
struct Inside<'a> {
    toy: &'a Toy,
    finished: bool,
}

impl Inside<'_> {
    fn finish<T>(mut self, result: Result<T, Error>) -> Result<T, Error> {
        self.finished = true;
        result
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.toy.busy.store(false, Ordering::SeqCst);
        if !self.finished && self.toy.fault == Fault::IsPoisonedByADroppedCall {
            self.toy.poisoned.store(true, Ordering::SeqCst);
        }
    }
}

impl fmt::Debug for Toy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Toy({})", self.id)?;
        if self.fault == Fault::ShowsTheKeyInDebug {
            f.write_str(&self.last_key.lock().unwrap())
        } else {
            Ok(())
        }
    }
}

/// The purpose of whose keys some faults get only this one wrong.
fn is_for_a_store(context: &EncryptionContext) -> bool {
    context.components().any(|(_, value)| value == "v1 store key")
}

impl KekBackend for Toy {
    fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>> {
        Box::pin(async move {
            let inside = self.enter(&[]).await?;
            let mut info = KekInfo::new(self.id.clone(), self.current());
            let states = self.states.lock().unwrap().clone();
            info.versions = (1..).map(KekVersion).zip(states).collect();
            match self.fault {
                Fault::SaysNextVersion => info.current.0 += 1,
                Fault::SaysNoLength => info.max_wrapped = 0,
                Fault::LeavesOutTheCurrentVersion => {
                    info.versions.retain(|(version, _)| *version < info.current);
                }
                Fault::ListsVersionsNewestFirst => info.versions.reverse(),
                Fault::ChangesItsIdWhenRotated => {
                    info.id = KekId::try_from(format!("{}/{}", self.id, info.current)).unwrap();
                    if info.current.0 == 1 {
                        info.id = self.id.clone();
                    }
                }
                _ => {}
            }
            inside.finish(Ok(info))
        })
    }

    fn generate_key<'a>(
        &'a self,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<GeneratedKey, Error>> {
        Box::pin(async move {
            let inside = self.enter(context.as_bytes()).await?;
            let mut key = match self.fault {
                Fault::GeneratesOneKeyForEver => DataKey::from_backend(&[5; 32])?,
                _ => DataKey::generate(self.engine)?,
            };
            let wrapped = self
                .may_wrap(Fault::GeneratesUnderDeactivatedVersions)
                .and_then(|()| self.seal(key.expose_secret(), context.as_bytes()));
            if self.fault == Fault::GeneratesAnotherKey && is_for_a_store(context) {
                key = DataKey::generate(self.engine)?;
            }
            inside.finish(wrapped.map(|wrapped| GeneratedKey { key, wrapped }))
        })
    }

    fn wrap_key<'a>(
        &'a self,
        key: &'a DataKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        Box::pin(async move {
            let inside = self.enter(context.as_bytes()).await?;
            let mut bytes = *key.expose_secret();
            if self.fault == Fault::WrapsAnotherKey && is_for_a_store(context) {
                bytes[31] ^= 1;
            }
            let allowed = self.may_wrap(Fault::WrapsUnderDeactivatedVersions);
            inside.finish(allowed.and_then(|()| self.seal(&bytes, context.as_bytes())))
        })
    }

    fn unwrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<UnwrappedKey, Error>> {
        Box::pin(async move {
            let inside = self.enter(context.as_bytes()).await?;
            let key = inside.finish(self.open(wrapped, context.as_bytes()))?;
            let (mut kek_id, mut kek_version) = (self.id.clone(), wrapped.kek_version());
            match self.fault {
                Fault::RepeatsTheLabelOfAWrap => kek_id = wrapped.kek_id().clone(),
                Fault::AnswersAnotherId => kek_id = KekId::try_from("toy:3").unwrap(),
                Fault::AnswersAnotherVersion => kek_version.0 += 1,
                _ => {}
            }
            Ok(UnwrappedKey { key: DataKey::from_backend(&key)?, kek_id, kek_version })
        })
    }

    fn rewrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        Box::pin(async move {
            let foreign = *wrapped.kek_id() != self.id;
            let made_under = |made: &&(Vec<u8>, Vec<u8>)| made.0 == wrapped.wrapped();
            let known = self.made.lock().unwrap().iter().find(made_under).cloned();
            match (self.fault, known) {
                (Fault::RewrapsForeignWraps, _) if foreign => {
                    self.wrap_key(&DataKey::generate(self.engine)?, context).await
                }
                (Fault::RewrapsUnderAnyContext, Some((_, first))) if !foreign => {
                    let key = DataKey::from_backend(&self.open(wrapped, &first)?)?;
                    self.wrap_key(&key, context).await
                }
                (Fault::RewrapsAnotherKey, _) => {
                    self.unwrap_key(wrapped, context).await?;
                    self.wrap_key(&DataKey::generate(self.engine)?, context).await
                }
                (Fault::LeavesWrapsAsTheyAre, _) => {
                    self.unwrap_key(wrapped, context).await.map(|_| wrapped.clone())
                }
                _ => rewrap_in_process(self, wrapped, context).await,
            }
        })
    }
}

impl KekAdminBackend for Toy {
    fn create_version(&self) -> BoxFuture<'_, Result<KekVersion, Error>> {
        Box::pin(async move {
            let mut key = [0; 32];
            self.engine.fill_random(&mut key)?;
            self.keys.lock().unwrap().push(key);
            self.states.lock().unwrap().push(KeyState::Active);
            let mut made = self.current();
            made.0 += u32::from(self.fault == Fault::AnswersAVersionThatItDidNotMake);
            Ok(made)
        })
    }

    fn set_state(&self, version: KekVersion, state: KeyState) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.administer(version, |states, index| {
                states[index] = state;
                Ok(())
            })
        })
    }

    fn destroy(&self, version: KekVersion) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.administer(version, |states, index| {
                let active = states[index] == KeyState::Active;
                match self.fault {
                    Fault::DestroysEveryVersion if !active => states.fill(KeyState::Destroyed),
                    Fault::DestroysActiveVersions | Fault::RefusesActiveVersionsButDestroysThem => {
                        states[index] = KeyState::Destroyed;
                    }
                    _ if active => {}
                    _ => states[index] = KeyState::Destroyed,
                }
                if active && self.fault != Fault::DestroysActiveVersions {
                    return Err(Error::new(ErrorKind::State, "the version is active"));
                }
                Ok(())
            })
        })
    }
}

/// Pending once, then ready.
async fn give_way() {
    let mut waited = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
