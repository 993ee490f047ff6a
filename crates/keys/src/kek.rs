//! The contract of key-encryption keys: what a backend implements, and what callers hold.

use crate::{DataKey, Error, ErrorKind, FullKeyId, KeyState};
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use phiseal_format::{EncryptionContext, KekId, KekVersion, MAX_WRAPPED, WrappedKey};
use phiseal_primitives::Engine;
use std::sync::Arc;

/// A boxed future, so that the traits stay dyn-compatible without a macro.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What an implementor of a backend writes. Callers hold a [`Kek`].
///
/// The contract, by clause; `phiseal-conformance` has a case for each:
///
/// 1. `describe` answers the same id for as long as the key exists, and the version that new wraps get; where it lists
///    versions, they ascend and the current one is among them.
/// 2. What `generate_key` returned, `unwrap_key` opens under the same context to the same key.
/// 3. What `wrap_key` returned, `unwrap_key` opens under the same context to the same key; and so it does what `rewrap_key`
///    made of it, which is a wrap of the current version.
/// 4. Two calls of `generate_key` return different keys; two wraps of one key differ in their bytes, unless the
///    algorithm is deterministic (AES key wrap).
/// 5. Under any other context `unwrap_key` and `rewrap_key` fail, when `binds_context` is set.
/// 6. A wrapped key with any bit changed fails with [`ErrorKind::Unauthenticated`], [`ErrorKind::Malformed`],
///    [`ErrorKind::NotFound`] (the version was changed) or [`ErrorKind::State`].
/// 7. A wrapped key of another KEK fails; it yields neither a key nor a wrap.
/// 8. The id and version in an answer are those that the service used, not those that were asked for.
/// 9. Wraps of an older version open for as long as that version is not destroyed.
/// 10. No error, and no `Debug`, contains key bytes.
/// 11. Futures may be polled on any thread and under any executor, or none; dropping one loses nothing.
/// 12. Calls run concurrently.
///
/// No method has a default: a backend that forgets one does not compile.
pub trait KekBackend: fmt::Debug + Send + Sync + 'static {
    /// What this key is and what it can do. Reaches the service.
    fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>>;

    /// A new data key and its wrap, bound to `context`.
    fn generate_key<'a>(
        &'a self,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<GeneratedKey, Error>>;

    /// A wrap of `key` under the current version, bound to `context`.
    fn wrap_key<'a>(
        &'a self,
        key: &'a DataKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>>;

    /// The key inside `wrapped`, and which key and version the service says it used.
    fn unwrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<UnwrappedKey, Error>>;

    /// A wrap of the key inside `wrapped` under the current version, bound to the same context. Where the service does that
    /// by itself the key does not leave it; elsewhere this is [`rewrap_in_process`].
    fn rewrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>>;
}

/// What a backend answers to [`KekBackend::rewrap_key`] whose service cannot: unwraps, and wraps again.
pub fn rewrap_in_process<'a, B: KekBackend + ?Sized>(
    backend: &'a B,
    wrapped: &'a WrappedKey,
    context: &'a EncryptionContext,
) -> BoxFuture<'a, Result<WrappedKey, Error>> {
    Box::pin(async move {
        let answer = backend.unwrap_key(wrapped, context).await?;
        backend.wrap_key(&answer.key, context).await
    })
}

/// A shared backend is a backend, so that a program can keep a handle of its own.
#[deny(clippy::missing_trait_methods)]
impl<B: KekBackend + ?Sized> KekBackend for Arc<B> {
    fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>> {
        (**self).describe()
    }

    fn generate_key<'a>(
        &'a self,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<GeneratedKey, Error>> {
        (**self).generate_key(context)
    }

    fn wrap_key<'a>(
        &'a self,
        key: &'a DataKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        (**self).wrap_key(key, context)
    }

    fn unwrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<UnwrappedKey, Error>> {
        (**self).unwrap_key(wrapped, context)
    }

    fn rewrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        (**self).rewrap_key(wrapped, context)
    }
}

/// Administration of a KEK: another trait, because it is another credential.
///
/// The contract goes on where that of [`KekBackend`] ends; `phiseal-conformance` has a case for each clause:
///
/// 13. `create_version` answers a version that there was not before, and the next wraps name that version.
/// 14. A version that was deactivated opens what it wrapped, and no new wrap names it. Where it is the one that new wraps
///     would get, they may fail with [`ErrorKind::State`] until there is a newer one.
/// 15. A version that was destroyed opens nothing: [`ErrorKind::State`] or [`ErrorKind::NotFound`]. Every other version
///     opens as before.
/// 16. `destroy` refuses an active version with [`ErrorKind::State`], and the version opens as before.
/// 17. `set_state` and `destroy` of a version that was never made answer [`ErrorKind::NotFound`], and change nothing.
pub trait KekAdminBackend: fmt::Debug + Send + Sync + 'static {
    /// Makes a new version, which new wraps use from then on.
    fn create_version(&self) -> BoxFuture<'_, Result<KekVersion, Error>>;

    /// Moves a version to another state.
    fn set_state(&self, version: KekVersion, state: KeyState) -> BoxFuture<'_, Result<(), Error>>;

    /// Destroys a version, for good.
    fn destroy(&self, version: KekVersion) -> BoxFuture<'_, Result<(), Error>>;
}

