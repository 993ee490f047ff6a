//! A KEK that fails, waits and lies as a test decides.

use core::fmt;
use core::future::{Future, pending};
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use phiseal_format::{EncryptionContext, WrappedKey};
use phiseal_keys::{
    BoxFuture, DataKey, Error, ErrorKind, GeneratedKey, KekBackend, KekInfo, KekOperation,
    UnwrappedKey, rewrap_in_process,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A backend around a backend, for tests of what is done about outages and wrong answers.
///
/// Each call first meets what [`before`](Self::before) was given, which lets it go on, wait, fail or hang; what the backend
/// answers passes through the `after_` hook of its operation, which may exchange it for another answer or an error. Without
/// hooks it is the backend, and it counts. Tests hold it in an [`Arc`], which is a backend too, and may replace a hook at any
/// time. It needs no executor and works under any.
///
/// ```
/// use phiseal_conformance::{Before, Faults};
/// use phiseal_keys::{ErrorKind, KekBackend, KekOperation};
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// fn an_outage(kek: impl KekBackend, use_it: impl Fn(Arc<dyn KekBackend>)) {
///     let kek = Arc::new(Faults::new(kek));
///     // The service is down.
///     kek.before(|_| Before::Fail(ErrorKind::Unavailable));
///     use_it(kek.clone());
///     // It is back, but slow, and opens keys in two of three cases only.
///     kek.before(|call| match call.operation {
///         KekOperation::Unwrap if call.number.is_multiple_of(3) => Before::Fail(ErrorKind::Throttled),
///         _ => Before::delay(Duration::from_millis(50)),
///     });
///     use_it(kek.clone());
///     // It makes keys, but the answer is lost.
///     kek.clear();
///     kek.after_generate(|_, _| Err(phiseal_keys::Error::new(ErrorKind::Unavailable, "no answer")));
///     use_it(kek.clone());
///     assert!(kek.calls_of(KekOperation::Generate) > 0, "the control");
/// }
/// ```
pub struct Faults<B> {
    backend: B,
    rewraps: bool,
    hooks: Mutex<Hooks>,
    calls: AtomicU64,
    calls_of: [AtomicU64; KekOperation::ALL.len()],
    under_way: AtomicU64,
    most_under_way: AtomicU64,
}

/// What a hook is told of a call.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Call<'a> {
    /// What is asked.
    pub operation: KekOperation,
    /// Which call it is, of all that there were, from 1 on.
    pub number: u64,
    /// What the wrap is bound to, if one is.
    pub context: Option<&'a EncryptionContext>,
    /// The wrap that is to be opened.
    pub asked: Option<&'a WrappedKey>,
}

/// What becomes of a call before it reaches the backend.
#[non_exhaustive]
pub enum Before {
    /// The backend is asked.
    GoOn,
    /// The call fails with an error of this kind; the backend is not asked.
    Fail(ErrorKind),
    /// The backend is asked when this is done.
    Wait(BoxFuture<'static, ()>),
    /// There is no answer, ever; the backend is not asked.
    Hang,
}

impl Before {
    /// The backend is asked when `future` is done: a gate that a test opens, the sleep of an executor.
    pub fn wait(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self::Wait(Box::pin(future))
    }

