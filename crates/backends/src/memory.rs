//! A KEK in memory, for tests, with faults to inject.

use crate::versions::Versions;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use phiseal_format::{EncryptionContext, KekId, KekVersion, WrappedKey};
use phiseal_keys::{
    BoxFuture, DataKey, Error, ErrorKind, GeneratedKey, KekAdminBackend, KekBackend, KekInfo,
    KekOperation, KeyState, UnwrappedKey,
};
use phiseal_primitives::Engine;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A KEK in memory, for tests: gone with the process, and with it every key that it wraps.
///
/// It wraps as the local backend does. Beside that it counts its calls and fails, waits or is unavailable when it is told
/// to; tests hold it in an `Arc` and hand out clones of that.
///
/// ```
/// use phiseal_backends::memory::MemoryKek;
/// use phiseal_keys::{Error, ErrorKind, Kek, KekOperation};
/// use phiseal_format::{EncryptionContext, EnvironmentId};
/// use std::sync::Arc;
///
/// # fn main() -> Result<(), Error> {
/// let engine = phiseal_primitives::default_engine();
/// let backend = Arc::new(MemoryKek::new(engine)?);
/// let kek = pollster::block_on(Kek::connect(backend.clone(), engine))?;
/// let context = EncryptionContext::store_key(&EnvironmentId::from_bytes([7; 16]));
///
/// let (generated, id) = pollster::block_on(kek.generate_key(&context))?;
/// let key = pollster::block_on(kek.unwrap_key(&generated.wrapped, &context, &id))?;
/// assert_eq!(key.expose_secret(), generated.key.expose_secret());
///
/// backend.fail_next(1, ErrorKind::Throttled);
/// let error = pollster::block_on(kek.unwrap_key(&generated.wrapped, &context, &id)).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Throttled);
/// assert_eq!(backend.calls_of(KekOperation::Unwrap), 2);
/// # Ok(())
/// # }
/// ```
pub struct MemoryKek {
    versions: Mutex<Arc<Versions>>,
    calls: [AtomicU64; KekOperation::ALL.len()],
    faults: Mutex<Faults>,
    unavailable: AtomicBool,
    latency: AtomicU64,
}

#[derive(Default)]
struct Faults {
    next: Option<(u64, ErrorKind)>,
    every: Option<(u64, ErrorKind)>,
}

impl MemoryKek {
    /// A KEK with a random id and one version.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Random`], [`ErrorKind::Memory`].
    pub fn new(engine: &'static dyn Engine) -> Result<Self, Error> {
        let mut id = [0; 16];
        engine.fill_random(&mut id)?;
        let mut versions = Versions::new(
            engine,
            KekId::try_from(format!("memory:{:032x}", u128::from_be_bytes(id)))?,
        );
        versions.create_version()?;
        Ok(Self {
            versions: Mutex::new(Arc::new(versions)),
            calls: [const { AtomicU64::new(0) }; KekOperation::ALL.len()],
            faults: Mutex::default(),
            unavailable: AtomicBool::new(false),
            latency: AtomicU64::new(0),
        })
    }

    /// How often the backend was called so far, administration apart, failed calls included.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.iter().map(|count| count.load(Ordering::SeqCst)).sum()
    }

    /// How often this operation was called so far, failed calls included.
    #[must_use]
    pub fn calls_of(&self, operation: KekOperation) -> u64 {
        self.count(operation).load(Ordering::SeqCst)
    }

    /// The next `n` calls fail with an error of `kind`; 0 takes an earlier wish back.
    pub fn fail_next(&self, n: u64, kind: ErrorKind) {
        self.faults().next = Some((n, kind));
    }

    /// Every `n`-th call from now on fails with an error of `kind`; 0 takes it back.
    pub fn fail_every(&self, n: u64, kind: ErrorKind) {
        self.faults().every = (n > 0).then_some((n, kind));
    }

    /// Every call from now on first waits this long, by blocking the thread that polls its future.
    pub fn latency(&self, latency: Duration) {
        self.latency.store(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Whether every call from now on fails with [`ErrorKind::Unavailable`].
    pub fn set_unavailable(&self, unavailable: bool) {
        self.unavailable.store(unavailable, Ordering::SeqCst);
    }

    fn count(&self, operation: KekOperation) -> &AtomicU64 {
        let [describe, generate, wrap, unwrap, rewrap] = &self.calls;
        match operation {
            KekOperation::Describe => describe,
            KekOperation::Generate => generate,
            KekOperation::Wrap => wrap,
            KekOperation::Unwrap => unwrap,
            KekOperation::Rewrap => rewrap,
        }
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn versions(&self) -> Arc<Versions> {
        Arc::clone(&self.versions.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, act: impl FnOnce(&mut Versions) -> Result<T, Error>) -> Result<T, Error> {
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut draft = versions.draft();
        let done = act(&mut draft)?;
        *versions = Arc::new(draft);
        Ok(done)
    }

    /// Counts the call, waits, and fails when it was told to.
    fn enter(&self, operation: KekOperation) -> Result<(), Error> {
        self.count(operation).fetch_add(1, Ordering::SeqCst);
        let latency = self.latency.load(Ordering::SeqCst);
        if latency > 0 {
            std::thread::sleep(Duration::from_nanos(latency));
        }
        if self.unavailable.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "the KEK was told to be unavailable"));
        }
        match self.faults().due(self.calls()) {
            Some(kind) => Err(Error::new(kind, "the KEK was told to fail")),
            None => Ok(()),
        }
    }
}

impl Faults {
    /// The kind of failure that the call with this number is to meet.
    fn due(&mut self, call: u64) -> Option<ErrorKind> {
        if let Some((left, kind)) = &mut self.next {
            if let Some(fewer) = left.checked_sub(1) {
                *left = fewer;
                return Some(*kind);
            }
            self.next = None;
        }
        self.every.filter(|(n, _)| call.is_multiple_of(*n)).map(|(_, kind)| kind)
    }
}

impl KekBackend for MemoryKek {
    fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>> {
        Box::pin(async move {
            self.enter(KekOperation::Describe)?;
            Ok(self.versions().describe())
        })
    }

    fn generate_key<'a>(
        &'a self,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<GeneratedKey, Error>> {
        Box::pin(async move {
            self.enter(KekOperation::Generate)?;
            self.versions().generate_key(context)
        })
    }

    fn wrap_key<'a>(
        &'a self,
        key: &'a DataKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        Box::pin(async move {
            self.enter(KekOperation::Wrap)?;
            self.versions().wrap_key(key, context)
        })
    }

    fn unwrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<UnwrappedKey, Error>> {
        Box::pin(async move {
            self.enter(KekOperation::Unwrap)?;
            self.versions().unwrap_key(wrapped, context)
        })
    }

    fn rewrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        Box::pin(async move {
            self.enter(KekOperation::Rewrap)?;
            self.versions().rewrap_key(wrapped, context)
        })
    }
}

impl KekAdminBackend for MemoryKek {
    fn create_version(&self) -> BoxFuture<'_, Result<KekVersion, Error>> {
        Box::pin(async move { self.change(Versions::create_version) })
    }

    fn set_state(&self, version: KekVersion, state: KeyState) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.change(|versions| versions.set_state(version, state)) })
    }

    fn destroy(&self, version: KekVersion) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.change(|versions| versions.destroy(version)) })
    }
}

impl fmt::Debug for MemoryKek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryKek").field("versions", &self.versions()).finish_non_exhaustive()
    }
}