/// What a KEK is and what its backend can do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KekInfo {
    /// The key's id; never an alias that could be pointed elsewhere.
    pub id: KekId,
    /// The version that new wraps get; 0 when the backend shows none.
    pub current: KekVersion,
    /// Every version that the backend shows, ascending, and its state, as near as the backend can tell one from another;
    /// empty where it shows none. One that was destroyed may be missing.
    pub versions: Vec<(KekVersion, KeyState)>,
    /// Whether a wrap opens only under the context it was made with.
    pub binds_context: bool,
    /// Whether anybody who knows the public half can make a wrap (RSA-OAEP, a recovery key).
    pub public_wraps: bool,
    /// Whether the key work is done by a module in FIPS mode, where the backend knows.
    pub fips: Option<bool>,
    /// The most bytes that one wrap of it has, at most [`MAX_WRAPPED`](phiseal_format::MAX_WRAPPED).
    pub max_wrapped: usize,
}

impl KekInfo {
    /// A KEK that binds contexts, has a current version and wraps with a secret key, as every backend should. It lists no
    /// versions yet.
    #[must_use]
    pub const fn new(id: KekId, current: KekVersion) -> Self {
        Self {
            id,
            current,
            versions: Vec::new(),
            binds_context: true,
            public_wraps: false,
            fips: None,
            max_wrapped: MAX_WRAPPED,
        }
    }

    /// The state of a version, where the backend lists it.
    #[must_use]
    pub fn state(&self, version: KekVersion) -> Option<KeyState> {
        self.versions.iter().find(|(listed, _)| *listed == version).map(|(_, state)| *state)
    }

    /// Whether `wrap` is one that this KEK's current version made, as far as the backend shows versions.
    #[must_use]
    pub fn is_current(&self, wrap: &WrappedKey) -> bool {
        *wrap.kek_id() == self.id
            && wrap.kek_version() == self.current
            && self.current != KekVersion::UNSEEN
    }
}

/// A new data key and its wrap.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a pair that backends build")]
pub struct GeneratedKey {
    /// The key.
    pub key: DataKey,
    /// The wrap, with the id and version of the KEK that made it.
    pub wrapped: WrappedKey,
}

/// What a service answered to an unwrap.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a triple that backends build")]
pub struct UnwrappedKey {
    /// The key.
    pub key: DataKey,
    /// The KEK that the service says it used.
    pub kek_id: KekId,
    /// The version of it, 0 where the service shows none.
    pub kek_version: KekVersion,
}

/// A key-encryption key as callers hold it. Every check that all backends share lives here, once.
#[derive(Clone)]
pub struct Kek {
    backend: Arc<dyn KekBackend>,
    engine: &'static dyn Engine,
    info: KekInfo,
}

