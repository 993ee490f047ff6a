use async_lock::OnceCell;
use core::fmt;
use phiseal_format::{EncryptionContext, WrappedKey};
use phiseal_keys::{BoxFuture, DataKey, Error, GeneratedKey, KekBackend, KekInfo, UnwrappedKey};

/// A backend that is opened by the first call that needs it, and tried again by the next one when that failed.
///
/// For one of several KEKs ([`Keks`](phiseal_keys::Keks)) that cannot be opened while its token or service is away: the
/// process starts with the others, and uses this one from when it is back.
///
/// ```
/// use phiseal_backends::layer::Deferred;
/// use phiseal_backends::memory::MemoryKek;
///
/// let kek = Deferred::new(|| Box::pin(async { MemoryKek::new(phiseal_primitives::default_engine()) }));
/// # let _ = kek;
/// ```
///
/// What blocks while it opens, as a token does, blocks the thread that polls that call.
pub struct Deferred<B> {
    open: Box<dyn Fn() -> BoxFuture<'static, Result<B, Error>> + Send + Sync>,
    backend: OnceCell<B>,
}

impl<B> Deferred<B> {
    /// What `open` opens. Of several calls at once, one opens and the others wait for it.
    #[must_use]
    pub fn new(
        open: impl Fn() -> BoxFuture<'static, Result<B, Error>> + Send + Sync + 'static,
    ) -> Self {
        Self { open: Box::new(open), backend: OnceCell::new() }
    }

    async fn backend(&self) -> Result<&B, Error> {
        self.backend.get_or_try_init(|| (self.open)()).await
    }
}

#[deny(clippy::missing_trait_methods)]
impl<B: KekBackend> KekBackend for Deferred<B> {
    fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>> {
        Box::pin(async { self.backend().await?.describe().await })
    }

    fn generate_key<'a>(
        &'a self,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<GeneratedKey, Error>> {
        Box::pin(async { self.backend().await?.generate_key(context).await })
    }

    fn wrap_key<'a>(
        &'a self,
        key: &'a DataKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        Box::pin(async { self.backend().await?.wrap_key(key, context).await })
    }

    fn unwrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<UnwrappedKey, Error>> {
        Box::pin(async { self.backend().await?.unwrap_key(wrapped, context).await })
    }

    fn rewrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        Box::pin(async { self.backend().await?.rewrap_key(wrapped, context).await })
    }
}

impl<B: fmt::Debug> fmt::Debug for Deferred<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deferred").field("backend", &self.backend.get()).finish_non_exhaustive()
    }
}