    /// The backend is asked after this time. No thread that polls is blocked.
    #[must_use]
    pub fn delay(time: Duration) -> Self {
        Self::wait(futures_timer::Delay::new(time))
    }
}

type BeforeHook = Arc<dyn Fn(&Call<'_>) -> Before + Send + Sync>;
type After<T> = Arc<dyn Fn(&Call<'_>, Result<T, Error>) -> Result<T, Error> + Send + Sync>;

#[derive(Default)]
struct Hooks {
    before: Option<BeforeHook>,
    describe: Option<After<KekInfo>>,
    generate: Option<After<GeneratedKey>>,
    wrap: Option<After<WrappedKey>>,
    unwrap: Option<After<UnwrappedKey>>,
    rewrap: Option<After<WrappedKey>>,
}

impl<B: KekBackend> Faults<B> {
    /// This backend, and nothing wrong with it yet.
    #[must_use]
    pub fn new(backend: B) -> Self {
        Self {
            backend,
            rewraps: true,
            hooks: Mutex::default(),
            calls: AtomicU64::new(0),
            calls_of: [const { AtomicU64::new(0) }; KekOperation::ALL.len()],
            under_way: AtomicU64::new(0),
            most_under_way: AtomicU64::new(0),
        }
    }

    /// Never asks the backend to rewrap, as with a service that cannot: unwraps and wraps instead, which are calls of their
    /// own.
    #[must_use]
    pub const fn rewrapping_in_process(mut self) -> Self {
        self.rewraps = false;
        self
    }

    /// The backend itself.
    pub const fn backend(&self) -> &B {
        &self.backend
    }

    /// Asks `hook` what becomes of each call from now on.
    pub fn before(&self, hook: impl Fn(&Call<'_>) -> Before + Send + Sync + 'static) {
        self.hooks().before = Some(Arc::new(hook));
    }

    /// Hands each answer to [`KekBackend::describe`] through `hook` from now on.
    pub fn after_describe(
        &self,
        hook: impl Fn(&Call<'_>, Result<KekInfo, Error>) -> Result<KekInfo, Error>
        + Send
        + Sync
        + 'static,
    ) {
        self.hooks().describe = Some(Arc::new(hook));
    }

    /// Hands each answer to [`KekBackend::generate_key`] through `hook` from now on.
    pub fn after_generate(
        &self,
        hook: impl Fn(&Call<'_>, Result<GeneratedKey, Error>) -> Result<GeneratedKey, Error>
        + Send
        + Sync
        + 'static,
    ) {
        self.hooks().generate = Some(Arc::new(hook));
    }

    /// Hands each answer to [`KekBackend::wrap_key`] through `hook` from now on.
    pub fn after_wrap(
        &self,
        hook: impl Fn(&Call<'_>, Result<WrappedKey, Error>) -> Result<WrappedKey, Error>
        + Send
        + Sync
        + 'static,
    ) {
        self.hooks().wrap = Some(Arc::new(hook));
    }

    /// Hands each answer to [`KekBackend::unwrap_key`] through `hook` from now on.
    pub fn after_unwrap(
        &self,
        hook: impl Fn(&Call<'_>, Result<UnwrappedKey, Error>) -> Result<UnwrappedKey, Error>
        + Send
        + Sync
        + 'static,
    ) {
        self.hooks().unwrap = Some(Arc::new(hook));
    }

    /// Hands each answer to [`KekBackend::rewrap_key`] through `hook` from now on.
    pub fn after_rewrap(
        &self,
        hook: impl Fn(&Call<'_>, Result<WrappedKey, Error>) -> Result<WrappedKey, Error>
        + Send
        + Sync
        + 'static,
    ) {
        self.hooks().rewrap = Some(Arc::new(hook));
    }

    /// Takes every hook back. Calls that wait or hang already go on doing so.
    pub fn clear(&self) {
        *self.hooks() = Hooks::default();
    }

    /// How many calls there were, those that failed included. One begins when its future is first polled.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// How many of them were of this operation.
    pub fn calls_of(&self, operation: KekOperation) -> u64 {
        self.count(operation).load(Ordering::SeqCst)
    }

    /// How many calls are under way: begun, and neither answered nor dropped.
    pub fn under_way(&self) -> u64 {
        self.under_way.load(Ordering::SeqCst)
    }

    /// The most calls that were under way at once.
    pub fn most_under_way(&self) -> u64 {
        self.most_under_way.load(Ordering::SeqCst)
    }

    fn count(&self, operation: KekOperation) -> &AtomicU64 {
        let [describe, generate, wrap, unwrap, rewrap] = &self.calls_of;
        match operation {
            KekOperation::Describe => describe,
            KekOperation::Generate => generate,
            KekOperation::Wrap => wrap,
            KekOperation::Unwrap => unwrap,
            KekOperation::Rewrap => rewrap,
        }
    }

    fn hooks(&self) -> MutexGuard<'_, Hooks> {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One call: counts it, asks what becomes of it, makes it, and hands its answer on.
    async fn run<'a, T>(
        &'a self,
        operation: KekOperation,
        context: Option<&'a EncryptionContext>,
        asked: Option<&'a WrappedKey>,
        ask: impl FnOnce() -> BoxFuture<'a, Result<T, Error>>,
        after: fn(&Hooks) -> Option<After<T>>,
    ) -> Result<T, Error> {
        let _under_way = UnderWay::begin(&self.under_way, &self.most_under_way);
        self.count(operation).fetch_add(1, Ordering::SeqCst);
        let number = self.calls.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        let call = Call { operation, number, context, asked };
        let before = self.hooks().before.clone();
        match before.map_or(Before::GoOn, |hook| hook(&call)) {
            Before::GoOn => {}
            Before::Fail(kind) => return Err(Error::new(kind, "the KEK was told to fail")),
            Before::Wait(done) => done.await,
            Before::Hang => pending().await,
        }
        let answer = ask().await;
        let hook = after(&self.hooks());
        match hook {
            Some(hook) => hook(&call, answer),
            None => answer,
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl<B: KekBackend> KekBackend for Faults<B> {
    fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>> {
        Box::pin(self.run(
            KekOperation::Describe,
            None,
            None,
            || self.backend.describe(),
            |hooks| hooks.describe.clone(),
        ))
    }

    fn generate_key<'a>(
        &'a self,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<GeneratedKey, Error>> {
        Box::pin(self.run(
            KekOperation::Generate,
            Some(context),
            None,
            || self.backend.generate_key(context),
            |hooks| hooks.generate.clone(),
        ))
    }

    fn wrap_key<'a>(
        &'a self,
        key: &'a DataKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        Box::pin(self.run(
            KekOperation::Wrap,
            Some(context),
            None,
            || self.backend.wrap_key(key, context),
            |hooks| hooks.wrap.clone(),
        ))
    }

    fn unwrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<UnwrappedKey, Error>> {
        Box::pin(self.run(
            KekOperation::Unwrap,
            Some(context),
            Some(wrapped),
            || self.backend.unwrap_key(wrapped, context),
            |hooks| hooks.unwrap.clone(),
        ))
    }

    fn rewrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        let ask = move || match self.rewraps {
            true => self.backend.rewrap_key(wrapped, context),
            false => rewrap_in_process(self, wrapped, context),
        };
        Box::pin(self.run(KekOperation::Rewrap, Some(context), Some(wrapped), ask, |hooks| {
            hooks.rewrap.clone()
        }))
    }
}

/// Counts a call as under way for as long as it lives.
struct UnderWay<'a>(&'a AtomicU64);

impl<'a> UnderWay<'a> {
    fn begin(count: &'a AtomicU64, most: &AtomicU64) -> Self {
        let now = count.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        most.fetch_max(now, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<B: fmt::Debug> fmt::Debug for Faults<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = self.calls.load(Ordering::SeqCst);
        f.debug_struct("Faults")
            .field("backend", &self.backend)
            .field("calls", &calls)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GoOn => f.write_str("GoOn"),
            Self::Fail(kind) => f.debug_tuple("Fail").field(kind).finish(),
            Self::Wait(_) => f.debug_tuple("Wait").finish_non_exhaustive(),
            Self::Hang => f.write_str("Hang"),
        }
    }
}