impl Kek {
    /// Asks the backend what it is, and refuses one that would lose a promise.
    ///
    /// # Errors
    ///
    /// What the backend answers; [`ErrorKind::Unsupported`] when its wraps are not bound to a context;
    /// [`ErrorKind::Faulty`] when it describes itself impossibly.
    pub async fn connect(
        backend: Arc<dyn KekBackend>,
        engine: &'static dyn Engine,
    ) -> Result<Self, Error> {
        let info = backend.describe().await?;
        if !info.binds_context {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "this KEK does not bind a wrap to its context",
            ));
        }
        if info.max_wrapped == 0 || info.max_wrapped > MAX_WRAPPED {
            return Err(Error::new(
                ErrorKind::Faulty,
                "the backend describes wraps of an impossible length",
            ));
        }
        Ok(Self { backend, engine, info })
    }

    /// What the backend answered when this handle was made.
    #[must_use]
    pub const fn info(&self) -> &KekInfo {
        &self.info
    }

    /// Asks the backend again: a key that was rotated has a new current version.
    ///
    /// # Errors
    ///
    /// What the backend answers; [`ErrorKind::Faulty`] when it is suddenly another key.
    pub async fn describe(&self) -> Result<KekInfo, Error> {
        let info = self.backend.describe().await?;
        if info.id != self.info.id {
            return Err(Error::new(
                ErrorKind::Faulty,
                "the backend is now another KEK than the one that was opened",
            ));
        }
        Ok(info)
    }

    /// A new data key, its wrap and its id.
    ///
    /// # Errors
    ///
    /// What the backend answers; [`ErrorKind::Faulty`] when the wrap names another KEK or is too long.
    pub async fn generate_key(
        &self,
        context: &EncryptionContext,
    ) -> Result<(GeneratedKey, FullKeyId), Error> {
        let generated = self.backend.generate_key(context).await?;
        self.check_wrap(&generated.wrapped)?;
        let id = generated.key.id(self.engine)?;
        Ok((generated, id))
    }

    /// A wrap of `key` under the current version.
    ///
    /// # Errors
    ///
    /// As [`Kek::generate_key`].
    pub async fn wrap_key(
        &self,
        key: &DataKey,
        context: &EncryptionContext,
    ) -> Result<WrappedKey, Error> {
        let wrapped = self.backend.wrap_key(key, context).await?;
        self.check_wrap(&wrapped)?;
        Ok(wrapped)
    }

    /// The key inside `wrapped`, which must be the key whose id is `expected`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Foreign`], before any call, when the wrap names another KEK; [`ErrorKind::Unauthenticated`] when
    /// another key comes out, or the service used another KEK or version; and what the backend answers.
    pub async fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
        expected: &FullKeyId,
    ) -> Result<DataKey, Error> {
        self.check_own(wrapped)?;
        let answer = self.backend.unwrap_key(wrapped, context).await?;
        if answer.kek_id != self.info.id {
            return Err(Error::new(
                ErrorKind::Unauthenticated,
                "the service used another KEK than the one asked for",
            ));
        }
        if answer.kek_version != wrapped.kek_version() {
            return Err(Error::new(
                ErrorKind::Unauthenticated,
                "the service used another version than the one asked for",
            ));
        }
        let id = answer.key.id(self.engine)?;
        if !phiseal_primitives::constant_time::equal(id.as_bytes(), expected.as_bytes()) {
            return Err(Error::new(
                ErrorKind::Unauthenticated,
                "the unwrapped key is not the key that was asked for",
            ));
        }
        Ok(answer.key)
    }

    /// A wrap of the key inside `wrapped` under the current version, which opens under the same context.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Foreign`], before any call, when the wrap names another KEK; as [`Kek::generate_key`]; and what the
    /// backend answers to a wrap that does not open.
    pub async fn rewrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<WrappedKey, Error> {
        self.check_own(wrapped)?;
        let rewrapped = self.backend.rewrap_key(wrapped, context).await?;
        self.check_wrap(&rewrapped)?;
        Ok(rewrapped)
    }

    fn check_own(&self, wrapped: &WrappedKey) -> Result<(), Error> {
        if *wrapped.kek_id() == self.info.id {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::Foreign, "the key is wrapped by another KEK"))
        }
    }

    fn check_wrap(&self, wrapped: &WrappedKey) -> Result<(), Error> {
        if *wrapped.kek_id() != self.info.id {
            return Err(Error::new(
                ErrorKind::Faulty,
                "the backend wrapped with another KEK than its own",
            ));
        }
        if wrapped.wrapped().len() > self.info.max_wrapped {
            return Err(Error::new(
                ErrorKind::Faulty,
                "the backend made a longer wrap than it said it would",
            ));
        }
        Ok(())
    }
}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kek")
            .field("backend", &self.backend)
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

/// The administration of a KEK as a custodian's program holds it.
#[derive(Clone, Debug)]
pub struct KekAdmin(Arc<dyn KekAdminBackend>);

impl KekAdmin {
    /// The administration that `backend` offers.
    #[must_use]
    pub fn new(backend: Arc<dyn KekAdminBackend>) -> Self {
        Self(backend)
    }

    /// Makes a new version, which new wraps use from then on. Existing wraps stay as they are until they are rewrapped.
    ///
    /// # Errors
    ///
    /// What the backend answers; [`ErrorKind::Faulty`] when it made no version.
    pub async fn create_version(&self) -> Result<KekVersion, Error> {
        self.0.create_version().await
    }

    /// Moves a version to another state.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for [`KeyState::Destroyed`], which is [`KekAdmin::destroy`]; and what the backend answers.
    pub async fn set_state(&self, version: KekVersion, state: KeyState) -> Result<(), Error> {
        if state == KeyState::Destroyed {
            return Err(Error::new(
                ErrorKind::Invalid,
                "destroying a KEK version is an act of its own",
            ));
        }
        self.0.set_state(version, state).await
    }

    /// Destroys a version, for good. Whatever it alone wraps is lost.
    ///
    /// # Errors
    ///
    /// What the backend answers; [`ErrorKind::State`] unless the version was deactivated or compromised before.
    pub async fn destroy(&self, version: KekVersion) -> Result<(), Error> {
        self.0.destroy(version).await
    }
}
